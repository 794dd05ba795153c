package correlate

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// readings turns what time daemons and their clients wrote into bounds between
// the host's clocks and the servers they asked.
func (e *evidence) readings(l *incident.Log) {
	var before *logparse.Event // the last one that told the remaining correction
	for i := range l.Events {
		ev := &l.Events[i]
		r := ev.Reading
		if r == nil {
			continue
		}
		if ev.Kind == logparse.ClockStep && r.Step != 0 && ev.HasTime && r.Stamps == logparse.SystemClock {
			e.step(l, ev)
		}
		if ev.Kind == logparse.ClockReading && ev.HasTime {
			e.reading(l, ev, r, slewed(before, ev))
			if r.HasRemaining {
				before = ev
			}
		}
	}
}

// slewed is by how much the system clock may have been slewed within the width
// of a stamp: the rate since the reading before, over that width.
func slewed(before, ev *logparse.Event) int64 {
	const rounding = int64(20 * time.Microsecond)
	if before == nil || !ev.Reading.HasRemaining {
		return rounding
	}
	change, took := abs64(ev.Reading.Remaining-before.Reading.Remaining), ev.Time-before.Time
	if took < int64(time.Second) {
		return rounding + min(change, int64(ev.Width)/10)
	}
	return rounding + int64(float64(change)/float64(took)*float64(ev.Width))
}

// reading adds one statement. An offset with the remaining correction relates
// the system clock directly to the source; the remaining correction alone, to
// the NTP clock, which itself moves by the offset at each update.
func (e *evidence) reading(l *incident.Log, ev *logparse.Event, r *logparse.Reading, slack int64) {
	const still = int64(time.Millisecond) // an update moves the NTP clock by less
	scale := e.host(l)
	if r.Scale == logparse.NTPClock {
		scale = e.ntpClock(l)
	}
	at := ev.Time + int64(ev.Width)/2 // by the clock that stamped it
	if r.HasRemaining && (!r.HasOffset || abs64(r.Offset) < still) {
		bound := r.RemBound + abs64(r.Offset) + slack
		if ev.Slack > 0 { // a snapshot of unknown time: until then the daemon corrected what its root distance allows, or more of the rest
			bound += r.Bound + abs64(r.Remaining)
		}
		if r.Stamps == logparse.NTPClock {
			e.add(e.ntpClock(l), e.host(l), at, r.Remaining-bound, r.Remaining+bound, clock.Chrony)
		} else {
			e.add(e.host(l), e.ntpClock(l), at, -r.Remaining-bound, -r.Remaining+bound, clock.Chrony)
		}
	}
	if !r.HasOffset || !r.Synchronised || r.Unbounded {
		return
	}
	source := e.source(r.Source)
	if source == nil {
		return
	}
	method := clock.Chrony
	if ev.Process != "chronyd" && ev.Process != "chronyc" {
		method = clock.NTP
	}
	from := at - r.Offset // by the source's clock
	if r.Stamps != r.Scale {
		from = at
	}
	e.add(source, scale, from, r.Offset-r.Bound, r.Offset+r.Bound, method)
	if r.Scale == logparse.NTPClock && r.HasRemaining {
		sum, bound := r.Offset+r.Remaining, r.Bound+r.RemBound+slack
		e.add(source, e.host(l), from, sum-bound, sum+bound, method)
	}
}

// source is the clock a reading compares with: an NTP server by address, by the
// name its address has in the captures, or by a reference id that is one.
func (e *evidence) source(name string) *Clock {
	if name == "" {
		return e.utc()
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return e.server(a)
	}
	if i := strings.IndexByte(name, ' '); i > 0 {
		name = name[:i]
	}
	if as := e.names[pcapflow.PlainName(name)]; len(as) > 0 {
		return e.server(as[0])
	}
	if n, err := strconv.ParseUint(name, 16, 32); err == nil && len(name) == 8 {
		return e.server(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}))
	}
	return nil
}

// step notes a jump that a daemon says it made; its line is stamped behind it.
func (e *evidence) step(l *incident.Log, ev *logparse.Event) {
	r := ev.Reading
	e.refs++
	e.steps = append(e.steps, clock.Step{
		Clock: e.host(l).ID, At: ev.Time - r.Step - int64(time.Second), After: ev.Time + int64(ev.Width), Size: r.Step,
		Slack: r.Bound + int64(time.Millisecond), Method: clock.Chrony, Ref: e.refs,
	})
}

// jumps finds the steps of a host's clock in its journal: the journal's own
// stamp less monotonic time is constant within a boot, except at steps. A slew
// moves both.
func (e *evidence) jumps(l *incident.Log) {
	const (
		least = int64(5 * time.Millisecond)
		slack = int64(200 * time.Microsecond)
	)
	last := map[string]*logparse.Event{}
	for i := range l.Events {
		ev := &l.Events[i]
		if !ev.HasMonotonic || ev.JournalTime == 0 {
			continue
		}
		before := last[ev.BootID]
		last[ev.BootID] = ev
		if before == nil || ev.Monotonic < before.Monotonic {
			continue
		}
		mono := ev.Monotonic - before.Monotonic
		size := ev.JournalTime - before.JournalTime - mono
		// Over a long pause the two scales may part a little without a step.
		if abs64(size) < least+mono/1000 || !lasts(l, i, size) {
			continue
		}
		e.refs++
		e.steps = append(e.steps, clock.Step{
			Clock: e.host(l).ID, At: before.JournalTime, After: ev.JournalTime, Size: size, Slack: slack + mono/2000, Method: clock.Journal, Ref: e.refs,
		})
	}
}

// lasts tells whether the records behind a jump agree with it: a single record
// out of line was only written late.
func lasts(l *incident.Log, i int, size int64) bool {
	first := &l.Events[i]
	for n, k := 0, i+1; k < len(l.Events) && n < 3; k++ {
		ev := &l.Events[k]
		if !ev.HasMonotonic || ev.JournalTime == 0 || ev.BootID != first.BootID {
			continue
		}
		n++
		if d := (ev.JournalTime - first.JournalTime) - (ev.Monotonic - first.Monotonic); abs64(d) > abs64(size)/4 {
			return false
		}
	}
	return true
}

func abs64(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}
