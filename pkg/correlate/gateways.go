package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Gateway is a router on the link of a capture, known by its link address:
// packets of other networks come from there, hosts asked for it before they sent to
// other networks, or it advertises itself.
type Gateway struct {
	Capture     *incident.Capture
	MAC         [6]byte
	Addresses   []netip.Addr           // its own on the link, as neighbour resolutions tell them; none: not known
	Resolutions []*pcapflow.Resolution // that a host waited for before it sent to another network; bounded
	Hosts       []netip.Addr           // that did
	Behind      []netip.Addr           // addresses of other networks whose packets it brought, in order; bounded
	BehindCount int
	Advertised  pcapflow.Stamp // its first advertisement as a default router; unseen: there was none
	First, Last pcapflow.Stamp // of what shows it
	Before      *Gateway       // whose place it took: the same address, or the same networks, later; nil: none
}

// By names how it is known: "hop-limit" by packets that it brought, "resolution" by
// a host that asked for it, "advertisement" by its own word.
func (g *Gateway) By() (by []string) {
	if g.BehindCount > 0 {
		by = append(by, "hop-limit")
	}
	if len(g.Resolutions) > 0 {
		by = append(by, "resolution")
	}
	if g.Advertised.Seen() {
		by = append(by, "advertisement")
	}
	return by
}

// Shown are frames that show it: of at most n resolutions, else of its first packet.
func (g *Gateway) Shown(n int) (frames []int) {
	for _, r := range g.Resolutions[:min(len(g.Resolutions), n)] {
		frames = append(frames, r.Requests[0].Frame, r.Reply.Frame)
	}
	if g.Advertised.Seen() {
		frames = append(frames, g.Advertised.Frame)
	}
	if len(frames) == 0 {
		frames = append(frames, g.First.Frame)
	}
	return frames
}

const (
	maxBehind = 1 << 12
	maxWaited = 16
)

// gatewaysOf finds the gateways of a capture, in order of their first packet.
func gatewaysOf(c *incident.Capture) []*Gateway {
	return findGateways(c, len(c.Flows), func(i int) routedFlow { return routedOf(c.Flows[i]) })
}

// findGateways looks at so many flows, in order of their first frame, and at the
// resolutions of c.
func findGateways(c *incident.Capture, flows int, flow func(i int) routedFlow) []*Gateway {
	s := gatewaySearch{c: c, flows: flows, flow: flow, by: map[[6]byte]*Gateway{}, owners: map[netip.Addr][][6]byte{}, behind: map[behindKey]bool{}}
	for _, r := range c.Neighbours {
		s.own(r.Asker, r.AskerMAC)
		for _, mac := range append([][6]byte{r.MAC}, r.Others...) {
			s.own(r.Target, mac)
		}
	}
	s.byHopLimit()
	s.byResolution()
	s.byAdvertisement()
	s.name()
	list := make([]*Gateway, 0, len(s.by))
	for _, g := range s.by {
		slices.SortFunc(g.Behind, netip.Addr.Compare)
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *Gateway) int {
		return cmp.Or(cmp.Compare(a.First.Time, b.First.Time), cmp.Compare(a.First.Frame, b.First.Frame), slices.Compare(a.MAC[:], b.MAC[:]))
	})
	for i, g := range list {
		for _, old := range list[:i] {
			if g.replaces(old) {
				g.Before = old
			}
		}
	}
	return list
}

type gatewaySearch struct {
	c      *incident.Capture
	flows  int
	flow   func(i int) routedFlow
	by     map[[6]byte]*Gateway
	owners map[netip.Addr][][6]byte // link addresses that resolutions tell of an address
	behind map[behindKey]bool
}

type behindKey struct {
	mac  [6]byte
	addr netip.Addr
}

func (s *gatewaySearch) own(a netip.Addr, mac [6]byte) {
	if mac != ([6]byte{}) && a.IsValid() && !a.IsUnspecified() && len(s.owners[a]) < maxWaited && !slices.Contains(s.owners[a], mac) {
		s.owners[a] = append(s.owners[a], mac)
	}
}

// at is the gateway of a link address, seen at an instant.
func (s *gatewaySearch) at(mac [6]byte, first, last pcapflow.Stamp) *Gateway {
	g := s.by[mac]
	if g == nil {
		g = &Gateway{Capture: s.c, MAC: mac, First: first, Last: last}
		s.by[mac] = g
	}
	if first.Time < g.First.Time {
		g.First = first
	}
	if last.Time > g.Last.Time {
		g.Last = last
	}
	return g
}

