package clock

import (
	"math"
	"slices"
	"sort"
)

// within are the bounds, in order of time, from one instant to another.
func within(bs []bound, from, to float64) []bound {
	i := sort.Search(len(bs), func(i int) bool { return bs[i].t >= from })
	j := sort.Search(len(bs), func(i int) bool { return bs[i].t > to })
	return bs[i:max(i, j)]
}

// holdOut widens the gap before a piece so that it holds what was set aside
// there and names its partner: too little for a line of its own, it still tells
// that the clock was elsewhere for a while.
func (p *piece) holdOut(before *piece, bs []bound, rejected []bool) {
	p.gapLow, p.gapHigh = math.Inf(1), math.Inf(-1)
	for i := range bs {
		b := &bs[i]
		if !rejected[i] || b.weight < keyedWeight || b.t < before.to || b.t > p.from {
			continue
		}
		if !math.IsInf(b.low, 0) && !math.IsInf(b.high, 0) {
			p.gapLow, p.gapHigh = min(p.gapLow, b.low), max(p.gapHigh, b.high)
		}
	}
}

// widenGap ends a piece, and begins the next one, where the evidence that tells
// the two apart stops to agree with the one and begins to agree with the other:
// what lies between agrees with both, or half of it (of one-sided bounds) with
// either, and the clock was on its way.
func widenGap(p, q *piece, bs []bound) {
	if end, ok := lastOf(bs, p, q); ok {
		p.to = end
	}
	back := slices.Clone(bs)
	slices.Reverse(back)
	if begin, ok := lastOf(back, q, p); ok {
		q.from = begin
	}
}

// lastOf is how far the evidence, in order, is of piece p rather than of q: a
// contradiction outweighs four agreements. A bound far from the line agrees with
// it by saying nothing of it.
func lastOf(bs []bound, p, q *piece) (at float64, ok bool) {
	const agreement = 0.25
	sum, best := 0.0, 0.0
	for i := range bs {
		b := &bs[i]
		one, other := b.holds(p.line), b.holds(q.line)
		switch {
		case !one:
			sum -= b.weight
		case !other && b.near(p):
			sum += agreement * b.weight
			if sum > best {
				best, at, ok = sum, b.t, true
			}
		}
	}
	return at, ok
}
