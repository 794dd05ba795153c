package pcapflow

import "encoding/binary"

// recordDTLSWithID is tls12_cid, a record with a connection ID (RFC 9146 §4).
const recordDTLSWithID = 25

// idLength is how long a connection ID is that a hello asks for, in octets, and 1: 0
// says that it knows nothing of them.
type idLength uint16

func (l idLength) given() bool { return l > 0 }
func (l idLength) octets() int { return int(l) - 1 }

// idLengthOf reads the extension connection_id (RFC 9146 §3).
func idLengthOf(data []byte) idLength {
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		return 0
	}
	return idLength(len(data))
}

// idLength is how long the ID is in a record of that side, which begins b: what the hellos
// agreed on, or where the capture lacks them what fits.
func (s *dtlsStream) idLength(role Dir, b []byte) int {
	if x := s.t.DTLS; x.IDs {
		return x.IDBytes[role]
	}
	return guessedIDLength(b)
}

// guessedIDLength is the shortest with which the record at the start of b ends where the
// datagram does; -1: there is none.
func guessedIDLength(b []byte) int {
	const longest = 32
	for at := dtlsHeader - 2; at+2 <= len(b) && at <= dtlsHeader-2+longest; at++ {
		if length := int(be16(b[at:])); length > 0 && at+2+length == len(b) {
			return at - (dtlsHeader - 2)
		}
	}
	return -1
}

// behindID reads the record at the start of b again, whose ID is of n octets. -1: not
// known; then it is left to go on to the end of the datagram.
func (r *dtlsRecord) behindID(b []byte, n int) {
	at := dtlsHeader - 2 + n
	if n < 0 || at+2 > len(b) {
		return
	}
	r.id, r.length = b[dtlsHeader-2:at], int(be16(b[at:]))
	r.end = at + 2 + r.length
	if r.cut = r.end > len(b); r.cut {
		r.end = len(b)
	}
	r.body = b[at+2 : r.end]
}

// headerWithID is header for a record with a connection ID (RFC 9146 §5).
func (k *recordKey) headerWithID(version uint16, n int) []byte {
	b := append(k.long[:0], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, recordDTLSWithID, byte(len(k.id)), recordDTLSWithID)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint64(b, k.seq)
	b = append(b, k.id...)
	k.long = binary.BigEndian.AppendUint16(b, uint16(n))
	return k.long
}
