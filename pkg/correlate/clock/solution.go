package clock

import (
	"cmp"
	"slices"
	"time"
)

// solution writes what was found, each clock over the stretch of the reference
// that the evidence covers.
func (s *solver) solution() *Solution {
	first, last := s.stretch()
	out := &Solution{Reference: s.reference, Tracks: make([]Track, len(s.state))}
	for i := range s.state {
		st := &s.state[i]
		t := &out.Tracks[i]
		t.Clock, t.Status, t.Why = ID(i), st.status, st.why
		t.Supports, t.Used, t.Rejected = st.tally()
		if st.guess != nil {
			t.Candidates = st.guess.candidates
		}
		if st.course != nil {
			t.Drops = st.course.exported()
			t.Segments = st.course.segments(s.reach(ID(i), first, last))
			t.Path = s.path(ID(i))
			t.Points = st.points()
		}
	}
	return out
}

// stretch is the reference's time that all solved clocks' records cover, with
// room on both sides.
func (s *solver) stretch() (first, last int64) {
	seen := false
	add := func(at int64) {
		if !seen {
			first, last, seen = at, at, true
		}
		first, last = min(first, at), max(last, at)
	}
	for i := range s.state {
		st := &s.state[i]
		span := s.p.span(ID(i))
		switch {
		case !st.solved:
			continue
		case st.course == nil && span != Span{}:
			add(span.First)
			add(span.Last)
		case st.course != nil:
			if span != (Span{}) {
				add(st.course.reference(span.First))
				add(st.course.reference(span.Last))
			}
			for _, e := range st.ev {
				add(e.at)
			}
		}
	}
	room := (last-first)/10 + 1e9
	return first - room, last + room
}

// reach is the part of the stretch that a clock's own evidence and records come
// within an hour of: farther, nothing is known of it.
func (s *solver) reach(id ID, first, last int64) (from, to int64) {
	const hour = int64(time.Hour)
	st := &s.state[id]
	if len(st.ev) == 0 {
		return first, last
	}
	from, to = st.ev[0].at, st.ev[0].at
	for i := range st.ev {
		from, to = min(from, st.ev[i].at), max(to, st.ev[i].at)
	}
	if span := s.p.span(id); span != (Span{}) {
		from, to = min(from, st.course.reference(span.First)), max(to, st.course.reference(span.Last))
	}
	return max(first, from-hour), min(last, to+hour)
}

// tally counts the evidence of a clock by method.
func (st *state) tally() (supports []Support, used, rejected []int) {
	type item struct {
		method   Method
		ref      int
		rejected bool
	}
	count, seen := map[Method]*Support{}, map[item]bool{}
	for i := range st.ev {
		e := &st.ev[i]
		it := item{e.method, e.ref, st.course == nil || st.course.rejected[i]}
		if e.ref == anchorRef || e.method != Intervals && seen[it] { // several bounds of one item
			continue
		}
		seen[it] = true
		n := count[e.method]
		if n == nil {
			n = &Support{Method: e.method}
			count[e.method] = n
		}
		if !it.rejected {
			n.Count++
			used = append(used, e.ref)
		} else {
			n.Rejected++
			rejected = append(rejected, e.ref)
		}
	}
	if st.lines.Count > 0 {
		n := count[st.lines.Method]
		if n == nil {
			n = &Support{Method: st.lines.Method}
			count[st.lines.Method] = n
		}
		n.Count += st.lines.Count
		n.Rejected += st.lines.Rejected
	}
	for _, n := range count {
		supports = append(supports, *n)
	}
	slices.SortFunc(supports, func(a, b Support) int { return cmp.Compare(a.Method, b.Method) })
	slices.Sort(used)
	slices.Sort(rejected)
	return supports, used, rejected
}

// path names the clocks between one and the reference: at each step the one
// with most of the evidence.
func (s *solver) path(id ID) []ID {
	var out []ID
	seen := map[ID]bool{id: true}
	for {
		votes := map[ID]float64{}
		st := &s.state[id]
		for i := range st.ev {
			if !st.course.rejected[i] && !seen[st.ev[i].other] {
				votes[st.ev[i].other] += st.ev[i].weight
			}
		}
		if votes[s.reference] > 0 {
			return out
		}
		best, most := ID(-1), 0.0
		for k, v := range votes {
			if v > most || v == most && k < best {
				best, most = k, v
			}
		}
		if best < 0 {
			return out
		}
		out = append(out, best)
		seen[best] = true
		id = best
	}
}
