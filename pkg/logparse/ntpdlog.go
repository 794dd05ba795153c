package logparse

import (
	"bytes"
	"io"
)

// ntpd's own messages, as its logfile and standard error hold them: NTPsec
// "2026-11-22T10:18:05 ntpd[29449]: …", ntp.org "22 Nov 10:18:05 ntpd[123]: …";
// both local time without zone.

var ntpdLog = &Format{
	Name: "ntpd-log",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("ntpd[")) {
			return 0
		}
		d := ntpdText{}
		return scoreLines(head, 95, d.line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := ntpdText{src: src, year: yearless{year: src.Year}}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"ntpd"},
}

type ntpdText struct {
	src  Source
	year yearless
}

func (d *ntpdText) line(line []byte, e *Event) bool {
	n := d.stamp(line, e)
	if n == 0 || n >= len(line) || line[n] != ' ' {
		return false
	}
	pid, msg, ok := daemonTag(line[n+1:], "ntpd")
	if !ok {
		return false
	}
	e.Process, e.PID = "ntpd", pid
	ntpdMessage(msg, e)
	return true
}

func (d *ntpdText) stamp(line []byte, e *Event) int {
	if st, n := isoTime(line); n > 0 {
		e.set(st, &d.src)
		return n
	}
	return dayFirstStamp(line, &d.year, &d.src, e)
}

// dayFirstStamp reads "22 Nov 10:18:05" at the start of a line into e, as
// yearlessStamp does "Nov 22 10:18:05".
func dayFirstStamp(line []byte, y *yearless, src *Source, e *Event) int {
	if len(line) < 15 || line[2] != ' ' || line[6] != ' ' || monthAt(line[3:]) == 0 || paddedDay(line) < 1 {
		return 0
	}
	var turned [48]byte
	n := copy(turned[:], line[3:6])
	turned[n] = ' '
	n++
	n += copy(turned[n:], line[:2])
	n += copy(turned[n:], line[6:min(len(line), 40)])
	return yearlessStamp(turned[:n], y, src, e)
}

// ntpdMessage reads the text of one message of ntpd, ntpdate or sntp.
func ntpdMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	for _, before := range []string{"time reset ", "clock_step ", "time stepped by "} {
		_, rest, found := bytes.Cut(msg, []byte(before))
		if !found {
			continue
		}
		if ns, half, ok := leadingSeconds(rest); ok {
			e.Kind, e.Outcome = ClockStep, "step"
			e.Reading = &Reading{Step: ns, Bound: half}
		}
		return
	}
	// ntpdate: "step time server 10.0.0.1 offset 2.350000 sec", "adjust time
	// server …": positive, the local clock was slow.
	for _, verb := range []string{"step", "adjust"} {
		rest, found := bytes.CutPrefix(msg, []byte(verb+" time server "))
		if !found {
			continue
		}
		var f [4][]byte
		if words(rest, f[:]) < 3 || string(f[1]) != "offset" {
			return
		}
		ns, half, ok := seconds(f[2])
		if !ok {
			return
		}
		e.Name = view(f[0])
		if verb == "step" {
			e.Kind, e.Outcome = ClockStep, "step"
			e.Reading = &Reading{Source: string(f[0]), Step: ns, Bound: half}
			return
		}
		e.Kind, e.Means = ClockReading, Updated
		e.Reading = &Reading{Source: string(f[0]), Offset: -ns, HasOffset: true, Bound: half, Unbounded: true, Synchronised: true}
		return
	}
	for _, o := range []struct{ text, outcome string }{
		{"no servers reachable", "unsynchronised"},
		{"Clock Unsynchronized", "unsynchronised"},
		{"no server suitable for synchronization", "unsynchronised"},
		{"synchronized to ", "selected"},
		{"exiting on signal", "exiting"},
		{": Starting", "starting"},
		{"kiss", "kiss-of-death"},
		{"KoD", "kiss-of-death"},
		{"no_sys_peer", "unsynchronised"},
	} {
		if i := bytes.Index(msg, []byte(o.text)); i >= 0 {
			e.Outcome = o.outcome
			if o.outcome == "selected" {
				name, _, _ := cutAt(msg[i+len(o.text):], ',')
				e.Name = view(name)
			}
			return
		}
	}
	if bytes.HasPrefix(msg, []byte("ntpd ")) && bytes.Contains(msg, []byte("tarting")) {
		e.Outcome = "starting"
	}
}

// leadingSeconds reads "+3.000000 s" or "+0.337123 s: why".
func leadingSeconds(b []byte) (ns, half int64, ok bool) {
	b = bytes.TrimLeft(b, " ")
	number, rest, _ := cutAt(b, ' ')
	if !bytes.HasPrefix(rest, []byte("s")) && len(rest) > 0 {
		return 0, 0, false
	}
	return seconds(number)
}
