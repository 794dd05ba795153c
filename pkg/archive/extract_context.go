package archive

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// findings adds what is named by the findings that are about chosen journeys alone:
// lines that belong to no journey, as those of a time daemon, and packets of others.
func (x *extract) findings(c *correlate.Case, r *report.Report, chosen map[string]bool) {
	paths := map[string]string{}
	for i := range r.Evidence {
		paths[r.Evidence[i].ID] = r.Evidence[i].Path
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if len(f.Journeys) == 0 || slices.ContainsFunc(f.Journeys, func(id string) bool { return !chosen[id] }) {
			continue
		}
		x.found = true
		for _, e := range f.Evidence {
			x.named(c, paths[e.Evidence], e.Frames, e.Lines)
		}
	}
}

// named adds frames and lines of one file.
func (x *extract) named(c *correlate.Case, path string, frames, lines []int) {
	for _, k := range c.Incident.Captures {
		before := 0
		for n, f := range k.Files {
			if f.Path == path {
				for _, frame := range frames {
					x.frames.keep(k, []int32{int32(before + frame)})
				}
			}
			before += k.Frames[n]
		}
	}
	for _, l := range c.Incident.Logs {
		if l.File.Path != path {
			continue
		}
		for i := range l.Events {
			if slices.Contains(lines, l.Events[i].Line) {
				x.events[l] = append(x.events[l], i)
			}
		}
	}
}

// mostWitnesses of one capture are added to what a finding is about.
const mostWitnesses = 8

// witnesses adds ordinary journeys, those nearest in time to the chosen ones at one of
// their servers. Of a capture that saw nothing of the chosen ones, one says that it
// would have seen them. Where a finding is about them, several say what is usual there,
// and where the capture was taken. Of the capture whose clock is the reference any one
// will do. Journeys that a finding is about would tell of it anew: they are not taken.
func (x *extract) witnesses(c *correlate.Case, r *report.Report, journeys []*correlate.Journey) {
	servers, odd := map[netip.Addr]bool{}, map[string]bool{}
	for _, j := range journeys {
		servers[j.Server.Addr()] = true
		if j.Lookup != nil {
			servers[j.Lookup.Tries[0].Flow.Server.Addr()] = true
		}
	}
	for i := range r.Findings {
		for _, id := range r.Findings[i].Journeys {
			odd[id] = true
		}
	}
	by, ofReference := map[*incident.Capture][]*correlate.Journey{}, map[*incident.Capture][]*correlate.Journey{}
	for _, j := range c.Journeys {
		for _, k := range capturesOf(j) {
			reference := x.frames[k] == nil && slices.Contains(c.Clocks[0].Files, k.Files[0])
			switch {
			case !odd[j.ID] && (reference || servers[j.Server.Addr()]):
				by[k] = append(by[k], j)
			case reference:
				ofReference[k] = append(ofReference[k], j)
			}
		}
	}
	var beside []*correlate.Journey
	for _, k := range c.Incident.Captures {
		most := 0
		if by[k] == nil { // an odd one is better than another clock
			by[k] = ofReference[k]
		}
		switch {
		case x.found:
			most = mostWitnesses
		case x.frames[k] == nil:
			most = 1
		}
		slices.SortStableFunc(by[k], func(a, b *correlate.Journey) int {
			return cmp.Compare(apartBy(a, journeys[0]), apartBy(b, journeys[0]))
		})
		beside = append(beside, by[k][:min(most, len(by[k]))]...)
	}
	if x.found {
		beside = append(beside, goingOn(c, journeys)...)
	}
	for _, j := range beside {
		x.frames.keepJourney(j)
		for _, l := range j.Lines { // else those of the chosen might be its
			delete(x.others[l.Log], l.Event)
		}
	}
	if x.found {
		x.lookups(lookupsBeside(c, journeys, odd))
	}
}

// silence is how long behind a request a capture must go on to show that no answer came. ns
const silence = int64(5e9)

