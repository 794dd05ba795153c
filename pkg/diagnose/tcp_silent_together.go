package diagnose

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// fallen are addresses that fell silent at one instant, as far as a capture tells.
type fallen struct {
	capture   *incident.Capture
	addresses []netip.Addr
	silences  []silence
	since     int64 // when the last of them was last heard, by the capture's clock, ns
	called    int64 // when the first of them was called in vain the first time
	later     int   // connections that asked for one of them since, in vain
}

// fallenList is all of them, in order of their first silence.
type fallenList struct {
	groups []*fallen
	of     map[netip.Addr]*fallen
}

// fellTogether divides silences by what may be one event. Two addresses belong together
// where both had fallen silent before either was called in vain for the first time: one
// instant lies between, which explains both.
func fellTogether(all []silence) fallenList {
	list, called := fallenList{of: map[netip.Addr]*fallen{}}, map[netip.Addr]int64{}
	for _, s := range all {
		if first, known := called[s.of]; !known || s.called[0].Time < first {
			called[s.of] = s.called[0].Time
		}
	}
	for _, s := range all {
		g := list.of[s.of]
		if g == nil {
			g = list.at(s, called[s.of])
			g.addresses = append(g.addresses, s.of)
			list.of[s.of] = g
		}
		g.silences = append(g.silences, s)
	}
	return list
}

// at is what one address fell silent with that was called in vain from an instant on; a
// new one where there is none.
func (l *fallenList) at(s silence, called int64) *fallen {
	i := slices.IndexFunc(l.groups, func(g *fallen) bool {
		return g.capture == s.point.Capture && max(g.since, s.since) <= min(g.called, called)
	})
	if i < 0 {
		i = len(l.groups)
		l.groups = append(l.groups, &fallen{capture: s.point.Capture, since: s.since, called: called})
	}
	g := l.groups[i]
	g.since, g.called = max(g.since, s.since), min(g.called, called)
	return g
}

// named is the one of a key.
func (l *fallenList) named(key string) *fallen {
	return l.groups[slices.IndexFunc(l.groups, func(g *fallen) bool { return g.key() == key })]
}

// key tells them apart.
func (g *fallen) key() string { return g.addresses[0].String() }

// some lists the addresses, not all where there are many.
func (g *fallen) some() string {
	var names []string
	for _, a := range g.addresses[:min(len(g.addresses), maxNamed)] {
		names = append(names, a.String())
	}
	if len(g.addresses) > maxNamed {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// unansweredSince tells whether a journey asked one of them for a connection after it had
// fallen silent, and was not answered, as the same capture shows.
func (g *fallen) unansweredSince(j *correlate.Journey) bool {
	n := connection(j)
	return n != nil && j.Points[0].Capture == g.capture && len(n.SYN) > 0 && n.SYN[0].Time > g.since && len(n.SYNACK)+len(n.RST) == 0
}
