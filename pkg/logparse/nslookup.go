package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"time"
)

// What nslookup (BIND's and Windows') and host print: one event a question. It
// has no stamps and no times.

var nslookup = &Format{
	Name: "nslookup",
	Score: func(head []byte) int {
		for _, sign := range []string{"Server:", "** server can't find", "$ nslookup ", "> nslookup ", " has address ", " not found: ", "DNS request timed out", "$ host "} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 92, &nslookupText{})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, _ Source) Decoder { return newTranscriptDecoder(r, &nslookupText{}) },
	Hints: []string{"nslookup"},
}

type nslookupText struct {
	event   Event
	open    bool
	asked   string         // the prompt's question
	server  netip.AddrPort // of the last "Address: …#53"
	servers bool           // "Server:" was read: the next address is the server's
	answers bool           // the server's own lines are over
	over    bool           // an empty line came behind the answers: another output may follow
}

func (n *nslookupText) start(at place) {
	n.event = begin(ClientDNS, at)
	n.event.Process, n.event.Means = "nslookup", ClientEnd
	n.event.Lookup = &Lookup{ID: -1, QueryTime: -1, Name: n.asked}
	n.open, n.servers, n.answers, n.over = true, false, false, false
}

func (n *nslookupText) finish(out *outbox) {
	if !n.open {
		return
	}
	n.open = false
	e, l := n.event, n.event.Lookup
	if l.Name == "" && len(l.Answers) == 0 && l.Status == "" && !l.NoServers && l.Timeouts == 0 {
		return
	}
	if !l.Server.IsValid() {
		l.Server = n.server
	}
	if l.Status == "" && len(l.Answers) > 0 {
		l.Status = "NOERROR"
	}
	e.Name, e.Type, e.Server, e.RCode = l.Name, l.Type, l.Server, l.Status
	switch {
	case l.NoServers:
		e.Outcome = "no-servers"
	case l.Status == "NOERROR":
		e.Outcome = "ok"
	case l.Status != "" || l.Timeouts > 0:
		e.Outcome = "failed"
	}
	out.put(e)
}

func (n *nslookupText) end(out *outbox) { n.finish(out) }

