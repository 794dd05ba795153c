#!/usr/bin/env python3
"""Are confidences honest? Of the links said to be p likely, how many are right.

    reliability.py FLOWCORR FOLDER…     each FOLDER holds truth.json and input/

Every link of a log line that the truth knows counts, matched or ambiguous: its
confidence against 1 where line, connection and request of it are right, else 0.
Prints the Brier score (mean square of the difference; 0 is best), the mean
difference (positive: too sure) and a table by confidence, with the interval
(Wilson, 95 %) that holds the true share.
"""
import json, math, os, subprocess, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lab"))

from flowlab.linktruth import wanted  # noqa: E402

EDGES = [0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 0.998, 1.0]


def links(truth, report):
    """(confidence, right) of every link whose truth is known"""
    want = wanted(truth)
    path = {e["id"]: "input/" + e["path"] for e in report["evidence"]}
    for j in report["journeys"]:
        for l in j.get("lines", []):
            w = want.get((path[l["evidence"]], l["line"]))
            if w is None or "confidence" not in l:
                continue
            right = bool({j.get("client"), j.get("client_seen_by_server")} & w[0])
            yield l["confidence"], right and (w[1] is None or j.get("ordinal", w[1]) == w[1])


def wilson(right, n, z=1.96):
    p = right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def main(tool, folders):
    pairs = []
    for folder in sorted(folders):
        if not os.path.isfile(os.path.join(folder, "truth.json")):
            continue
        truth = json.load(open(os.path.join(folder, "truth.json"), encoding="utf8"))
        run = subprocess.run([tool, "report", "-q", "--format", "json", "--fail-on", "never", os.path.join(folder, "input")], stdout=subprocess.PIPE, check=True)
        pairs += links(truth, json.loads(run.stdout))
    if not pairs:
        sys.exit("no link whose truth is known")
    brier = sum((p - r) ** 2 for p, r in pairs) / len(pairs)
    bias = sum(p - r for p, r in pairs) / len(pairs)
    print(f"{len(pairs)} links, Brier {brier:.5f}, mean difference {bias:+.5f}")
    print("  said          links  mean said   right    95 % interval")
    for low, high in zip(EDGES, EDGES[1:]):
        part = [(p, r) for p, r in pairs if low <= p < high or high == 1.0 == p]
        if part:
            right, n = sum(r for _, r in part), len(part)
            a, b = wilson(right, n)
            print(f"  {low:5.3f}–{high:5.3f} {n:7d}     {sum(p for p, _ in part) / n:6.4f}  {right / n:6.4f}    {a:.3f} … {b:.3f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
