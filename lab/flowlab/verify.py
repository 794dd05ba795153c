"""Checks the recording against tshark: a lab whose truth is wrong is worse than none."""
import os
import subprocess


def rows(path, display, *fields):
    """the fields of every packet of a capture that passes a display filter"""
    words = ["tshark", "-n", "-r", path, "-Y", display, "-T", "fields", "-E", "occurrence=f"] if display else ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"]
    for f in fields:
        words += ["-e", f]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "HOME": "/root"})
    if done.returncode:
        raise RuntimeError(f"tshark {path} {display!r}: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def claims(folder, truth, stated, held=()):
    """Returns what does not hold, and all that was checked as truth.json tells it."""
    failed, told = [], []

    def hold(text, ok):
        told.append({"claim": text, "holds": bool(ok)})
        if not ok:
            failed.append(text)

    for text, ok in held:
        hold(text, ok)
    seen = {}
    for c in truth["captures"]:
        found = []
        for f in c["files"]:
            found += rows(os.path.join(folder, f), "", "frame.number", "ip.src", "ipv6.src", "tcp.srcport", "udp.srcport")
        hold(f"{c['file']}: {c['packets']} packets", len(found) == c["packets"])
        hold(f"{c['file']}: nothing dropped by the kernel", not c["dropped_by_kernel"])
        seen[c["file"]] = {f"{ip or ip6}:{port}" for _, ip, ip6, port, _ in found if port}
    every = set().union(*seen.values()) if seen else set()
    for r in truth["requests"]:
        client = r.get("client") or r.get("local")
        if client and seen:
            hold(f"{r['id']}: {client} is in a capture", client in every or r.get("nat") in every)
        if r.get("log") and r.get("run_start_true"):
            hold(f"{r['id']}: its line's end lies within its run", r["run_start_true"] - 0.01 <= r["log"]["end_true"] <= r["run_end_true"] + 6)
    for s in truth["ssh_sessions"]:
        if s["client"] and seen:
            hold(f"{s['id']}: {s['client']} is in a capture", s["client"] in every or s.get("nat") in every)
        if s["outcome"] == "accepted" and s["logged"]:
            hold(f"{s['id']}: accepted in the log", any(x["msg"].startswith("Accepted") for x in s["log_lines"]))
    for file, display, least, most in stated:
        paths = [os.path.join(folder, f) for c in truth["captures"] if c["file"] == file for f in c["files"]]
        n = sum(len(rows(p, display, "frame.number")) for p in paths)
        bound = f"at least {least}" if most is None else f"{least} to {most}"
        hold(f"{file}: {bound} of {display}: {n}", paths and n >= least and (most is None or n <= most))
    return failed, told
