package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
)

// solve measures the clocks. Where most of them seem to step at once it is the
// reference that stepped, and so it is where its own host says that it did: then
// another one is tried, for a clock that repeats or skips time is a bad measure
// for the others. One that is known to repeat time is never tried for that.
func (e *evidence) solve(opt Options) *clock.Solution {
	const attempts = 3
	p := e.problem(opt)
	best := clock.Solve(p)
	least, all := e.restless(best)
	if opt.Reference != "" || all < 2 {
		return best
	}
	repeats := e.repeating()
	stepped := e.stepped(best.Reference)
	if 2*least <= all && !stepped {
		return e.agreed(p, best, least)
	}
	for n := 1; n <= attempts; n++ {
		i := slices.Index(p.Prefer, best.Reference) + n
		if i >= len(p.Prefer) || e.clocks[p.Prefer[i]].Kind != e.clocks[best.Reference].Kind || repeats[p.Prefer[i]] > repeats[best.Reference] {
			break
		}
		if !stepped && e.stepped(p.Prefer[i]) {
			continue
		}
		q := p
		q.Prefer = p.Prefer[i:]
		s := clock.Solve(q)
		if x, y := e.restless(s); x < least && y >= all {
			return s
		}
	}
	return best
}

// stepped tells whether a clock, or one that was found to be the same, is known
// by its own records to have been stepped.
func (e *evidence) stepped(id clock.ID) bool {
	one := e.sameClocks()
	return slices.ContainsFunc(e.steps, func(s clock.Step) bool { return one.find(int(s.Clock)) == one.find(int(id)) })
}

// sameClocks joins the clocks that were found to be one.
func (e *evidence) sameClocks() *sets {
	one := newSets(len(e.clocks))
	for i := range e.constraints {
		if c := &e.constraints[i]; c.Method == clock.Identity {
			one.join(int(c.A), int(c.B))
		}
	}
	return one
}

// restless counts the measured clocks, and those that step or are slewed; those
// that were found to be one count once, and a time daemon's own clock, which moves
// otherwise than its host's, not at all.
func (e *evidence) restless(s *clock.Solution) (moving, all int) {
	const slewed = 2000 // ppm: more than a clock whose rate is out of hand
	if len(s.Tracks) == 0 {
		return 0, 0
	}
	one := e.sameClocks()
	seen := map[int]bool{one.find(int(s.Reference)): true}
	for i := range s.Tracks {
		t := &s.Tracks[i]
		if t.Status != clock.Measured || seen[one.find(i)] || e.clocks[i].Kind == kindNTPClock {
			continue
		}
		seen[one.find(i)] = true
		all++
		if slices.ContainsFunc(t.Segments, func(x clock.Segment) bool { return x.StepBefore || math.Abs(x.Drift) > slewed }) {
			moving++
		}
	}
	return moving, all
}

// agreed measures against the clock that most others agree with, where that is
// another than the reference: if every client seems to be wrong by the same, it is
// the server that is wrong.
func (e *evidence) agreed(p clock.Problem, s *clock.Solution, moving int) *clock.Solution {
	best := e.mostAgreed(p, s)
	if best == s.Reference {
		return s
	}
	q := p
	q.Prefer = append([]clock.ID{best}, p.Prefer...)
	other := clock.Solve(q)
	if now, _ := e.restless(other); now > moving || howMany(other) < howMany(s) {
		return s
	}
	return other
}

// howMany counts the clocks of which the offset is known.
func howMany(s *clock.Solution) int {
	n := 0
	for i := range s.Tracks {
		if known(&s.Tracks[i]) {
			n++
		}
	}
	return n
}

