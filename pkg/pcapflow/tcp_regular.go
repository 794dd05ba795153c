package pcapflow

// regular takes a segment as nearly all are: of a connection that has opened and
// of which nothing else is expected, the next bytes in order, or an
// acknowledgement of more of them. It does what the general way does with such a
// segment and leaves out what cannot be. It tells whether it took it; else
// nothing has changed.
func (e *engine) regular(f *flow, h *header) bool {
	if h.flags&^flagPSH != flagACK || !f.steady || f.watch&^watchAcks != 0 || f.closing != running || e.frames != nil {
		return false
	}
	d := f.sender(h.swapped)
	me, peer := &f.side[d], &f.side[d.Other()]
	now, end := h.stamp.Time, h.seq+uint32(h.length)
	step := int32(h.ack - me.acked)
	letter := letterACK
	if h.length > 0 {
		letter = letterData
	}
	switch {
	case me.shrinks(h, uint32(h.window)<<me.shift) > 0:
		return false
	case h.seq != me.next, me.next == me.base, me.ttl != h.ttl, h.window == 0, now-f.last.Time >= pauseFloor:
		return false
	case !me.acks, step < 0, int32(h.ack-peer.next) > 0, f.letters&(1<<(2*letter+int(d))) == 0:
		return false
	case h.length == 0 && step == 0, h.length == 1 && peer.window == 0, h.length > 0 && f.payload[d] == 0:
		return false
	}
	f.packets[d]++
	f.bytes[d] += int64(h.wire)
	if now >= f.last.Time {
		f.last = h.stamp
	}
	me.window = uint32(h.window) << me.shift
	if step > 0 {
		me.acked, me.dupAcks, me.sacked, f.progress = h.ack, 0, false, h.stamp
		if f.sent[d.Other()].n > 0 {
			e.confirm(f, d, me, peer)
		}
	}
	if f.watch&watchAcks != 0 {
		e.heldAgainst(f, d.Other())
	}
	if h.length > 0 {
		e.logs.push(&f.sent[d], h.seq, end, h)
		me.next, f.progress = end, h.stamp
		if peer.acks {
			e.inFlight(f, d, end-peer.acked, me, peer)
		}
		me.largest = max(me.largest, uint32(h.length))
		if h.length > int(peer.mss) && peer.mss > 0 {
			e.state(f).offload[d]++
		}
		f.payload[d] += int64(h.length)
		f.latest[d] = h.stamp
		if f.follow != off {
			e.next(f, d)
		}
	}
	me.identified(h)
	me.heard = now
	e.mark(f, d, opensStream(h.seq-me.base-1, h.length))
	return true
}

// next gives the flow's dissector the next bytes in order, unless it only counts
// them.
func (e *engine) next(f *flow, d Dir) {
	h := e.h
	if h.length >= int(f.skim[d]) || int(h.to-h.from) < h.length || h.stamp.Time < f.at[d] {
		e.deliver(f, d, h.stamp, h.payload(), int64(h.length-len(h.payload())))
		return
	}
	f.at[d] = h.stamp.Time
	f.skim[d] -= int32(h.length)
	f.skimmed[d] += int32(h.length)
}

// catchUp tells the dissector how many bytes have passed that it only counts.
// The latest of each side came with its latest payload.
func (f *flow) catchUp() {
	for d, n := range f.skimmed {
		if n > 0 {
			f.skimmed[d] = 0
			f.skimmer.Skimmed(Dir(d), f.latest[d], int64(n))
		}
	}
	f.skim = [2]int32{}
}
