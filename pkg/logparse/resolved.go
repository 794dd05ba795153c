package logparse

import (
	"bytes"
	"net/netip"
)

// resolvedMessage reads a message of systemd-resolved, which comes through the
// journal or syslog and has no stamp of its own. Most are written at level
// debug only.
func resolvedMessage(msg []byte, e *Event) {
	e.Kind, e.Means, e.Text = Message, Written, view(msg)
	if rest, ok := bytes.CutPrefix(msg, []byte("Looking up RR for ")); ok {
		resolvedQuestion(rest, DNSQuery, e)
		return
	}
	if rest, ok := bytes.CutPrefix(msg, []byte("DNSSEC validation failed for question ")); ok {
		resolvedQuestion(rest, DNSError, e)
		e.RCode = "SERVFAIL"
		return
	}
	for _, o := range []struct{ text, outcome string }{
		{"Using degraded feature set ", "degraded"},
		{"Server returned error ", "server-error"},
		{"Timeout reached on transaction ", "timeout"},
		{"Switching to fallback DNS server ", "failover"},
		{"Switching to DNS server ", "failover"},
		{"Grace period over, resuming full feature set ", "recovered"},
	} {
		if rest, ok := bytes.CutPrefix(msg, []byte(o.text)); ok {
			e.Outcome = o.outcome
			if o.outcome == "server-error" {
				code, _, _ := cutAt(rest, ',')
				code, _, _ = cutAt(code, ' ')
				if isRCode(code) {
					e.RCode = view(code)
				}
			}
			return
		}
	}
}

// resolvedQuestion reads "app.ejemplo.com IN A".
func resolvedQuestion(b []byte, kind Kind, e *Event) {
	var f [3][]byte
	if words(b, f[:]) < 3 || !isDNSClass(f[1]) {
		return
	}
	qtype := bytes.TrimRight(f[2], ".:")
	if isDNSType(qtype) {
		e.dnsEvent(kind, netip.AddrPort{}, f[0], qtype)
	}
}
