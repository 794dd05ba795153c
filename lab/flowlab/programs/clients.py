"""curl, dig and ssh as an analyst would have run them, and what really happened beside."""
import json
import os
import re
import shlex
import threading
import time

from . import sshd

CURL_KEPT = ["http_code", "http_version", "local_ip", "local_port", "remote_ip", "remote_port", "method", "num_connects", "num_redirects",
             "size_download", "size_upload", "ssl_verify_result", "scheme", "time_namelookup", "time_connect", "time_appconnect",
             "time_pretransfer", "time_starttransfer", "time_total", "time_redirect", "url_effective", "urlnum", "exitcode", "errormsg"]


def curl(host, *args, label="", trace=True, env=None, timeout=120):
    """Runs curl; its -v trace and a line of -w figures become client texts. Returns the requests, one a transfer."""
    lab = host.lab
    lab.runs += 1
    run = lab.runs
    urls = sum(a.startswith("http") for a in args)
    begun = time.time()
    code, out, err = host.run("curl", "-s", "-S", "-v", "--trace-time", *["-o", "/dev/null"] * urls, "-w", "%{json}\\n", *args, env=env, timeout=timeout)
    ended = time.time()
    shown = shlex.join(args)
    if trace:
        lab.client_text(host, f"curl_{run:02d}.log", f"$ curl -v --trace-time {shown}\n{err}")
    figures = f"$ curl {shown}\n"
    made = []
    for line in out.splitlines():
        try:
            full = json.loads(line)
        except ValueError:
            continue
        c = {k: full.get(k) for k in CURL_KEPT}
        figures += "dns={time_namelookup:.6f} connect={time_connect:.6f} tls={time_appconnect:.6f} ttfb={time_starttransfer:.6f} total={time_total:.6f}\n".format(**c)
        made.append(lab.request(host, run, label, args, begun, ended, code, c))
    if code:
        said = [x for x in err.splitlines() if re.match(r"(\d\d:\S+ )?curl: \(", x)]
        figures += "".join(re.sub(r"^\d\d:\S+ (?=curl)", "", x) + "\n" for x in said) + f"exit={code}\n"
    if not made:  # ended by the clock, or never began
        made.append(lab.request(host, run, label, args, begun, ended, code, None))
    lab.client_text(host, "curl_w.txt", figures, append=True)
    return made


def together(*calls, gap=0.05):
    """Does several things at once, each begun gap seconds after the one before; returns when all are done."""
    threads = [threading.Thread(target=c) for c in calls]
    for t in threads:
        t.start()
        time.sleep(gap)
    for t in threads:
        t.join()


def dig(host, *args, label=""):
    """Runs dig; its text is a client text."""
    lab, begun = host.lab, time.time()
    code, out, err = host.run("dig", *args)
    ended = time.time()
    lab.client_text(host, "dig.txt", f"$ dig {shlex.join(args)}\n{out}{err}\n", append=True)

    def field(pattern):
        m = re.search(pattern, out)
        return m[1] if m else None
    query = {"kind": "dig", "label": label, "client_host": host.name, "args": list(args), "t_start_true": begun, "t_end_true": ended,
             "status": field(r"status: (\w+)"), "id": field(r", id: (\d+)"), "query_time_ms": field(r"Query time: (\d+)"),
             "server": field(r"SERVER: (\S+)"), "answers": field(r"ANSWER: (\d+)"), "exit": code,
             "truncated_retry": "retrying in TCP" in out, "timeouts": out.count("timed out")}
    lab.dns_queries.append(query)
    return query


def ssh_options(host, *lines):
    """What the client's ssh_config says."""
    keys, home = sshd.user_keys(), host.path("ssh")
    os.makedirs(home, exist_ok=True)
    identity = os.path.join(home, "id")
    if not os.path.exists(identity):
        with open(keys + "/id", "rb") as f, open(identity, "wb") as g:
            g.write(f.read())
        os.chmod(identity, 0o600)
    host.write("etc/ssh/ssh_config.d/site.conf", "\n".join(["Host *", " StrictHostKeyChecking accept-new", f" UserKnownHostsFile {home}/known_hosts",
                                                          f" IdentityFile {identity}", *[" " + x for x in lines]]) + "\n")


def ssh(host, target, command="exit", user="admin", password=None, label="", options=(), timeout=90, stamps=None):
    """Runs ssh -vvv; with a password sshpass types it (a wrong one as often as it is asked). stamps is the format
    of ts (moreutils), which then stamps every line. Returns the session."""
    lab = host.lab
    lab.sessions_run += 1
    if not os.path.exists(host.path("ssh")):
        ssh_options(host)
    words = ["ssh", "-vvv", *options, f"{user}@{target}"]
    method = "publickey"
    if password is not None:
        method = "password"
        words[1:1] = ["-o", "PubkeyAuthentication=no"]
        full = ["sshpass", "-p", password, *words, command]
    else:
        full = [*words[:1], "-o", "BatchMode=yes", *words[1:], command]
    shown = f"{shlex.join(words)} '{command}'"
    if stamps:
        piped = f" 2>&1 | ts {shlex.quote(stamps)}"
        shown, full = shown + piped, ["sh", "-c", shlex.join(full) + piped]
    begun = time.time()
    code, out, err = host.run(*full, timeout=timeout)
    ended = time.time()
    took = ended - begun
    if stamps:
        out, err = "", out
    text = f"$ time {shown}\n{err.replace(chr(13), '')}{out}\nreal\t{int(took // 60)}m{took % 60:.3f}s\n"
    lab.client_text(host, f"ssh_{lab.sessions_run:02d}.log", text)
    if "Authenticated to" in err:
        outcome = "accepted"
    elif "Permission denied" in err:
        outcome = "denied"
    else:
        said = [x for x in err.splitlines() if not x.startswith("debug") and x.strip()]
        outcome = said[-1].strip() if said else f"exit {code}"
    session = {"id": f"s{lab.sessions_run:03d}", "label": label, "client_host": host.name, "user": user, "target": target, "run_start_true": begun,
               "run_end_true": ended, "duration_s": round(took, 4), "exit": code, "method": method, "outcome": outcome,
               "connected": "Connection established" in err}
    lab.ssh_sessions.append(session)
    return session
