package logparse

import (
	"math"
	"time"
)

// LocalTime tells by how much local time was ahead of UTC where a log was
// written: always the same, by the rules of a place, or by what other evidence
// shows of a change. It is of one file, since it goes along with its stamps.
type LocalTime struct {
	place *time.Location
	spans []ZoneSpan // where place is nil, in order of time

	// No change comes within a day of local times in [from, until), ns.
	from, until int64
	east        int
	last        int64 // the last instant given, ns
}

// ZoneSpan is a time during which a zone's offset stays the same.
type ZoneSpan struct {
	From int64 // ns since the epoch; that of the first span is not looked at
	East int   // seconds east of UTC
}

// FixedZone is local time that never changes, east in seconds.
func FixedZone(east int) *LocalTime { return &LocalTime{spans: []ZoneSpan{{East: east}}} }

// ZoneOf is the local time of a place.
func ZoneOf(place *time.Location) *LocalTime { return &LocalTime{place: place} }

// ZoneSpans is local time as evidence shows it; spans are in order of time.
func ZoneSpans(spans []ZoneSpan) *LocalTime { return &LocalTime{spans: spans} }

// day of local time, beyond which no two offsets differ.
const localDay = 24 * int64(time.Hour)

// farTimes are outside what a stamp can say.
const farTimes = math.MaxInt64 / 4

// span is the time around an instant in which the offset stays the same.
func (l *LocalTime) span(t int64) (from, until int64, east int) {
	if l.place == nil {
		from, until = -farTimes, farTimes
		for i, s := range l.spans {
			if i > 0 && s.From > t {
				return from, s.From, east
			}
			if east = s.East; i > 0 {
				from = s.From
			}
		}
		return from, until, east
	}
	at := time.Unix(0, t).In(l.place)
	_, east = at.Zone()
	from, until = -farTimes, farTimes
	start, end := at.ZoneBounds()
	if !start.IsZero() {
		from = max(from, start.Unix()*1e9)
	}
	if !end.IsZero() && end.Unix() < farTimes/int64(time.Second) {
		until = end.Unix() * 1e9
	}
	return from, until, east
}

// at is the offset in seconds of a local time in ns. Where clocks were put back
// an hour comes twice: the first one is meant, unless the stamp before was
// already behind it. A time that clocks jumped over is told by the offset before.
func (l *LocalTime) at(local int64) int {
	if local >= l.from && local < l.until {
		l.last = local - int64(l.east)*1e9
		return l.east
	}
	from, until, east := l.span(local - localDay)
	_, _, after := l.span(local + localDay)
	if after == east {
		l.from, l.until, l.east = from+2*localDay, until-2*localDay, east
		if local < l.from || local >= l.until {
			l.from, l.until = 0, 0
		}
		l.last = local - int64(east)*1e9
		return east
	}
	first, second := local-int64(east)*1e9, local-int64(after)*1e9
	_, _, e1 := l.span(first)
	_, _, e2 := l.span(second)
	const jitter = int64(time.Minute) // lines are not quite in order
	if e2 == after && (e1 != east || first < l.last-jitter) {
		east, first = after, second
	}
	l.last = first
	return east
}

// again is the same local time for another part of a file.
func (l *LocalTime) again() *LocalTime { return &LocalTime{place: l.place, spans: l.spans} }
