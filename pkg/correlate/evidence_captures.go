package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// sighting is one packet of a conversation as one capture saw it.
type sighting struct {
	at    int64
	dir   pcapflow.Dir
	clock *Clock
}

// packetKey is what a packet keeps on its way, address translation included.
type packetKey struct {
	isn   [2]uint32 // of its connection; 0, 0 for datagrams
	port  uint16    // of the server
	dir   pcapflow.Dir
	seq   uint32
	ack   uint32
	len   uint32
	sum   uint32
	flags uint8
	id    uint16
	name  string // of a DNS question
	peer  netip.AddrPort
}

// captures compares the stamps of the same packets in two captures, or on two
// interfaces of one that was merged: whichever saw a packet first, saw it no
// later than the other.
func (e *evidence) captures() {
	const enough = 20_000 // flows of a capture
	most := 0
	for _, c := range e.inc.Captures {
		most = max(most, len(c.Flows))
	}
	every := uint32(most/enough + 1) // the same flows of every capture
	var seen []map[packetKey]sighting
	for i, c := range e.inc.Captures {
		if len(e.inc.Captures) > 1 || severalClocks(c) {
			seen = append(seen, e.sightings(i, c, every)...)
		}
	}
	for _, p := range meeting(seen) {
		e.twoCaptures(seen[p[0]], seen[p[1]])
	}
}

