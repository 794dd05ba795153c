package archive

import (
	"cmp"
	"math"
	"slices"
)

// lead is by how much the clock of a point is ahead of the one that windows are cut
// by, over time: straight between its knots, and as at the outer ones beyond them.
// nil: they agree within a second.
type lead []knot

// knot is one instant of a lead. ns
type knot struct{ At, By int64 } // by the clock of the windows

// local tells an instant of the windows by the point's clock. Instants that stand for
// ever stay.
func (x lead) local(t int64) int64 {
	if len(x) == 0 || t == math.MinInt64 || t == math.MaxInt64 {
		return t
	}
	i, _ := slices.BinarySearchFunc(x, t, func(k knot, t int64) int { return cmp.Compare(k.At, t) })
	return sub(t, -x.between(i, func(k knot) int64 { return k.At }, t))
}

// common tells an instant of the point by the clock of the windows.
func (x lead) common(t int64) int64 {
	if len(x) == 0 || t == math.MinInt64 || t == math.MaxInt64 {
		return t
	}
	own := func(k knot) int64 { return k.At + k.By }
	i, _ := slices.BinarySearchFunc(x, t, func(k knot, t int64) int { return cmp.Compare(own(k), t) })
	return sub(t, x.between(i, own, t))
}

// between gives the lead at t, which lies before knot i and behind the one before it.
func (x lead) between(i int, at func(knot) int64, t int64) int64 {
	switch {
	case i == 0:
		return x[0].By
	case i == len(x):
		return x[i-1].By
	}
	a, b := x[i-1], x[i]
	return a.By + int64(float64(b.By-a.By)*float64(t-at(a))/float64(at(b)-at(a)))
}

const (
	// fewSightings is how many flows two points must both have seen for the clock of
	// one to be told by the other's.
	fewSightings = 3
	// inKnot is how many make one knot.
	inKnot = 5
	// knotStep is what leads are rounded to, so that they stay as they are when files
	// are added. ns
	knotStep = int64(1e9)
)

// leadOf makes a lead of sightings by both clocks, in any order.
func leadOf(seen []knot) lead {
	slices.SortFunc(seen, func(a, b knot) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.By, b.By)) })
	var x lead
	for parts := max(1, len(seen)/inKnot); parts > 0; parts-- {
		part := slices.Clone(seen[:len(seen)/parts])
		seen = seen[len(part):]
		at := part[len(part)/2].At
		slices.SortFunc(part, func(a, b knot) int { return cmp.Compare(a.By, b.By) })
		k := knot{at, roundTo(part[len(part)/2].By, knotStep)}
		if n := len(x); n > 0 && (k.At <= x[n-1].At || k.At+k.By <= x[n-1].At+x[n-1].By) {
			continue // set back within the bounds of a leg
		}
		if n := len(x); n > 1 && x[n-1].By == k.By && x[n-2].By == k.By {
			x[n-1] = k
			continue
		}
		x = append(x, k)
	}
	if !slices.ContainsFunc(x, func(k knot) bool { return k.By != 0 }) {
		return nil
	}
	return x
}

func roundTo(x, step int64) int64 {
	return int64(math.Round(float64(x)/float64(step))) * step
}

// align finds how far the clocks of points are ahead, from flows that several of them
// saw: beginning with the first by name, of those that were not set back if there are any,
// each that shares enough with those before.
func (a *archive) align() {
	saw := map[uint64][]*point{}
	for _, p := range a.points {
		for x, t := range p.done.Sightings.At {
			if t.Time != again {
				saw[x] = append(saw[x], p)
			}
		}
	}
	at := map[uint64]int64{} // by the clock of the windows
	known, shared := map[*point]bool{}, map[*point]int{}
	order := slices.Clone(a.points)
	slices.SortStableFunc(order, func(x, y *point) int { return cmp.Compare(len(x.done.Legs.List), len(y.done.Legs.List)) })
	for _, first := range order {
		if known[first] {
			continue
		}
		known[first] = true
		for next := []*point{first}; len(next) > 0; next = next[1:] {
			p := next[0]
			p.legs = p.against(at)
			var found []*point
			for x, t := range p.done.Sightings.At {
				if t.Time == again {
					continue
				}
				if _, ok := at[x]; !ok {
					at[x] = p.common(t)
				}
				for _, o := range saw[x] {
					if shared[o]++; !known[o] && shared[o] >= fewSightings {
						known[o] = true
						found = append(found, o)
					}
				}
			}
			slices.SortFunc(found, func(x, y *point) int { return cmp.Compare(x.name, y.name) })
			next = append(next, found...)
		}
	}
}

// against compares a point with what is known of the flows that it saw.
func (p *point) against(at map[uint64]int64) []ledLeg {
	var seen []sighted
	for x, own := range p.done.Sightings.At {
		if t, ok := at[x]; ok && own.Time != again {
			seen = append(seen, sighted{knot{t, own.Time - t}, own.Frame})
		}
	}
	return p.legsOf(seen)
}
