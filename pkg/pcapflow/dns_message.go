package pcapflow

import (
	"encoding/binary"
	"slices"
)

// dnsHeaderLen is the fixed header of RFC 1035 §4.1.1.
const dnsHeaderLen = 12

// Limits of RFC 1035 §2.3.4, and what a name may grow to when it is written
// down: every octet as a \DDD escape.
const (
	dnsNameMax    = 255
	dnsNameText   = 4 * dnsNameMax
	dnsLabelMax   = 63
	dnsPointerMax = 126 // more indirections than labels fit in a name
)

// Header flags (RFC 1035 §4.1.1, RFC 4035 §3).
const (
	dnsQR = 1 << 15
	dnsAA = 1 << 10
	dnsTC = 1 << 9
	dnsRD = 1 << 8
	dnsZ  = 1 << 6
)

// Record types that the dissector looks into.
const (
	dnsA     = 1
	dnsNS    = 2
	dnsCNAME = 5
	dnsSOA   = 6
	dnsPTR   = 12
	dnsMX    = 15
	dnsAAAA  = 28
	dnsSRV   = 33
	dnsDNAME = 39
	dnsOPT   = 41
	dnsIXFR  = 251
	dnsAXFR  = 252
	dnsANY   = 255
)

const ednsEDE = 15 // RFC 8914 §2

// dnsHeader is the message header.
type dnsHeader struct {
	id, flags      uint16
	qd, an, ns, ar uint16
}

func (h *dnsHeader) response() bool { return h.flags&dnsQR != 0 }
func (h *dnsHeader) opcode() uint8  { return uint8(h.flags>>11) & 15 }
func (h *dnsHeader) rcode() uint16  { return h.flags & 15 }

func parseDNSHeader(b []byte) (h dnsHeader, ok bool) {
	if len(b) < dnsHeaderLen {
		return h, false
	}
	be := binary.BigEndian
	return dnsHeader{be.Uint16(b), be.Uint16(b[2:]), be.Uint16(b[4:]), be.Uint16(b[6:]), be.Uint16(b[8:]), be.Uint16(b[10:])}, true
}

// dnsProblem says why a message could not be read to its end; "" is none.
type dnsProblem string

const (
	dnsShort   dnsProblem = "message ends early"
	dnsPointer dnsProblem = "compression pointer does not point backwards"
	dnsLabel   dnsProblem = "label of an unknown kind"
	dnsLong    dnsProblem = "name longer than 255 octets"
)

// skipDNSName returns the offset behind the name at off. It follows no pointer,
// so it costs no more than the name's own octets.
func skipDNSName(b []byte, off int) (int, dnsProblem) {
	for start := off; ; {
		if off >= len(b) {
			return off, dnsShort
		}
		switch n := int(b[off]); {
		case n == 0:
			return off + 1, ""
		case n >= 0xc0:
			if off+2 > len(b) {
				return off, dnsShort
			}
			return off + 2, ""
		case n > dnsLabelMax:
			return off, dnsLabel
		default:
			off += 1 + n
			if off-start > dnsNameMax {
				return off, dnsLong
			}
		}
	}
}

// appendDNSName appends the name at off in lower case, labels joined by dots,
// without the final one; the root is ".". Octets that would be ambiguous are
// escaped as in master files (RFC 1035 §5.1). A pointer must point before the
// part it stands in, hence every name ends.
func appendDNSName(dst, b []byte, off int) ([]byte, dnsProblem) {
	begin, size, floor := len(dst), 0, off
	for jumps := 0; ; {
		if off >= len(b) {
			return dst, dnsShort
		}
		n := int(b[off])
		switch {
		case n == 0:
			if len(dst) == begin {
				dst = append(dst, '.')
			}
			return dst, ""
		case n >= 0xc0:
			if off+2 > len(b) {
				return dst, dnsShort
			}
			to := n&0x3f<<8 | int(b[off+1])
			if jumps++; to >= floor || jumps > dnsPointerMax {
				return dst, dnsPointer
			}
			off, floor = to, to
			continue
		case n > dnsLabelMax:
			return dst, dnsLabel
		}
		if size += 1 + n; size >= dnsNameMax {
			return dst, dnsLong
		}
		if off+1+n > len(b) {
			return dst, dnsShort
		}
		if len(dst) > begin {
			dst = append(dst, '.')
		}
		dst = appendDNSLabel(dst, b[off+1:off+1+n])
		off += 1 + n
	}
}

