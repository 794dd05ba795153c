package correlate

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// attachSides gives lookups that a server made while somebody waited for it to
// the journey that waited: the reverse lookup during a login, a resolver's own
// questions upstream. It returns those that were given away.
func attachSides(b *built, k *linker, tb timebase) map[*Lookup]bool {
	side := map[*Lookup]bool{}
	open := openLookups(b.hosts, b.lookups)
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
		if l := open.waiting(b.hosts, u); l != nil {
			side[u] = true
			if j := owners[l]; j != nil {
				j.SideLookups = append(j.SideLookups, u)
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

// nameIn is a name asked for in a capture, of one host.
type nameIn struct {
	capture  *incident.Capture
	name     string
	resolver int
}

// viewed is a lookup as one capture saw it.
type viewed struct {
	of, view *Lookup
}

// waits finds the lookups for a name that were open at an instant.
type waits struct {
	byName  map[nameIn][]viewed // in order of start
	longest int64               // from a lookup's start to the last instant it may have caused another
}

func openLookups(h *hosts, lookups []*Lookup) waits {
	w := waits{byName: map[nameIn][]viewed{}}
	for _, l := range lookups {
		for _, view := range append([]*Lookup{l}, l.Others...) {
			var resolvers []int
			for _, t := range view.Tries {
				w.longest = max(w.longest, lastAsked(t)+latestRetry-view.Start.Time)
				if id := h.id(t.Resolver.Addr()); !slices.Contains(resolvers, id) {
					resolvers = append(resolvers, id)
				}
			}
			for _, n := range view.names() {
				for _, r := range resolvers {
					key := nameIn{view.Capture, n, r}
					w.byName[key] = append(w.byName[key], viewed{l, view})
				}
			}
		}
	}
	for _, list := range w.byName {
		slices.SortStableFunc(list, func(a, b viewed) int { return cmp.Compare(a.view.Start.Time, b.view.Start.Time) })
	}
	return w
}

// waiting is the lookup that u was asked for by its resolver, while it was open,
// in a capture that shows both; nil if there is none.
func (w *waits) waiting(h *hosts, u *Lookup) *Lookup {
	list := w.byName[nameIn{u.Capture, u.Tries[0].Name, h.id(u.Client)}]
	first := sort.Search(len(list), func(i int) bool { return list[i].view.Start.Time >= u.Start.Time-w.longest })
	for _, v := range list[first:] {
		if v.view.Start.Time > u.Start.Time {
			break
		}
		if v.of != u && upstreamOf(h, u, v.view) {
			return v.of
		}
	}
	return nil
}

// upstreamOf: u was asked by the resolver of l while l was open.
func upstreamOf(h *hosts, u, l *Lookup) bool {
	for _, t := range l.Tries {
		if u.Start.Time >= asked(t) && (!t.Answer.Seen() || u.Start.Time <= t.Answer.Time) && u.Start.Time-lastAsked(t) <= latestRetry &&
			h.is(t.Resolver.Addr(), u.Client) {
			return !h.is(l.Client, u.Client)
		}
	}
	return false
}

// loginSides attaches what the server of an SSH login looked up about its client.
func loginSides(b *built, k *linker, tb timebase, j *Journey, side map[*Lookup]bool) {
	client := j.Client.Addr()
	if j.ClientSeen.IsValid() {
		client = j.ClientSeen.Addr()
	}
	here := sourceOf(j.Points[0])
	reverse := false
	for _, l := range k.during(b.hosts.id(j.Server.Addr()), j) {
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