func (n *nslookupText) line(line []byte, at place, out *outbox) bool {
	if command, _, ok := prompt(line, "nslookup", "host"); ok {
		n.finish(out)
		n.asked = ""
		for _, a := range arguments(command)[1:] {
			if !strings.HasPrefix(a, "-") {
				n.asked = strings.Clone(lowerName([]byte(a)))
				break
			}
		}
		n.start(at)
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		n.over = n.open && n.answers
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	if _, ns, ok := timeLine(line); ok {
		if n.open && text[0] == 'r' {
			n.event.Duration = time.Duration(ns)
		}
		return true
	}
	if bytes.HasPrefix(text, []byte("Server:")) {
		if n.open && (n.answers || n.event.Lines > 1) {
			n.finish(out)
			n.asked = ""
		}
		if !n.open {
			n.start(at)
		}
		n.event.reach(at)
		n.servers = true
		return true
	}
	if n.over && nslookupSpeaks(text) && !bytes.HasPrefix(text, []byte("Name:")) {
		n.finish(out)
		n.asked = ""
	}
	n.over = false
	if !n.open {
		if !nslookupSpeaks(text) {
			return false
		}
		n.start(at)
	}
	n.event.reach(at)
	return n.message(text, at, out)
}

// nslookupSpeaks tells a line with which an output may begin.
func nslookupSpeaks(b []byte) bool {
	for _, s := range []string{";; ", "** server can't find", "*** ", "DNS request timed out", "Name:", "Non-authoritative answer", "Using domain server"} {
		if bytes.HasPrefix(b, []byte(s)) {
			return true
		}
	}
	return bytes.Contains(b, []byte("\tname = ")) || bytes.Contains(b, []byte(" has address ")) || bytes.Contains(b, []byte(" has IPv6 address ")) || bytes.Contains(b, []byte(" not found: "))
}

func (n *nslookupText) message(text []byte, at place, out *outbox) bool {
	l := n.event.Lookup
	switch {
	case bytes.HasPrefix(text, []byte("Address:")), bytes.HasPrefix(text, []byte("Addresses:")):
		_, value, _ := cutAt(text, ':')
		n.addressLine(bytes.TrimSpace(value))
	case bytes.HasPrefix(text, []byte("Name:")):
		name := strings.Clone(lowerName(bytes.TrimSpace(text[len("Name:"):])))
		if l.Name == "" {
			l.Name = name
		}
		n.answers = true
	case bytes.HasPrefix(text, []byte("Non-authoritative answer")), bytes.HasPrefix(text, []byte("Authoritative answers")):
		n.answers = true
	case bytes.HasPrefix(text, []byte(";; communications error to ")), bytes.HasPrefix(text, []byte(";; connection timed out")), bytes.HasPrefix(text, []byte(";; no servers")),
		bytes.HasPrefix(text, []byte("DNS request timed out")), bytes.HasPrefix(text, []byte(";; Truncated")), bytes.HasPrefix(text, []byte(";; Got ")):
		if bytes.Contains(text, []byte("timed out")) {
			l.Timeouts++
		}
		l.NoServers = l.NoServers || bytes.Contains(text, []byte("no servers could be reached"))
		l.TCPRetry = l.TCPRetry || bytes.Contains(text, []byte("Truncated"))
		for _, w := range bytes.Fields(text) {
			if s, ok := hashPort(bytes.TrimRight(w, ":")); ok {
				l.Server = s
			}
		}
	case bytes.HasPrefix(text, []byte("** server can't find ")), bytes.HasPrefix(text, []byte("*** ")), bytes.HasPrefix(text, []byte("Host ")):
		n.failure(text)
	case bytes.Contains(text, []byte(" has address ")), bytes.Contains(text, []byte(" has IPv6 address ")):
		name, _, _ := cutAt(text, ' ')
		if l.Name == "" {
			l.Name = strings.Clone(lowerName(name))
		}
		n.addressLine(text[bytes.LastIndexByte(text, ' ')+1:])
	case bytes.HasPrefix(text, []byte("timeout was ")), bytes.Contains(text, []byte("canonical name = ")), bytes.Contains(text, []byte(" is an alias for ")),
		bytes.Contains(text, []byte("name = ")), bytes.HasPrefix(text, []byte("Aliases:")), bytes.HasPrefix(text, []byte("Using domain server")), bytes.HasPrefix(text, []byte("origin = ")),
		bytes.Contains(text, []byte(" mail ")), bytes.Contains(text, []byte(" domain name pointer ")), bytes.Contains(text, []byte(" = ")):
		n.answers = true
		n.record(text)
	case nslookupDebug(text):
	default:
		// Windows goes on with addresses on lines of their own.
		if a, ok := address(text); ok && n.answers && len(l.Answers) < maxAnswers {
			l.Answers = append(l.Answers, a)
			return true
		}
		return false
	}
	return true
}

// record takes from "txt.ejemplo.com	text = ..." what was asked.
func (n *nslookupText) record(text []byte) {
	l := n.event.Lookup
	owner, rest, ok := cutAt(text, '\t')
	if !ok || len(owner) == 0 {
		return
	}
	if l.Name == "" {
		l.Name = strings.Clone(lowerName(owner))
	}
	what, _, _ := bytes.Cut(rest, []byte(" = "))
	for _, t := range [...]struct{ says, is string }{{"name", "PTR"}, {"text", "TXT"}, {"mail exchanger", "MX"}, {"nameserver", "NS"}} {
		if string(what) == t.says {
			if l.Type == "" {
				l.Type = t.is
			}
			if l.Status == "" {
				l.Status = "NOERROR"
			}
		}
	}
}

// nslookupDebug tells the lines that -debug puts around the answer.
func nslookupDebug(text []byte) bool {
	for _, s := range []string{"QUESTIONS:", "ANSWERS:", "AUTHORITY RECORDS:", "ADDITIONAL RECORDS:", "->  ", "ttl = "} {
		if bytes.HasPrefix(text, []byte(s)) {
			return true
		}
	}
	return len(bytes.Trim(text, "-")) == 0
}

// addressLine reads an address: the first one after "Server:" is the server's,
// with its port ("#53") or, on Windows, without.
func (n *nslookupText) addressLine(value []byte) {
	l := n.event.Lookup
	s, ok := hashPort(value)
	if !ok {
		a, good := address(value)
		if !good {
			return
		}
		s = netip.AddrPortFrom(a, 53)
	}
	switch {
	case n.servers || ok:
		l.Server, n.server, n.servers = s, s, false
	case len(l.Answers) < maxAnswers:
		l.Answers = append(l.Answers, s.Addr())
	}
}

// failure reads "** server can't find nohay: NXDOMAIN" and its relatives.
func (n *nslookupText) failure(text []byte) {
	l := n.event.Lookup
	for _, f := range []struct{ text, status string }{
		{"NXDOMAIN", "NXDOMAIN"}, {"Non-existent domain", "NXDOMAIN"}, {"SERVFAIL", "SERVFAIL"}, {"Server failed", "SERVFAIL"}, {"REFUSED", "REFUSED"}, {"refused", "REFUSED"},
	} {
		if bytes.Contains(text, []byte(f.text)) {
			l.Status = f.status
			break
		}
	}
	if bytes.Contains(text, []byte("timed-out")) || bytes.Contains(text, []byte("timed out")) {
		l.NoServers = true
	}
	if rest, ok := bytes.CutPrefix(text, []byte("** server can't find ")); ok {
		if i := bytes.LastIndex(rest, []byte(": ")); i > 0 && l.Name == "" {
			l.Name = strings.Clone(lowerName(rest[:i]))
		}
	} else if rest, ok := bytes.CutPrefix(text, []byte("Host ")); ok && l.Name == "" {
		name, _, _ := cutAt(rest, ' ')
		l.Name = strings.Clone(lowerName(name))
	}
	n.answers = true
}
