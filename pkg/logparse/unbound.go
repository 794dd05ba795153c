package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// unbound's log: log-queries, log-replies and log-servfail, with or without
// log-tag-queryreply. The stamp is Unix seconds in brackets, or with
// log-time-ascii local time without year and zone, to a second; the log of
// queries has no port and no ID.
//
//	[1795342288] unbound[20121:0] query: 10.9.0.2 app.ejemplo.com. A IN
//	Nov 22 10:48:22 unbound[17380:0] info: 10.9.0.2 app.ejemplo.com. A IN NOERROR 0.000716 0 49
//
// A query's line is written when it is received, a reply's when it is sent:
// with the code, the seconds it took, whether it came from the cache, and its
// size in bytes.

var unboundLog = &Format{
	Name: "unbound", PublicKind: "dns-log",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("unbound[")) {
			return 0
		}
		d := unboundText{}
		return scoreLines(head, 96, d.line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := unboundText{src: src, year: yearless{year: src.Year}}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"unbound"},
}

type unboundText struct {
	src  Source
	year yearless
}

func (d *unboundText) line(line []byte, e *Event) bool {
	rest := line
	if line[0] == '[' {
		number, after, found := cutAt(line[1:], ']')
		st, n := epochTime(number)
		if !found || n == 0 || n != len(number) || len(after) == 0 || after[0] != ' ' {
			return false
		}
		e.set(st, &d.src)
		rest = after[1:]
	} else if n := yearlessStamp(line, &d.year, &d.src, e); n > 0 && n < len(line) && line[n] == ' ' {
		rest = line[n+1:]
	} else if st, n := isoTime(line); n > 0 && n < len(line) && line[n] == ' ' {
		e.set(st, &d.src)
		rest = line[n+1:]
	} else {
		return false
	}
	pid, rest, ok := daemonTag(rest, "unbound")
	if !ok {
		return false
	}
	e.Process, e.PID = "unbound", pid
	return unboundMessage(rest, e)
}

// unboundMessage reads a message from its level on: "info: …", "query: …".
func unboundMessage(msg []byte, e *Event) bool {
	level, rest, ok := bytes.Cut(msg, []byte(": "))
	if !ok || len(level) > 10 {
		return false
	}
	switch string(level) {
	case "info", "query", "reply":
		if unboundQuestion(rest, e) {
			e.Level = view(level)
			return true
		}
	case "error", "notice", "debug", "warning", "fatal error":
	default:
		return false
	}
	e.Kind, e.Means, e.Level, e.Text = Message, Written, view(level), view(rest)
	for _, before := range []string{"SERVFAIL <", "validation failure <"} {
		after, found := bytes.CutPrefix(rest, []byte(before))
		if !found {
			continue
		}
		var f [3][]byte
		question, _, _ := cutAt(after, '>')
		if words(question, f[:]) == 3 && isDNSType(f[1]) {
			e.dnsEvent(DNSError, netip.AddrPort{}, f[0], f[1])
			e.RCode = "SERVFAIL"
		}
	}
	return true
}

// unboundQuestion reads "10.9.0.2 app.ejemplo.com. A IN", for a reply with
// " NOERROR 0.000716 0 49" and, with log-destaddr, the server's address.
func unboundQuestion(b []byte, e *Event) bool {
	var f [12][]byte
	n := words(b, f[:])
	if n < 4 || n > len(f) || !isDNSType(f[2]) && !bytes.HasPrefix(f[2], []byte("TYPE")) || !isDNSClass(f[3]) || !isDNSName(f[1]) {
		return false
	}
	peer, at, hasPort := cutAt(f[0], '@') // "10.9.0.2@34118" of some builds
	addr, ok := address(peer)
	if !ok {
		return false
	}
	client := netip.AddrPortFrom(addr, 0)
	if hasPort {
		p, good := port(at)
		if !good {
			return false
		}
		client = netip.AddrPortFrom(addr, p)
	}
	if n == 4 {
		e.dnsEvent(DNSQuery, client, f[1], f[2])
		return true
	}
	if n < 8 {
		return false
	}
	took, ok1 := amount(f[5], time.Second)
	size, ok2 := integer(f[7])
	if !ok1 || !ok2 || took < 0 || !isRCode(f[4]) || string(f[6]) != "0" && string(f[6]) != "1" {
		return false
	}
	e.dnsEvent(DNSReply, client, f[1], f[2])
	e.RCode, e.Duration, e.Sent = view(f[4]), took, size
	e.Outcome = "resolved"
	if f[6][0] == '1' {
		e.Outcome = "cached"
	}
	if n >= 11 && string(f[8]) == "on" { // "on udp 10.9.0.1 53"
		e.Proto = view(f[9])
		if a, ok := address(f[10]); ok {
			e.Server = netip.AddrPortFrom(a, 0)
		}
	}
	return true
}
