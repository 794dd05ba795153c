package pcapflow

import (
	"encoding/binary"
	"fmt"
)

// quicKind is a kind of QUIC packet, the same for all versions.
type quicKind uint8

const (
	quicShort quicKind = iota // 1-RTT
	quicInitial
	quicEarly // 0-RTT
	quicHandshake
	quicRetry
	quicNegotiation
	quicUnknown // a version whose packets are not known
)

// Versions that are opened (RFC 9000, RFC 9369, and the last drafts).
const (
	quicVersion1 = 0x00000001
	quicVersion2 = 0x6b3343cf
	quicDraft    = 0xff000000 // and the draft's number

	quicFacebook      = 0xfaceb002 // draft 27 as Facebook's library speaks it
	quicFacebookTrial = 0xfaceb00e
)

const (
	quicIDMax      = 20   // octets of a connection ID (RFC 9000 §17.2)
	quicIDFirst    = 8    // least of a client's first destination ID (§7.2)
	quicInitialMin = 1200 // least datagram with a client's Initial (§14.1)
)

// quicPacket is one packet of a datagram. Slices point into the datagram.
type quicPacket struct {
	kind       quicKind
	version    uint32
	dcid, scid []byte
	number     int  // offset of the protected packet number
	end        int  // offset behind the packet
	cut        bool // it is longer than the capture holds
}

// quicVarint reads a variable-length integer (RFC 9000 §16); n 0: it is not
// all there.
func quicVarint(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, 0
	}
	v = uint64(b[0] & 0x3f)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}

// parseQUIC reads the header of the packet at the start of b.
func parseQUIC(b []byte) (p quicPacket, ok bool) {
	if len(b) == 0 {
		return p, false
	}
	if b[0]&0x80 == 0 { // the bit below is set, but where both sides agreed not to (RFC 9287)
		return quicPacket{kind: quicShort, end: len(b)}, b[0] != 0
	}
	if len(b) < 7 {
		return p, false
	}
	p.version = binary.BigEndian.Uint32(b[1:])
	off := 5
	for _, id := range [...]*[]byte{&p.dcid, &p.scid} {
		n := 0
		if off < len(b) {
			n = int(b[off])
		}
		if off++; off+n > len(b) || p.version != 0 && n > quicIDMax {
			return p, false
		}
		*id = b[off : off+n]
		off += n
	}
	if p.version == 0 {
		p.kind, p.number, p.end = quicNegotiation, off, len(b)
		return p, true
	}
	p.kind = quicKindOf(p.version, b[0])
	if p.kind == quicRetry || p.kind == quicUnknown {
		p.end = len(b)
		return p, true
	}
	if p.kind == quicInitial {
		token, n := quicVarint(b[off:])
		if n == 0 || token > uint64(len(b)-off-n) {
			return p, false
		}
		off += n + int(token)
	}
	length, n := quicVarint(b[off:])
	if n == 0 {
		return p, false
	}
	p.number = off + n
	if length > uint64(len(b)-p.number) {
		p.end, p.cut = len(b), true
	} else {
		p.end = p.number + int(length)
	}
	return p, true
}

// quicKindOf reads the type bits of a long header (RFC 9000 §17.2,
// RFC 9369 §3.2).
func quicKindOf(version uint32, first byte) quicKind {
	kind := first >> 4 & 3
	switch {
	case version == quicVersion2:
		kind = (kind + 3) & 3 // 1, 2, 3, 0 for what version 1 numbers 0, 1, 2, 3
	case !quicKnown(version):
		return quicUnknown
	}
	return [...]quicKind{quicInitial, quicEarly, quicHandshake, quicRetry}[kind]
}

// quicKnown tells whether packets of that version can be opened.
func quicKnown(version uint32) bool { return quicSaltOf(version) != nil }

// quicGoogle tells Google's versions of before the RFC that have a long
// header: Q046, Q050, T051, ….
func quicGoogle(version uint32) bool {
	first := byte(version >> 24)
	for shift := 0; shift < 24; shift += 8 {
		if c := byte(version >> shift); c < '0' || c > '9' {
			return false
		}
	}
	return first == 'Q' || first == 'T'
}

// quicVersionName is how reports write a version.
func quicVersionName(version uint32) string {
	switch {
	case version == quicVersion1:
		return "1"
	case version == quicVersion2:
		return "2"
	case version&0xffffff00 == quicDraft:
		return fmt.Sprintf("draft-%d", version&0xff)
	case quicGoogle(version):
		return string(binary.BigEndian.AppendUint32(nil, version))
	}
	return fmt.Sprintf("%#08x", version)
}
