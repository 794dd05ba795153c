package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// CoreDNS's plugin "log" in its common format, one line when the answer was
// sent:
//
//	[INFO] 10.240.0.1:50759 - 29008 "A IN example.org. udp 41 false 4096" NOERROR qr,rd,ra,ad 68 0.037990251s
//
// and of its plugin "errors":
//
//	[ERROR] plugin/errors: 2 example.org. A: read udp 10.244.0.2:35210->8.8.8.8:53: i/o timeout
//
// CoreDNS writes no stamp; a container's runtime may put one before it.

var corednsLog = &Format{
	Name: "coredns", PublicKind: "dns-log",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("[INFO] ")) && !bytes.Contains(head, []byte("[ERROR] plugin/")) {
			return 0
		}
		d := corednsText{}
		return scoreLines(head, 95, d.scored)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := corednsText{src: src}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"coredns"},
}

type corednsText struct{ src Source }

// scored takes for CoreDNS's only what no other program writes.
func (d *corednsText) scored(line []byte, e *Event) bool {
	if !d.line(line, e) {
		return false
	}
	if e.Kind == Message && !bytes.Contains(line, []byte("plugin/")) {
		e.Kind = "" // neither for nor against
	}
	return true
}

func (d *corednsText) line(line []byte, e *Event) bool {
	rest := line
	if st, n := isoTime(line); n > 0 && n < len(line) && line[n] == ' ' {
		e.set(st, &d.src)
		rest = line[n+1:]
		for _, stream := range []string{"stdout F ", "stderr F "} { // of the runtime
			rest = bytes.TrimPrefix(rest, []byte(stream))
		}
	}
	e.Process = "coredns"
	if len(rest) < 4 || rest[0] != '[' {
		return corednsBanner(rest, e)
	}
	level, rest, ok := cutAt(rest[1:], ']')
	if !ok || len(rest) < 2 || rest[0] != ' ' {
		return false
	}
	switch string(level) {
	case "INFO", "ERROR", "WARNING", "DEBUG", "FATAL", "PANIC":
	default:
		return false
	}
	rest = rest[1:]
	e.Level = view(level)
	if corednsAnswer(rest, e) {
		return true
	}
	e.Kind, e.Means, e.Text = Message, Written, view(rest)
	if after, found := bytes.CutPrefix(rest, []byte("plugin/errors: ")); found {
		var f [4][]byte
		if n := words(after, f[:]); n >= 4 && isDNSName(f[1]) && len(f[2]) > 1 && f[2][len(f[2])-1] == ':' && isDNSType(f[2][:len(f[2])-1]) {
			code, ok := integer(f[0])
			e.dnsEvent(DNSError, netip.AddrPort{}, f[1], f[2][:len(f[2])-1])
			if ok && code >= 0 && int(code) < len(rcodeNames) {
				e.RCode = rcodeNames[code]
			}
		}
	}
	return true
}

// corednsBanner takes what CoreDNS prints when it starts, without level.
func corednsBanner(b []byte, e *Event) bool {
	for _, start := range []string{"CoreDNS-", ".:", "linux/", "maxprocs"} {
		if bytes.HasPrefix(b, []byte(start)) {
			return true // no event
		}
	}
	return false
}

func corednsAnswer(b []byte, e *Event) bool {
	var f [16][]byte
	n := words(b, f[:])
	if n < 13 || n > len(f) || string(f[1]) != "-" || len(f[3]) < 2 || f[3][0] != '"' || f[9][len(f[9])-1] != '"' {
		return false
	}
	client, ok1 := addressPort(f[0])
	id, ok2 := integer(f[2])
	size, ok3 := integer(f[7])
	sent, ok4 := integer(f[12])
	if !ok1 || !ok2 || !ok3 || !ok4 || id < 0 || n < 14 || !isDNSClass(f[4]) {
		return false
	}
	took, ok := amount(bytes.TrimSuffix(f[13], []byte{'s'}), time.Second)
	if !ok || took < 0 {
		return false
	}
	e.dnsEvent(DNSReply, client, f[5], f[3][1:])
	e.RequestID, e.Proto, e.Received, e.Sent, e.Duration = view(f[2]), view(f[6]), size, sent, took
	if string(f[10]) != "-" { // no answer was sent
		e.RCode = view(f[10])
	}
	return true
}
