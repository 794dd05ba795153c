"""From a story to a folder with input/ and truth.json."""
import ipaddress
import json
import os
import shutil
import time
from urllib.parse import urlsplit

from . import verify
from .capture import first_syns
from .lab import Lab
from .programs import sshd
from .sandbox import hurry


def record(story, seed, offsets, delay, folder):
    """Plays the story, writes the folder, and returns the claims that do not hold."""
    lab = Lab(story, seed, offsets, delay)
    hurry(True)
    try:
        story.play(lab)
        clocks_as_said(lab)
        strangers = set(offsets) - set(lab.hosts)
        if strangers:
            raise SystemExit(f"lab: {story.name} has no host {', '.join(sorted(strangers))}, but {', '.join(lab.hosts)}")
        written = live_logs(lab)
    finally:
        lab.stop()
    hurry(False)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "input"))
    truth = head(lab)
    truth["captures"] = [c.deliver(folder, c.host.clock.freeze()) for c in lab.captures]
    syns = connections(lab)
    truth["logs"], auth, access = logs(lab, folder, written)
    truth["client_evidence"] = texts(lab, folder)
    truth["requests"], truth["log_lines_without_curl_request"] = requests(lab, syns, access)
    truth["ssh_sessions"], truth["auth_log_lines"] = sessions(lab, syns, auth), auth
    if lab.flows is not None:
        truth["flows"] = flows(lab, access)
    truth.update(dns_queries=lab.dns_queries, ntp=lab.ntp, faults=lab.faults, notes=lab.notes, imp_configs=lab.path.settings)
    events = lab.path.events()
    truth["impairment_events_by_rule"] = {k: sum(f"{e['rule']}:{e['action']}" == k for e in events) for k in sorted({f"{e['rule']}:{e['action']}" for e in events})}
    truth["impairment_events"] = events[:2000]
    failed, truth["claims"] = verify.claims(folder, truth, lab.claims, lab.held)
    with open(os.path.join(folder, "truth.json"), "w", encoding="utf8") as f:
        json.dump(truth, f, indent=1, ensure_ascii=True)
        f.write("\n")
    hand_over(folder)
    return failed


def logs(lab, folder, written):
    """Writes the logs; returns what truth.json says of them, the lines of sshd, and the access logs with what is true of their lines."""
    told, auth, access = [], [], []
    for log in lab.logs:
        log["source"] = written.get(id(log), log["source"])
        name, lines = lab.deliver_log(log, folder)
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        with open(path, "rb") as f:
            count = f.read().count(b"\n")
        if not count:  # nothing to hand over
            os.unlink(path)
            continue
        told.append({"file": name, "host": log["host"].name, "program": log["program"], "clock": log["clock"], "tz": log["host"].tz,
                     "time_semantics": log["means"], "lines": count})
        if lines is not None:
            access.append((name, log["host"], lines))
        if log["auth"]:
            auth += sshd.lines(path, name)
    return told, auth, access


def clocks_as_said(lab):
    """A program of each host is asked for the time: its answer must be the clock's function."""
    for h in lab.hosts.values():
        before = time.time_ns()
        out = h.run("date", "+%s%N")[1]
        after, track = time.time_ns(), h.clock.freeze()
        lab.hold(f"the clock of {h.name} shows what it should", out.strip().isdigit() and track.host(before) <= int(out) <= track.host(after))


def live_logs(lab):
    """Logs that a running program writes out (journalctl reads journald's files): before all ends."""
    out = {}
    for n, log in enumerate(lab.logs):
        if callable(log["source"]):
            path = log["host"].path(f"written-{n}")
            log["source"](path)
            out[id(log)] = path
    return out


def head(lab):
    return {
        "schema": "flowcorr-lab/1", "scenario": lab.story.name, "seed": lab.seed, "description": lab.story.text,
        "intended_diagnosis": lab.diagnoses, "true_time": "CLOCK_REALTIME of the lab's machine, epoch seconds; host_time(t) = t + offset(t)",
        "t_start_true": lab.t_start, "t_end_true": lab.t_end,
        "hosts": {h.name: {"ip": h.ip, "ip6": h.ip6, "mac": h.mac, "segment": h.segment, "role": h.role, "tz": h.tz, "clock": h.clock.freeze().truth()}
                  for h in lab.hosts.values()},
        "router": {"lan": lab.rt.lan, "wan": lab.rt.wan},
    }


def connections(lab):
    """(host name, server port) -> [(true time, "client ip:port", "server ip:port")]"""
    out = {}
    for c in lab.syns:
        mine = {c.host.ip, ipaddress.ip_address(c.host.ip6).exploded.replace(":", "")}
        for at, src, sport, dst, dport in first_syns(c.raw):
            if src in mine:
                out.setdefault((c.host.name, dport), []).append((at, f"{address(src)}:{sport}", f"{address(dst)}:{dport}"))
    return out


def address(text):
    return text if "." in text else str(ipaddress.ip_address(bytes.fromhex(text)))


