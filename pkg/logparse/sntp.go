package logparse

import (
	"bytes"
	"io"
)

// What sntp, ntpdig and ntpdate print, one line an exchange, stamped by the
// system clock in local time when it was over:
//
//	2026-11-22 10:53:05.952912 server 10.20.0.123, stratum 2, offset -0.729806, delay 0.034487
//	2026-11-22 10:53:05.952912 (+0000) +0.004323 +/- 0.031415 time.example.org 192.0.2.1 s2 no-leap
//	server 10.20.0.123, stratum 2, offset -0.729806, delay 0.034487
//	22 Nov 10:53:05 ntpdate[1234]: step time server 10.20.0.123 offset 2.350000 sec
//
// An offset is positive when the local clock is slow. Half the delay bounds
// its error; the server's own distance to UTC is not printed.

var sntp = &Format{
	Name: "sntp",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("offset")) && !bytes.Contains(head, []byte("+/-")) && !bytes.Contains(head, []byte("no server suitable")) {
			return 0
		}
		d := sntpText{}
		return scoreLines(head, 94, d.line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := sntpText{src: src, year: yearless{year: src.Year}}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"sntp", "ntpdate", "ntpdig"},
}

type sntpText struct {
	src  Source
	year yearless
}

func (d *sntpText) line(line []byte, e *Event) bool {
	if _, _, ok := prompt(line, "sntp", "ntpdate", "ntpdig"); ok {
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	e.Process = "sntp"
	if st, n := isoTime(line); n > 0 && n < len(line) && line[n] == ' ' {
		rest := line[n+1:]
		if len(rest) > 0 && rest[0] == '(' { // "(+0000)"
			inner, after, found := cutAt(rest[1:], ')')
			if east, k := zone(inner); found && k > 0 && k == len(inner) {
				st.time -= int64(east) * 1e9
				st.zone, st.east = ZoneStated, east
				rest = bytes.TrimLeft(after, " ")
			}
		}
		e.set(st, &d.src)
		return sntpServer(rest, e) || sntpPlain(rest, e) || sntpSilence(rest, e)
	}
	if n := dayFirstStamp(line, &d.year, &d.src, e); n > 0 && n < len(line) && line[n] == ' ' {
		for _, name := range []string{"ntpdate", "sntp", "ntpdig"} {
			if pid, msg, ok := daemonTag(line[n+1:], name); ok {
				e.Process, e.PID = name, pid
				ntpdMessage(msg, e)
				return true
			}
		}
		return false
	}
	return sntpServer(line, e) || sntpSilence(line, e)
}

// sntpServer reads "server A, stratum 2, offset X, delay Y".
func sntpServer(b []byte, e *Event) bool {
	var f [10][]byte
	n := words(b, f[:])
	if n == 2 && string(f[0]) == "server" {
		return false
	}
	if n != 8 || string(f[0]) != "server" || string(f[2]) != "stratum" || string(f[4]) != "offset" || string(f[6]) != "delay" {
		return false
	}
	stratum, ok1 := integer(bytes.TrimSuffix(f[3], []byte{','}))
	offset, h1, ok2 := seconds(bytes.TrimSuffix(f[5], []byte{','}))
	delay, h2, ok3 := seconds(f[7])
	if !ok1 || !ok2 || !ok3 || stratum < 0 || stratum > 16 {
		return false
	}
	e.Kind, e.Means = ClockReading, Updated
	source := bytes.TrimSuffix(f[1], []byte{','})
	e.Reading = &Reading{Source: string(source), Stratum: int(stratum)}
	if stratum == 0 || stratum == 16 { // ntpdate prints zeros for a server that was silent
		return true
	}
	e.Reading.Offset, e.Reading.HasOffset, e.Reading.Delay = -offset, true, delay
	e.Reading.Bound, e.Reading.Synchronised = rootBound(abs(delay), 0, h1+h2), true
	return true
}

// sntpPlain reads "+0.004323 +/- 0.031415 name address s2 no-leap".
func sntpPlain(b []byte, e *Event) bool {
	var f [8][]byte
	n := words(b, f[:])
	if n < 4 || n > len(f) || string(f[1]) != "+/-" {
		return false
	}
	offset, h1, ok1 := seconds(f[0])
	bound, h2, ok2 := seconds(f[2])
	if !ok1 || !ok2 {
		return false
	}
	r := &Reading{Source: string(f[3]), Offset: -offset, HasOffset: true, Bound: abs(bound) + h1 + h2, Synchronised: true}
	for _, w := range f[4:n] {
		if _, ok := address(w); ok {
			r.Source = string(w)
		}
		if len(w) > 1 && w[0] == 's' {
			if stratum, ok := integer(w[1:]); ok {
				r.Stratum = int(stratum)
			}
		}
		if string(w) == "alarm" || string(w) == "unsync" || string(w) == "no-sync" {
			r.Synchronised = false
		}
	}
	e.Kind, e.Means, e.Reading = ClockReading, Updated, r
	return true
}

// sntpFailures are the words of a line without a usable answer.
var sntpFailures = []struct{ text, outcome string }{
	{"no response", "timeout"},
	{"timed out", "timeout"},
	{"no UCST response", "timeout"},
	{"kiss code", "kiss-of-death"},
	{"KOD", "kiss-of-death"},
	{"no server suitable", "unsynchronised"},
}

// sntpSilence reads what is printed where no usable answer came.
func sntpSilence(b []byte, e *Event) bool {
	for _, f := range sntpFailures {
		if !bytes.Contains(b, []byte(f.text)) {
			continue
		}
		e.Kind, e.Means, e.Outcome, e.Text = Message, ClientEnd, f.outcome, view(b)
		if rest, ok := bytes.CutPrefix(b, []byte("server ")); ok {
			name, _, _ := cutAt(rest, ' ')
			e.Name = view(bytes.TrimRight(name, ":,"))
		}
		return true
	}
	return false
}
