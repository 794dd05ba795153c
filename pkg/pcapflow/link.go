package pcapflow

import (
	"encoding/binary"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Link types of https://www.tcpdump.org/linktypes.html that are decoded here.
const (
	linkNull        capture.LinkType = 0
	linkEthernet    capture.LinkType = 1
	linkPPP         capture.LinkType = 9
	linkRawBSD      capture.LinkType = 12
	linkRawOpenBSD  capture.LinkType = 14
	linkPPPSerial   capture.LinkType = 50
	linkPPPEther    capture.LinkType = 51
	linkRaw         capture.LinkType = 101
	linkCHDLC       capture.LinkType = 104
	linkLoop        capture.LinkType = 108
	linkSLL         capture.LinkType = 113
	linkPPPWithDir  capture.LinkType = 204
	linkIPv4        capture.LinkType = 228
	linkIPv6        capture.LinkType = 229
	linkNFLOG       capture.LinkType = 239
	linkSLL2        capture.LinkType = 276
	truncatedHeader                  = "frame cut within its link header"
	notSupported                     = " is not supported" // behind a link type
)

// link decodes a frame by its link type.
func (e *engine) link(t capture.LinkType, b []byte) {
	switch t {
	case linkEthernet:
		e.ethernet(b)
	case linkSLL:
		e.sll(b)
	case linkSLL2:
		e.sll2(b)
	case linkRaw, linkRawBSD, linkRawOpenBSD, linkIPv4, linkIPv6:
		e.ip(b)
	case linkNull, linkLoop:
		e.null(b)
	case linkPPP, linkPPPSerial:
		e.ppp(b)
	case linkPPPWithDir:
		if len(b) < 1 {
			e.undecoded(truncatedHeader)
			return
		}
		e.ppp(b[1:])
	case linkPPPEther:
		e.pppoe(b)
	case linkCHDLC:
		if len(b) < 4 {
			e.undecoded(truncatedHeader)
			return
		}
		e.ethertype(be16(b[2:]), b[4:])
	case linkNFLOG:
		e.nflog(b)
	default:
		e.longTail(t, b)
	}
}

// ethernet decodes a frame that begins with a destination address.
func (e *engine) ethernet(b []byte) {
	if len(b) < 14 {
		e.undecoded(truncatedHeader)
		return
	}
	e.h.mac, e.h.toOne = [6]byte(b[6:]), b[0]&1 == 0
	t := be16(b[12:])
	if t == etherIPv4 {
		e.ipv4(b[14:])
		return
	}
	e.ethertype(t, b[14:])
}

// Ethertypes, as IANA and IEEE list them.
const (
	etherIPv4       = 0x0800
	etherARP        = 0x0806
	etherTEB        = 0x6558 // an Ethernet frame within GRE
	etherVLAN       = 0x8100
	etherPPP        = 0x880b
	etherIPv6       = 0x86dd
	etherMPLS       = 0x8847
	etherMPLSMulti  = 0x8848
	etherPPPoEDisc  = 0x8863
	etherPPPoE      = 0x8864
	etherQinQ       = 0x88a8
	etherERSPAN     = 0x88be
	etherERSPAN3    = 0x22eb
	etherFabricPath = 0x8903
	etherQinQOld    = 0x9100
)

// ethertype decodes what an Ethertype, or an 802.3 length, announces.
func (e *engine) ethertype(t uint16, b []byte) {
	if !e.enter() {
		return
	}
	switch t {
	case etherIPv4:
		e.ipv4(b)
	case etherIPv6:
		e.ipv6(b)
	case etherARP:
		e.arp(b)
	case etherVLAN, etherQinQ, etherQinQOld:
		if len(b) < 4 {
			e.undecoded(truncatedHeader)
			return
		}
		if id := be16(b) & 0xfff; id != 0 { // 0: a priority without a VLAN (802.1Q 9.6)
			e.h.encap = e.encaps.within(e.h.encap, inVLAN, uint32(id))
		}
		e.ethertype(be16(b[2:]), b[4:])
	case etherMPLS, etherMPLSMulti:
		e.mpls(b)
	case etherPPPoE:
		e.pppoe(b)
	case etherPPPoEDisc:
		e.undecoded("PPPoE discovery")
	case etherTEB:
		e.ethernet(b)
	case etherPPP:
		e.ppp(b)
	case etherFabricPath:
		if len(b) < 2 {
			e.undecoded(truncatedHeader)
			return
		}
		e.ethernet(b[2:])
	default:
		if t <= 1500 {
			e.llc(b)
			return
		}
		e.undecoded(etherName(t))
	}
}

// llc decodes IEEE 802.2 with a SNAP header (RFC 1042).
func (e *engine) llc(b []byte) {
	if len(b) >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 3 && b[3] == 0 && b[4] == 0 {
		e.ethertype(be16(b[6:]), b[8:])
		return
	}
	if len(b) >= 3 && b[0] == 6 && b[1] == 6 && b[2] == 3 { // LSAP 6: IP
		e.ipv4(b[3:])
		return
	}
	e.undecoded("802.2 LLC")
}

// sll decodes Linux cooked capture, version 1.
func (e *engine) sll(b []byte) {
	if len(b) < 16 {
		e.undecoded(truncatedHeader)
		return
	}
	if be16(b[4:]) == 6 {
		e.h.mac = [6]byte(b[6:])
	}
	e.h.toOne = cookedToOne(uint8(be16(b)))
	e.cooked(be16(b[2:]), be16(b[14:]), b[16:])
}

// sll2 decodes Linux cooked capture, version 2.
func (e *engine) sll2(b []byte) {
	if len(b) < 20 {
		e.undecoded(truncatedHeader)
		return
	}
	if b[11] == 6 {
		e.h.mac = [6]byte(b[12:])
	}
	e.h.toOne = cookedToOne(b[10])
	e.cooked(be16(b[8:]), be16(b), b[20:])
}

// cookedToOne judges a cooked header's packet type (packet(7)): to the capturing
// host, or to another. Of what it sent itself the type does not tell.
func cookedToOne(kind uint8) bool { return kind == 0 || kind == 3 }

// cooked goes on behind a cooked header: device is an ARPHRD number of Linux.
func (e *engine) cooked(device, protocol uint16, b []byte) {
	const netlink = 824
	switch {
	case device == netlink:
		e.undecoded("netlink")
	case protocol == 1: // 802.3 without a length
		e.undecoded("Novell 802.3")
	case protocol == 4:
		e.llc(b)
	case protocol > 1500:
		e.ethertype(protocol, b)
	default:
		e.ip(b)
	}
}

// null decodes BSD loopback: an address family, in the byte order of the host
// that captured (NULL) or of the network (LOOP).
func (e *engine) null(b []byte) {
	if len(b) < 4 {
		e.undecoded(truncatedHeader)
		return
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = be32(b)
	}
	switch family {
	case 2:
		e.ipv4(b[4:])
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD, FreeBSD, macOS
		e.ipv6(b[4:])
	default:
		e.undecoded("loopback of another address family")
	}
}

// Addresses of Cisco HDLC (RFC 1547, section 4.3.1); no protocol of PPP begins with them
// and 0.
const (
	chdlcUnicast   = 0x0f
	chdlcMulticast = 0x8f
)

// ppp decodes PPP, with or without HDLC-like framing (RFC 1662), with or
// without protocol field compression (RFC 1661 section 6.5).
func (e *engine) ppp(b []byte) {
	if !e.enter() {
		return
	}
	if len(b) >= 4 && (b[0] == chdlcUnicast || b[0] == chdlcMulticast) && b[1] == 0 { // some call Cisco HDLC PPP
		e.ethertype(be16(b[2:]), b[4:])
		return
	}
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	if len(b) < 2 {
		e.undecoded(truncatedHeader)
		return
	}
	protocol := uint16(b[0])
	if protocol&1 == 1 {
		b = b[1:]
	} else {
		protocol = be16(b)
		b = b[2:]
	}
	switch protocol {
	case 0x0021:
		e.ipv4(b)
	case 0x0057:
		e.ipv6(b)
	case 0x0281, 0x0283:
		e.mpls(b)
	default:
		e.undecoded("PPP control")
	}
}

// pppoe decodes a PPPoE session (RFC 2516).
func (e *engine) pppoe(b []byte) {
	if len(b) < 6 {
		e.undecoded(truncatedHeader)
		return
	}
	if b[0] != 0x11 || b[1] != 0 {
		e.undecoded("PPPoE discovery")
		return
	}
	e.h.encap = e.encaps.within(e.h.encap, inPPPoE, uint32(be16(b[2:])))
	e.ppp(b[6:])
}

// nflog decodes a packet of Linux netfilter's log: attributes in the byte order
// of the host, of which number 9 holds the packet.
func (e *engine) nflog(b []byte) {
	if len(b) < 4 {
		e.undecoded(truncatedHeader)
		return
	}
	for b = b[4:]; len(b) >= 4; {
		n, kind := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])&0x7fff
		if kind > 0xff { // the host was big-endian
			n, kind = int(be16(b)), be16(b[2:])&0x7fff
		}
		if n < 4 {
			break
		}
		if kind == 9 {
			e.h.missing = max(0, n-len(b))
			e.ip(b[4:min(n, len(b))])
			return
		}
		n = (n + 3) &^ 3
		if n > len(b) {
			break
		}
		b = b[n:]
	}
	e.undecoded("NFLOG without a packet")
}
