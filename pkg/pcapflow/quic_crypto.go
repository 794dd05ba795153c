package pcapflow

// quicCrypto puts the CRYPTO frames of one side together.
type quicCrypto struct {
	scattered
	passed int // octets of prefix before the message at hand
}

// next goes on to the message behind the one with that body.
func (c *quicCrypto) next(body []byte) { c.passed += 4 + len(body) }

// message returns the body of the handshake message at hand; whole: all of it
// is there (RFC 8446 §4).
func (c *quicCrypto) message() (kind byte, body []byte, whole bool) {
	b := c.prefix[c.passed:]
	if len(b) < 4 {
		return 0, nil, false
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	kind, b = b[0], b[4:]
	if n <= len(b) {
		return kind, b[:n], true
	}
	return kind, b, false
}

// Frames that Initial packets may hold (RFC 9000 §12.4).
const (
	quicPadding  = 0x00
	quicPing     = 0x01
	quicACK      = 0x02
	quicACKECN   = 0x03
	quicCRYPTO   = 0x06
	quicClosing  = 0x1c
	quicClosing2 = 0x1d
)

// quicFrames are what is taken from the frames of one packet.
type quicFrames struct {
	crypto func(offset uint64, data []byte)
	close  func(code uint64)
}

// read walks the frames; it stops at the first that it does not know.
func (q *quicFrames) read(b []byte) {
	for len(b) > 0 {
		switch b[0] {
		case quicPadding, quicPing:
			b = b[1:]
		case quicACK, quicACKECN:
			ecn := b[0] == quicACKECN
			b = skipQUICACK(b[1:], ecn)
		case quicCRYPTO:
			offset, n := quicVarint(b[1:])
			length, m := quicVarint(b[min(1+n, len(b)):])
			head := 1 + n + m
			if n == 0 || m == 0 || length > uint64(len(b)-head) {
				return
			}
			q.crypto(offset, b[head:head+int(length)])
			b = b[head+int(length):]
		case quicClosing, quicClosing2:
			if code, n := quicVarint(b[1:]); n > 0 {
				q.close(code)
			}
			return
		default:
			return
		}
	}
}

// skipQUICACK passes over an ACK frame behind its type (RFC 9000 §19.3).
func skipQUICACK(b []byte, ecn bool) []byte {
	number := func() (uint64, bool) {
		v, n := quicVarint(b)
		b = b[n:]
		return v, n > 0
	}
	number() // largest
	number() // delay
	ranges, _ := number()
	fields := 1 + 2*min(ranges, uint64(len(b)))
	if ecn {
		fields += 3
	}
	for range fields {
		if _, ok := number(); !ok {
			return nil
		}
	}
	return b
}
