package pcapflow

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Router is one that advertises itself on the link (RFC 4861 section 4.2).
type Router struct {
	Address       netip.Addr // link-local
	MAC           [6]byte
	Solicited     Stamp   // the solicitation before its first advertisement; unseen: it came of itself
	Advertised    []Stamp // bounded; Count says how many there were
	Count         int
	Withdrawn     Stamp          // the first advertisement that says that it is no default router, behind one that said it is
	Lifetime      uint16         // seconds, as the latest says; 0: it is no default router
	Default       bool           // one of them said that it is
	HopLimit      uint8          // that hosts are to use; 0: not said
	MTU           int            // of the link; 0: not said
	Prefixes      []netip.Prefix // bounded
	Managed       bool           // addresses come by DHCPv6
	Encapsulation string
	Clock         capture.ClockID
}

// LastAdvertised is the latest of those that are kept.
func (r *Router) LastAdvertised() Stamp { return r.Advertised[len(r.Advertised)-1] }

// AppendInstants adds the advertisements that are kept, and what asked for them.
func (r *Router) AppendInstants(list []Instant) []Instant {
	l := instants(list)
	l.add("nd.router-solicitation", "", r.Solicited, "")
	for _, s := range r.Advertised {
		l.add("nd.router-advertisement", "", s, "")
	}
	return l
}

// ICMPv6 types of router discovery, and their options (RFC 4861 section 4).
const (
	ndRouterSolicitation  = 133
	ndRouterAdvertisement = 134
	ndPrefix              = 3
	ndMTU                 = 5
)

const (
	maxRouters   = 1 << 10
	maxPrefixes  = 16
	solicitation = 4 * second // RFC 4861 section 10: RTR_SOLICITATION_INTERVAL
)

// routerDiscovery takes a solicitation or an advertisement of routers.
func (e *engine) routerDiscovery(b []byte) {
	h, n := e.h, &e.neighbours
	if b[0] == ndRouterSolicitation {
		n.solicited = h.stamp
		return
	}
	if len(b) < 16 {
		e.undecoded("packet cut within neighbour discovery")
		return
	}
	r := n.router(e, h, ndLink(b[16:], ndSourceLink, h.mac))
	if r == nil {
		return
	}
	if r.Count++; len(r.Advertised) < maxRequests {
		r.Advertised = append(r.Advertised, h.stamp)
	} else {
		r.Advertised[maxRequests-1] = h.stamp
	}
	r.Lifetime = be16(b[6:])
	if r.Default && r.Lifetime == 0 && !r.Withdrawn.Seen() {
		r.Withdrawn = h.stamp
	}
	r.Default = r.Default || r.Lifetime > 0
	r.HopLimit, r.Managed = b[4], b[5]&0x80 != 0
	r.options(b[16:])
}

// router is the one that sent the advertisement at hand; nil: there are too many.
func (n *neighbours) router(e *engine, h *header, mac [6]byte) *Router {
	from, encap := h.src.netip(true), e.encaps.name(h.encap)
	for _, r := range n.routers {
		if r.Address == from && r.MAC == mac && r.Clock == h.clock && r.Encapsulation == encap {
			return r
		}
	}
	if len(n.routers) >= maxRouters {
		e.undecoded("routers beyond the limit")
		return nil
	}
	r := &Router{Address: from, MAC: mac, Encapsulation: encap, Clock: h.clock}
	if s := n.solicited; s.Seen() && h.stamp.Time-s.Time <= solicitation {
		r.Solicited = s
	}
	n.routers = append(n.routers, r)
	return r
}

// options reads prefixes and the link's MTU.
func (r *Router) options(b []byte) {
	for len(b) >= 8 && b[1] > 0 && int(b[1])*8 <= len(b) {
		switch o := b[:int(b[1])*8]; {
		case o[0] == ndMTU:
			r.MTU = int(min(be32(o[4:]), 1<<30))
		case o[0] == ndPrefix && len(o) >= 32 && o[2] <= 128:
			p := netip.PrefixFrom(netip.AddrFrom16([16]byte(o[16:32])), int(o[2])).Masked()
			if len(r.Prefixes) < maxPrefixes && !slices.Contains(r.Prefixes, p) {
				r.Prefixes = append(r.Prefixes, p)
			}
		}
		b = b[int(b[1])*8:]
	}
}