// goingOn are journeys that show of each capture that it went on after the chosen ones: the
// first that begins so much later, else the last.
func goingOn(c *correlate.Case, journeys []*correlate.Journey) (all []*correlate.Journey) {
	chosen, ended := map[*correlate.Journey]bool{}, map[*incident.Capture]int64{}
	for _, j := range journeys {
		if k := captureOf(j); k != nil {
			chosen[j] = true
			ended[k] = max(ended[k], j.Start.Time, j.End.Time)
		}
	}
	best := map[*incident.Capture]*correlate.Journey{}
	for _, j := range c.Journeys {
		k := captureOf(j)
		end, seen := ended[k]
		if k == nil || !seen || chosen[j] || j.Start.Time <= end {
			continue
		}
		was, later := best[k], j.Start.Time-end
		switch {
		case was == nil,
			later >= silence && (later < was.Start.Time-end || was.Start.Time-end < silence),
			later < silence && later > was.Start.Time-end:
			best[k] = j
		}
	}
	for _, k := range c.Incident.Captures {
		if j := best[k]; j != nil {
			all = append(all, j)
		}
	}
	return all
}

// apartBy is how far apart two journeys begin, ns.
func apartBy(a, b *correlate.Journey) float64 { return math.Abs(float64(a.Start.Time - b.Start.Time)) }

// capturesOf are those that saw a journey.
func capturesOf(j *correlate.Journey) (all []*incident.Capture) {
	for _, p := range j.Points {
		all = append(all, p.Capture)
	}
	if l := j.Lookup; l != nil && len(all) == 0 {
		all = append(all, l.Capture)
		for _, o := range l.Others {
			all = append(all, o.Capture)
		}
	}
	return all
}

// mostReadings of one clock are written down.
const mostReadings = 12

// Measured is what was measured on the whole, and a few lines and packets would not do to
// measure again: the clocks while the chosen journeys went on, called as in the folder,
// and where captures were taken.
type Measured struct {
	Reference string
	Declared  map[string]time.Duration
	Known     []correlate.Known
	Taken     []Taken
}

// Taken says on which host a capture of the folder was taken.
type Taken struct {
	File string
	On   []netip.Addr
}

// taken is where the captures of the folder were taken, as far as that is known.
func (x *extract) taken() (all []Taken) {
	for _, k := range x.frames.captures() {
		if len(k.Own) > 0 {
			all = append(all, Taken{nameOfCut(k.Files[0].Path), k.Own})
		}
	}
	return all
}

// measured gathers it.
func measured(c *correlate.Case, journeys []*correlate.Journey) (m Measured) {
	if len(c.Clocks) == 0 || len(journeys) == 0 {
		return m
	}
	m.Reference, m.Declared = clockInCut(c.Clocks[0]), map[string]time.Duration{}
	from, to := spanOf(c, journeys)
	for _, k := range c.Clocks[1:] {
		switch string(k.Status) {
		case "declared":
			if offset, _, _, ok := k.At(from); ok {
				m.Declared[clockInCut(k)] = time.Duration(offset)
			}
		case "measured":
			for i := range int64(mostReadings) {
				at := from + (to-from)/(mostReadings-1)*i
				_, low, high, ok := k.At(ownTime(k, at))
				if ok && (i == 0 || to > from) {
					m.Known = append(m.Known, correlate.Known{Clock: clockInCut(k), Of: m.Reference, At: at, Low: low, High: high})
				}
			}
		}
	}
	return m
}

// spanOf is the time of journeys by the reference clock.
func spanOf(c *correlate.Case, journeys []*correlate.Journey) (from, to int64) {
	from, to = math.MaxInt64, math.MinInt64
	for _, j := range journeys {
		start, end := j.Start.Time, max(j.Start.Time, j.End.Time)
		if k := clockOfJourney(c, j); k != nil {
			if at, _, _, ok := k.Correct(start); ok {
				start, end = at, at+end-start
			}
		}
		from, to = min(from, start), max(to, end)
	}
	return from, to
}

// clockOfJourney stamped its beginning.
func clockOfJourney(c *correlate.Case, j *correlate.Journey) *correlate.Clock {
	shown := captureOf(j)
	if shown == nil {
		return nil
	}
	i := slices.IndexFunc(c.Clocks, func(k *correlate.Clock) bool { return slices.Contains(k.Files, shown.Files[0]) })
	if i < 0 {
		return nil
	}
	return c.Clocks[i]
}

// ownTime is what a clock showed at an instant of the reference.
func ownTime(k *correlate.Clock, at int64) int64 {
	own := at
	for range 3 { // clocks drift little while they are that far apart
		if offset, _, _, ok := k.At(own); ok {
			own = at + offset
		}
	}
	return own
}

// clockInCut is what a clock is called in the folder: that of a capture by its file.
func clockInCut(k *correlate.Clock) string {
	if k.Kind == "capture" && len(k.Files) > 0 {
		return nameOfCut(k.Files[0].Path)
	}
	return k.Name
}
