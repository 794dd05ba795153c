package correlate

import (
	"cmp"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// problem states everything gathered for the solver.
func (e *evidence) problem(opt Options) clock.Problem {
	return clock.Problem{
		Clocks: len(e.clocks), Constraints: append(slices.Clone(e.constraints), e.known(opt)...), Series: e.series, Steps: e.steps,
		Spans: e.spans(), Prefer: e.preferred(opt), Declared: e.declared(opt),
	}
}

// solve measures the clocks. Where most of them seem to step at once it is the
// reference that stepped, and so it is where its own host says that it did: then
// another one is tried, for a clock that repeats or skips time is a bad measure
// for the others. One that is known to repeat time is never tried for that.
func (e *evidence) solve(opt Options) *clock.Solution {
	const attempts = 3
	p := e.problem(opt)
	best := clock.Solve(p)
	least, all := e.restless(best)
	if opt.Reference != "" {
		return best
	}
	repeats := e.repeating()
	stepped := e.stepped(best.Reference)
	if all < 2 || 2*least <= all && !stepped {
		return best
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
// that were found to be one count once.
func (e *evidence) restless(s *clock.Solution) (moving, all int) {
	const slewed = 2000 // ppm: more than a clock whose rate is out of hand
	if len(s.Tracks) == 0 {
		return 0, 0
	}
	one := e.sameClocks()
	seen := map[int]bool{one.find(int(s.Reference)): true}
	for i := range s.Tracks {
		t := &s.Tracks[i]
		if t.Status != clock.Measured || seen[one.find(i)] {
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

// declared finds the clocks whose offsets the user gave: by name, by the folder
// of their files, or by a file.
func (e *evidence) declared(opt Options) map[clock.ID]int64 {
	out := map[clock.ID]int64{}
	for _, k := range e.clocks {
		for _, name := range slices.Sorted(maps.Keys(opt.Offsets)) {
			if calledBy(k, name) {
				out[k.ID] = int64(opt.Offsets[name])
			}
		}
	}
	return out
}

// known makes evidence of offsets that were measured elsewhere.
func (e *evidence) known(opt Options) []clock.Constraint {
	var out []clock.Constraint
	for i, x := range opt.Known {
		a := slices.IndexFunc(e.clocks, func(k *Clock) bool { return calledBy(k, x.Of) })
		b := slices.IndexFunc(e.clocks, func(k *Clock) bool { return calledBy(k, x.Clock) })
		if a >= 0 && b >= 0 && a != b {
			out = append(out, clock.Constraint{A: e.clocks[a].ID, B: e.clocks[b].ID, At: x.At, Low: x.Low, High: x.High, Method: clock.Earlier, Ref: -1 - i})
		}
	}
	return out
}

func calledBy(k *Clock, name string) bool {
	if strings.EqualFold(k.Name, name) {
		return true
	}
	for _, f := range k.Files {
		if f.Path == name || path.Base(f.Path) == name {
			return true
		}
	}
	return false
}

// spans are the stretches of time the clocks' own records cover.
func (e *evidence) spans() []clock.Span {
	out := make([]clock.Span, len(e.clocks))
	for i, k := range e.clocks {
		for _, f := range k.Files {
			if f.First == 0 && f.Last == 0 {
				continue
			}
			if out[i] == (clock.Span{}) {
				out[i] = clock.Span{First: f.First, Last: f.Last}
			}
			out[i].First, out[i].Last = min(out[i].First, f.First), max(out[i].Last, f.Last)
		}
	}
	return out
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

// finish writes the tracks into the clocks, the reference first, and leaves out
// clocks that wrote nothing and could not be measured.
func (e *evidence) finish(s *clock.Solution) []*Clock {
	var out []*Clock
	for i, k := range e.clocks {
		k.Track = s.Tracks[i]
		switch {
		case k.ID == s.Reference:
			out = append([]*Clock{k}, out...)
		case len(k.Files) > 0 || known(&k.Track):
			out = append(out, k)
		}
	}
	if utc := e.byKey["utc"]; utc != nil && utc.Status == clock.Measured && len(out) > 0 && len(utc.Segments) > 0 {
		x := utc.Segments[len(utc.Segments)/2]
		out[0].Notes = append(out[0].Notes, note(lang.Text{
			EN: "UTC is %+.6f s from this clock, between %+.6f and %+.6f", ES: "UTC está a %+.6f s de este reloj, entre %+.6f y %+.6f",
		}, float64(x.Offset)/1e9, float64(x.Low)/1e9, float64(x.High)/1e9))
	}
	return out
}

// linked adds what the matching found: what time and likeness alone paired
// counts as a line that might be another.
func (e *evidence) linked(lines []LinkedLine) {
	index := map[*incident.Capture]int{}
	for i, c := range e.inc.Captures {
		index[c] = i
	}
	for _, x := range lines {
		ev := &x.Log.Events[x.Event]
		if !ev.HasTime {
			continue
		}
		capture, host := e.byKey[captureKey(index[x.Capture], x.Flow.Clock)], e.writer(x.Log, ev)
		var w window
		ok := false
		switch {
		case x.Exchange != nil:
			w, ok = lineWindow(x.Flow, x.Exchange, ev)
		case x.Transaction != nil:
			w, ok = transactionWindow(x.Transaction, ev.Kind), true
		default:
			w, ok = windowOf(x.Flow, ev)
		}
		if !ok {
			continue
		}
		by := clock.Intervals
		if x.Keyed {
			by = clock.Keyed
		}
		e.bound(capture, host, w, ev, by)
		e.serve(host, x.Flow.Server.Addr(), x.Capture)
	}
}
