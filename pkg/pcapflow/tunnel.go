package pcapflow

// mpls decodes a label stack (RFC 3032). Labels differ by direction, so only
// that there were any becomes part of the flow's identity.
func (e *engine) mpls(b []byte) {
	if !e.enter() {
		return
	}
	for n := 0; ; n++ {
		if len(b) < 4 || n == 16 {
			e.undecoded("malformed MPLS label stack")
			return
		}
		bottom := b[2]&1 == 1
		b = b[4:]
		if bottom {
			break
		}
	}
	if len(b) == 0 {
		e.undecoded(truncatedIP)
		return
	}
	switch b[0] >> 4 {
	case 4:
		e.h.encap = e.encaps.within(e.h.encap, inMPLS, 0)
		e.ipv4(b)
	case 6:
		e.h.encap = e.encaps.within(e.h.encap, inMPLS, 0)
		e.ipv6(b)
	case 0: // a pseudowire control word (RFC 4385), then most often Ethernet
		if len(b) >= 18 {
			e.h.encap = e.encaps.within(e.h.encap, inMPLS, 0)
			e.ethernet(b[4:])
			return
		}
		e.undecoded("MPLS pseudowire")
	default:
		e.undecoded("MPLS pseudowire")
	}
}

// gre decodes GRE (RFC 2784, RFC 2890, version 1 of RFC 2637) and the ERSPAN
// mirrors carried by it.
func (e *engine) gre(b []byte) {
	const malformed = "malformed GRE header"
	h := e.h
	if len(b) < 4 {
		e.undecoded(malformed)
		return
	}
	flags, protocol := be16(b), be16(b[2:])
	rest := b[4:]
	skip := func(bit uint16, n int) []byte { // an optional field, nil when absent or cut
		if flags&bit == 0 {
			return nil
		}
		if len(rest) < n {
			rest = nil
			return nil
		}
		field := rest[:n]
		rest = rest[n:]
		return field
	}
	version := flags & 7
	skip(0xc000, 4) // checksum or routing: checksum and offset
	var key uint32
	if k := skip(0x2000, 4); k != nil && version == 0 {
		key = be32(k)
	}
	sequence := skip(0x1000, 4)
	if version == 1 {
		skip(0x0080, 4) // acknowledgement
	}
	if version > 1 || flags&0x4000 != 0 || rest == nil {
		e.undecoded(malformed)
		return
	}
	switch protocol {
	case etherERSPAN:
		if sequence == nil { // type I: no header of its own
			h.encap = e.encaps.within(h.encap, inERSPAN, 0)
			e.ethernet(rest)
			return
		}
		e.erspan(rest, 8)
	case etherERSPAN3:
		n := 12
		if len(rest) >= 12 && rest[11]&1 == 1 { // platform-specific subheader
			n = 20
		}
		e.erspan(rest, n)
	default:
		if len(rest) == 0 && version == 1 { // PPTP: an acknowledgement alone
			return
		}
		h.encap = e.encaps.within(h.encap, inGRE, key)
		e.ethertype(protocol, rest)
	}
}

// erspan decodes a mirrored Ethernet frame behind n bytes of ERSPAN header.
func (e *engine) erspan(b []byte, n int) {
	if len(b) < n {
		e.undecoded("malformed ERSPAN header")
		return
	}
	e.h.encap = e.encaps.within(e.h.encap, inERSPAN, uint32(be16(b[2:])&0x3ff))
	e.ethernet(b[n:])
}

// UDP ports of tunnels (IANA; 8472 is the port of Linux before IANA's).
const (
	portGTP        = 2152
	portTeredo     = 3544
	portVXLAN      = 4789
	portGeneve     = 6081
	portVXLANLinux = 8472
)

// tunnelOf tells which tunnel a datagram is, by port and content.
func tunnelOf(h *header) wrapper {
	b := h.payload()
	switch h.dport {
	case portVXLAN, portVXLANLinux: // RFC 7348 section 5
		if len(b) >= 8+14 && b[0]&0xf7 == 0 && b[0] == 8 && b[7] == 0 {
			return inVXLAN
		}
	case portGeneve: // RFC 8926 section 3.4
		if len(b) >= 8 && b[0]>>6 == 0 && b[1]&0x3f == 0 && len(b) >= 8+int(b[0]&0x3f)*4 {
			return inGeneve
		}
	}
	if h.dport == portGTP || h.sport == portGTP { // 3GPP TS 29.281 section 5.1: version 1, G-PDU
		if len(b) >= 8+20 && b[0]&0xf0 == 0x30 && b[1] == 0xff {
			return inGTP
		}
	}
	if h.dport == portTeredo || h.sport == portTeredo {
		if teredoHeader(b) >= 0 {
			return inTeredo
		}
	}
	return 0
}

// teredoHeader is the length of the indicators before the IPv6 header
// (RFC 4380 section 5.1.1); -1: no Teredo.
func teredoHeader(b []byte) int {
	n := 0
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 { // authentication
		n = 4 + int(b[2]) + int(b[3]) + 9
	}
	if len(b) >= n+8 && b[n] == 0 && b[n+1] == 0 { // origin
		n += 8
	}
	if len(b) < n+40 || b[n]>>4 != 6 || int(be16(b[n+4:])) != len(b)-n-40 {
		return -1
	}
	return n
}

// tunnel decodes what a datagram carries, after the datagram itself was counted.
func (e *engine) tunnel(t wrapper) {
	h := e.h
	b := h.payload()
	h.missing = max(0, h.length-len(b))
	switch t {
	case inVXLAN:
		h.encap = e.encaps.within(h.encap, t, be32(b[4:])>>8)
		e.ethernet(b[8:])
	case inGeneve:
		h.encap = e.encaps.within(h.encap, t, be32(b[4:])>>8)
		e.ethertype(be16(b[2:]), b[8+int(b[0]&0x3f)*4:])
	case inGTP:
		h.encap = e.encaps.within(h.encap, t, 0)
		e.gtp(b)
	case inTeredo:
		h.encap = e.encaps.within(h.encap, t, 0)
		e.ipv6(b[teredoHeader(b):])
	}
}

// gtp decodes a user packet of GTP-U with its extension headers
// (3GPP TS 29.281 section 5.2).
func (e *engine) gtp(b []byte) {
	const malformed = "malformed GTP header"
	flags, n := b[0], 8
	if flags&7 != 0 {
		if len(b) < 12 {
			e.undecoded(malformed)
			return
		}
		n = 12
		next := b[11]
		for k := 0; flags&4 != 0 && next != 0; k++ {
			if len(b) <= n || b[n] == 0 || len(b) < n+int(b[n])*4 || k == 8 {
				e.undecoded(malformed)
				return
			}
			n += int(b[n]) * 4
			next = b[n-1]
		}
	}
	e.ip(b[n:])
}
