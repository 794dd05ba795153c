package pcapflow

import "slices"

// marker chooses the packets of a flow that are remembered as Marks. The choice
// depends on what a packet says and on nothing else (neither addresses, ports
// nor time), so that captures of other points choose the same packets: those
// that open the flow, those that end it, and of the rest those whose hash ends in
// enough zeros.
type marker struct {
	list   []Mark
	pinned uint8    // marks of the flow's opening, which come first and stay
	level  uint8    // zeros asked for
	full   bool     // even the highest level did not make room
	turns  *turnLog // of a TCP connection, where they are asked for
}

const (
	maxMarks   = 48
	maxPinned  = 16
	firstLevel = 2 // one packet in four
	// openingBytes is how far into a TCP stream a segment may begin that belongs to
	// its opening: behind SSH's identification, which all connections have in common
	// and which is at most 255 bytes long (RFC 4253 §4.2), begins what none has.
	openingBytes = 255
	// markedBytes is how much of the payload a mark's sum covers: little enough
	// to be there in most captures that cut packets.
	markedBytes = 16
)

// opensStream tells whether a segment belongs to the opening of a TCP stream: at is
// how far into it the segment begins, in bytes.
func opensStream(at uint32, length int) bool { return at == 0 || length > 0 && at <= openingBytes }

// packet considers the packet at hand, sent by d. opening: it belongs to the
// beginning of the flow.
func (m *marker) packet(h *header, d Dir, opening bool) {
	pin := opening && m.pinned < maxPinned
	hash := markHash(h.seq, h.ack, h.length)
	if h.proto != protoTCP {
		hash = uint32(digest(h.payload()))
	}
	if !pin && (m.full || h.flags&flagFIN == 0 && hash&(1<<max(m.level, firstLevel)-1) != 0) {
		return
	}
	x := Mark{
		Stamp: h.stamp, Dir: d, Seq: h.seq, Ack: h.ack, Len: uint32(h.length),
		Flags: h.flags, TTL: h.ttl, ID: h.id,
	}
	if h.proto == protoTCP {
		x.TSVal = h.tsval()
	} else {
		x.Seq = hash
	}
	if n := min(h.length, markedBytes); n > 0 && len(h.payload()) >= n {
		x.Sum = uint32(digest(h.payload()[:n])) | 1
	}
	if len(m.list) == maxMarks && !m.thin() {
		m.full = true
		return
	}
	if !pin {
		m.list = append(m.list, x)
		return
	}
	m.list = append(m.list, Mark{})
	copy(m.list[m.pinned+1:], m.list[m.pinned:])
	m.list[m.pinned] = x
	m.pinned++
}

// markHash of a segment. The length counts only as far as there is any: cards
// and kernels join segments.
func markHash(seq, ack uint32, length int) uint32 {
	if length > 0 {
		ack = 0
	}
	x := (uint64(seq)<<32 | uint64(ack)) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return uint32(x >> 32)
}

// thin asks for one more zero until there is room.
func (m *marker) thin() bool {
	m.level = max(m.level, firstLevel)
	for m.level < 24 && len(m.list) == maxMarks {
		m.level++
		kept := m.list[:m.pinned]
		for _, x := range m.list[m.pinned:] {
			hash := x.Seq // of a datagram
			if x.Flags != 0 {
				hash = markHash(x.Seq, x.Ack, int(x.Len))
			}
			if x.Flags&flagFIN != 0 || hash&(1<<m.level-1) == 0 {
				kept = append(kept, x)
			}
		}
		m.list = kept
	}
	return len(m.list) < maxMarks
}

// ordered are the marks in order of frames.
func (m *marker) ordered() []Mark {
	slices.SortStableFunc(m.list, func(a, b Mark) int { return a.Frame - b.Frame })
	return m.list
}
