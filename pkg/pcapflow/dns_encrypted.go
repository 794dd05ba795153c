package pcapflow

import (
	"slices"
	"strings"
)

// portDNSOverTLS serves DNS over TLS (RFC 7858) and over QUIC (RFC 9250).
const portDNSOverTLS = 853

// resolverNames are the names under which public resolvers offer DNS over
// HTTPS; what ends in one of them counts as well.
var resolverNames = []string{
	"dns.google", "cloudflare-dns.com", "one.one.one.one", "dns.quad9.net", "dns9.quad9.net", "dns10.quad9.net", "dns11.quad9.net",
	"doh.opendns.com", "doh.umbrella.com", "adguard-dns.com", "dns.adguard.com", "dns.nextdns.io", "doh.cleanbrowsing.org", "dns0.eu",
	"doh.mullvad.net", "dns.mullvad.net", "doh.dns.sb", "doh.pub", "dns.alidns.com", "doh.360.cn", "freedns.controld.com",
}

// DNSOver tells what carries DNS in this flow, which is recognised and timed but
// not read: "tls" (RFC 7858), "https" (RFC 8484), "quic" (RFC 9250), and "" for
// flows that carry none. Over HTTPS it is known by the target or by the name of
// a public resolver; where the client names none, by the server's certificate.
func (f *Flow) DNSOver() string {
	switch {
	case f.QUIC != nil:
		if f.overQUIC() {
			return "quic"
		}
		return overHTTPS(isResolver(f.QUIC.SNI))
	case f.TLS != nil && overTLS(f):
		return "tls"
	}
	if f.TLS != nil && f.TLS.ofResolver() {
		return "https"
	}
	for i := range f.HTTP {
		if path, ok := strings.CutPrefix(f.HTTP[i].Path, "/dns-query"); ok && (path == "" || path[0] == '?') {
			return "https"
		}
	}
	return ""
}

// overQUIC goes by what the client offers, also by the drafts' names; where its
// hello was not read, the port is a hint.
func (f *Flow) overQUIC() bool {
	if len(f.QUIC.Offered) == 0 {
		return f.Server.Port() == portDNSOverTLS
	}
	return slices.ContainsFunc(f.QUIC.Offered, func(name string) bool { return name == "doq" || strings.HasPrefix(name, "doq-i") })
}

func overHTTPS(yes bool) string {
	if yes {
		return "https"
	}
	return ""
}

func overTLS(f *Flow) bool {
	return f.Server.Port() == portDNSOverTLS || slices.Contains(f.TLS.Offered, "dot")
}

func (t *TLS) ofResolver() bool {
	if t.SNI != "" || len(t.Certificates) == 0 {
		return isResolver(t.SNI)
	}
	return slices.ContainsFunc(t.Certificates[0].Names, isResolver)
}

func isResolver(name string) bool {
	for _, known := range resolverNames {
		if n := len(name) - len(known); n >= 0 && (n == 0 || name[n-1] == '.') && strings.EqualFold(name[n:], known) {
			return true
		}
	}
	return false
}

// appendLookupPhases tells the questions and answers inside a flow of DNS over
// TLS, as the records' directions and order show them.
func appendLookupPhases(f *Flow, list []guessedExchange) {
	for i := range list {
		e := &list[i]
		p := Phase{Name: DNSLookup, Begin: e.RequestFirst, End: e.ResponseLast, Outcome: Estimated, Attempts: 1, Frames: stampFrames(nil, e.RequestFirst, e.ResponseLast)}
		if !p.End.Seen() {
			p.Outcome = f.unansweredOutcome(e.RequestLast)
		}
		f.Phases = append(f.Phases, p)
	}
}