def texts(lab, folder):
    out = []
    for (host, file), text in sorted(lab.texts.items()):
        path = os.path.join(folder, "input", host, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf8", errors="surrogateescape") as f:
            f.write(text)
        out.append({"file": f"input/{host}/{file}", "host": host})
    return out


def within(syns, host, port, begun, ended):
    return [c for c in syns.get((host, port), []) if begun <= c[0] <= ended]


def requests(lab, syns, access):
    """Each request of curl (or of the crowd) with its connection and its line; and the lines nobody is known to have asked for."""
    outer = lab.network.translations()
    lines, clocks = {}, {}
    for name, host, found in access:
        clocks[name] = host.clock.freeze()
        for line in found:
            lines.setdefault(line["client_seen"], []).append({"file": name, **line})
    used, out, taken = set(), [], set()
    for r in lab.requests:
        url = urlsplit((r.get("curl") or {}).get("url_effective") or next((a for a in r.get("args", []) if a.startswith("http")), r.get("path", "")))
        port = url.port or (443 if url.scheme == "https" else 80)
        if "local" in r:
            client = r["local"]
        elif r.get("curl") and r["curl"]["local_port"]:
            client, r["server"] = f"{r['curl']['local_ip']}:{r['curl']['local_port']}", f"{r['curl']['remote_ip']}:{r['curl']['remote_port']}"
        else:  # it ended before it knew
            free = [c for c in within(syns, r["client_host"], port, r["run_start_true"], r["run_end_true"]) if c[1] not in taken]
            client, r["server"] = (free[0][1], free[0][2]) if free else (None, None)
            taken.add(client)
        seen = client
        if client:
            ip, _, number = client.rpartition(":")
            seen = outer.get((ip, int(number)), client)
        if seen != client:
            r["nat"] = seen
        if "local" not in r:
            r["client"] = client
        uri = (url.path or "/") + ("?" + url.query if url.query else "")
        r["log"] = None
        for line in sorted(lines.get(seen, []), key=lambda x: x["conn_request_n"]):
            if (line["file"], line["line"]) not in used and line["uri"] == uri:
                used.add((line["file"], line["line"]))
                r["log"] = in_truth(line, clocks[line["file"]], r.get("run_end_true") or r["start_true"] + r["total"])
                break
        out.append(r)
    rest = [{"file": x["file"], "line": x["line"], "text": x["text"], "client_seen": x["client_seen"]}
            for found in lines.values() for x in found if (x["file"], x["line"]) not in used]
    return out, rest


def in_truth(line, track, near):
    """The line with true times: a host time that happened twice is the one near the request."""
    out = {k: v for k, v in line.items() if not k.endswith("_ns")}
    for k in ("start", "end"):
        if k + "_ns" in line:
            out[k + "_true"] = track.true(line[k + "_ns"], int(near * 1e9)) / 1e9
    return out


def flows(lab, access):
    """Behind one address: which lines came over which public port."""
    out = {}
    for _, _, found in access:
        for line in sorted(found, key=lambda x: x["conn_request_n"]):
            out.setdefault((line["client_seen"], line["server_port"]), []).append(line["line"])
    return [{"nat": nat, "lines": lines, "server_port": port} for (nat, port), lines in out.items()]


def logged(lab, server):
    """Is a log handed over that sshd's lines of this server are read from: its own, or one that all send theirs to?"""
    keepers = [log["host"] for log in lab.logs if log["auth"]]
    daemons = {a for h in lab.hosts.values() if os.path.exists(h.path("sshd_config")) for a in (h.ip, h.ip6)}
    ip = (server or "").rpartition(":")[0]
    return any(ip in (h.ip, h.ip6) or h.ip not in daemons for h in keepers)


def sessions(lab, syns, auth):
    outer = lab.network.translations()
    for s in lab.ssh_sessions:
        found = within(syns, s["client_host"], 22, s["run_start_true"], s["run_end_true"])
        s["client"], s["server"] = (found[0][1], found[0][2]) if found else (None, None)
        s["first_syn_true"] = found[0][0] if found else None
        s["logged"], seen = logged(lab, s["server"]), s["client"]
        if seen:
            ip, _, port = seen.rpartition(":")
            seen = outer.get((ip, int(port)), seen)
        if seen != s["client"]:
            s["nat"] = seen
        s["log_lines"] = [{k: x[k] for k in ("file", "line", "msg")} for x in auth if seen and x["client"] == seen]
    return lab.ssh_sessions


def hand_over(folder):
    """The files are the caller's, also when the caller was sudo."""
    uid, gid = int(os.environ.get("SUDO_UID", 0)), int(os.environ.get("SUDO_GID", 0))
    for at, _, files in os.walk(folder):
        for f in [at] + [os.path.join(at, f) for f in files]:
            os.chown(f, uid, gid)
            os.chmod(f, 0o755 if os.path.isdir(f) else 0o644)
