package logparse

import (
	"bytes"
	"io"
	"time"
)

// Snapshots of a host's state (chronyc, ntpq, timedatectl, ss, nstat, …) have
// no stamp of their own. People put the output of date(1) before them: a line
// that holds nothing but a time is taken as the moment of what follows it.

// snapshots gives the events of a transcript the time of the line above them.
type snapshots struct {
	t      transcript
	src    Source
	stamps [2]stamp // the last one and the one before
	lines  [2]int   // where they stand
}

func newSnapshotDecoder(r io.Reader, t transcript, src Source) *transcriptDecoder {
	return newTranscriptDecoder(r, &snapshots{t: t, src: src})
}

func (s *snapshots) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "date"); ok {
		return true
	}
	if st, ok := dateLine(line); ok {
		s.stamps[1], s.lines[1] = s.stamps[0], s.lines[0]
		s.stamps[0], s.lines[0] = st, at.line
		return true
	}
	before := len(out.events)
	ok := s.t.line(line, at, out)
	s.stamp(out.events[before:])
	return ok
}

func (s *snapshots) end(out *outbox) {
	before := len(out.events)
	s.t.end(out)
	s.stamp(out.events[before:])
}

// stamp sets the time of events by the last stamp above each. It is the system
// clock's, and holds for the moment of the snapshot: chronyc's imprecise time of
// the last update gives way to it.
func (s *snapshots) stamp(events []Event) {
	for i := range events {
		e := &events[i]
		if e.HasTime && e.Slack == 0 { // its own, and better
			continue
		}
		k := 0
		if s.lines[0] > e.Line {
			k = 1
		}
		if s.lines[k] == 0 || s.lines[k] > e.Line {
			continue
		}
		e.set(s.stamps[k], &s.src)
		e.Slack = 0
		if r := e.Reading; r != nil {
			r.Stamps = SystemClock
		}
	}
}

// dateLine reads a line that is a time and nothing else, marks such as "# ",
// "=== " or "--- " left out: as date, date -R, date -I, date --rfc-3339 and
// date +%s.%N print it.
func dateLine(line []byte) (st stamp, ok bool) {
	b := bytes.Trim(line, "#=-* \t\r")
	if len(b) < 10 || len(b) > 64 {
		return st, false
	}
	if st, n := isoTime(b); n == len(b) && n > 0 {
		return st, true
	}
	if st, n := epochTime(b); n == len(b) && n > 0 && st.width < time.Second { // "1795342288.123": whole numbers are many things
		return st, true
	}
	if st, ok := dateWords(b); ok {
		return st, true
	}
	return mailTime(b)
}

// mailTime reads "Sun, 22 Nov 2026 10:53:05 +0000" (RFC 5322 section 3.3).
func mailTime(b []byte) (st stamp, ok bool) {
	var f [6][]byte
	if words(b, f[:]) != 6 || len(f[0]) != 4 || f[0][3] != ',' {
		return st, false
	}
	day, ok1 := integer(f[1])
	year, ok2 := integer(f[3])
	hour, min, sec, ns, width, k := clock(f[4])
	east, ok3 := zoneWord(f[5])
	if !ok1 || !ok2 || !ok3 || k == 0 || k != len(f[4]) {
		return st, false
	}
	s, ok := unix(int(year), monthWord(f[2]), int(day), hour, min, sec)
	return stamp{time: (s-int64(east))*int64(time.Second) + ns, width: width, zone: ZoneStated, east: east}, ok
}
