"""How right a report is about a recording: its clocks, links and diagnoses against truth.json."""
import json
import os
import re
import subprocess
from datetime import datetime

from .diagnoses import RULES

# Shares that a release must reach over many recordings.
BARS = {"clocks measured": 0.95, "clock bounds hold the truth": 0.99, "links right": 0.995, "lines linked": 0.99,
        "diagnoses found": 0.95, "first hypothesis intended": 0.95, "loud findings intended": 0.95}
# Findings about the evidence and its clocks, and what comes with every recording: no false alarm.
ASIDE = re.compile("capture-|clock-|dns-not-observed$|path-changed$")


class Score:
    """Counts by figure, and what is missing."""

    def __init__(self):
        self.counts, self.misses = {}, []

    def count(self, figure, right, of=1):
        a, b = self.counts.get(figure, (0, 0))
        self.counts[figure] = (a + right, b + of)

    def add(self, other):
        for figure, (right, of) in other.counts.items():
            self.count(figure, right, of)

    def miss(self, text):
        self.misses.append(text)


def seconds(stamp):
    """An instant of the report (RFC 3339) as seconds since 1970; the fraction may be of nanoseconds."""
    whole, fraction = re.match(r"([^.]+?)(\.\d+)?Z$", stamp).groups()
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float(fraction or 0)


def last_begun(pieces, begins, t):
    """The last piece that had begun at t, or the first."""
    return [p for i, p in enumerate(pieces) if i == 0 or begins(p) <= t][-1]


def true_offset(host, t):
    """How far a host's clock is ahead of true time at a true instant."""
    piece = last_begun(host["clock"], lambda p: p["from_true"], t)
    return piece["offset_s"] + piece["drift_ppm"] * 1e-6 * (t - piece["from_true"])


def told_bounds(clock, t):
    """(low, high) of a clock of the report at an instant by that clock."""
    s = last_begun(clock["segments"], lambda s: seconds(s["from"]), t)
    moved = s.get("drift_ppm", 0) * 1e-6 * (t - seconds(s["from"]))
    return s.get("low_seconds", s["offset_seconds"]) + moved, s.get("high_seconds", s["offset_seconds"]) + moved


def evidence(report):
    """path below input/ -> what the report says of the file"""
    return {"input/" + e["path"].split("input/")[-1]: e for e in report["evidence"]}


def clocks(truth, report, s):
    """Nine instants of each file whose clock is not the reference's: is the truth within the bounds?"""
    owner = {f: c["clock_host"] for c in truth["captures"] for f in c["files"]}
    owner.update({log["file"]: log["clock"] for log in truth["logs"] if "/chrony/" not in log["file"]})  # chronyd's own have its own time
    told, by_id = evidence(report), {c["id"]: c for c in report["clocks"]}
    known = {f: by_id[told[f]["clock"]] for f in owner if told.get(f, {}).get("records") and told[f].get("clock") in by_id}
    reference = next((owner[f] for f, c in known.items() if c["id"] == report.get("reference")), None)
    if reference is None:
        s.miss("the reference is the clock of no file")
        return
    begin, end = truth["t_start_true"], truth["t_end_true"]
    for f, clock in known.items():
        if owner[f] == reference:
            continue
        measured = bool(clock.get("segments")) and clock.get("status") not in ("ambiguous", "insufficient")
        s.count("clocks measured", measured)
        if not measured:
            s.miss(f"the clock of {f} is {clock.get('status')}")
            continue
        inside = 0
        for i in range(1, 10):
            t = begin + (end - begin) * i / 10
            own = true_offset(truth["hosts"][owner[f]], t)
            low, high = told_bounds(clock, t + own)
            inside += low - 0.0005 <= own - true_offset(truth["hosts"][reference], t) <= high + 0.0005
        s.count("clock bounds hold the truth", inside, 9)
        if inside < 9:
            s.miss(f"the bounds of {f} hold the truth at {inside} of 9 instants")


