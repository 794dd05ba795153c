package correlate

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// hosts tells which addresses belong to one machine, as far as captures show
// it: a client asks over IPv4 for the name it then reaches over IPv6.
type hosts struct {
	number map[netip.Addr]int
	sets   *sets
}

// hostsOf learns from what was told, the capturing host's own addresses, from neighbour
// resolution, and from packets that had crossed no router.
func hostsOf(inc *incident.Incident) *hosts {
	h := &hosts{number: map[netip.Addr]int{}, sets: newSets(0)}
	for _, own := range inc.Told.Addresses {
		for _, a := range own {
			h.same(own[0], a)
		}
	}
	for n, c := range inc.Captures {
		for _, a := range c.Own {
			h.same(c.Own[0], a)
		}
		link := map[linkKey]netip.Addr{}
		bind := func(mac [6]byte, a netip.Addr) {
			if mac == ([6]byte{}) || !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
				return
			}
			k := linkKey{n, mac}
			if first, ok := link[k]; ok {
				h.same(first, a)
			} else {
				link[k] = a
			}
		}
		for _, r := range c.Neighbours {
			bind(r.AskerMAC, r.Asker)
			if len(r.Others) == 0 {
				bind(r.MAC, r.Target)
			}
		}
		for _, f := range c.Flows {
			for d, a := range [2]netip.Addr{f.Client.Addr(), f.Server.Addr()} {
				if unrouted(f.TTL[d]) {
					bind(f.MAC[d], a)
				}
			}
		}
	}
	return h
}

type linkKey struct {
	capture int
	mac     [6]byte
}

// unrouted: the hop limit is one that systems start with.
func unrouted(ttl uint8) bool { return ttl == 64 || ttl == 128 || ttl == 255 }

func (h *hosts) id(a netip.Addr) int {
	n, ok := h.number[a]
	if !ok {
		n = len(h.sets.parent)
		h.sets.parent = append(h.sets.parent, n)
		h.number[a] = n
	}
	return h.sets.find(n)
}

func (h *hosts) same(a, b netip.Addr) { h.sets.join(h.id(a), h.id(b)) }

// is tells whether two addresses are of one machine.
func (h *hosts) is(a, b netip.Addr) bool { return a == b || h.id(a) == h.id(b) }

// clientHost is the machine that opened a conversation, as its best point shows it.
func (h *hosts) clientHost(j *joint) int { return h.id(j.client.Addr()) }

// serverAddrs lists the addresses a conversation's server had at the points.
func serverAddrs(j *joint) []netip.Addr {
	list := []netip.Addr{j.server.Addr()}
	for _, p := range j.points[1:] {
		if a := p.Flow.Server.Addr(); a != list[0] {
			list = append(list, a)
		}
	}
	return list
}

// firstSYN is the instant a conversation began to cost time; false where the
// capture lacks it.
func firstSYN(f *pcapflow.Flow) (pcapflow.Stamp, bool) {
	if f.Conn != nil {
		if len(f.Conn.SYN) == 0 {
			return pcapflow.Stamp{}, false
		}
		return f.Conn.SYN[0], true
	}
	return f.Start, true
}
