package pcapflow

// sentLog holds the segments of one side that are not acknowledged yet, in
// order of their sequence numbers. Acknowledged ones stay readable until others
// take their place.
type sentLog struct {
	n    uint32 // segments not acknowledged
	head uint32 // place of the oldest of them, modulo the length of list
	list []sent // a power of two
	room [4]sent
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

const maxSent = 1 << 10 // segments remembered of one side; the oldest go first

// push remembers new data.
func (l *sentLog) push(seq, end uint32, h *header) {
	mask := uint32(len(l.list) - 1)
	if l.n > mask {
		if len(l.list) < maxSent {
			l.grow()
			mask = uint32(len(l.list) - 1)
		} else {
			l.head++
			l.n--
		}
	}
	l.list[(l.head+l.n)&mask] = sent{time: h.stamp.Time, seq: seq, end: end, frame: uint32(h.stamp.Frame)}
	l.n++
}

func (l *sentLog) grow() {
	list := make([]sent, 2*len(l.list))
	mask := uint32(len(l.list) - 1)
	for i := range l.n {
		list[i] = l.list[(l.head+i)&mask]
	}
	l.list, l.head = list, 0
}

// find is the segment that holds seq, acknowledged or not; nil: not remembered.
func (l *sentLog) find(seq uint32) *sent {
	mask := uint32(len(l.list) - 1)
	for back := uint32(0); back < uint32(len(l.list)); back++ { // newest first
		x := &l.list[(l.head+l.n-1-back)&mask]
		if x.seq == x.end {
			return nil
		}
		if int32(seq-x.seq) >= 0 && int32(x.end-seq) > 0 {
			return x
		}
	}
	return nil
}

// repeat marks the segments within seq and end as sent more than once.
func (l *sentLog) repeat(seq, end uint32) {
	mask := uint32(len(l.list) - 1)
	for i := range l.n {
		x := &l.list[(l.head+i)&mask]
		if int32(x.end-seq) > 0 && int32(end-x.seq) > 0 {
			x.again = true
		}
	}
}

// confirm drops what side d has acknowledged and takes a round trip from the
// newest of it, unless that was sent twice (Karn).
func (e *engine) confirm(f *flow, d Dir, me, peer *tcpSide) {
	l := &f.tcp.sent[d.Other()]
	mask := uint32(len(l.list) - 1)
	var last *sent
	clean := true
	for l.n > 0 {
		x := &l.list[l.head&mask]
		if int32(me.acked-x.end) < 0 {
			break
		}
		last = x
		clean = clean && !x.again
		if !x.again {
			peer.largestAcked = max(peer.largestAcked, x.end-x.seq)
		}
		l.head++
		l.n--
	}
	if last != nil && clean && last.end == me.acked {
		me.roundTrip(&f.tcp.samples[d], e.h.stamp.Time-last.time)
	}
	if last != nil && l.n == 0 && e.h.length == 0 {
		e.lateAck(f, d, last)
	}
	if peer.inFR && int32(me.acked-peer.fast) >= 0 {
		peer.inFR = false
	}
}

// clear empties the log for another flow. A longer list is not kept: how far back
// find sees would depend on who had it before.
func (l *sentLog) clear() {
	l.list = l.room[:]
	clear(l.list)
	l.n, l.head = 0, 0
}