def lines(truth):
    """(file, line) -> the client addresses it may be linked to"""
    out = {}
    for r in truth["requests"]:
        log = r.get("log")
        if log and r.get("client"):
            out[(log["file"], log["line"])] = {r["client"], r.get("nat") or r["client"], log.get("client_seen") or r["client"]}
    for flow in truth.get("flows", []):
        for line in flow["lines"]:
            out.setdefault(("input/web/access.log", line), {flow["nat"]})
    for session in truth["ssh_sessions"]:
        for log in session.get("log_lines", []):
            if session.get("client") and log["msg"].startswith(("Accepted", "Failed", "Invalid user", "Disconnected")):
                out[(log["file"], log["line"])] = {session["client"]}
    return out


def links(truth, report, s):
    """Is each line linked to a journey of its client, and called so only then? Those called ambiguous are not asked for."""
    want, name = lines(truth), {e["id"]: f for f, e in evidence(report).items()}
    matched, ambiguous = {}, set()
    for j in report["journeys"]:
        for line in j.get("lines", []):
            key = (name.get(line["evidence"]), line["line"])
            if line["status"] == "matched":
                matched.setdefault(key, j)
            else:
                ambiguous.add(key)
    for key, clients in want.items():
        j = matched.get(key)
        if j is None and key in ambiguous:
            continue
        s.count("lines linked", j is not None)
        if j is None:
            s.miss(f"{key[0]}:{key[1]} is linked to nothing")
            continue
        right = bool({j.get("client"), j.get("client_seen_by_server")} & clients)
        s.count("links right", right)
        if not right:
            s.miss(f"{key[0]}:{key[1]} is linked to {j.get('client')}, is of {min(clients)}")


def loud(finding):
    return finding["severity"] in ("warning", "error") and finding["confidence"] != "not-evaluable"


def diagnoses(truth, report, s):
    """Is all found that was intended, and nothing loud that was not?"""
    found, journeys = report["findings"], {j["id"]: j for j in report["journeys"]}
    intended, first = set(), set()
    for d in truth["intended_diagnosis"]:
        rules, who = d["rules"] if "rules" in d else RULES[d["code"]], d.get("name") or d.get("client")
        if not rules:
            continue
        intended.update(rules)
        if not d["code"].startswith("clock_"):
            first.update(rules)
        texts = [json.dumps([f] + [journeys[j] for j in f.get("journeys", []) if j in journeys]) for f in found if f["rule"] in rules]
        hit = any(who is None or who in text for text in texts)
        s.count("diagnoses found", hit)
        if not hit:
            s.miss(f"{d['code']} of {who or 'all'} is not found: no {' or '.join(rules)}")
    for f in found:
        if loud(f):
            meant = f["rule"] in intended or bool(ASIDE.match(f["rule"]))
            s.count("loud findings intended", meant)
            if not meant:
                s.miss(f"not intended: {f['rule']}: {f['text'][:100]}")
    if first:
        ids = {f["id"]: f for f in found}
        top = next((ids[h] for h in report["hypotheses"] if h in ids), None)
        meant = top is not None and (top["rule"] in first or "healthy" in first and not loud(top))
        s.count("first hypothesis intended", meant)
        if not meant:
            s.miss(f"the first hypothesis is {top and top['rule']}, intended is {' or '.join(sorted(first))}")


def score(program, folder):
    """The score of what a program reports of a recording."""
    s = Score()
    with open(os.path.join(folder, "truth.json"), encoding="utf8") as f:
        truth = json.load(f)
    done = subprocess.run([program, "report", "--format", "json", "--fail-on", "never", "-q", os.path.join(folder, "input")], stdout=subprocess.PIPE)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        s.count("reports", False)
        s.miss(f"no report: exit status {done.returncode}")
        return s
    s.count("reports", True)
    for part in (clocks, links, diagnoses):
        part(truth, report, s)
    return s


def main(words):
    if len(words) < 2:
        print("usage: lab/score PROGRAM RECORDING…")
        return 2
    total = Score()
    for folder in words[1:]:
        s = score(words[0], folder)
        total.add(s)
        for text in s.misses:
            print(f"{os.path.basename(folder.rstrip('/'))}: {text}")
    low = False
    for figure, (right, of) in total.counts.items():
        bar = BARS.get(figure, 1)
        low |= right < bar * of
        print(f"{figure:30s} {right:6d} of {of:6d}  {100 * right / of:6.2f} %  wanted {100 * bar:g} %{'' if right >= bar * of else '  MISSED'}")
    return int(low)
