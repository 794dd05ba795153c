package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// question is what a DNS server's line names; port 0 where it states none.
type questionKey struct {
	client netip.AddrPort
	name   string
	typ    string
	kind   logparse.Kind
}

func isQuestion(k logparse.Kind) bool { return k == logparse.DNSQuery || k == logparse.DNSReply }

// questions matches the lines of a DNS server's log: each to one packet with the
// same question of the same client, in order.
func (m *matcher) questions(l *incident.Log) {
	groups := map[questionKey]*group{}
	var list []*group
	for i := range l.Events {
		e := &l.Events[i]
		if !isQuestion(e.Kind) {
			continue
		}
		if !e.HasTime {
			m.miss(l, i, "the line has no time")
			continue
		}
		client := netip.AddrPortFrom(plainAddr(e.Client.Addr()), e.Client.Port())
		k := questionKey{client, e.Name, e.Type, e.Kind}
		targets := m.packets()[k]
		if len(targets) == 0 {
			m.miss(l, i, m.noQuestion(client.Addr(), e))
			continue
		}
		g := groups[k]
		if g == nil {
			g = &group{targets: targets, keyed: client.Port() != 0, dns: true}
			groups[k] = g
			list = append(list, g)
		}
		g.lines = append(g.lines, lineOf(l, i, m.tb))
	}
	if len(list) == 0 {
		return
	}
	r := m.newRequestLog(l, list)
	r.compareCounts()
	for _, g := range list {
		g.prepare()
		g.join(r.sizes)
	}
	for range learnings {
		r.solve()
		r.learn()
	}
	r.solve()
	for _, g := range list {
		m.take(l, g)
	}
}

func (m *matcher) noQuestion(client netip.Addr, e *logparse.Event) string {
	switch {
	case client.IsLoopback():
		return "asked by the server's own host"
	case m.flows[client]:
		return "no such query of this client was seen"
	}
	return "no flow of this client"
}

// packets indexes the queries and answers of all captures by what a server's
// line may say of them, with the client's port and without.
func (m *matcher) packets() map[questionKey][]*target {
	if m.byQuestion != nil {
		return m.byQuestion
	}
	m.byQuestion = map[questionKey][]*target{}
	for _, j := range m.built.journeys {
		if j.Lookup != nil {
			m.addLookup(j, j.Lookup)
		}
		for _, l := range j.SideLookups {
			m.addLookup(j, l)
		}
	}
	for _, list := range m.byQuestion {
		slices.SortStableFunc(list, func(a, b *target) int { return cmp.Compare(a.first, b.first) })
	}
	return m.byQuestion
}

// addLookup adds the packets of a lookup as the capture nearest to the resolver
// saw them.
func (m *matcher) addLookup(j *Journey, l *Lookup) {
	for _, o := range l.Others {
		if lookupCloserToClient(o, l) > 0 {
			l = o
		}
	}
	for i := range l.Tries {
		t := &l.Tries[i]
		p := Point{Capture: l.Capture, Flow: t.Flow, Exchange: &pcapflow.Exchange{RequestBytes: -1, ResponseBytes: -1, BodyBytes: -1}}
		add := func(kind logparse.Kind, s pcapflow.Stamp) {
			if !s.Seen() {
				return
			}
			x, at := newTarget(j, p, s, m.tb)
			x.client, x.server, x.transaction = t.Flow.Client, t.Resolver, t.Transaction
			x.first = at(s)
			x.sent, x.reply, x.last, x.place = x.first, x.first, x.first, x.first
			k := questionKey{netip.AddrPortFrom(plainAddr(t.Flow.Client.Addr()), t.Flow.Client.Port()), t.Name, t.Type, kind}
			m.byQuestion[k] = append(m.byQuestion[k], x)
			k.client = netip.AddrPortFrom(k.client.Addr(), 0)
			m.byQuestion[k] = append(m.byQuestion[k], x)
		}
		add(logparse.DNSQuery, t.Query)
		for _, r := range t.Repeats {
			add(logparse.DNSQuery, r)
		}
		add(logparse.DNSReply, t.Answer)
		for _, r := range t.Extra {
			add(logparse.DNSReply, r)
		}
	}
}
