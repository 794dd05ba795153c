package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"time"
)

// What "resolvectl query" and "resolvectl status" print: one event a question,
// one HostState a link of the status.

var resolvectl = &Format{
	Name: "resolvectl",
	Score: func(head []byte) int {
		for _, sign := range []string{"-- Information acquired via protocol", "resolve call failed", "Current DNS Server:", "DNS Servers:", "$ resolvectl ", "resolv.conf mode:"} {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 95, &resolvectlText{})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, _ Source) Decoder { return newTranscriptDecoder(r, &resolvectlText{}) },
	Hints: []string{"resolvectl"},
}

type resolvectlText struct {
	event  Event
	open   bool
	status bool   // the event is a link's state
	counts bool   // what follows are the resolver's statistics
	done   bool   // the event has all its records
	key    string // of the status, for lines that go on
}

func (r *resolvectlText) finish(out *outbox) {
	if !r.open {
		return
	}
	r.open = false
	e := r.event
	if l := e.Lookup; l != nil {
		if l.Status == "" && len(l.Answers) > 0 {
			l.Status = "NOERROR"
		}
		e.Name, e.RCode = l.Name, l.Status
		if e.Outcome == "" {
			e.Outcome = "ok"
		}
	}
	out.put(e)
}

func (r *resolvectlText) end(out *outbox) { r.finish(out) }

func (r *resolvectlText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "resolvectl", "systemd-resolve"); ok {
		r.finish(out)
		r.status, r.counts = false, false
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	if _, _, ok := timeLine(line); ok {
		return true
	}
	if string(text) == "Global" || bytes.HasPrefix(line, []byte("Link ")) && bytes.HasSuffix(text, []byte(")")) {
		r.finish(out)
		r.event = begin(HostState, at)
		r.event.Process, r.open, r.status, r.key = "resolvectl", true, true, ""
		r.event.Name = "global"
		if i := bytes.IndexByte(text, '('); i > 0 {
			r.event.Name = string(bytes.Trim(text[i:], "()"))
		}
		return true
	}
	if r.status && r.open {
		return r.state(line, text, at)
	}
	if r.counts = r.counts || bytes.HasPrefix(text, []byte("DNSSEC supported by current servers:")) || string(text) == "Transactions"; r.counts {
		return true
	}
	return r.query(line, text, at, out)
}

// state reads a line of a link's status.
func (r *resolvectlText) state(line, text []byte, at place) bool {
	if line[0] != ' ' && !bytes.Contains(text, []byte(": ")) {
		return false
	}
	r.event.reach(at)
	value := text
	if v, ok := bytes.CutPrefix(text, []byte("DNS Servers ")); ok { // systemd 252 leaves out the colon
		r.key, value = "DNS Servers", v
	} else if key, v, ok := bytes.Cut(text, []byte(": ")); ok {
		r.key, value = string(key), v
	}
	switch r.key {
	case "Current DNS Server":
		if a, ok := resolvedServer(value); ok {
			r.event.Server = a
		}
	case "DNS Servers", "Fallback DNS Servers":
		for _, w := range bytes.Fields(value) {
			if a, ok := resolvedServer(w); ok && r.key == "DNS Servers" && len(r.event.Peers) < maxAnswers {
				r.event.Peers = append(r.event.Peers, a.Addr())
			}
		}
	case "DNS Domain":
		r.event.Text = "search " + string(value)
	}
	return true
}

// resolvedServer reads "10.20.0.53", "10.20.0.53:5353", "10.20.0.53#name".
func resolvedServer(b []byte) (netip.AddrPort, bool) {
	b, _, _ = cutAt(b, '#')
	b, _, _ = cutAt(b, '%')
	s, ok := addressPort(b)
	if s.Port() == 0 {
		s = netip.AddrPortFrom(s.Addr(), 53)
	}
	return s, ok
}