// meeting are the pairs that may have seen the same packets, in order: all where they
// are few, else those that did. Of very many captures most have nothing in common.
func meeting(seen []map[packetKey]sighting) (pairs [][2]int) {
	const few = 8
	if len(seen) <= few {
		for i := range seen {
			for j := i + 1; j < len(seen); j++ {
				pairs = append(pairs, [2]int{i, j})
			}
		}
		return pairs
	}
	by, met := map[packetKey][]int{}, map[[2]int]bool{}
	for j := range seen {
		for k := range seen[j] {
			for _, i := range by[k] {
				if p := [2]int{i, j}; !met[p] {
					met[p] = true
					pairs = append(pairs, p)
				}
			}
			by[k] = append(by[k], j)
		}
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return pairs
}

// severalClocks tells whether more than one clock stamped a capture's flows.
func severalClocks(c *incident.Capture) bool {
	return slices.ContainsFunc(c.Flows, func(f *pcapflow.Flow) bool { return f.Clock != c.Flows[0].Clock })
}

// sightings lists the packets of a capture that can be known again, by the clock
// that stamped them; those one clock saw twice under one key are left out.
func (e *evidence) sightings(i int, c *incident.Capture, every uint32) (all []map[packetKey]sighting) {
	place := map[*Clock]int{}
	twice := map[*Clock]map[packetKey]bool{}
	add := func(f *pcapflow.Flow, k packetKey, s pcapflow.Stamp, dir pcapflow.Dir) { // of the flow only its clock matters
		by := e.byKey[captureKey(i, f.Clock)]
		if _, known := place[by]; !known {
			place[by] = len(all)
			all = append(all, make(map[packetKey]sighting, marked(c, every)/max(1, len(c.Interfaces))))
			twice[by] = map[packetKey]bool{}
		}
		out := all[place[by]]
		if !s.Seen() || twice[by][k] {
			return
		}
		if _, ok := out[k]; ok {
			delete(out, k)
			twice[by][k] = true
			return
		}
		out[k] = sighting{s.Time, dir, by}
	}
	for _, f := range c.Flows {
		if shaken(f, every) {
			handshake(f, add)
			for _, m := range f.Conn.Marks {
				add(f, packetKey{isn: f.Conn.ISN, port: f.Server.Port(), dir: m.Dir, seq: m.Seq, ack: m.Ack, len: m.Len, sum: m.Sum, flags: m.Flags, id: m.ID}, m.Stamp, m.Dir)
			}
		}
		if q := f.QUIC; q != nil && q.Sums[pcapflow.Client]%every == 0 {
			k := packetKey{port: f.Server.Port(), sum: q.Sums[pcapflow.Client], name: "quic"}
			add(f, k, q.Initial, pcapflow.Client)
			k.dir, k.sum = pcapflow.Server, q.Sums[pcapflow.Server]
			add(f, k, q.Answer, pcapflow.Server)
		}
		for n := range f.DNS {
			t := &f.DNS[n]
			if f.Transport != pcapflow.UDP || len(t.Repeats) > 0 || len(t.Extra) > 0 || t.Multicast || uint32(t.ID)%every != 0 {
				continue
			}
			k := packetKey{port: f.Server.Port(), seq: uint32(t.ID), name: t.Name + "/" + t.Type, peer: f.Client}
			add(f, k, t.Query, pcapflow.Client)
			k.dir = pcapflow.Server
			add(f, k, t.Answer, pcapflow.Server)
		}
		for n := range f.NTP {
			s := &f.NTP[n]
			if len(s.Repeats) > 0 || s.Poll {
				continue
			}
			add(f, ntpKey(f, &s.Request, pcapflow.Client), s.Request.Stamp, pcapflow.Client)
			add(f, ntpKey(f, &s.Response, pcapflow.Server), s.Response.Stamp, pcapflow.Server)
		}
	}
	for n := range c.Echoes {
		x := c.Echoes[n]
		k := packetKey{seq: uint32(x.ID), ack: uint32(x.Seq), name: "echo", peer: netip.AddrPortFrom(x.Target.Unmap(), 0)}
		add(&pcapflow.Flow{}, k, x.Request, pcapflow.Client)
		k.dir = pcapflow.Server
		add(&pcapflow.Flow{}, k, x.Reply, pcapflow.Server)
	}
	return all
}

// shaken tells whether a flow's handshake was seen, of as many as are looked at.
func shaken(f *pcapflow.Flow, every uint32) bool {
	return f.Conn != nil && len(f.Conn.SYN) > 0 && len(f.Conn.SYNACK) > 0 && f.Conn.ISN[pcapflow.Client]%every == 0
}

// marked is about how many packets of TCP connections can be told apart.
func marked(c *incident.Capture, every uint32) (n int) {
	for _, f := range c.Flows {
		if shaken(f, every) {
			n += len(f.Conn.Marks) + 3
		}
	}
	return n
}

// handshake adds the packets that open a connection, where each was sent once.
func handshake(f *pcapflow.Flow, add func(*pcapflow.Flow, packetKey, pcapflow.Stamp, pcapflow.Dir)) {
	k := packetKey{isn: f.Conn.ISN, port: f.Server.Port(), name: "syn"}
	if len(f.Conn.SYN) == 1 {
		add(f, k, f.Conn.SYN[0], pcapflow.Client)
	}
	k.dir = pcapflow.Server
	if len(f.Conn.SYNACK) == 1 {
		add(f, k, f.Conn.SYNACK[0], pcapflow.Server)
	}
}

// ntpKey knows an NTP packet by its transmit and originate stamps.
func ntpKey(f *pcapflow.Flow, m *pcapflow.NTPMessage, dir pcapflow.Dir) packetKey {
	return packetKey{port: f.Server.Port(), dir: dir, seq: uint32(m.Xmt >> 32), ack: uint32(m.Xmt), len: uint32(m.Org >> 32), sum: uint32(m.Org), name: "ntp"}
}

// route is a pair of clocks that stamped the same packets.
type route struct{ a, b *Clock }

// shared is one packet seen by both clocks of a route.
type shared struct {
	at, later int64 // by a; b − a
	dir       pcapflow.Dir
}

// twoCaptures adds one-sided bounds for every packet that both saw.
func (e *evidence) twoCaptures(x, y map[packetKey]sighting) {
	if len(y) == 0 {
		return
	}
	routes := map[route][]shared{}
	var order []route
	for k, s := range x {
		o, ok := y[k]
		if !ok || s.clock == nil || o.clock == nil || s.clock == o.clock {
			continue
		}
		r := route{s.clock, o.clock}
		if routes[r] == nil {
			order = append(order, r)
		}
		routes[r] = append(routes[r], shared{s.at, o.at - s.at, s.dir})
	}
	slices.SortFunc(order, func(p, q route) int {
		if p.a.ID != q.a.ID {
			return int(p.a.ID - q.a.ID)
		}
		return int(p.b.ID - q.b.ID)
	})
	for _, r := range order {
		e.path(r, routes[r])
	}
}

// path decides which of two captures lay nearer to the clients, and adds the
// bounds: what the clients send reaches the nearer one first.
func (e *evidence) path(r route, packets []shared) {
	slices.SortFunc(packets, func(a, b shared) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.later, b.later), cmp.Compare(a.dir, b.dir))
	})
	trips := thereAndBack(packets)
	if len(trips) == 0 {
		return // one way only bounds one side, and does not tell the order
	}
	aFirst := trips[len(trips)/2] >= 0
	for _, p := range packets {
		if (p.dir == pcapflow.Client) == aFirst {
			e.add(r.a, r.b, p.at, -clock.Infinity, p.later+captureNoise, clock.TwoCaptures)
		} else {
			e.add(r.a, r.b, p.at, p.later-captureNoise, clock.Infinity, clock.TwoCaptures)
		}
	}
}

// thereAndBack lists, in order of size, how long packets of both directions that
// follow each other took between two captures, there and back: negative where b
// is nearer to the clients. Neighbours only are compared: a clock may step.
func thereAndBack(packets []shared) []int64 {
	var out []int64
	for i := 1; i < len(packets); i++ {
		p, q := &packets[i-1], &packets[i]
		switch {
		case p.dir == q.dir:
		case p.dir == pcapflow.Client:
			out = append(out, p.later-q.later)
		default:
			out = append(out, q.later-p.later)
		}
	}
	slices.Sort(out)
	return out
}
