package clock

import (
	"cmp"
	"slices"
)

// Point is one piece of the evidence that bears a track, as it may be drawn: at
// the reference's instant At the clock was ahead by something in [Low, High].
type Point struct {
	At        int64
	Low, High int64 // ±Infinity: open
	Method    Method
	Rejected  bool
}

// pointStretches is into how many parts the evidence of a clock is cut to pick
// points from: of each the tightest bounds and one that was set aside.
const pointStretches = 40

// points picks what shows best where the bounds of a track come from, in order
// of time.
func (st *state) points() []Point {
	if st.course == nil {
		return nil
	}
	first, last, seen := int64(0), int64(0), false
	for i := range st.ev {
		if e := &st.ev[i]; e.ref != anchorRef {
			if !seen {
				first, last, seen = e.at, e.at, true
			}
			first, last = min(first, e.at), max(last, e.at)
		}
	}
	if !seen {
		return nil
	}
	width := (last-first)/pointStretches + 1
	type pick struct{ low, high, rejected int } // indices + 1
	picks := make([]pick, pointStretches+1)
	for i := range st.ev {
		e := &st.ev[i]
		if e.ref == anchorRef {
			continue
		}
		p := &picks[(e.at-first)/width]
		switch {
		case st.course.rejected[i]:
			if p.rejected == 0 {
				p.rejected = i + 1
			}
		default:
			if e.low > -Infinity && (p.low == 0 || e.low > st.ev[p.low-1].low) {
				p.low = i + 1
			}
			if e.high < Infinity && (p.high == 0 || e.high < st.ev[p.high-1].high) {
				p.high = i + 1
			}
		}
	}
	var out []Point
	for _, p := range picks {
		taken := 0
		for _, i := range [...]int{p.low, p.high, p.rejected} {
			if i > 0 && i != taken {
				e := &st.ev[i-1]
				out = append(out, Point{e.at, e.low, e.high, e.method, i == p.rejected})
			}
			taken = i
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int { return cmp.Compare(a.At, b.At) })
	return out
}
