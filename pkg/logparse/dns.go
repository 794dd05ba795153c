package logparse

import (
	"bytes"
	"net/netip"
	"time"
)

// dnsLag is how much too early a DNS server's coarse clock may be read: the
// kernel's tick, and the time between the packet and the line.
const dnsLag = 10 * time.Millisecond

// dnsEvent fills what every line about one question has.
func (e *Event) dnsEvent(kind Kind, client netip.AddrPort, name, qtype []byte) {
	e.Kind, e.Client, e.Name, e.Lag = kind, client, lowerName(name), dnsLag
	e.Type = view(qtype)
	switch kind {
	case DNSQuery:
		e.Means = QueryReceived
	case DNSReply:
		e.Means = AnswerSent
	default:
		e.Means = Written
	}
}

// isDNSName tells whether b may be a domain name in a log: printable, no
// spaces or quotes, at most 255 octets, escapes of three digits counted as
// four.
func isDNSName(b []byte) bool {
	if len(b) == 0 || len(b) > 1024 {
		return false
	}
	for _, c := range b {
		if c <= ' ' || c == '"' || c == '\'' || c == '|' || c == 0x7f {
			return false
		}
	}
	return true
}

// isDNSType tells whether b looks like the name of a record type: "A",
// "HTTPS", "TYPE65".
func isDNSType(b []byte) bool {
	if len(b) == 0 || len(b) > 12 {
		return false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return b[0] >= 'A' && b[0] <= 'Z'
}

// isDNSClass tells IN, CH, HS, ANY, NONE and CLASS123.
func isDNSClass(b []byte) bool {
	switch string(b) {
	case "IN", "CH", "HS", "ANY", "NONE", "CHAOS", "HESIOD":
		return true
	}
	return bytes.HasPrefix(b, []byte("CLASS"))
}

// isRCode tells the name of a response code, as servers write it.
func isRCode(b []byte) bool {
	switch string(b) {
	case "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "NOTIMPL", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "BADVERS", "BADCOOKIE":
		return true
	}
	return bytes.HasPrefix(b, []byte("RCODE"))
}

// rcodeNames are the response codes of RFC 1035 section 4.1.1 and RFC 2136
// section 2.2 by number.
var rcodeNames = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}

// yearlessStamp reads a stamp such as "Nov 22 10:11:28" at the start of a line
// into e, and returns how many bytes it took; 0 if it is not there. Where no
// year is known e has no time.
func yearlessStamp(line []byte, y *yearless, src *Source, e *Event) int {
	st, inferred, known, n := y.read(line)
	if n == 0 {
		return 0
	}
	if known {
		e.set(st, src)
	}
	e.YearInferred = inferred
	return n
}

// daemonTag reads "name[pid]: " or "name: " and returns what follows; pid is 0
// where there is none.
func daemonTag(b []byte, name string) (pid int, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(b, []byte(name))
	if !ok {
		return 0, nil, false
	}
	if len(rest) > 0 && rest[0] == '[' {
		number, after, found := cutAt(rest[1:], ']')
		number, _, _ = cutAt(number, ':') // unbound adds its thread
		n, good := integer(number)
		if !found || !good || n < 0 || n > 1<<31-1 {
			return 0, nil, false
		}
		pid, rest = int(n), after
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(":")); !ok {
		if rest, ok = bytes.CutPrefix(rest, []byte(" ")); !ok {
			return 0, nil, false
		}
	}
	return pid, bytes.TrimLeft(rest, " "), true
}
