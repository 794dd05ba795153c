"""How right a report is about a recording: its clocks, links and diagnoses against truth.json."""
import json
import os
import re
import subprocess

from . import clocktruth
from .diagnoses import RULES
from .linktruth import wanted

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


def clocks(truth, report, s):
    """Nine instants of each file whose clock is not the reference's: is the truth within the bounds?"""
    files = clocktruth.compare(truth, report)
    if files is None:
        s.miss("the reference is the clock of no file")
        return
    for x in files:
        s.count("clocks measured", x.measured)
        if not x.measured:
            s.miss(f"the clock of {x.file} is {x.status}")
            continue
        s.count("clock bounds hold the truth", x.inside, len(x.errors))
        if x.inside < len(x.errors):
            s.miss(f"the bounds of {x.file} hold the truth at {x.inside} of {len(x.errors)} instants")


def links(truth, report, s):
    """Is each line linked to a journey of its client, and called so only then? Those called ambiguous are not asked for."""
    want, name = wanted(truth), {e["id"]: f for f, e in clocktruth.evidence(report).items()}
    matched, ambiguous = {}, set()
    for j in report["journeys"]:
        for line in j.get("lines", []):
            key = (name.get(line["evidence"]), line["line"])
            if line["status"] == "matched":
                matched.setdefault(key, j)
            else:
                ambiguous.add(key)
    for key, (clients, _) in want.items():
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
