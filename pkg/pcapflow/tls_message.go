package pcapflow

// Handshake message types (RFC 8446 §4, RFC 5246 §7.4).
const (
	msgHelloRequest       = 0
	msgClientHello        = 1
	msgServerHello        = 2
	msgNewSessionTicket   = 4
	msgEndOfEarlyData     = 5
	msgHelloRetryRequest  = 6 // drafts of 1.3 only
	msgEncryptedExt       = 8
	msgCertificate        = 11
	msgServerKeyExchange  = 12
	msgCertificateRequest = 13
	msgServerHelloDone    = 14
	msgCertificateVerify  = 15
	msgClientKeyExchange  = 16
	msgFinished           = 20
	msgCertificateStatus  = 22
	msgSupplemental       = 23 // RFC 4680
	msgKeyUpdate          = 24
	msgCompressedCert     = 25
)

// tlsMessages puts the handshake messages of one side together, whatever the
// records they were cut into.
type tlsMessages struct {
	header [4]byte
	have   int // bytes of header
	typ    byte
	size   int // of the body
	left   int
	buf    []byte
	keep   bool // the body matters
	broken bool // the capture lacks bytes of it
	blind  bool // a header was lost: nothing to be read until the next record
	first  Stamp
}

// keptMessage is the longest body of a message type that is kept to be read; 0
// for those of which only the size matters. Lengths come from the wire, so
// memory grows with what arrives, never with what is announced.
func keptMessage(typ byte) int {
	switch typ {
	case msgClientHello, msgServerHello, msgHelloRetryRequest, msgServerKeyExchange, msgEncryptedExt:
		return 1 << 16
	case msgCertificate, msgCertificateStatus:
		return 1 << 18
	case msgNewSessionTicket:
		return 1 << 14
	case msgKeyUpdate:
		return 16
	}
	return 0
}

// handshakeBytes takes bytes of handshake messages in the clear.
func (s *tlsStream) handshakeBytes(d Dir, at Stamp, b []byte) {
	m := &s.handshake().message[d]
	for len(b) > 0 && !m.blind {
		if m.have < len(m.header) {
			if m.have == 0 {
				m.first = at
			}
			n := copy(m.header[m.have:], b)
			m.have += n
			b = b[n:]
			if m.have < len(m.header) {
				return
			}
			m.begin()
			if m.size > 0 {
				continue
			}
		}
		n := min(m.left, len(b))
		body := b[:n]
		if m.keep && (n < m.size) {
			if m.buf == nil {
				m.buf = s.env.buffer()
			}
			m.buf = append(m.buf, body...)
			body = m.buf
		}
		b = b[n:]
		m.left -= n
		if m.left > 0 {
			continue
		}
		if !m.keep {
			body = nil
		}
		m.have = 0
		s.message(d, tlsMessage{typ: m.typ, size: m.size, body: body, first: m.first, last: at, whole: !m.broken})
	}
}

func (m *tlsMessages) begin() {
	m.typ = m.header[0]
	m.size = int(m.header[1])<<16 | int(m.header[2])<<8 | int(m.header[3])
	m.left = m.size
	m.keep = m.size <= keptMessage(m.typ)
	m.broken = false
	m.buf = m.buf[:0]
}

// endRecord: after a lost header the next record is taken to begin a message.
func (m *tlsMessages) endRecord() {
	if m.blind {
		*m = tlsMessages{}
	}
}

// handshakeGap skips n bytes that the capture lacks.
func (s *tlsStream) handshakeGap(d Dir, at Stamp, n int) {
	m := &s.handshake().message[d]
	if m.have < len(m.header) {
		m.blind = true
		return
	}
	m.broken = true
	k := min(n, m.left)
	m.left -= k
	if m.keep { // what came before the gap is all there will be of it
		m.keep = false
		body := m.buf
		m.buf = nil
		if m.left > 0 {
			s.message(d, tlsMessage{typ: m.typ, size: m.size, body: body, first: m.first, last: at})
			m.typ = msgHelloRequest // told already
			return
		}
		m.have = 0
		s.message(d, tlsMessage{typ: m.typ, size: m.size, body: body, first: m.first, last: at})
	} else if m.left == 0 {
		m.have = 0
		s.message(d, tlsMessage{typ: m.typ, size: m.size, first: m.first, last: at})
	}
	if n > k {
		m.blind = true
	}
}

// tlsMessage is one handshake message.
type tlsMessage struct {
	typ         byte
	size        int    // of the body
	body        []byte // valid during the call; nil where it is not kept
	first, last Stamp
	whole       bool // all of it was there
}
