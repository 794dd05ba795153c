package pcapflow

const (
	badIP       = "malformed IP header"
	truncatedIP = "packet cut within its IP header"
)

// IP protocol numbers (IANA).
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoICMPv6   = 58
	protoNoNext   = 59
	protoOptions  = 60
	protoSCTP     = 132
	protoMobility = 135
	protoMPLS     = 137
	protoHIP      = 139
	protoShim6    = 140
)

// ip decodes IP of the version that its first half-byte tells.
func (e *engine) ip(b []byte) {
	switch {
	case len(b) == 0:
		e.undecoded(truncatedIP)
	case b[0]>>4 == 4:
		e.ipv4(b)
	case b[0]>>4 == 6:
		e.ipv6(b)
	default:
		e.undecoded("neither IPv4 nor IPv6")
	}
}

// ipv4 decodes IPv4 (RFC 791).
func (e *engine) ipv4(b []byte) {
	h := e.h
	if !e.enter() {
		return
	}
	if len(b) < 20 {
		e.undecoded(truncatedIP)
		return
	}
	head := int(b[0]&15) * 4
	if b[0]>>4 != 4 || head < 20 {
		e.undecoded(badIP)
		return
	}
	if len(b) < head {
		e.undecoded(truncatedIP)
		return
	}
	sent := len(b) + h.missing
	total := int(be16(b[2:]))
	switch {
	case total == 0: // left to the network card by segmentation offload
		total = sent
	case total < head:
		e.undecoded(badIP)
		return
	case total > sent: // what the frame lacks shows as a gap
		total = sent
	}
	h.src, h.dst, h.v6 = addressV4(b[12:]), addressV4(b[16:]), false
	h.ttl, h.id = b[8], be16(b[4:])
	body := b[head:max(head, min(total, len(b)))]
	if f := be16(b[6:]); f&0x3fff != 0 {
		e.fragment(fragment{
			key:    fragmentKey{h.src, h.dst, uint32(h.id), h.encap, b[9]},
			offset: int(f&0x1fff) * 8, more: f&0x2000 != 0, data: body, size: total - head, proto: b[9],
		})
		return
	}
	e.transport(b[9], body, total-head)
}

// ipv6 decodes IPv6 and its extension headers (RFC 8200).
func (e *engine) ipv6(b []byte) {
	h := e.h
	if !e.enter() {
		return
	}
	if len(b) < 40 {
		e.undecoded(truncatedIP)
		return
	}
	if b[0]>>4 != 6 {
		e.undecoded(badIP)
		return
	}
	sent := len(b) - 40 + h.missing
	size := int(be16(b[4:]))
	if size == 0 || size > sent { // 0: a jumbogram (RFC 2675) or segmentation offload
		size = sent
	}
	h.src, h.dst, h.v6 = addressV6(b[8:]), addressV6(b[24:]), true
	h.ttl, h.id = b[7], 0
	body := b[40 : 40+min(size, len(b)-40)]
	e.extensions(b[6], body, size)
}

// extensions walks IPv6 extension headers up to the transport.
func (e *engine) extensions(next uint8, b []byte, size int) {
	h := e.h
	for range 16 {
		n := 0
		switch next {
		case protoHopByHop, protoRouting, protoOptions, protoMobility, protoHIP, protoShim6:
			if len(b) >= 2 {
				n = int(b[1])*8 + 8
			}
		case protoAH: // RFC 4302 section 2.2
			if len(b) >= 2 {
				n = int(b[1])*4 + 8
			}
		case protoFragment:
			if len(b) < 8 {
				e.undecoded(truncatedIP)
				return
			}
			f := be16(b[2:])
			if f&0xfff9 != 0 { // else atomic (RFC 6946)
				e.fragment(fragment{
					key:    fragmentKey{h.src, h.dst, be32(b[4:]), h.encap, 0},
					offset: int(f &^ 7), more: f&1 != 0, data: b[8:], size: size - 8, proto: b[0],
				})
				return
			}
			n = 8
		default:
			e.transport(next, b, size)
			return
		}
		if n == 0 || n > len(b) {
			e.undecoded(truncatedIP)
			return
		}
		next, b, size = b[0], b[n:], size-n
	}
	e.undecoded("too many IPv6 extension headers")
}

// transport goes on behind the IP header: body as captured, size as sent.
func (e *engine) transport(proto uint8, body []byte, size int) {
	h := e.h
	h.proto, h.body, h.size = proto, body, size
	h.missing = max(0, size-len(body))
	switch proto {
	case protoTCP:
		e.tcp()
	case protoUDP:
		e.udp()
	case protoICMP:
		e.icmp()
	case protoICMPv6:
		e.icmpv6()
	case protoSCTP:
		e.sctp()
	case protoIPv4:
		h.encap = e.encaps.within(h.encap, inIP, 0)
		e.ipv4(body)
	case protoIPv6:
		h.encap = e.encaps.within(h.encap, inIP, 0)
		e.ipv6(body)
	case protoGRE:
		e.gre(body)
	case protoMPLS:
		e.mpls(body)
	case protoAH:
		if h.v6 || len(body) < 12 {
			e.protocols[proto]++
			return
		}
		if n := int(body[1])*4 + 8; n <= len(body) {
			e.transport(body[0], body[n:], size-n)
		}
	default:
		e.protocols[proto]++
	}
}
