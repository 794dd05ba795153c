package logparse

import (
	"bytes"
	"io"
	"net/netip"
)

// BIND's logs: the channel of queries and the default one. A line is
//
//	[stamp ][category: ][severity: ]text
//
// depending on print-time (yes, local, iso8601, iso8601-utc), print-category
// and print-severity. The stamp is local time without zone, except of
// iso8601-utc, to a millisecond of a coarse clock. A query is written when it
// is received; answers are not logged before 9.20.

var bindLog = &Format{
	Name: "bind", PublicKind: "dns-log",
	Score: func(head []byte) int {
		d := bindText{}
		if !bytes.Contains(head, []byte("client ")) && !bytes.Contains(head, []byte("general: ")) && !bytes.Contains(head, []byte("zone ")) {
			return 0
		}
		return scoreLines(head, 95, d.scored)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := bindText{src: src}
		return newLineDecoder(r, d.line)
	},
	Hints: []string{"named", "bind", "query"},
}

type bindText struct {
	src      Source
	labelled bool // the last line named its category or severity
}

// bindSeverities are the words of print-severity.
var bindSeverities = []string{"info", "notice", "warning", "error", "critical", "debug"}

// bindCategories are the words of print-category (BIND 9 Administrator
// Reference Manual, logging).
var bindCategories = map[string]bool{
	"client": true, "cname": true, "config": true, "database": true, "default": true, "delegation-only": true, "dispatch": true, "dnssec": true,
	"dnstap": true, "edns-disabled": true, "general": true, "lame-servers": true, "network": true, "notify": true, "nsid": true, "queries": true,
	"query-errors": true, "rate-limit": true, "resolver": true, "responses": true, "rpz": true, "rpz-passthru": true, "security": true, "serve-stale": true,
	"spill": true, "sslkeylog": true, "trust-anchor-telemetry": true, "unmatched": true, "update": true, "update-security": true, "xfer-in": true, "xfer-out": true,
	"zoneload": true, "unfold": true,
}

func (d *bindText) line(line []byte, e *Event) bool {
	st, n := dashTime(line)
	if n == 0 {
		st, n = isoTime(line)
	}
	rest := line
	if n > 0 {
		if n >= len(line) || line[n] != ' ' {
			return false
		}
		e.set(st, &d.src)
		rest = line[n+1:]
	}
	rest, d.labelled = bindLabels(rest, e)
	e.Process = "named"
	if bindMessage(rest, e) {
		return true
	}
	if n == 0 && !d.labelled {
		return false
	}
	e.Kind, e.Means, e.Text = Message, Written, view(rest)
	return true
}

// scored takes for BIND's only what it alone writes, so that other logs with
// such stamps are not taken for it.
func (d *bindText) scored(line []byte, e *Event) bool {
	if !d.line(line, e) {
		return false
	}
	return e.Kind != Message || d.labelled
}

// bindLabels reads over the category and puts the severity into Level.
func bindLabels(b []byte, e *Event) (rest []byte, found bool) {
	if word, after, ok := bytes.Cut(b, []byte(": ")); ok && bindCategories[string(word)] && !bytes.HasPrefix(b, []byte("client: @")) {
		b, found = after, true
	}
	word, after, ok := bytes.Cut(b, []byte(": "))
	if !ok {
		return b, found
	}
	for _, s := range bindSeverities {
		if bytes.HasPrefix(word, []byte(s)) && (len(word) == len(s) || s == "debug" && word[len(s)] == ' ') {
			e.Level = view(word)
			return after, true
		}
	}
	return b, found
}