// dnsPlain are the octets of labels that stand for themselves, in lower case; 0:
// those that are escaped.
var dnsPlain = func() (t [256]byte) {
	for c := byte('!'); c < 0x7f; c++ {
		switch {
		case c >= 'A' && c <= 'Z':
			t[c] = c | 0x20
		case c != '.' && c != '\\':
			t[c] = c
		}
	}
	return t
}()

func appendDNSLabel(dst, label []byte) []byte {
	from := len(dst)
	dst = slices.Grow(dst, len(label))[:from+len(label)]
	for i, c := range label {
		if dst[from+i] = dnsPlain[c]; dst[from+i] == 0 {
			return escapeDNSLabel(dst[:from+i], label[i:])
		}
	}
	return dst
}

// escapeDNSLabel is appendDNSLabel for what begins with an odd character.
func escapeDNSLabel(dst, label []byte) []byte {
	for _, c := range label {
		switch plain := dnsPlain[c]; {
		case plain != 0:
			dst = append(dst, plain)
		case c == '.' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return dst
}

// dnsRecord is one resource record, its data as offsets into the message.
type dnsRecord struct {
	owner      int // offset of its name
	typ, class uint16
	ttl        uint32
	data, end  int
}

// nextDNSRecord reads the record at off and returns the offset behind it.
func nextDNSRecord(b []byte, off int, r *dnsRecord) (int, dnsProblem) {
	r.owner = off
	off, bad := skipDNSName(b, off)
	if bad != "" {
		return off, bad
	}
	if off+10 > len(b) {
		return off, dnsShort
	}
	be := binary.BigEndian
	r.typ, r.class, r.ttl = be.Uint16(b[off:]), be.Uint16(b[off+2:]), be.Uint32(b[off+4:])
	r.data = off + 10
	r.end = r.data + int(be.Uint16(b[off+8:]))
	if r.end > len(b) {
		return off, dnsShort
	}
	return r.end, ""
}

// dnsQuestion is the first question of a message.
type dnsQuestion struct {
	typ, class uint16
	asked      bool // there was one
}

// isPlainQuestion tells whether a message's first question is whole, its name
// without pointers, as nearly all are.
func isPlainQuestion(b []byte) bool {
	for off := dnsHeaderLen; off < len(b) && off < dnsHeaderLen+dnsNameMax-1; {
		n := int(b[off])
		if off++; n == 0 {
			return off+4 <= len(b)
		}
		if n > dnsLabelMax {
			return false
		}
		off += n
	}
	return false
}

// parseDNSQuestions reads the first question, its name into dst, and returns
// the offset behind the last one.
func parseDNSQuestions(b []byte, count uint16, dst []byte) (name []byte, q dnsQuestion, off int, bad dnsProblem) {
	off = dnsHeaderLen
	for i := range count {
		if i == 0 {
			if dst, bad = appendDNSName(dst, b, off); bad != "" {
				return dst, q, off, bad
			}
		}
		if off, bad = skipDNSName(b, off); bad != "" {
			return dst, q, off, bad
		}
		if off+4 > len(b) {
			return dst, q, off, dnsShort
		}
		if i == 0 {
			q = dnsQuestion{binary.BigEndian.Uint16(b[off:]), binary.BigEndian.Uint16(b[off+2:]), true}
		}
		off += 4
	}
	return dst, q, off, ""
}
