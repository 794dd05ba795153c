package pcapflow

// Record content types (RFC 8446 §5.1, RFC 5246 §6.2.1).
const (
	recordCCS       = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
	recordHeartbeat = 24
	recordSSL2      = 0x80 // ours: an SSLv2 hello, which has no content type
)

// maxRecord is the longest body of a record: RFC 5246 §6.2.3, 2^14 + 2048.
const maxRecord = 1<<14 + 2048

// tlsSide is one direction of a TLS connection: where in its records it stands.
type tlsSide struct {
	header [5]byte
	have   int  // bytes of header read
	inBody bool // header is complete, left bytes of the body are to come
	typ    byte
	length int
	left   int
	first  Stamp // of the record's first byte

	started bool // a header has been read
	lost    bool // the capture lost bytes; looking for the next header
	cut     bool // bytes of this record are missing
	secret  bool // what follows is encrypted (≤ 1.2: a ChangeCipherSpec has passed)

	told            uint16 // messages that ended within this record
	secretHandshake bool   // an encrypted handshake record has passed: not 1.3

	alert [2]byte
	body  []byte // the record so far, where it is to be decrypted and came in pieces
}

// plausibleHeader tells whether b starts with a record header.
func plausibleHeader(b []byte) bool {
	n := int(b[3])<<8 | int(b[4])
	if b[1] != 3 || b[2] > 4 || n > maxRecord {
		return false
	}
	switch b[0] {
	case recordCCS:
		return n == 1
	case recordAlert:
		return n >= 2 && n <= 256
	case recordHandshake:
		return n > 0
	case recordData, recordHeartbeat:
		return true
	}
	return false
}

// Data follows the records of one side. Beyond handshakes and alerts in the
// clear, and what keys open, bodies are only counted.
func (s *tlsStream) Data(d Dir, at Stamp, b []byte) {
	side := &s.side[d]
	for len(b) > 0 && s.plain == nil {
		if !side.inBody {
			b = b[s.readHeader(d, at, b):]
			continue
		}
		n := min(side.left, len(b))
		whole := n == side.length
		chunk := b[:n]
		b = b[n:]
		side.left -= n
		s.readBody(d, at, chunk, whole)
		if side.left == 0 {
			if !whole {
				chunk = side.body
			}
			s.endRecord(d, at, chunk)
		}
	}
	if s.plain != nil && d == Server && len(b) > 0 {
		s.plain.data(d, at, at, b)
	}
}

// readHeader takes header bytes from b and says how many.
func (s *tlsStream) readHeader(d Dir, at Stamp, b []byte) int {
	side := &s.side[d]
	if side.lost {
		return side.findHeader(at, b)
	}
	if side.have == 0 {
		side.first = at
	}
	n := copy(side.header[side.have:], b)
	side.have += n
	if side.have < len(side.header) {
		return n
	}
	if plausibleHeader(side.header[:]) || side.secretCCS() {
		side.begin()
		if d == Client && side.secret && s.isSecondHello(side) {
			side.secret = false
		}
		if side.length == 0 {
			s.endRecord(d, at, nil)
		}
		return n
	}
	s.foreign(d, at)
	return n
}

// malformedHeader tells the beginning of what means to be a record and is none: its
// type and version, with a length that no record has.
func malformedHeader(b []byte) bool {
	return b[0] >= recordCCS && b[0] <= recordHeartbeat && b[1] == 3 && b[2] <= 4
}

// secretCCS tells the header of an encrypted ChangeCipherSpec: up to 1.2 a
// renegotiation sends one (RFC 5246 §7.1).
func (side *tlsSide) secretCCS() bool {
	h := &side.header
	return side.secretHandshake && h[0] == recordCCS && h[1] == 3 && h[2] <= 3 && h[3] == 0 && h[4] > 1
}

// isSecondHello tells whether a client's record behind a ChangeCipherSpec is the
// ClientHello that answers a HelloRetryRequest the capture does not hold: the
// Finished of the versions where that one means something is shorter.
func (s *tlsStream) isSecondHello(side *tlsSide) bool {
	const longestFinished = 128
	return s.helloed && !s.answered && !side.secretHandshake && side.typ == recordHandshake && side.length > longestFinished
}

// begin starts the record whose header is complete.
func (side *tlsSide) begin() {
	side.typ = side.header[0]
	side.length = int(side.header[3])<<8 | int(side.header[4])
	side.left, side.have = side.length, 0
	side.inBody, side.started, side.lost, side.cut = true, true, false, false
	side.told = 0
	side.body = side.body[:0]
}