// query reads "app.ejemplo.com: 10.20.0.10    -- link: eth0" and what follows.
func (r *resolvectlText) query(line, text []byte, at place, out *outbox) bool {
	if bytes.HasPrefix(text, []byte("-- ")) {
		if !r.open {
			return true
		}
		r.event.reach(at)
		r.done = true
		if _, rest, ok := bytes.Cut(text, []byte(" in ")); ok && bytes.HasPrefix(text, []byte("-- Information acquired")) {
			if ns, _, ok := span(bytes.TrimRight(rest, ".")); ok {
				r.event.Lookup.QueryTime = time.Duration(ns)
			}
		}
		return true
	}
	if line[0] == ' ' || line[0] == '\t' {
		if !r.open {
			return false
		}
		r.event.reach(at)
		r.answer(text)
		return true
	}
	if name, kind, data, ok := resolvedRecord(text); ok {
		r.record(name, kind, data, at, out)
		return true
	}
	name, value, ok := bytes.Cut(text, []byte(": "))
	if !ok || !isDNSName(name) {
		return false
	}
	r.ask(name, at, out)
	if !r.answer(value) {
		r.fail(value)
	}
	return true
}

// ask begins the event of a question.
func (r *resolvectlText) ask(name []byte, at place, out *outbox) {
	r.finish(out)
	r.event = begin(ClientDNS, at)
	r.event.Process, r.event.Means, r.open, r.status, r.done = "resolvectl", ClientEnd, true, false, false
	r.event.Lookup = &Lookup{ID: -1, QueryTime: -1, Name: strings.Clone(lowerName(name))}
	if a, ok := address(name); ok {
		r.event.Lookup.Name, r.event.Lookup.Type = reverseName(a.String()), "PTR"
	}
}

// resolvedRecord reads "app.ejemplo.com IN AAAA fd20:1::a    -- link: eth0",
// the answer to a query that gives a type.
func resolvedRecord(text []byte) (name, kind, data []byte, ok bool) {
	var f [4][]byte
	if words(text, f[:]) < 4 || string(f[1]) != "IN" || !digTypes[string(f[2])] {
		return nil, nil, nil, false
	}
	return f[0], f[2], f[3], isDNSName(f[0])
}

// record takes one record of an answer: its first one tells the question, which
// CNAMEs come before or behind.
func (r *resolvectlText) record(name, kind, data []byte, at place, out *outbox) {
	if !r.open || r.status || r.done {
		r.ask(name, at, out)
	}
	r.event.reach(at)
	l := r.event.Lookup
	if l.Status = "NOERROR"; l.Type == "" || l.Type == "CNAME" {
		l.Type = string(kind)
	}
	r.answer(data)
}

// fail notes why there is no answer. Which words there are depends on the
// version: "resolve call failed: 'x' not found", "Name 'x' not found".
func (r *resolvectlText) fail(why []byte) {
	l := r.event.Lookup
	r.event.Outcome, r.event.Text = "failed", string(why)
	switch {
	case bytes.Contains(why, []byte("not found")), bytes.Contains(why, []byte("NXDOMAIN")):
		l.Status = "NXDOMAIN"
	case bytes.Contains(why, []byte("SERVFAIL")):
		l.Status = "SERVFAIL"
	case bytes.Contains(why, []byte("REFUSED")):
		l.Status = "REFUSED"
	case bytes.Contains(why, []byte("timed out")):
		l.Timeouts++
	case bytes.Contains(why, []byte("All attempts to contact name servers")):
		l.NoServers, r.event.Outcome = true, "no-servers"
	}
}

// answer reads an address, or the name of an address asked for, before its link.
func (r *resolvectlText) answer(text []byte) bool {
	l := r.event.Lookup
	word, rest, _ := cutAt(text, ' ')
	rest = bytes.TrimSpace(rest)
	if a, ok := address(word); ok {
		if len(l.Answers) < maxAnswers {
			l.Answers = append(l.Answers, a)
		}
		return true
	}
	if l.Type != "PTR" || !isDNSName(word) || len(rest) > 0 && !bytes.HasPrefix(rest, []byte("-- link:")) {
		return false
	}
	l.Status = "NOERROR"
	return true
}
