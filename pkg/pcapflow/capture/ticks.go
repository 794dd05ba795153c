package capture

import "math/bits"

// ticks turns the stamps of one interface into nanoseconds, in integers.
type ticks struct {
	mul    uint64 // power of ten, units of a nanosecond or more: ns = t*mul
	div    uint64 // power of ten, finer than a nanosecond: ns = t/div
	shift  uint   // power of two: t counts 2^-shift s
	binary bool
	offset int64 // seconds to add
}

// newTicks reads the value of if_tsresol (draft-ietf-opsawg-pcapng, 4.2): the
// exponent of a negative power of ten, or of two where the top bit is set.
func newTicks(resolution byte, offset int64) ticks {
	t := ticks{offset: offset}
	switch n := uint(resolution & 0x7f); {
	case resolution&0x80 != 0:
		t.binary, t.shift = true, n
	case n <= 9:
		t.mul = pow10(9 - n)
	default:
		t.div = pow10(min(n-9, 19))
	}
	return t
}

func pow10(n uint) uint64 {
	v := uint64(1)
	for ; n > 0; n-- {
		v *= 10
	}
	return v
}

// unit is one tick in nanoseconds, rounded down.
func (t *ticks) unit() int64 {
	switch {
	case t.binary && t.shift >= 30:
		return 0
	case t.binary:
		return 1e9 >> t.shift
	}
	return int64(t.mul) // 0 where finer
}

// ns is the instant v ticks after the epoch. It is not ok outside the years
// 1678 to 2262, which int64 nanoseconds can tell.
func (t *ticks) ns(v uint64) (ns int64, ok bool) {
	var hi, lo uint64
	switch {
	case t.binary:
		hi, lo = bits.Mul64(v, 1e9)
		if t.shift >= 64 {
			hi, lo = 0, hi>>(t.shift-64)
		} else {
			lo = lo>>t.shift | hi<<(64-t.shift)
			hi >>= t.shift
		}
	case t.div != 0:
		lo = v / t.div
	default:
		hi, lo = bits.Mul64(v, t.mul)
	}
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	if t.offset == 0 {
		return int64(lo), true
	}
	return t.shifted(int64(lo))
}

func (t *ticks) shifted(ns int64) (int64, bool) {
	const most = (1<<63 - 1) / 1_000_000_000
	if t.offset > most || t.offset < -most {
		return 0, false
	}
	sum := ns + t.offset*1_000_000_000
	if (sum < ns) != (t.offset < 0) {
		return 0, false
	}
	return sum, true
}
