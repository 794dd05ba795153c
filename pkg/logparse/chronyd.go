package logparse

import (
	"bytes"
	"io"
)

// chronyd's messages as chronyd -d, or its directive "logfile", writes them:
// "2026-11-22T10:53:04Z text". Their stamps belong to the system clock and are
// UTC. In syslog the same texts come without that stamp.

var chronydLog = &Format{
	Name: "chronyd-log",
	Score: func(head []byte) int {
		var d chronydState
		if !bytes.Contains(head, []byte("chronyd")) && !bytes.Contains(head, []byte("ystem clock")) && !bytes.Contains(head, []byte(" source ")) {
			return 0
		}
		return scoreLines(head, 96, d.line)
	},
	Open: func(r io.Reader, _ Source) Decoder {
		var d chronydState
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"chrony"},
}

// chronydState follows one daemon's messages.
type chronydState struct {
	// corrected is set once a correction may be on its way: from then on an
	// offset is relative to the NTP clock only.
	corrected bool
}

func (d *chronydState) line(line []byte, e *Event) bool {
	st, n := isoTime(line)
	if n == 0 || n+1 >= len(line) || line[n-1] != 'Z' || line[n] != ' ' {
		return false
	}
	e.Time, e.HasTime, e.Width = st.time, true, st.width
	e.Process = "chronyd"
	d.message(line[n+1:], e)
	return true
}

// chronydOutcomes are messages that say where the clock's history begins,
// ends, or is not controlled.
var chronydOutcomes = []struct{ text, outcome string }{
	{"chronyd version ", "starting"},
	{"chronyd exiting", "exiting"},
	{"Selected source ", "selected"},
	{"Can't synchronise", "unsynchronised"},
	{"Could not synchronise", "unsynchronised"},
	{"Detected falseticker ", "falseticker"},
	{"Received KoD ", "kiss-of-death"},
	{"System clock status ", "leap"},
	{"System clock interference detected", "interference"},
	{"System clock TAI offset set to", "leap"},
	{"Disabled control of system clock", "no-control"},
}

// message reads the text of one message. It fills Kind and what the text says;
// the caller has filled the stamp.
func (d *chronydState) message(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	switch {
	case d.reading(msg, e):
		return
	case bytes.Contains(msg, []byte("time jump detected")):
		// Somebody else moved the clock, by how much is not said.
		e.Kind, e.Outcome = ClockStep, "time-jump"
		e.Reading = &Reading{Unbounded: true}
		return
	}
	for _, o := range chronydOutcomes {
		if rest, ok := bytes.CutPrefix(msg, []byte(o.text)); ok {
			e.Outcome = o.outcome
			switch o.outcome {
			case "selected", "falseticker":
				name, _, _ := cutAt(rest, ' ')
				e.Name = view(name)
			case "kiss-of-death":
				if _, from, ok := bytes.Cut(rest, []byte(" from ")); ok {
					name, _, _ := cutAt(from, ' ')
					e.Name = view(name)
				}
			case "starting":
				d.corrected = false
			}
			return
		}
	}
}

// reading reads the messages that hold a number.
func (d *chronydState) reading(msg []byte, e *Event) bool {
	if rest, ok := bytes.CutPrefix(msg, []byte("System clock wrong by ")); ok {
		return d.wrongBy(rest, e)
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("System clock was stepped by ")); ok {
		// Written after the step.
		ns, half, _, ok := amountOf(rest, " seconds")
		if !ok {
			return false
		}
		d.corrected = false
		e.Kind, e.Outcome = ClockStep, "step"
		e.Reading = &Reading{Step: ns, Bound: half}
		return true
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("System's initial offset : ")); ok {
		ns, half, rest, ok := amountOf(rest, " seconds ")
		if !ok {
			return false
		}
		if bytes.HasPrefix(rest, []byte("slow")) {
			ns = -ns
		} else if !bytes.HasPrefix(rest, []byte("fast")) {
			return false
		}
		d.corrected = true
		e.Kind, e.Means = ClockReading, Updated
		e.Reading = &Reading{Offset: ns, HasOffset: true, Bound: half, Unbounded: true, Synchronised: true}
		return true
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("Frequency ")); ok {
		var f [4][]byte
		if words(rest, f[:]) < 4 || string(f[1]) != "+/-" || string(f[3]) != "ppm" {
			return false
		}
		frequency, ok1 := real(f[0])
		skew, ok2 := real(f[2])
		if !ok1 || !ok2 {
			return false
		}
		e.Kind, e.Means = ClockReading, Updated
		e.Reading = &Reading{Frequency: frequency, Skew: skew, HasFrequency: true}
		return true
	}
	return false
}

// wrongBy reads what follows "System clock wrong by": positive, the clock is
// slow. chronyd measures its NTP clock, which is the system clock as long as
// nothing was corrected.
func (d *chronydState) wrongBy(rest []byte, e *Event) bool {
	ns, half, _, ok := amountOf(rest, " seconds")
	if !ok {
		return false
	}
	r := &Reading{Offset: -ns, HasOffset: true, Bound: half, Unbounded: true, Synchronised: true}
	if d.corrected {
		r.Scale = NTPClock
	}
	d.corrected = true
	e.Kind, e.Means, e.Reading = ClockReading, Updated, r
	return true
}

// amountOf reads the number of seconds that stands before the word after.
func amountOf(b []byte, after string) (ns, half int64, rest []byte, ok bool) {
	number, rest, found := bytes.Cut(b, []byte(after))
	if !found {
		return 0, 0, nil, false
	}
	ns, half, ok = seconds(number)
	return ns, half, rest, ok
}
