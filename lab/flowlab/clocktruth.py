"""What a report says of clocks, against the truth.json of a recording."""
from bisect import bisect_right
from datetime import datetime

GRACE = 5e-4  # s, of the bounds


def seconds(stamp):
    """An instant of the report (RFC 3339, UTC) as seconds since 1970; the fraction may be of nanoseconds."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))


def last_begun(pieces, begins, t):
    """The last piece that had begun at t, or the first."""
    return pieces[max(bisect_right([begins(p) for p in pieces], t) - 1, 0)]


def true_offset(host, t):
    """How far a host's clock is ahead of true time at a true instant."""
    piece = last_begun(host["clock"], lambda p: p["from_true"], t)
    if "offset_s" in piece:
        return piece["offset_s"] + piece.get("drift_ppm", 0) * 1e-6 * (t - piece["from_true"])
    samples = host["clock_samples"]  # a daemon moved it
    i = min(max(bisect_right([s[0] for s in samples], t), 1), len(samples) - 1)
    (a, x), (b, y) = samples[i - 1], samples[i]
    return x + (y - x) * (t - a) / (b - a)


def told(clock, own):
    """(offset, low, high) of a clock of the report that shows own."""
    s = last_begun(clock["segments"], lambda s: seconds(s["from"]), own + 1e-6)
    moved = s.get("drift_ppm", 0) * 1e-6 * (own - seconds(s["from"]))
    offset = s["offset_seconds"]
    return tuple(x + moved for x in (offset, s.get("low_seconds", offset), s.get("high_seconds", offset)))


class Told:
    """A file with what the report says of its clock, compared at nine instants spread over the recording."""

    def __init__(self, file, clock):
        self.file, self.clock, self.status = file, clock, clock.get("status")
        self.measured = bool(clock.get("segments")) and self.status not in ("ambiguous", "insufficient")
        self.errors, self.inside = [], 0  # s; instants at which the bounds hold the truth

    def compare(self, truth, host, reference):
        first, last = truth["t_start_true"], truth["t_end_true"]
        for k in range(1, 10):
            at = first + (last - first) * k / 10
            ahead = true_offset(host, at)
            want = ahead - true_offset(reference, at)
            offset, low, high = told(self.clock, at + ahead)
            self.errors.append(abs(offset - want))
            self.inside += low - GRACE <= want <= high + GRACE

    def error(self):
        """The median distance from the truth, s."""
        return sorted(self.errors)[len(self.errors) // 2]


def evidence(report):
    """path below input/ -> what the report says of the file"""
    return {"input/" + e["path"].split("input/")[-1]: e for e in report["evidence"]}


def compare(truth, report):
    """A Told for every file of another host than the reference's, None where the reference is the clock of no file. What a time daemon wrote by its own clock is left out."""
    hosts, of, clocks = truth["hosts"], evidence(report), {c["id"]: c for c in report["clocks"]}
    owner = {f: c["clock_host"] for c in truth["captures"] for f in c["files"]}
    owner.update({log["file"]: log["clock"] for log in truth["logs"] if "/chrony/" not in log["file"]})
    owner = {f: h for f, h in sorted(owner.items()) if h in hosts and of.get(f, {}).get("records") and of[f].get("clock") in clocks}
    reference = next((h for f, h in owner.items() if of[f]["clock"] == report.get("reference")), None)
    if reference is None:
        return None
    out = []
    for f, host in owner.items():
        if host == reference:
            continue
        x = Told(f, clocks[of[f]["clock"]])
        if x.measured:
            x.compare(truth, hosts[host], hosts[reference])
        out.append(x)
    return out
