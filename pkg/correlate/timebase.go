package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// source is one clock that stamped packets: a capture's (section, interface).
type source struct {
	capture *incident.Capture
	clock   capture.ClockID
}

func sourceOf(p Point) source    { return source{p.Capture, p.Flow.Clock} }
func (l *Lookup) source() source { return source{l.Capture, l.Tries[0].Flow.Clock} }
func seenBefore(a, b pcapflow.Stamp) bool {
	return a.Time < b.Time || a.Time == b.Time && a.Frame < b.Frame
}

// span is an instant on the reference clock with its bounds.
type span struct {
	at, low, high int64
}

// timebase brings stamps of several clocks onto the reference.
type timebase interface {
	// packet corrects a stamp of a capture; ok is false where that clock is
	// not known against the reference.
	packet(s source, t int64) (sp span, ok bool)
	// stamp corrects the stamp of one packet: its frame tells on which side of a
	// step it was seen.
	stamp(s source, st pcapflow.Stamp) (sp span, ok bool)
	// line corrects the stamp of an event of a log, or an instant so much later.
	line(l *incident.Log, event int, later int64) (sp span, ok bool)
	// lineClock and packetClock name the clock that made a stamp, nil where
	// nothing is known of it: stamps of one clock need no correction.
	lineClock(l *incident.Log, event int) *Clock
	packetClock(s source) *Clock
	// oneClock tells whether two sources were stamped by one clock.
	oneClock(a, b source) bool
}

// asWritten takes every clock for right: what remains when nothing could be measured.
type asWritten struct{}

func (asWritten) packet(_ source, t int64) (span, bool) { return span{t, t, t}, true }
func (asWritten) stamp(_ source, st pcapflow.Stamp) (span, bool) {
	return span{st.Time, st.Time, st.Time}, true
}
func (asWritten) line(l *incident.Log, event int, later int64) (span, bool) {
	t := l.Events[event].Time + later
	return span{t, t, t}, l.Events[event].HasTime
}
func (asWritten) lineClock(*incident.Log, int) *Clock { return nil }
func (asWritten) packetClock(source) *Clock           { return nil }

// root names what corrected stamps are comparable on: 0 the reference, else a
// clock that nothing ties to it, its ID + 1.
type root int

// aside corrects a stamp of a clock that nothing ties to the reference to the one
// against which it is known all the same.
func aside(k *Clock, t int64) (span, root, bool) {
	if k == nil || k.Aside == nil {
		return span{t, t, t}, 0, false
	}
	at, low, high, ok := k.Aside.Correct(t)
	return span{at, low, high}, root(k.Root) + 1, ok
}

// between returns how much later b is than a, and by how much that may be
// wrong. Stamps of one clock need no correction.
func between(tb timebase, a source, ta int64, b source, at int64) (diff, slack int64, ok bool) {
	if tb.oneClock(a, b) {
		return at - ta, 0, true
	}
	x, okA := tb.packet(a, ta)
	y, okB := tb.packet(b, at)
	if !okA || !okB {
		return 0, 0, false
	}
	return y.at - x.at, (x.high - x.low + y.high - y.low) / 2, true
}

// carry restates stamp s of clock from on clock to; near is any instant of the
// latter at about that time. The frame stays that of the capture s comes from.
func carry(tb timebase, from source, s pcapflow.Stamp, to source, near int64) (pcapflow.Stamp, bool) {
	if tb.oneClock(from, to) {
		return s, true
	}
	diff, _, ok := between(tb, from, s.Time, to, near)
	if !ok {
		return pcapflow.Stamp{}, false
	}
	return pcapflow.Stamp{Time: near - diff, Frame: s.Frame}, true
}

// measured is a timebase made of the clocks' tracks.
type measured struct {
	table *clockTable
	host  map[*incident.Capture]*incident.Capture // the first capture taken on the same host
	turns map[logDrop]int                         // where logs pass a step backward, once looked for
	seams map[*clock.Drop][2]int                  // the frames between which a capture does
}

// newTimebase uses the tracks of clocks, or none of them where opt says so.
func newTimebase(inc *incident.Incident, clocks []*Clock, opt Options) timebase {
	if opt.NoCorrect {
		return asWritten{}
	}
	m := &measured{table: newClockTable(inc, clocks), host: map[*incident.Capture]*incident.Capture{}, turns: map[logDrop]int{}, seams: map[*clock.Drop][2]int{}}
	for i, c := range inc.Captures {
		m.host[c] = c
		if n := slices.IndexFunc(inc.Captures[:i], func(first *incident.Capture) bool { return oneHost(first, c) }); n >= 0 {
			m.host[c] = m.host[inc.Captures[n]]
		}
	}
	return m
}

