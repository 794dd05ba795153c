package pcapflow

// sentLog holds the segments of one side that are not acknowledged yet, in
// order of their sequence numbers, in a ring of sentLogs. Acknowledged ones stay
// readable until others take their place.
type sentLog struct {
	ring    ring
	n, head uint16 // segments not acknowledged; place of the oldest of them, modulo the ring's length
}

// sent is one segment: 24 bytes.
type sent struct {
	time     int64
	seq, end uint32
	frame    uint32 // its low 32 bits
	again    bool   // was sent more than once
}

// stamp of the segment, seen from the packet at hand.
func (x *sent) stamp(h *header) Stamp {
	return Stamp{x.time, h.stamp.Frame - int(uint32(h.stamp.Frame)-x.frame)}
}

// ring is a stretch of segments: its length class in the upper 4 bits, below them
// where it begins, in shortest rings; 0: none.
type ring uint32

const (
	shortestRing = 4
	ringClasses  = 9       // 4, 8, …, 1024 segments: so many are remembered of one side, the oldest go first
	ringSlab     = 1 << 10 // segments that are allocated at a time
	ringClass    = 28      // bits below the class
)

// sentLogs are the rings of all flows: stretches of slabs without pointers, of
// which each connection has as much as it has had in flight.
type sentLogs struct {
	slabs []*[ringSlab]sent
	free  [ringClasses][]ring
}

// at is the list of a ring, a power of two long.
func (x *sentLogs) at(r ring) []sent {
	const each = ringSlab / shortestRing // shortest rings in a slab
	from := r << (32 - ringClass) >> (32 - ringClass)
	return x.slabs[from/each][from%each*shortestRing:][:shortestRing<<(r>>ringClass&15)]
}

// take gives an empty ring of a class.
func (x *sentLogs) take(class ring) ring {
	free := &x.free[class]
	if len(*free) == 0 {
		first := ring(len(x.slabs)) * (ringSlab / shortestRing)
		x.slabs = append(x.slabs, new([ringSlab]sent))
		for from := ring(ringSlab / shortestRing); from > 0; {
			from -= 1 << class
			if r := class<<ringClass | (first + from); r != 0 {
				*free = append(*free, r)
			}
		}
	}
	r := (*free)[len(*free)-1]
	*free = (*free)[:len(*free)-1]
	return r
}

func (x *sentLogs) giveBack(r ring) {
	if r != 0 {
		clear(x.at(r))
		free := &x.free[r>>ringClass]
		*free = append(*free, r)
	}
}

// push remembers new data.
func (x *sentLogs) push(l *sentLog, seq, end uint32, h *header) {
	if l.ring == 0 {
		l.ring = x.take(0)
	}
	list := x.at(l.ring)
	if int(l.n) == len(list) {
		if l.ring>>ringClass < ringClasses-1 {
			list = x.grow(l, list)
		} else {
			l.head++
			l.n--
		}
	}
	list[int(l.head+l.n)&(len(list)-1)] = sent{time: h.stamp.Time, seq: seq, end: end, frame: uint32(h.stamp.Frame)}
	l.n++
}

// grow moves a full log into a ring of twice the length.
func (x *sentLogs) grow(l *sentLog, list []sent) []sent {
	old := l.ring
	l.ring = x.take(old>>ringClass + 1)
	longer := x.at(l.ring)
	n := copy(longer, list[int(l.head)&(len(list)-1):])
	copy(longer[n:], list[:len(list)-n])
	l.head = 0
	x.giveBack(old)
	return longer
}

// find is the segment that holds seq, acknowledged or not; nil: not remembered.
func (x *sentLogs) find(l *sentLog, seq uint32) *sent {
	if l.ring == 0 {
		return nil
	}
	list := x.at(l.ring)
	newest := int(l.head+l.n) - 1
	for back := range list {
		y := &list[(newest-back)&(len(list)-1)]
		if y.seq == y.end {
			return nil
		}
		if int32(seq-y.seq) >= 0 && int32(y.end-seq) > 0 {
			return y
		}
	}
	return nil
}

// repeat marks the segments within seq and end as sent more than once.
func (x *sentLogs) repeat(l *sentLog, seq, end uint32) {
	if l.ring == 0 {
		return
	}
	list := x.at(l.ring)
	for i := range l.n {
		y := &list[int(l.head+i)&(len(list)-1)]
		if int32(y.end-seq) > 0 && int32(end-y.seq) > 0 {
			y.again = true
		}
	}
}

// confirm drops what side d has acknowledged, of which there is something left,
// and takes a round trip from the newest of it, unless that was sent twice
// (Karn).
func (e *engine) confirm(f *flow, d Dir, me, peer *tcpSide) {
	l := &f.sent[d.Other()]
	list := e.logs.at(l.ring)
	var last *sent
	clean, n, acked := true, l.n, me.acked
	for ; n > 0; n-- {
		x := &list[int(l.head)&(len(list)-1)]
		if int32(acked-x.end) < 0 {
			break
		}
		last = x
		if x.again {
			clean = false
		} else {
			peer.largestAcked = max(peer.largestAcked, x.end-x.seq)
		}
		l.head++
	}
	l.n = n
	if last != nil {
		if clean && last.end == acked {
			e.roundTrip(f, d, me, e.h.stamp.Time-last.time)
		}
		if n == 0 && e.h.length == 0 {
			e.lateAck(f, d, last)
		}
	}
	if peer.inFR && int32(acked-f.tcp.story.rare.fast[d.Other()]) >= 0 {
		peer.inFR = false
	}
}
