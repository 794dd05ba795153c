package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// A server behind a proxy may name, in its log, the client that the proxy asks for. Its
// lines tell of what passed between proxy and server, where a capture shows that, and
// not of the client's own connection.

// onBehalf sorts targets by the client that their connection's client asked for: as the
// request says, or as the one journey shows that waited meanwhile.
func onBehalf(list []*target) map[netip.Addr][]*target {
	m := map[netip.Addr][]*target{}
	for _, t := range list {
		a := t.point.Exchange.Forwarded
		if outer := t.journey.waiting(); !a.IsValid() && outer != nil {
			a = plainAddr(outer.Client.Addr())
			if outer.ClientSeen.IsValid() {
				a = plainAddr(outer.ClientSeen.Addr())
			}
		}
		if a.IsValid() && a != plainAddr(t.client.Addr()) {
			m[a] = append(m[a], t)
		}
	}
	return m
}

// waiting is the journey whose server asked this one; nil if none is known.
func (j *Journey) waiting() *Journey {
	for _, l := range j.Links {
		if l.Kind == Upstream {
			return l.Journey
		}
	}
	return nil
}

// outermost is the journey of the client that a chain of servers asked for.
func (j *Journey) outermost() *Journey {
	const longest = 8 // servers in a row
	for range longest {
		outer := j.waiting()
		if outer == nil {
			break
		}
		j = outer
	}
	return j
}

// findBehind finds the logs of servers behind a proxy: those of applications, and those
// that name the clients alone while the log of another clock, that of the proxy, names
// the clients' ports or whom it asked.
func (m *matcher) findBehind() {
	m.behind = map[*incident.Log]bool{}
	if len(m.behalf) == 0 {
		return
	}
	fronts := map[*incident.Log]int{}
	for _, l := range m.inc.Logs {
		fronts[l] = m.frontness(l)
	}
	for _, l := range m.inc.Logs {
		if fronts[l] < 0 {
			continue
		}
		m.behind[l] = fronts[l] == 0 && slices.ContainsFunc(l.Events, func(e logparse.Event) bool { return e.Kind == logparse.AppRequest })
		for _, o := range m.inc.Logs {
			if fronts[o] > fronts[l] && m.tb.lineClock(o, 0) != m.tb.lineClock(l, 0) {
				m.behind[l] = true
			}
		}
	}
}

// frontness ranks logs of requests by how surely they are of the server that the clients
// spoke with themselves: −1 no requests; 1 they tell whom they asked; 2 they name the
// ports of connections that a capture shows.
func (m *matcher) frontness(l *incident.Log) int {
	best := -1
	for i := range l.Events {
		e := &l.Events[i]
		if !isWebLine(e) {
			continue
		}
		switch {
		case e.Client.Port() != 0:
			if len(m.targetsOfPort(plain(e.Client))) > 0 {
				return 2
			}
		case len(e.Upstream)+len(e.UpstreamHeader) > 0 || e.UpstreamTo != "":
			best = max(best, 1)
		}
		best = max(best, 0)
	}
	return best
}

// nearest are the targets of a client for a log: of the log of a server behind a proxy
// also those that the proxy asked for the client.
func (m *matcher) nearest(l *incident.Log, client netip.Addr, port uint16) []*target {
	list := m.candidates(client, port)
	own := m.behalf[client]
	if port != 0 || len(own) == 0 || !m.behind[l] {
		return list
	}
	list = append(slices.Clone(list), own...)
	slices.SortStableFunc(list, func(a, b *target) int { return cmp.Compare(a.place, b.place) })
	return list
}

// leaveOuter takes the clients' own connections out of what a line of a server behind a
// proxy may tell of, where what the proxy asked for them meanwhile fits its path.
func (g *group) leaveOuter(l *line, own []pair) []pair {
	if !g.behind {
		return own
	}
	outer := map[*Journey]bool{}
	for _, p := range own {
		t := g.targets[p.target]
		if j := t.journey.waiting(); j != nil && saysPath(l.event, t) {
			outer[j] = true
		}
	}
	if len(outer) == 0 {
		return own
	}
	return slices.DeleteFunc(own, func(p pair) bool { return outer[g.targets[p.target].journey] })
}

// saysPath tells whether a line says the path that a target shows, as far as the
// capture holds it.
func saysPath(e *logparse.Event, t *target) bool {
	x := t.point.Exchange
	return x.Path != "" && (x.Path == e.Path || samePath(e.Path, x.Path) || t.point.Capture.Snapped > 0 && strings.HasPrefix(e.Path, x.Path))
}
