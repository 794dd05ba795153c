"""A host's clock: the file that shim/clock.h describes, and the same function here."""
import struct
from bisect import bisect_right

PIECES = 8192
HEADER = struct.Struct("<IIqqd")
PIECE = struct.Struct("<qqd")
UNSYNC = 64


class Clock:
    """host time = true + offset(true); pieces of (from_ns, offset_ns, ppb)"""

    def __init__(self, path, from_ns, offset_s=0.0, drift_ppm=0.0):
        self.path = path
        with open(path, "wb") as f:
            f.write(HEADER.pack(0, UNSYNC, 10000, 0, drift_ppm * 1000.0))
            f.truncate(HEADER.size + PIECE.size * PIECES)
        self.append(from_ns, int(offset_s * 1e9), drift_ppm * 1000.0)

    def append(self, from_ns, offset_ns, ppb):
        n = len(self.pieces())
        with open(self.path, "r+b") as f:
            f.seek(HEADER.size + n * PIECE.size)
            f.write(PIECE.pack(from_ns, offset_ns, ppb))
            f.flush()
            f.seek(0)
            f.write(struct.pack("<I", n + 1))

    def pieces(self):
        with open(self.path, "rb") as f:
            n = HEADER.unpack(f.read(HEADER.size))[0]
            return [PIECE.unpack(f.read(PIECE.size)) for _ in range(n)]

    def step(self, at_ns, seconds):
        """From at_ns on the clock is this much further ahead."""
        frm, offset, ppb = self.pieces()[-1]
        self.append(at_ns, offset + int(ppb * 1e-9 * (at_ns - frm)) + int(seconds * 1e9), ppb)

    def freeze(self):
        """The function as it stands, quick to ask often."""
        return Track(self.pieces())


class Track:
    def __init__(self, pieces):
        self.pieces = pieces
        self.begins = [p[0] for p in pieces]

    def offset(self, at_ns):
        frm, off, ppb = self.pieces[max(bisect_right(self.begins, at_ns) - 1, 0)]
        return off + int(ppb * 1e-9 * (at_ns - frm))

    def host(self, at_ns):
        return at_ns + self.offset(at_ns)

    def true(self, host_ns, near_ns=None):
        """A true instant at which the clock shows host_ns: the last one, or the one nearest to near_ns."""
        found = []
        for i, (frm, off, ppb) in enumerate(self.pieces):
            at = frm + int((host_ns - frm - off) / (1 + ppb * 1e-9))
            end = self.begins[i + 1] if i + 1 < len(self.pieces) else None
            if (at >= frm or i == 0) and (end is None or at < end):
                found.append(at)
        if not found:  # in the hole of a forward step
            return self.begins[bisect_right([f + o for f, o, _ in self.pieces], host_ns) - 1]
        return found[-1] if near_ns is None else min(found, key=lambda t: abs(t - near_ns))

    def truth(self):
        return [{"from_true": f / 1e9, "offset_s": round(o / 1e9, 9), "drift_ppm": round(p / 1000.0, 6)} for f, o, p in self.pieces]
