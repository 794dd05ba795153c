package logparse

import (
	"bytes"
	"io"
	"time"
)

// timeCommand is what time(1) and the shells' own time print of a command that
// printed nothing else: real, user and sys, or the lines of GNU time -v. Where
// curl, dig or ssh ran under it, their own formats take these lines.
var timeCommand = &Format{
	Name: "time",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("real")) && !bytes.Contains(head, []byte("Elapsed (wall clock) time")) {
			return 0
		}
		return scoreTranscript(head, 80, &timeText{})
	},
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &timeText{}, src) },
	Hints: []string{"time"},
}

// timeText is the state of one text: a HostState a command, Duration is its
// real time, Text the command where it is told.
type timeText struct {
	event Event
	open  bool
}

func (t *timeText) line(line []byte, at place, out *outbox) bool {
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if i := promptEnd(line); i >= 0 {
		t.finish(out)
		if command, ok := bytes.CutPrefix(bytes.TrimSpace(line[i:]), []byte("time ")); ok {
			t.start(at)
			t.event.Text = string(bytes.TrimSpace(command))
		}
		return t.open
	}
	if name, ns, ok := timeLine(line); ok {
		if name == "real" && t.event.Duration >= 0 {
			t.finish(out)
		}
		t.take(name, ns, at)
		return true
	}
	name, value, ok := bytes.Cut(text, []byte(": "))
	if !ok {
		return false
	}
	switch string(name) {
	case "Command being timed":
		t.finish(out)
		t.start(at)
		t.event.Text = string(bytes.Trim(value, `"`))
	case "Elapsed (wall clock) time (h:mm:ss or m:ss)":
		ns, good := wallClock(value)
		if !good {
			return false
		}
		t.take("real", ns, at)
	default:
		if !t.open {
			return false
		}
		if v, good := real(bytes.TrimSuffix(value, []byte{'%'})); good {
			t.event.Values = append(t.event.Values, Value{Name: string(name), Number: v})
		}
		t.event.reach(at)
	}
	return true
}

func (t *timeText) start(at place) {
	t.event, t.open = begin(HostState, at), true
	t.event.Process = "time"
}

func (t *timeText) take(name string, ns int64, at place) {
	if !t.open {
		t.start(at)
	}
	t.event.reach(at)
	if name == "real" {
		t.event.Duration = time.Duration(ns)
	} else {
		t.event.Values = append(t.event.Values, Value{Name: name, Number: float64(ns) / 1e9, Unit: "s"})
	}
}

func (t *timeText) finish(out *outbox) {
	if t.open && t.event.Duration >= 0 {
		out.put(t.event)
	}
	t.event, t.open = Event{Duration: -1}, false
}

func (t *timeText) end(out *outbox) { t.finish(out) }

// wallClock reads "0:00.63" and "1:02:03" of GNU time.
func wallClock(b []byte) (ns int64, ok bool) {
	for {
		part, rest, more := cutAt(b, ':')
		if !more {
			s, _, good := seconds(part)
			return ns*60 + s, good
		}
		n, good := integer(part)
		if !good || n < 0 || n > 1e6 {
			return 0, false
		}
		ns, b = ns*60+n*1e9, rest
	}
}
