package correlate

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// attachSides gives lookups that a server made while somebody waited for it to
// the journey that waited: the reverse lookup during a login, a resolver's own
// questions upstream. It returns those that were given away.
func attachSides(b *built, k *linker, tb timebase) map[*Lookup]bool {
	side := map[*Lookup]bool{}
	byName := map[string][]*Lookup{}
	for _, l := range b.lookups {
		for _, n := range l.names() {
			byName[n] = append(byName[n], l)
		}
	}
	owners := map[*Lookup]*Journey{}
	for _, j := range b.journeys {
		if j.Lookup != nil {
			owners[j.Lookup] = j
		}
	}
	for _, j := range b.journeys {
		if j.Service == "ssh" {
			loginSides(b, k, tb, j, side)
		}
	}
	for _, u := range b.lookups {
		if side[u] || k.owner[u] != nil {
			continue
		}
		for _, l := range byName[u.Tries[0].Name] {
			if l != u && upstreamOf(b.hosts, u, l) {
				side[u] = true
				if j := owners[l]; j != nil {
					j.SideLookups = append(j.SideLookups, u)
				}
				break
			}
		}
	}
	return side
}

// names lists the names a lookup asked for.
func (l *Lookup) names() []string {
	var names []string
	for _, t := range l.Tries {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// upstreamOf: u was asked by the resolver of l while l was open, in a capture
// that shows both.
func upstreamOf(h *hosts, u, l *Lookup) bool {
	for _, view := range append([]*Lookup{l}, l.Others...) {
		if view.Capture != u.Capture || h.is(view.Client, u.Client) {
			continue
		}
		for _, t := range view.Tries {
			if h.is(t.Resolver.Addr(), u.Client) && u.Start.Time >= asked(t) && (!t.Answer.Seen() || u.Start.Time <= t.Answer.Time) &&
				u.Start.Time-lastAsked(t) <= latestRetry {
				return true
			}
		}
	}
	return false
}

// loginSides attaches what the server of an SSH login looked up about its client.
func loginSides(b *built, k *linker, tb timebase, j *Journey, side map[*Lookup]bool) {
	list := k.byHost[b.hosts.id(j.Server.Addr())]
	client := j.Client.Addr()
	if j.ClientSeen.IsValid() {
		client = j.ClientSeen.Addr()
	}
	here := sourceOf(j.Points[0])
	reverse := false
	for _, l := range list {
		if side[l.Lookup] || k.owner[l.Lookup] != nil {
			continue
		}
		from, slack, ok := between(tb, here, j.Start.Time, l.source(), l.Start.Time)
		to, slack2, ok2 := between(tb, here, j.End.Time, l.source(), l.Start.Time)
		if !ok || !ok2 || from < -slack || to > slack2 {
			continue
		}
		// The reverse name first; then what its answer is checked by.
		if addr, ok := reverseName(l.Tries[0].Name); ok && addr == client || reverse && l.Tries[0].Type != "PTR" {
			reverse = true
			side[l.Lookup] = true
			j.SideLookups = append(j.SideLookups, l.Lookup)
		}
	}
}

// reverseName reads the address out of a name below in-addr.arpa or ip6.arpa.
func reverseName(name string) (netip.Addr, bool) {
	if s, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(s, ".")
		if len(parts) != 4 {
			return netip.Addr{}, false
		}
		var a [4]byte
		for i, p := range parts {
			n, err := strconv.ParseUint(p, 10, 8)
			if err != nil {
				return netip.Addr{}, false
			}
			a[3-i] = byte(n)
		}
		return netip.AddrFrom4(a), true
	}
	s, ok := strings.CutSuffix(name, ".ip6.arpa")
	if !ok || len(s) != 63 {
		return netip.Addr{}, false
	}
	var a [16]byte
	for i := range 32 {
		n, err := strconv.ParseUint(s[2*i:2*i+1], 16, 4)
		if err != nil || i < 31 && s[2*i+1] != '.' {
			return netip.Addr{}, false
		}
		a[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(a), true
}

// redirectsTo tells whether the answer of a pointed to what b asked.
func redirectsTo(a, b *Journey) bool {
	if b.Exchange == nil && b.Service != "https" && b.Service != "http" {
		return false
	}
	target, err := url.Parse(a.Exchange.Location)
	if err != nil {
		return false
	}
	if host := hostName(target.Host); host != "" && b.Name != "" && host != b.Name {
		return false
	}
	if target.Scheme != "" && b.Service != target.Scheme {
		return false
	}
	return b.Exchange == nil || b.Exchange.Path == "" || b.Exchange.Path == target.RequestURI()
}