// byHopLimit takes the senders of packets that have passed a router: systems
// begin with 64, 128 or 255 hops, and no path is longer than about thirty.
func (s *gatewaySearch) byHopLimit() {
	for i := range s.flows {
		f := s.flow(i)
		if f.server.Addr().IsMulticast() {
			continue
		}
		for d, a := range [2]netip.Addr{f.client.Addr(), f.server.Addr()} {
			mac := f.mac[d]
			if mac == ([6]byte{}) || !f.passed(d) || slices.Contains(s.owners[a], mac) || a.IsLinkLocalUnicast() {
				continue
			}
			if s.by[mac] == nil && len(s.by) >= finderMACs {
				continue
			}
			g := s.at(mac, f.start, f.end)
			if k := (behindKey{mac, a}); !s.behind[k] {
				s.behind[k] = true
				if g.BehindCount++; len(g.Behind) < maxBehind {
					g.Behind = append(g.Behind, a)
				}
			}
		}
	}
}

// routed: the hop limit is below one that systems start with, by no more hops
// than paths have.
func routed(ttl uint8) bool {
	const longest = 32
	for _, start := range [...]uint8{64, 128, 255} {
		if ttl < start && start-ttl <= longest {
			return true
		}
	}
	return false
}

// byResolution takes what a host asked the link for right before its first
// packet to an address that is not the one it asked for, nor on the link.
func (s *gatewaySearch) byResolution() {
	for _, r := range s.c.Neighbours {
		if r.Gratuitous || !r.Reply.Seen() || len(r.Requests) == 0 {
			continue
		}
		i := sort.Search(s.flows, func(i int) bool { return s.flow(i).start.Frame > r.Reply.Frame })
		for ; i < s.flows; i++ {
			f := s.flow(i)
			if f.start.Time-r.Reply.Time > released {
				break
			}
			to := f.server.Addr()
			if f.client.Addr() != r.Asker || to == r.Target || to.IsMulticast() || to.Is4() != r.Target.Is4() || len(s.owners[to]) > 0 || to.IsLinkLocalUnicast() || isBroadcast(to) {
				continue
			}
			g := s.at(r.MAC, r.Requests[0], f.start)
			if len(g.Resolutions) < maxWaited {
				g.Resolutions = append(g.Resolutions, r)
			}
			if !slices.Contains(g.Hosts, r.Asker) && len(g.Hosts) < maxWaited {
				g.Hosts = append(g.Hosts, r.Asker)
			}
			break
		}
	}
}

// byAdvertisement takes the routers that say that hosts may use them.
func (s *gatewaySearch) byAdvertisement() {
	for _, r := range s.c.Routers {
		if !r.Default || r.MAC == ([6]byte{}) || s.by[r.MAC] == nil && len(s.by) >= finderMACs {
			continue
		}
		g := s.at(r.MAC, r.Advertised[0], r.LastAdvertised())
		if !g.Advertised.Seen() {
			g.Advertised = r.Advertised[0]
		}
		g.address(r.Address)
	}
}

// isBroadcast: the limited broadcast, and what looks like a subnet's.
func isBroadcast(a netip.Addr) bool { return a.Is4() && a.As4()[3] == 255 }

// name gives gateways the addresses that resolutions tell of their link
// addresses, and finds others that took such an address.
func (s *gatewaySearch) name() {
	owned := map[netip.Addr]bool{}
	for _, r := range s.c.Neighbours {
		if g := s.by[r.MAC]; g != nil && !s.behind[behindKey{r.MAC, r.Target}] {
			g.address(r.Target)
			owned[r.Target] = true
		}
		if g := s.by[r.AskerMAC]; g != nil && !r.Asker.IsUnspecified() && !s.behind[behindKey{r.AskerMAC, r.Asker}] {
			g.address(r.Asker)
		}
	}
	for _, r := range s.c.Neighbours {
		at := r.Reply
		if !at.Seen() && len(r.Requests) > 0 {
			at = r.Requests[0]
		}
		if owned[r.Target] && r.MAC != ([6]byte{}) {
			s.at(r.MAC, at, at).address(r.Target)
		}
	}
}

func (g *Gateway) address(a netip.Addr) {
	if a.IsValid() && !slices.Contains(g.Addresses, a) && len(g.Addresses) < maxWaited {
		g.Addresses = append(g.Addresses, a)
	}
}

// replaces tells whether g does from some instant on what old did before.
func (g *Gateway) replaces(old *Gateway) bool {
	if old.Last.Time > g.First.Time {
		return false
	}
	common := func(a, b []netip.Addr) bool {
		return slices.ContainsFunc(a, func(x netip.Addr) bool { return slices.Contains(b, x) })
	}
	return common(g.Addresses, old.Addresses) || common(g.Behind[:min(len(g.Behind), maxWaited)], old.Behind)
}
