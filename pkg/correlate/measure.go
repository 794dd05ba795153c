package correlate

import (
	"maps"
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
		Spans: e.spans(), Prefer: e.preferred(opt), Roots: e.roots(opt), Declared: e.declared(opt),
	}
}

// roots are the captures, against which logs may be measured that nothing ties to
// the reference.
func (e *evidence) roots(opt Options) []clock.ID {
	return slices.DeleteFunc(e.preferred(opt), func(id clock.ID) bool { return e.clocks[id].Kind != kindCapture })
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

// finish writes the tracks into the clocks, the reference first, and leaves out
// clocks that wrote nothing and could not be measured.
func (e *evidence) finish(s *clock.Solution) []*Clock {
	var out []*Clock
	e.readInZones()
	e.noteSummerTimes()
	for i, k := range e.clocks {
		k.Track = s.Tracks[i]
		if k.Aside != nil {
			k.Why = e.whyAside(k)
		}
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

// whyAside tells what is known of a clock that nothing ties to the reference.
func (e *evidence) whyAside(k *Clock) clock.Sentence {
	why := lang.Text{EN: "nothing ties it to the reference; others are known against it", ES: "nada lo ata a la referencia; otros se conocen respecto a él"}
	if k.ID != k.Root {
		x := k.Aside.Segments[len(k.Aside.Segments)/2]
		why = note(lang.Text{
			EN: "nothing ties it to the reference; against %s it is %+.6f s, between %+.6f and %+.6f",
			ES: "nada lo ata a la referencia; respecto a %s está a %+.6f s, entre %+.6f y %+.6f",
		}, e.clocks[k.Root].Name, float64(x.Offset)/1e9, float64(x.Low)/1e9, float64(x.High)/1e9)
	}
	return clock.Sentence(why)
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
		case x.Exchange == nil && x.Transaction == nil && isWebLine(ev) && contentless(x.Capture, x.Flow):
			w, ok = contentlessWindow(x.Flow)
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