func (m *measured) packet(s source, t int64) (span, bool) {
	at, low, high, ok := m.table.correctStamp(s.capture, s.clock, t)
	if !ok {
		// Another capture of the same host was stamped by the same clock.
		if first := m.host[s.capture]; first != nil && first != s.capture {
			at, low, high, ok = m.table.correctStamp(first, 0, t)
		}
	}
	return span{at, low, high}, ok
}

func (m *measured) stamp(s source, st pcapflow.Stamp) (span, bool) {
	k := m.packetClock(s)
	if k == nil {
		return m.packet(s, st.Time)
	}
	for i := range k.Drops {
		d := &k.Drops[i]
		if st.Time < d.First || st.Time > d.Last {
			continue
		}
		seam, ok := m.seams[d]
		if !ok {
			seam = seamOf(s, d)
			m.seams[d] = seam
		}
		if st.Frame <= seam[0] || st.Frame >= seam[1] {
			at, low, high := d.CorrectSide(st.Time, st.Frame >= seam[1])
			return span{at, low, high}, true
		}
	}
	return m.packet(s, st.Time)
}

// seamOf finds the last frame before a step backward and the first one behind
// it, as far as the packets remembered of the flows tell; all frames lie between
// where they do not.
func seamOf(s source, d *clock.Drop) [2]int {
	var seen []pcapflow.Stamp
	for _, f := range s.capture.Flows {
		if f.Clock != s.clock {
			continue
		}
		seen = append(seen, f.Start, f.End)
		if f.Conn != nil {
			for _, m := range f.Conn.Marks {
				seen = append(seen, m.Stamp)
			}
		}
	}
	slices.SortFunc(seen, func(a, b pcapflow.Stamp) int { return cmp.Compare(a.Frame, b.Frame) })
	seam := [2]int{0, math.MaxInt}
	for i := 1; i < len(seen); i++ {
		if seen[i-1].Time-seen[i].Time > d.Size()/2 {
			seam = [2]int{seen[i-1].Frame, seen[i].Frame}
		}
	}
	return seam
}

func (m *measured) line(l *incident.Log, event int, later int64) (span, bool) {
	e := &l.Events[event]
	k := m.table.ofEvent(l, event)
	if k == nil || !e.HasTime {
		return span{e.Time, e.Time, e.Time}, false
	}
	if d, behind, told := m.side(l, event, k); told {
		at, low, high := d.CorrectSide(e.Time+later, behind)
		return span{at, low, high}, true
	}
	at, low, high, ok := k.Correct(e.Time + later)
	return span{at, low, high}, ok
}

// side tells on which side of a step backward of its clock a line was written:
// in the order of its log the stamps go back once. Not told where the stamp was
// shown once only, or where the log does not show the step.
func (m *measured) side(l *incident.Log, event int, k *Clock) (d *clock.Drop, behind, told bool) {
	t := l.Events[event].Time
	for i := range k.Drops {
		d := &k.Drops[i]
		if t < d.First || t > d.Last {
			continue
		}
		key := logDrop{l, d}
		at, ok := m.turns[key]
		if !ok {
			at = turnOf(l, d)
			m.turns[key] = at
		}
		return d, event >= at, at >= 0
	}
	return nil, false, false
}

// logDrop is a step backward in one log.
type logDrop struct {
	log  *incident.Log
	drop *clock.Drop
}

// turnOf is the first event of a log behind a step backward; −1: its stamps do
// not go back there, are too coarse, or go back more than once.
func turnOf(l *incident.Log, d *clock.Drop) int {
	at, latest := -1, int64(0)
	for i := range l.Events {
		e := &l.Events[i]
		if !e.HasTime {
			continue
		}
		if latest-e.Time > d.Size()/2+int64(e.Width) {
			if at >= 0 {
				return -1
			}
			at, latest = i, e.Time
		}
		latest = max(latest, e.Time)
	}
	return at
}

func (m *measured) lineClock(l *incident.Log, event int) *Clock { return m.table.ofEvent(l, event) }
func (m *measured) packetClock(s source) *Clock                 { return m.table.ofCapture(s.capture, s.clock) }

// oneClock tells whether two sources are one clock.
func (m *measured) oneClock(a, b source) bool {
	if a == b || m.host[a.capture] == m.host[b.capture] && a.clock == b.clock {
		return true
	}
	k := m.table.ofCapture(a.capture, a.clock)
	return k != nil && k == m.table.ofCapture(b.capture, b.clock)
}

func (asWritten) oneClock(a, b source) bool { return a == b }
