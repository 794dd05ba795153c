package pcapflow

import "github.com/flowcorr/flowcorr/pkg/pcapflow/capture"

const (
	maxAwaited = 16
	// A host sends what waited as soon as the answer is there. What comes later than
	// this did not wait for it, ns.
	releasedWithin = second / 10
)

// await looks out for the packet that waited for r, which was just answered. Who
// asks whether a known link address still holds sends meanwhile.
func (n *neighbours) await(r *Resolution) {
	if len(r.Requests) == 0 || r.Gratuitous || r.Confirms() {
		return
	}
	if len(n.awaited) == maxAwaited {
		n.awaited = append(n.awaited[:0], n.awaited[1:]...)
	}
	n.awaited = append(n.awaited, r)
}

// released looks whether the packet at hand is one that waited.
func (e *engine) released(p *capture.Packet) {
	h, n := e.h, &e.neighbours
	list := n.awaited[:0]
	for _, r := range n.awaited {
		switch {
		case h.stamp.Frame == r.Reply.Frame:
			list = append(list, r)
		case h.stamp.Time-r.Reply.Time > releasedWithin:
		case r.Clock == h.clock && h.sentTo(p, r):
			r.Released.Stamp = h.stamp
			e.placeIn(&r.Released)
		default:
			list = append(list, r)
		}
	}
	clear(n.awaited[len(list):])
	n.awaited = list
}

// sentTo tells whether the packet at hand is one of IP, not of neighbour discovery,
// from who asked to the link address that answered; where the capture's link layer
// does not name the receiver, to the address that was asked for.
func (h *header) sentTo(p *capture.Packet, r *Resolution) bool {
	b := p.Data
	if h.common == 0 && (h.depth == 0 || h.proto == protoICMPv6 && len(h.body) > 0 && h.body[0] >= ndRouterSolicitation && h.body[0] <= ndAdvertisement+1) {
		return false // nothing of IP was read, or a redirect or the like
	}
	if p.Link != linkEthernet || len(b) < 12 {
		return h.src.netip(h.v6) == r.Asker && h.dst.netip(h.v6) == r.Target
	}
	return [6]byte(b) == r.MAC && [6]byte(b[6:]) == r.AskerMAC
}

// placeIn tells which packet of its flow the one at hand is.
func (e *engine) placeIn(r *Released) {
	h := e.h
	if h.proto != protoTCP && h.proto != protoUDP || h.hash == 0 {
		return
	}
	if f := e.table.find(&h.key, h.hash); f != nil {
		r.Transport, r.Stream, r.Place = f.transport, f.stream, f.packets[Client]+f.packets[Server]
	}
}
