package pcapflow

import "encoding/binary"

// Versions on the wire: the ones' complement of the number (RFC 4347 §4.1), and what
// OpenSSL spoke before it.
const (
	versionDTLS09 = 0x0100
	versionDTLS10 = 0xfeff
	versionDTLS12 = 0xfefd
	versionDTLS13 = 0xfefc
)

const (
	msgHelloVerify     = 3  // RFC 6347 §4.3.2
	dtlsHeader         = 13 // octets of a record's header
	dtlsFragmentHeader = 12 // octets of a handshake fragment's header
	dtlsEpochs         = 16 // more renegotiations than that are no DTLS
	maxDTLSOpen        = 8  // messages of one side in the making
	maxDTLSResent      = 32
	maxDTLSMessages    = 64 // of one side in a handshake; RFC 6347 needs 10
)

func isDTLS(v uint16) bool {
	return v == versionDTLS10 || v == versionDTLS12 || v == versionDTLS13 || v == versionDTLS09
}

// dtlsRecord is one record of a datagram (RFC 6347 §4.1).
type dtlsRecord struct {
	typ     uint8
	version uint16
	epoch   uint16
	number  uint64 // with the epoch in its first two octets
	id      []byte // the connection ID; nil: none, or its length is not known
	body    []byte
	length  int  // of the body, as the record says it
	cut     bool // the capture holds less
	end     int  // offset behind it
}

// parseDTLS reads the record at the start of b.
func parseDTLS(b []byte) (r dtlsRecord, ok bool) {
	if len(b) < dtlsHeader || b[0] < recordCCS || b[0] > recordDTLSWithID || !isDTLS(be16(b[1:])) {
		return r, false
	}
	r.typ, r.version, r.epoch, r.number = b[0], be16(b[1:]), be16(b[3:]), binary.BigEndian.Uint64(b[3:])
	if r.typ == recordDTLSWithID { // the length stands behind an ID whose own is not said: behindID
		r.body, r.length, r.end = b[dtlsHeader:], len(b)-dtlsHeader, len(b)
		return r, r.epoch > 0
	}
	r.length = int(be16(b[11:]))
	r.end = dtlsHeader + r.length
	if r.length > maxRecord {
		return r, false
	}
	if r.cut = r.end > len(b); r.cut {
		r.end = len(b)
	}
	r.body = b[dtlsHeader:r.end]
	return r, true
}

// dtlsFragment is a handshake message or a part of one (RFC 6347 §4.2.2).
type dtlsFragment struct {
	typ                  uint8
	seq                  uint16
	size, offset, length int // of the message; of the fragment
	body                 []byte
}

// parseDTLSFragment reads the fragment at the start of b. cut: the capture may lack
// its end.
func parseDTLSFragment(b []byte, cut bool) (m dtlsFragment, rest []byte, ok bool) {
	if len(b) < dtlsFragmentHeader {
		return m, nil, false
	}
	m.typ, m.seq = b[0], be16(b[4:])
	m.size, m.offset, m.length = be24(b[1:]), be24(b[6:]), be24(b[9:])
	b = b[dtlsFragmentHeader:]
	if m.offset+m.length > m.size || m.seq >= maxDTLSMessages || !cut && m.length > len(b) {
		return m, nil, false
	}
	switch m.typ {
	case msgHelloRequest, msgClientHello, msgServerHello, msgHelloVerify, msgNewSessionTicket, msgCertificate, msgServerKeyExchange, msgCertificateRequest,
		msgServerHelloDone, msgCertificateVerify, msgClientKeyExchange, msgFinished, msgCertificateStatus, msgSupplemental:
	default:
		return m, nil, false
	}
	n := min(m.length, len(b))
	m.body = b[:n]
	return m, b[n:], true
}

func be24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// dtlsSide is what one side has said of its handshake.
type dtlsSide struct {
	done  uint64                // messages that are there, by number
	types [maxDTLSMessages]byte // of them
	open  []*dtlsMessage        // those in the making
	place int64                 // how far a flight was sent again, + 1; 0: none since it said something new
	again Stamp                 // of the latest such datagram
}

// dtlsMessage is a handshake message that is put together.
type dtlsMessage struct {
	scattered
	tlsMessage
	seq    uint16
	pieces int
}

// passed tells whether a message is known. A server that answers a cookie without
// having kept anything may number its ServerHello as it did its request for the cookie.
func (s *dtlsSide) passed(seq uint16, typ uint8) bool {
	return s.done>>seq&1 != 0 && s.types[seq] == typ
}

// take adds a fragment to its message, and gives that if it is done.
func (s *dtlsSide) take(m dtlsFragment, at Stamp) (whole *dtlsMessage, ok bool) {
	i := 0
	for i < len(s.open) && (s.open[i].seq != m.seq || s.open[i].typ != m.typ || s.open[i].size != m.size) {
		i++
	}
	if i == len(s.open) {
		if i >= maxDTLSOpen {
			return nil, false
		}
		s.open = append(s.open, &dtlsMessage{tlsMessage: tlsMessage{typ: m.typ, size: m.size, first: at}, seq: m.seq})
	}
	x := s.open[i]
	known := x.held
	if x.add(uint64(m.offset), m.body); x.held > known || x.pieces == 0 {
		x.pieces++
	}
	cut := len(m.body) < m.length && m.offset+m.length == m.size // the rest will not come
	if len(x.prefix) < m.size && !cut {
		return nil, false
	}
	s.open = append(s.open[:i], s.open[i+1:]...)
	s.done |= 1 << m.seq
	s.types[m.seq] = m.typ
	x.last, x.body, x.whole = at, x.prefix, !cut
	return x, true
}

// hello is a ClientHello of which not all came; nil: none.
func (s *dtlsSide) hello() *dtlsMessage {
	for _, m := range s.open {
		if m.typ == msgClientHello {
			return m
		}
	}
	return nil
}

// behindSTUN passes over STUN messages (RFC 8489 §5).
func behindSTUN(b []byte) []byte {
	const header, cookie = 20, 0x2112a442
	for len(b) >= header && b[0]>>6 == 0 && be32(b[4:]) == cookie {
		n := header + int(be16(b[2:]))
		if n > len(b) {
			return nil // cut
		}
		b = b[n:]
	}
	return b
}