// findHeader slides over b until five bytes look like a header. A wrong find
// is given up when no header follows the record it pretended.
func (side *tlsSide) findHeader(at Stamp, b []byte) int {
	for i, c := range b {
		if side.have == len(side.header) {
			copy(side.header[:], side.header[1:])
			side.have--
		}
		side.header[side.have] = c
		side.have++
		if side.have == len(side.header) && plausibleHeader(side.header[:]) && side.header[1]|side.header[2] == 3 && side.header[0] != recordHeartbeat {
			side.first = at
			side.begin()
			return i + 1
		}
	}
	return len(b)
}

// readBody sees a piece of a record's body.
func (s *tlsStream) readBody(d Dir, at Stamp, b []byte, whole bool) {
	side := &s.side[d]
	at0 := side.length - side.left - len(b) // where in the body b begins
	switch {
	case side.typ == recordSSL2:
		side.body = append(side.body, b...)
	case side.typ == recordHandshake && !side.secret:
		s.handshakeBytes(d, at, b)
	case side.typ == recordAlert && !side.secret && side.length == 2:
		copy(side.alert[at0:], b)
	case side.typ != recordCCS && !whole && s.dec != nil && !s.dec.dead && !side.cut:
		side.body = append(side.body, b...)
	}
}

// endRecord comes after the last byte of a record. body is its content where
// it is to be decrypted.
func (s *tlsStream) endRecord(d Dir, at Stamp, body []byte) {
	side := &s.side[d]
	side.inBody = false
	r := tlsRecord{dir: d, typ: side.typ, length: side.length, first: side.first, last: at, cut: side.cut}
	if r.typ != recordCCS {
		s.turn(d)
	}
	if !s.ended && d == Server && !s.moved && !s.t.ServerFinished.Seen() && s.helloed {
		s.t.ServerFlightBytes += r.length + len(side.header)
	}
	switch {
	case r.typ == recordSSL2:
		s.ssl2Hello(r, side.body)
	case r.typ == recordCCS:
		s.changeCipher(r)
	case r.typ == recordHandshake && !side.secret:
		s.moved = s.moved || d == Client && s.answered
		s.handshake().message[d].endRecord()
		s.t.readableAt(d, side.told, r.last)
	case r.typ == recordAlert && !side.secret && r.length == 2:
		if !r.cut {
			s.alert(r, side.alert[0] == 2, int(side.alert[1]))
		}
	default:
		if !s.decrypt(r, body) {
			s.opaque(r)
		}
	}
}

// Messages of which the end is an instant, for tlsSide.told.
const (
	toldClientHello = 1 << iota
	toldSecondHello
	toldServerHello
	toldHelloRetry
	toldFlightEnd
	toldPart // and above: a TLSPart
)

// readableAt moves the instants of messages to the end of the record they ended
// in: before that their receiver does not read them.
func (t *TLS) readableAt(d Dir, told uint16, at Stamp) {
	if told&toldClientHello != 0 {
		t.ClientHello = at
	}
	if told&toldSecondHello != 0 {
		t.SecondHello = at
	}
	if told&toldServerHello != 0 {
		t.ServerHello = at
	}
	if told&toldHelloRetry != 0 {
		t.HelloRetryAt = at
	}
	if told&toldFlightEnd != 0 {
		t.ServerFlightEnd = at
	}
	for p := range t.Parts[d] {
		if told&(toldPart<<p) != 0 {
			t.Parts[d][p] = at
		}
	}
}

// tlsRecord is one record that was followed to its end.
type tlsRecord struct {
	dir         Dir
	typ         byte
	length      int // of the body
	first, last Stamp
	cut         bool // the capture lacks bytes of it
}

// Gap skips bytes the capture lacks. Inside a record nothing is lost but its
// content; beyond its end the next header must be found again.
func (s *tlsStream) Gap(d Dir, at Stamp, n int64) {
	if s.plain != nil {
		if d == Server {
			s.plain.gap(d, at, n)
		}
		return
	}
	side := &s.side[d]
	if side.inBody {
		k := int(min(int64(side.left), n))
		side.cut = true
		side.left -= k
		n -= int64(k)
		if side.typ == recordHandshake && !side.secret {
			s.handshakeGap(d, at, k)
		}
		if side.left == 0 {
			s.endRecord(d, at, nil)
		}
	}
	if n > 0 && !s.finishedInGap(d, at, n) {
		s.guess.gap(d, at)
		s.moved, s.gapped = s.moved || d == Client, s.gapped || d == Client
		side.lost, side.have = true, 0
		if s.opening != nil {
			s.opening.message[d] = tlsMessages{}
		}
		if s.dec != nil {
			s.dec.lost(d)
		}
	}
}