// mostAgreed is the capture that most clocks agree with as far as their bounds
// tell, the preferred one among equals; the reference, unless more do than with
// it. Clocks that were found to be one count once.
func (e *evidence) mostAgreed(p clock.Problem, s *clock.Solution) clock.ID {
	const apart = int64(5 * time.Millisecond) // beside what the bounds leave open
	one, repeats := e.sameClocks(), e.repeating()
	votes := map[int]clock.Offset{}
	for i, k := range e.clocks {
		o, ok := steady(&s.Tracks[i])
		if !ok || len(k.Files) == 0 && k.Kind != kindNTPServer {
			continue
		}
		if old, seen := votes[one.find(i)]; !seen || o.High-o.Low < old.High-old.Low {
			votes[one.find(i)] = o
		}
	}
	agree := func(id clock.ID) (n int) {
		o, ok := votes[one.find(int(id))]
		for _, x := range votes {
			if ok && abs64(x.Value-o.Value) <= apart+(o.High-o.Low+x.High-x.Low)/2 {
				n++
			}
		}
		return n
	}
	best, most := s.Reference, agree(s.Reference)
	for _, id := range p.Prefer {
		if e.clocks[id].Kind != e.clocks[s.Reference].Kind || repeats[id] > 0 || e.stepped(id) {
			continue
		}
		if n := agree(id); n > most {
			best, most = id, n
		}
	}
	return best
}

// steady is the offset of a clock that neither steps nor is known too badly to
// agree with others.
func steady(t *clock.Track) (clock.Offset, bool) {
	const widest = int64(250 * time.Millisecond)
	if t.Status == clock.Reference {
		return clock.Offset{}, true
	}
	if t.Status != clock.Measured || len(t.Segments) == 0 || slices.ContainsFunc(t.Segments, func(x clock.Segment) bool { return x.StepBefore }) {
		return clock.Offset{}, false
	}
	x := t.Segments[len(t.Segments)/2]
	return clock.Offset{Value: x.Offset, Low: x.Low, High: x.High}, x.High-x.Low <= widest
}

// preferred orders the clocks that may be the reference: the one asked for,
// then captures, time servers and hosts, each by how many other clocks their
// evidence reaches and how much it is.
func (e *evidence) preferred(opt Options) []clock.ID {
	type reach struct {
		others map[clock.ID]bool
		items  int
	}
	reaches := make([]reach, len(e.clocks))
	touch := func(a, b clock.ID, n int) {
		if reaches[a].others == nil {
			reaches[a].others = map[clock.ID]bool{}
		}
		reaches[a].others[b] = true
		reaches[a].items += n
	}
	for _, c := range e.constraints {
		touch(c.A, c.B, 1)
		touch(c.B, c.A, 1)
	}
	for _, s := range e.series {
		n := min(len(s.Lines), len(s.Partners))
		touch(s.A, s.B, n)
		touch(s.B, s.A, n)
	}
	rank := func(k *Clock) int {
		switch {
		case opt.Reference != "" && calledBy(k, opt.Reference):
			return 0
		case k.Kind == kindCapture:
			return 1
		case k.Kind == kindUTC || k.Kind == kindNTPServer: // without a capture, the best there is
			return 2
		case k.Kind == kindLog && len(k.Files) > 0:
			return 3
		}
		return 4
	}
	repeats := e.repeating()
	order := slices.Clone(e.clocks)
	slices.SortStableFunc(order, func(a, b *Clock) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(repeats[a.ID], repeats[b.ID]), cmp.Compare(len(reaches[b.ID].others), len(reaches[a.ID].others)),
			cmp.Compare(reaches[b.ID].items, reaches[a.ID].items))
	})
	out := make([]clock.ID, len(order))
	for i, k := range order {
		out[i] = k.ID
	}
	return out
}

// repeating tells of each clock whether it stamped packets of one capture
// backwards (1): a clock that shows an instant twice is no reference.
func (e *evidence) repeating() []int {
	out := make([]int, len(e.clocks))
	for i, c := range e.inc.Captures {
		if c.Backward == 0 {
			continue
		}
		for _, k := range e.clocks {
			if k.Kind == kindCapture && len(k.Interfaces) > 0 && e.byKey[captureKey(i, k.Interfaces[0])] == k {
				out[k.ID] = 1
			}
		}
	}
	return out
}
