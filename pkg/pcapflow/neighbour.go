package pcapflow

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// neighbours follows address resolution: ARP (RFC 826) and ND (RFC 4861).
type neighbours struct {
	list      []*Resolution
	routers   []*Router
	solicited Stamp                        // the latest solicitation of routers
	open      map[neighbourKey]*Resolution // the latest of each asker and target
	awaited   []*Resolution                // just answered: the packet that had to wait comes next
}

type neighbourKey struct {
	asker, target address
	encap         uint32
	v6            bool
	clock         capture.ClockID
}

const (
	maxResolutions = 1 << 16
	maxRequests    = 256 // kept of one resolution
	// A request this long after the one before begins another resolution, ns.
	// Linux asks three times a second apart, others up to five seconds.
	resolutionGap = 10 * second
)

// arp decodes ARP for IPv4 over 6-byte link addresses.
func (e *engine) arp(b []byte) {
	h := e.h
	if len(b) < 28 {
		e.undecoded("packet cut within ARP")
		return
	}
	if be16(b[2:]) != etherIPv4 || b[4] != 6 || b[5] != 4 {
		e.undecoded("ARP of other address kinds")
		return
	}
	sender, target := addressV4(b[14:]), addressV4(b[24:])
	mac := [6]byte(b[8:14])
	h.v6 = false
	const request, reply = 1, 2
	switch op := be16(b[6:]); {
	case sender == target && (op == request || op == reply):
		e.neighbours.announce(e, h, "arp", sender, mac)
	case op == request:
		e.neighbours.request(e, h, "arp", sender, mac, target)
	case op == reply:
		e.neighbours.reply(e, h, "arp", target, sender, mac, false)
	default:
		e.undecoded("ARP of another operation")
	}
}

// key of what asker wants to know. Probes of address detection (sender 0.0.0.0
// or ::) are resolutions without an asker.
func (n *neighbours) key(h *header, asker, target address) neighbourKey {
	return neighbourKey{asker, target, h.encap, h.v6, h.clock}
}

func (n *neighbours) request(e *engine, h *header, protocol string, asker address, mac [6]byte, target address) {
	k := n.key(h, asker, target)
	r := n.open[k]
	if r != nil {
		// Without a request it is an answer that nobody asked for.
		asked := len(r.Requests)
		if r.Reply.Seen() || asked == 0 || h.stamp.Time-r.Requests[asked-1].Time > resolutionGap {
			r = nil
		}
	}
	if r == nil {
		r = n.begin(e, h, k, protocol, target)
		if r == nil {
			return
		}
		r.Asker, r.AskerMAC = asker.netip(h.v6), mac
	}
	if len(r.Requests) < maxRequests {
		r.Requests = append(r.Requests, h.stamp)
		if h.toOne {
			r.Unicast++
		}
	}
}

// reply of sender to asker; toAll: an advertisement to every host.
func (n *neighbours) reply(e *engine, h *header, protocol string, asker, sender address, mac [6]byte, toAll bool) {
	r := n.open[n.key(h, asker, sender)]
	if r == nil && toAll {
		r = n.open[n.key(h, address{}, sender)]
	}
	if r == nil {
		k := n.key(h, asker, sender)
		if r = n.begin(e, h, k, protocol, sender); r == nil {
			return
		}
		r.Asker, r.Gratuitous = asker.netip(h.v6), toAll
	}
	switch {
	case !r.Reply.Seen():
		r.Reply, r.MAC = h.stamp, mac
		n.await(r)
	case r.MAC != mac && len(r.Others) < maxRequests && !slices.Contains(r.Others, mac):
		r.Others = append(r.Others, mac)
	}
}

// announce is a gratuitous ARP.
func (n *neighbours) announce(e *engine, h *header, protocol string, who address, mac [6]byte) {
	k := n.key(h, who, who)
	r := n.open[k]
	if r != nil && r.MAC == mac && len(r.Requests) > 0 && h.stamp.Time-r.Requests[len(r.Requests)-1].Time <= resolutionGap {
		if len(r.Requests) < maxRequests {
			r.Requests = append(r.Requests, h.stamp)
		}
		return
	}
	if r = n.begin(e, h, k, protocol, who); r == nil {
		return
	}
	r.Asker, r.AskerMAC, r.MAC, r.Gratuitous = who.netip(h.v6), mac, mac, true
	r.Requests = append(r.Requests, h.stamp)
}

func (n *neighbours) begin(e *engine, h *header, k neighbourKey, protocol string, target address) *Resolution {
	if len(n.list) >= maxResolutions {
		e.undecoded("address resolutions beyond the limit")
		return nil
	}
	if n.open == nil {
		n.open = map[neighbourKey]*Resolution{}
	}
	r := &Resolution{Protocol: protocol, Target: target.netip(h.v6), Encapsulation: e.encaps.name(h.encap), Clock: h.clock}
	n.open[k] = r
	n.list = append(n.list, r)
	return r
}

// ICMPv6 types of neighbour discovery, and their options (RFC 4861 section 4).
const (
	ndSolicitation  = 135
	ndAdvertisement = 136
	ndSourceLink    = 1
	ndTargetLink    = 2
)

// neighbourDiscovery takes a solicitation or an advertisement.
func (e *engine) neighbourDiscovery(b []byte) {
	h := e.h
	if len(b) < 24 {
		e.undecoded("packet cut within neighbour discovery")
		return
	}
	target := addressV6(b[8:])
	const multicast = 0xff << 56
	toAll := h.dst.hi&multicast == multicast
	if b[0] == ndSolicitation {
		h.toOne = !toAll
		e.neighbours.request(e, h, "nd", h.src, ndLink(b[24:], ndSourceLink, h.mac), target)
		return
	}
	asker := h.dst
	if toAll {
		asker = address{}
	}
	e.neighbours.reply(e, h, "nd", asker, target, ndLink(b[24:], ndTargetLink, h.mac), toAll)
}

// ndLink is the link address in an option, the frame's when there is none.
func ndLink(b []byte, kind uint8, frame [6]byte) [6]byte {
	for len(b) >= 8 && b[1] > 0 && int(b[1])*8 <= len(b) {
		if b[0] == kind {
			return [6]byte(b[2:8])
		}
		b = b[int(b[1])*8:]
	}
	return frame
}

func (n *neighbours) end(r *Result) { r.Neighbours, r.Routers = n.list, n.routers }
