"""Whose the lines of a recording's logs are, by its truth.json."""
import re


def wanted(truth):
    """(file, line) -> (clients, number of the request on its connection or None)"""
    requests = truth.get("requests", [])
    zero = any((r.get("log") or {}).get("conn_request_n") == 0 for r in requests)
    want = {}
    for r in requests:
        log, client = r.get("log"), r.get("nat") or r.get("client")
        if not log or not client:
            continue
        n = log.get("conn_request_n")
        if zero and n is not None:
            n = None if str(log.get("http", "")).startswith("HTTP/2") else n + 1
        want[log["file"], log["line"]] = {client, r.get("client"), log.get("client_seen")} - {None}, n
    for f in truth.get("flows", []):
        for i, line in enumerate(f["lines"]):
            want.setdefault(("input/web/access.log", line), ({f["nat"]}, i + 1))
    for s in truth.get("ssh_sessions", []):
        for l in s.get("log_lines", []):
            if s.get("client") and re.match(r"(Accepted|Failed|Invalid user|Disconnected)", l["msg"]):
                want[l["file"], l["line"]] = {s["client"], s.get("nat")} - {None}, None
    return want
