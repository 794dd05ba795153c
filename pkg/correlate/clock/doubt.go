package clock

import (
	"math"
	"slices"
)

// loosen redraws pieces without what borders on a contradiction. An excursion of
// a clock (a time daemon that finds its way back after somebody set the clock)
// begins and ends with readings that agree by chance with the line before and
// behind it, and would narrow it. So from each rejected item the accepted ones of
// the same source, of no more than twice its width, are left out one after the
// other, on both sides, until one allows all that the rest of its piece does.
// Bounds only widen by it.
func loosen(ps []piece, bs []bound, rejected []bool) {
	out := slices.Clone(rejected)
	any := false
	for i := range bs {
		if !rejected[i] || bs[i].weight < keyedWeight || bs[i].oneSided() {
			continue
		}
		for _, step := range [2]int{-1, 1} {
			any = beside(bs, ps, rejected, out, i, step) || any
		}
	}
	if !any {
		return
	}
	kept := remaining(bs, out)
	for k := range ps {
		p := &ps[k]
		run := within(kept, p.from, p.to)
		if f := fit(run, p.drift); !f.open() {
			margin := p.margin
			p.draw(run, &f)
			p.margin = max(p.margin, margin)
		}
	}
}

// beside walks from the rejected item at i in one direction and marks what it
// doubts in out, which holds the rejected ones too.
func beside(bs []bound, ps []piece, rejected, out []bool, i, step int) (any bool) {
	const (
		most     = 8    // instants: an excursion that goes on is a piece of its own
		together = 0.05 // s: several records tell of one exchange
	)
	from := &bs[i]
	var group []int
	n := 0
	doubtful := func() bool {
		if len(group) == 0 {
			return true
		}
		first := &bs[group[0]]
		p := pieceOf(ps, first.t)
		if p == nil { // the clock was on its way
			return false
		}
		for _, k := range group {
			out[k] = true
		}
		lines := feasible(within(remaining(bs, out), p.from, p.to), p.drift)
		if !slices.ContainsFunc(group, func(k int) bool { return lines.narrowed(&bs[k]) }) {
			for _, k := range group {
				out[k] = false
			}
			return false
		}
		n++
		any = true
		group = group[:0]
		return n < most
	}
	for k := i + step; k >= 0 && k < len(bs); k += step {
		b := &bs[k]
		if b.source != from.source || b.oneSided() || b.high-b.low > 2*(from.high-from.low) || out[k] && !rejected[k] {
			continue
		}
		if len(group) > 0 && math.Abs(b.t-bs[group[0]].t) > together && !doubtful() {
			return any
		}
		if rejected[k] { // from there on that one's neighbours are asked
			break
		}
		group = append(group, k)
	}
	doubtful()
	return any
}

// narrowed tells that bounded lines are more than a bound allows.
func (p polygon) narrowed(b *bound) bool {
	low, high := p.at(b.t)
	return len(p) > 0 && high-low <= 1e14 && (b.low > low+tolerance || b.high < high-tolerance)
}

// pieceOf is the piece that an instant lies in; nil between two.
func pieceOf(ps []piece, t float64) *piece {
	for i := range ps {
		if p := &ps[i]; p.from <= t && t <= p.to {
			return p
		}
	}
	return nil
}

// remaining are the bounds that are not left out.
func remaining(bs []bound, out []bool) []bound {
	kept := make([]bound, 0, len(bs))
	for i := range bs {
		if !out[i] {
			kept = append(kept, bs[i])
		}
	}
	return kept
}

func (b *bound) oneSided() bool { return math.IsInf(b.low, 0) || math.IsInf(b.high, 0) }
