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

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lab"))

from flowlab import clocktruth  # noqa: E402

NEAR = 0.005  # s
LINES = 50


def bears(clock):
    count = {}
    for s in clock.get("supports", []):
        count[s["method"]] = count.get(s["method"], 0) + s["count"]
    return any(count.get(m) for m in ("ntp", "chrony", "keyed")) or count.get("intervals", 0) >= LINES


def recordings(paths):
    for path in paths:
        inner = [path] + [os.path.join(path, d) for d in sorted(os.listdir(path))]
        yield from (d for d in inner if os.path.isfile(os.path.join(d, "truth.json")))


def main(tool, paths, listing):
    files = []
    for folder in recordings(paths):
        with open(os.path.join(folder, "truth.json"), encoding="utf8") as f:
            truth = json.load(f)
        run = subprocess.run([tool, "report", "-q", "--format", "json", "--fail-on", "never", os.path.join(folder, "input")], stdout=subprocess.PIPE, check=True)
        for x in clocktruth.compare(truth, json.loads(run.stdout)) or []:
            files.append(x)
            if listing and (not x.measured or x.inside < len(x.errors) or bears(x.clock) and x.error() > NEAR):
                told = f"{x.inside} of {len(x.errors)} instants inside, error {1000 * x.error():.1f} ms" if x.measured else x.status
                print(f"{os.path.basename(os.path.normpath(folder))} {x.file}: {told}")
    measured = [x for x in files if x.measured]
    if not measured:
        sys.exit("no clock whose truth is known was measured")
    borne = [x for x in measured if bears(x.clock)]

    def line(what, part, whole):
        print(f"{what:42} {part:6d} of {whole:6d}" + (f"  {100 * part / whole:6.2f} %" if whole else ""))

    line("refused", len(files) - len(measured), len(files))
    line("instants inside the bounds", sum(x.inside for x in measured), sum(len(x.errors) for x in measured))
    line("within 50 ms", sum(x.error() <= 0.05 for x in measured), len(measured))
    line("within 5 ms", sum(x.error() <= NEAR for x in measured), len(measured))
    line("within 5 ms where NTP, keys, 50 lines bear", sum(x.error() <= NEAR for x in borne), len(borne))


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    if len(arguments) < 2:
        sys.exit(__doc__)
    main(arguments[0], arguments[1:], "--list" in sys.argv)
