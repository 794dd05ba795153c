#!/usr/bin/env python3
"""Are the bounds of clocks true, and how near is what is said.

    clocks.py [--list] FLOWCORR FOLDER…     each FOLDER holds truth.json and input/,
                                            or folders that do

Every capture and log of a host other than the reference's counts as a clock (what
a time daemon wrote by its own clock does not). At nine instants spread over the
recording the truth must lie between low and high, give or take half a millisecond;
the error of a clock is the median distance of its offset from the truth there.
"Bears" means that NTP (packets or a daemon's records), lines with keys, or at least
fifty lines without tell of the clock. --list names what is refused, what lies
outside its bounds, and what is farther than 5 ms although something bears on it.
"""
import json, os, subprocess, sys
from bisect import bisect_right
from datetime import datetime

GRACE = 5e-4  # s, of the bounds
NEAR = 0.005  # s
LINES = 50


def seconds(stamp):
    """an RFC 3339 stamp of UTC in Unix seconds"""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))


def true_offset(host, at):
    """how far a host's clock was ahead of true time"""
    parts = host["clock"]
    part = parts[max(bisect_right([p["from_true"] for p in parts], at) - 1, 0)]
    if "offset_s" in part:
        return part["offset_s"] + part.get("drift_ppm", 0) * 1e-6 * (at - part["from_true"])
    samples = host["clock_samples"]  # a daemon moved it
    i = min(max(bisect_right([s[0] for s in samples], at), 1), len(samples) - 1)
    (a, x), (b, y) = samples[i - 1], samples[i]
    return x + (y - x) * (at - a) / (b - a)


def said(clock, own):
    """offset, low and high of a clock that shows own"""
    best = None
    for s in clock["segments"]:
        if best is None or seconds(s["from"]) <= own + 1e-6:
            best = s
    moved = best.get("drift_ppm", 0) * 1e-6 * (own - seconds(best["from"]))
    offset = best["offset_seconds"]
    return offset + moved, best.get("low_seconds", offset) + moved, best.get("high_seconds", offset) + moved


def bears(clock):
    count = {}
    for s in clock.get("supports", []):
        count[s["method"]] = count.get(s["method"], 0) + s["count"]
    return any(count.get(m) for m in ("ntp", "chrony", "keyed")) or count.get("intervals", 0) >= LINES


def compare(truth, report):
    """of every file with a clock to be measured: name, status, bears, error, instants inside, instants"""
    hosts, clocks = truth["hosts"], {c["id"]: c for c in report["clocks"]}
    of = {"input/" + e["path"]: e for e in report["evidence"]}
    owner = {f: c["clock_host"] for c in truth["captures"] for f in c["files"]}
    owner.update({l["file"]: l["clock"] for l in truth["logs"] if "/chrony/" not in l["file"]})
    owner = {f: h for f, h in sorted(owner.items()) if h in hosts and f in of}
    reference = next((h for f, h in owner.items() if of[f].get("clock") == report["reference"]), None)
    for f, host in owner.items():
        clock = clocks.get(of[f].get("clock"))
        if clock is None or reference in (None, host) or not of[f].get("records"):
            continue
        if clock["status"] in ("ambiguous", "insufficient") or not clock.get("segments"):
            yield f, clock["status"], False, None, 0, 0
            continue
        errors, inside = [], 0
        first, last = truth["t_start_true"], truth["t_end_true"]
        for k in range(1, 10):
            at = first + (last - first) * k / 10
            ahead = true_offset(hosts[host], at)
            want = ahead - true_offset(hosts[reference], at)
            offset, low, high = said(clock, at + ahead)
            errors.append(abs(offset - want))
            inside += low - GRACE <= want <= high + GRACE
        yield f, clock["status"], bears(clock), sorted(errors)[4], inside, len(errors)


def recordings(paths):
    for path in paths:
        inner = [path] + [os.path.join(path, d) for d in sorted(os.listdir(path))]
        yield from (d for d in inner if os.path.isfile(os.path.join(d, "truth.json")))


def main(tool, paths, listing):
    rows = []
    for folder in recordings(paths):
        with open(os.path.join(folder, "truth.json"), encoding="utf8") as f:
            truth = json.load(f)
        run = subprocess.run([tool, "report", "-q", "--format", "json", "--fail-on", "never", os.path.join(folder, "input")], stdout=subprocess.PIPE, check=True)
        for row in compare(truth, json.loads(run.stdout)):
            rows.append(row)
            f, status, borne, error, inside, n = row
            if listing and (error is None or inside < n or borne and error > NEAR):
                told = status if error is None else f"{inside} of {n} instants inside, error {1000 * error:.1f} ms"
                print(f"{os.path.basename(os.path.normpath(folder))} {f}: {told}")
    measured = [r for r in rows if r[3] is not None]
    if not measured:
        sys.exit("no clock whose truth is known was measured")
    borne = [r for r in measured if r[2]]

    def line(what, part, whole):
        print(f"{what:42} {part:6d} of {whole:6d}" + (f"  {100 * part / whole:6.2f} %" if whole else ""))

    line("refused", len(rows) - len(measured), len(rows))
    line("instants inside the bounds", sum(r[4] for r in measured), sum(r[5] for r in measured))
    line("within 50 ms", sum(r[3] <= 0.05 for r in measured), len(measured))
    line("within 5 ms", sum(r[3] <= NEAR for r in measured), len(measured))
    line("within 5 ms where NTP, keys, 50 lines bear", sum(r[3] <= NEAR for r in borne), len(borne))


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    if len(arguments) < 2:
        sys.exit(__doc__)
    main(arguments[0], arguments[1:], "--list" in sys.argv)
