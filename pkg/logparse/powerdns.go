package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// PowerDNS: the authoritative server's log-dns-queries, and the recursor's
// questions and answers (quiet=no), in the text form and in the structured
// one of recursor 4.8. To a file they come with a stamp of local time without
// year; through syslog without.

var powerdnsLog = &Format{
	Name: "powerdns", PublicKind: "dns-log",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte(" wants '")) && !bytes.Contains(head, []byte("question for '")) && !bytes.Contains(head, []byte("answer to question '")) && !bytes.Contains(head, []byte("subsystem=\"")) {
			return 0
		}
		d := powerdnsText{}
		return scoreLines(head, 94, d.scored)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := powerdnsText{src: src, year: yearless{year: src.Year}}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"pdns", "powerdns", "recursor"},
}

type powerdnsText struct {
	src  Source
	year yearless
}

func (d *powerdnsText) line(line []byte, e *Event) bool {
	rest := line
	if n := yearlessStamp(line, &d.year, &d.src, e); n > 0 && n < len(line) && line[n] == ' ' {
		rest = line[n+1:]
	} else if st, n := isoTime(line); n > 0 && n < len(line) && line[n] == ' ' {
		e.set(st, &d.src)
		rest = line[n+1:]
	} else if !bytes.HasPrefix(line, []byte("msg=\"")) {
		return false
	}
	for _, name := range []string{"pdns_recursor", "pdns_server", "pdns"} {
		if pid, msg, ok := daemonTag(rest, name); ok {
			e.PID, rest = pid, msg
			break
		}
	}
	e.Process = "pdns"
	powerdnsMessage(rest, e, &d.src)
	return true
}

// scored takes for PowerDNS's only what it alone writes.
func (d *powerdnsText) scored(line []byte, e *Event) bool {
	if !d.line(line, e) {
		return false
	}
	if e.Kind == Message {
		e.Kind = ""
	}
	return true
}

// powerdnsMessage reads the text of one message.
func powerdnsMessage(msg []byte, e *Event, src *Source) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	switch {
	case bytes.HasPrefix(msg, []byte("Remote ")):
		powerdnsWants(msg, e)
	case bytes.HasPrefix(msg, []byte("msg=\"")):
		powerdnsStructured(msg, e, src)
	default:
		powerdnsRecursor(msg, e)
	}
}

// powerdnsWants reads "Remote 10.9.0.2 wants 'app.ejemplo.com|A', do = 0,
// bufsize = 1232: packetcache MISS".
func powerdnsWants(msg []byte, e *Event) {
	peer, rest, ok := bytes.Cut(msg[len("Remote "):], []byte(" wants '"))
	if !ok {
		return
	}
	question, rest, _ := cutAt(rest, '\'')
	name, qtype, ok := cutAt(question, '|')
	// "10.0.0.1<-10.9.0.2": a proxy's client
	if _, inner, found := bytes.Cut(peer, []byte("<-")); found {
		peer = inner
	}
	client, good := addressPort(peer)
	if !ok || !good || !isDNSType(qtype) {
		return
	}
	e.dnsEvent(DNSQuery, client, name, qtype)
	if bytes.Contains(rest, []byte("packetcache HIT")) {
		e.Outcome = "cached"
	}
}

// powerdnsRecursor reads
//
//	3 [2/1] question for 'www.example.com|A' from 192.0.2.1:5678
//	3 [2/1] answer to question 'www.example.com|A': 1 answers, …, took 1 packets, 0.12 netw ms, 0.2 tot ms, …, rcode=0
func powerdnsRecursor(msg []byte, e *Event) {
	before, rest, ok := bytes.Cut(msg, []byte("question "))
	if !ok {
		return
	}
	answer := bytes.HasSuffix(before, []byte("answer to "))
	rest = bytes.TrimPrefix(rest, []byte("for "))
	if len(rest) == 0 || rest[0] != '\'' {
		return
	}
	question, rest, _ := cutAt(rest[1:], '\'')
	name, qtype, ok := cutAt(question, '|')
	if !ok || !isDNSType(qtype) {
		return
	}
	if _, slot, found := cutAt(before, '['); found {
		slot, _, _ = cutAt(slot, ']')
		e.Connection = view(slot)
	}
	if !answer {
		var client netip.AddrPort
		if peer, found := bytes.CutPrefix(rest, []byte(" from ")); found {
			peer, _, _ = cutAt(peer, ' ')
			client, _ = addressPort(peer)
		}
		e.dnsEvent(DNSQuery, client, name, qtype)
		return
	}
	e.dnsEvent(DNSReply, netip.AddrPort{}, name, qtype)
	for len(rest) > 0 {
		var part []byte
		part, rest, _ = cutAt(rest, ',')
		part = bytes.TrimSpace(part)
		if number, found := bytes.CutSuffix(part, []byte(" tot ms")); found {
			if took, ok := amount(number, time.Millisecond); ok {
				e.Duration = took
			}
		}
		if number, found := bytes.CutPrefix(part, []byte("rcode=")); found {
			powerdnsCode(number, e)
		}
	}
}

func powerdnsCode(number []byte, e *Event) {
	if n, ok := integer(number); ok && n >= 0 && int(n) < len(rcodeNames) {
		e.RCode = rcodeNames[n]
	}
}

// powerdnsStructured reads msg="Question" … ts="1690000000.123" qname="…"
// qtype="A" remote="…", and msg="Answer" … rcode="0" totms="0.2".
func powerdnsStructured(msg []byte, e *Event, src *Source) {
	kind := Message
	var name, qtype []byte
	var client netip.AddrPort
	for rest := msg; len(rest) > 0; {
		key, after, ok := bytes.Cut(rest, []byte("=\""))
		if !ok {
			break
		}
		value, next, ok := cutAt(after, '"')
		if !ok {
			break
		}
		switch string(bytes.TrimSpace(key)) {
		case "msg":
			switch string(value) {
			case "Question":
				kind = DNSQuery
			case "Answer":
				kind = DNSReply
			}
			e.Text = view(value)
		case "ts":
			if st, n := epochTime(value); n == len(value) && n > 0 {
				e.set(st, src)
			}
		case "qname":
			name = value
		case "qtype":
			qtype = value
		case "proto":
			e.Proto = view(value)
		case "remote":
			client, _ = addressPort(value)
		case "mtid":
			e.Connection = view(value)
		case "rcode":
			powerdnsCode(value, e)
		case "totms":
			if took, ok := amount(value, time.Millisecond); ok {
				e.Duration = took
			}
		}
		rest = next
	}
	if kind != Message && name != nil {
		e.dnsEvent(kind, client, name, qtype)
	}
}
