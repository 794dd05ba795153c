package pcapflow

import "github.com/flowcorr/flowcorr/pkg/pcapflow/capture"

// common reads the headers of the common kinds of packets: TCP and UDP in IPv4
// or IPv6 in Ethernet, whole, not fragmented, and no tunnel. h.common is 0 for
// any other, which then goes the general way. It changes nothing of e, and
// may run ahead of the rest of it.
func (e *engine) common(p *capture.Packet, h *header) {
	h.stamp = Stamp{p.Time, p.Frame}
	h.clock, h.wire, h.missing = p.Clock, p.WireLen, max(0, p.WireLen-len(p.Data))
	h.captured, h.timed = len(p.Data), p.HasTime
	h.section = 0
	if p.Clock != 0 {
		h.section = e.section(p.Clock)
	}
	h.encap, h.depth, h.mac, h.toOne = 0, 0, [6]byte{}, false
	h.common, h.hash, h.print = 0, 0, 0
	b := p.Data
	if p.Link != linkEthernet || len(b) < 14+20+8 {
		return
	}
	if len(b) >= 14+20+20 && be32(b[12:])&^0xff == etherIPv4<<16|0x4500 && b[23] == protoTCP && e.usualTCP(b, h) {
		return
	}
	switch be16(b[12:]) {
	case etherIPv4:
		head, total := int(b[14]&15)*4, int(be16(b[16:]))
		sent := len(b) - 14 + h.missing
		if b[14]>>4 != 4 || head < 20 || total <= head || total > sent || be16(b[20:])&0x3fff != 0 || len(b) < 14+head {
			return
		}
		h.src, h.dst, h.v6 = addressV4(b[26:]), addressV4(b[30:]), false
		h.proto, h.ttl, h.id = b[23], b[22], be16(b[18:])
		h.body, h.size = b[14+head:min(14+total, len(b))], total-head
	case etherIPv6:
		if len(b) < 14+40 || b[14]>>4 != 6 {
			return
		}
		size := int(be16(b[18:]))
		if size == 0 || size > len(b)-54+h.missing {
			return
		}
		h.src, h.dst, h.v6 = addressV6(b[22:]), addressV6(b[38:]), true
		h.proto, h.ttl, h.id = b[20], b[21], 0
		h.body, h.size = b[54:min(54+size, len(b))], size
	default:
		return
	}
	switch h.proto {
	case protoTCP:
		if h.readTCP() != "" {
			return
		}
	case protoUDP:
		if h.readUDP() != "" || tunnelOf(h) != 0 {
			return
		}
	default:
		return
	}
	h.mac = [6]byte(b[6:])
	h.key, h.swapped = e.keyOf(h)
	h.hash, h.print = e.table.hash(&h.key), h.imprint()
	h.common = h.proto
}

// usualTCP is common for a TCP segment in IPv4 without options, all of which was
// captured, as most packets are; else it does nothing.
func (e *engine) usualTCP(frame []byte, h *header) bool {
	b := (*[14 + 20 + 20]byte)(frame)
	total, head := int(be16(b[16:])), int(b[46]>>4)*4
	if be16(b[20:])&0x3fff != 0 || total > len(frame)-14 || head < 20 || 20+head > total {
		return false
	}
	src, dst, ports := be32(b[26:]), be32(b[30:]), be32(b[34:])
	h.common = protoTCP
	h.ttl, h.id = b[22], be16(b[18:])
	h.seq, h.ack = be32(b[38:]), be32(b[42:])
	h.flags, h.window, h.sum = b[47], be16(b[48:]), be16(b[50:])
	h.mac, h.body, h.size = [6]byte(b[6:]), frame[34:14+total], total-20
	h.from, h.to, h.length = int32(head), int32(total-20), total-20-head
	h.keyV4(src, dst, uint16(ports>>16), uint16(ports))
	if h.swapped {
		src, dst, ports = dst, src, ports<<16|ports>>16
	}
	h.hash = e.table.hashV4(src, dst, ports, protoTCP<<16|uint32(h.section))
	h.print = h.imprint()
	return true
}

// keyV4 says between whom a common packet in IPv4 goes.
func (h *header) keyV4(src, dst uint32, sport, dport uint16) {
	h.src, h.dst = address{0, mappedV4 | uint64(src)}, address{0, mappedV4 | uint64(dst)}
	h.v6, h.proto, h.sport, h.dport = false, h.common, sport, dport
	k := &h.key
	k.encap, k.other = 0, 0
	h.swapped = src > dst || src == dst && sport > dport
	if h.swapped {
		k.a, k.b, k.keyRest = h.dst, h.src, keyRest{dport, sport, h.common, false, h.section}
	} else {
		k.a, k.b, k.keyRest = h.src, h.dst, keyRest{sport, dport, h.common, false, h.section}
	}
}