// bindMessage reads a text about one client's question:
//
//	client @0x7f.. 10.9.0.2#34118 (name): [view v: ]query: name IN A +E(0)K (10.9.0.1)
//	client … (name): query failed (timed out) for name/IN/A at query.c:7916
//	client … (name): query (cache) 'name/A/IN' denied
//
// It leaves e as it is where the text is none of them.
func bindMessage(msg []byte, e *Event) bool {
	rest, ok := bytes.CutPrefix(msg, []byte("client "))
	if !ok {
		return false
	}
	if len(rest) > 0 && rest[0] == '@' {
		if _, rest, ok = cutAt(rest, ' '); !ok {
			return false
		}
	}
	who, rest, ok := bytes.Cut(rest, []byte(": "))
	if !ok {
		return false
	}
	peer, name, _ := cutAt(who, ' ')
	client, ok := hashPort(peer)
	if !ok {
		return false
	}
	name, _, _ = cutAt(bytes.Trim(name, "()"), ')')
	for {
		// "(name): view internal: query: …", "signer "…": …"
		if after, found := bytes.CutPrefix(rest, []byte("view ")); found {
			if _, rest, ok = bytes.Cut(after, []byte(": ")); !ok {
				return false
			}
			continue
		}
		break
	}
	switch {
	case bytes.HasPrefix(rest, []byte("query: ")):
		return bindQuestion(rest[len("query: "):], client, DNSQuery, e)
	case bytes.HasPrefix(rest, []byte("response: ")):
		return bindQuestion(rest[len("response: "):], client, DNSReply, e)
	}
	var qtype []byte
	e.RCode = ""
	switch {
	case bytes.HasPrefix(rest, []byte("query failed (")):
		reason, after, _ := cutAt(rest[len("query failed ("):], ')')
		e.RCode = bindFailure(reason)
		if _, what, found := bytes.Cut(after, []byte("for ")); found {
			what, _, _ = cutAt(what, ' ')
			name, qtype = slashQuestion(what)
		}
	case bytes.Contains(rest, []byte("denied")):
		if _, what, found := cutAt(rest, '\''); found {
			what, _, _ = cutAt(what, '\'')
			name, qtype = slashQuestion(what)
		}
		e.RCode = "REFUSED"
	case bytes.Contains(rest, []byte("NOTAUTH")):
		e.RCode = "NOTAUTH"
	}
	e.dnsEvent(DNSError, client, name, qtype)
	e.Text = view(rest)
	return true
}

// bindQuestion reads "name IN A +E(0)K (10.9.0.1)", for a response with its
// code after the type.
func bindQuestion(b []byte, client netip.AddrPort, kind Kind, e *Event) bool {
	var f [8][]byte
	n := words(b, f[:])
	if n < 4 || !isDNSClass(f[1]) || !isDNSType(f[2]) {
		return false
	}
	flags := f[3]
	if kind == DNSReply {
		if n < 5 || !isRCode(f[3]) {
			return false
		}
		e.RCode, flags = view(f[3]), f[4]
	}
	e.dnsEvent(kind, client, f[0], f[2])
	e.Proto = "udp"
	if bindFlag(flags, 'T') {
		e.Proto = "tcp"
	}
	if i := bytes.LastIndexByte(b, '('); i >= 0 && b[len(b)-1] == ')' {
		if a, ok := address(b[i+1 : len(b)-1]); ok {
			e.Server = netip.AddrPortFrom(a, 0)
		}
	}
	return true
}

// bindFlag looks for a letter among flags, not inside "E(0)".
func bindFlag(flags []byte, c byte) bool {
	for i := 0; i < len(flags); i++ {
		switch flags[i] {
		case c:
			return true
		case '(':
			for i < len(flags) && flags[i] != ')' {
				i++
			}
		}
	}
	return false
}

// bindFailure turns the reason in brackets into the code the client got.
func bindFailure(reason []byte) string {
	switch string(reason) {
	case "REFUSED", "NXDOMAIN", "FORMERR", "NOTIMP", "NOTAUTH":
		return string(reason)
	}
	return "SERVFAIL"
}

// slashQuestion splits "name/IN/A" and "name/A/IN".
func slashQuestion(b []byte) (name, qtype []byte) {
	name = b
	for range 2 {
		i := bytes.LastIndexByte(name, '/')
		if i < 0 {
			return b, qtype
		}
		if word := name[i+1:]; !isDNSClass(word) || string(word) == "ANY" && qtype == nil {
			qtype = word
		}
		name = name[:i]
	}
	return name, qtype
}

// hashPort reads "10.9.0.2#34118", as BIND writes an address with its port.
func hashPort(b []byte) (netip.AddrPort, bool) {
	a, p, found := cutAt(b, '#')
	addr, ok := address(a)
	if !ok || !found {
		return netip.AddrPort{}, false
	}
	p, _, _ = cutAt(p, '/') // "/key" of a signed request
	n, ok := port(p)
	return netip.AddrPortFrom(addr, n), ok
}
