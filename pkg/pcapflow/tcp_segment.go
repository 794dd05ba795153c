package pcapflow

// wildJump is a step of the sequence number that no window allows
// (RFC 7323 section 2.3): such a segment is not the connection's.
const wildJump = 1 << 30

// segment follows one segment that side d sent; before is the flow's packet
// before it.
func (e *engine) segment(f *flow, d Dir, before Stamp, same sameness) {
	h := e.h
	me, peer := &f.side[d], &f.side[d.Other()]
	other := false // of another connection
	if h.flags&(flagSYN|flagRST|flagFIN) != 0 || !f.steady {
		if other = e.challengedSYN(f, d); !other {
			e.handshake(f, d, same)
		}
	}
	e.tell(f, h, d)
	if h.flags&flagRST != 0 || other {
		return
	}
	if me.ttl != h.ttl {
		e.rerouted(f, d, me.ttl)
		me.ttl = h.ttl
	}
	seq := h.seq
	if h.flags&flagSYN != 0 {
		seq++
	}
	if !me.known {
		me.known, me.base, me.next = true, seq-1, seq
	} else if me.next == me.base {
		me.next = seq
	}
	if h.flags&flagACK != 0 {
		if same != doubled {
			e.shrunk(f, d, me, peer)
		}
		e.acknowledge(f, d, me, peer)
	}
	if same != doubled {
		e.windowOf(f, d, me)
	}
	size := uint32(h.length)
	if h.flags&flagFIN != 0 {
		size++
	}
	if size > 0 {
		f.closing = max(f.closing, running)
		e.data(f, d, seq, size, same)
	} else {
		e.bare(f, d, seq, me, peer)
	}
	if h.stamp.Time-before.Time >= pauseFloor {
		e.pause(f, d, before)
	}
	me.identified(h)
	me.heard = h.stamp.Time
	e.mark(f, d, opensStream(seq-me.base-1, h.length))
	if f.watch&watchHold != 0 {
		e.settle(f, d)
		e.settle(f, d.Other())
	}
	if f.closing == closed {
		e.settled(f)
	}
}

// bare follows a segment without data.
func (e *engine) bare(f *flow, d Dir, seq uint32, me, peer *tcpSide) {
	if f.closing == closed {
		e.challengedReset(f, d)
	}
	h := e.h
	switch ahead := int32(seq - me.next); {
	case ahead == -1 && h.flags&flagSYN == 0 && !me.fin:
		y := e.story(f) // RFC 9293 section 3.8.4, without the byte of garbage
		if peer.window == 0 && peer.acks {
			y.conn.Count[d].Probes++
		} else {
			y.keptAlive(f, d, h.stamp)
		}
	case ahead > 0 && ahead < wildJump:
		e.hole(f, d, me.next, seq)
		e.missing(f, d, me.next)
		me.next = seq
	}
}

// data follows a segment of size bytes of sequence space (a FIN counts as one)
// that begins at seq.
func (e *engine) data(f *flow, d Dir, seq, size uint32, same sameness) {
	h := e.h
	if !f.steady {
		e.story(f) // what comes before the handshake is over
	}
	me, peer := &f.side[d], &f.side[d.Other()]
	end := seq + size
	ahead := int32(seq - me.next)
	switch {
	case ahead == 0:
		if size == 1 && h.length == 1 && peer.window == 0 && peer.acks {
			y := e.story(f)
			y.rare.probed[d] = end
			y.conn.Count[d].Probes++
		}
	case ahead > 0:
		if ahead > wildJump {
			e.undecodedSegment(f)
			return
		}
		e.hole(f, d, me.next, seq)
		if h.length == 0 {
			e.missing(f, d, me.next)
		}
	default:
		if e.repeated(f, d, seq, end, same) {
			return
		}
	}
	if int32(end-me.next) > 0 {
		first := seq
		if ahead < 0 {
			first = me.next
		}
		e.logs.push(&f.sent[d], first, end, h)
		me.next, f.progress = end, h.stamp
		if peer.acks {
			e.inFlight(f, d, end-peer.acked, me, peer)
		}
	}
	if f.watch&watchLate != 0 {
		e.heldBack(f, d)
	}
	me.largest = max(me.largest, uint32(h.length))
	if h.length > int(peer.mss) && peer.mss > 0 {
		e.state(f).offload[d]++
	}
	if h.flags&flagFIN != 0 && !me.fin {
		me.fin = true
		if peer.fin {
			e.closedBoth(f, d)
		}
	}
	if f.closing == closed && h.length > 0 {
		e.afterReset(f, d, ahead)
	}
	if h.length > 0 {
		e.receive(f, d, seq, ahead)
	}
}

func (e *engine) undecodedSegment(f *flow) {
	noteOnce(e.record(f), "segments far outside the window were left out")
}

// acknowledge takes the acknowledgement that side d sent.
func (e *engine) acknowledge(f *flow, d Dir, me, peer *tcpSide) {
	h := e.h
	if !me.acks {
		me.acks, me.acked = true, h.ack
		if !peer.known { // joined half-way: nothing of the peer was seen yet
			return
		}
	}
	step := int32(h.ack - me.acked)
	if step < 0 {
		return
	}
	if step == 0 {
		e.sameAck(f, d, me, peer)
	} else {
		me.acked, me.dupAcks, me.sacked, f.progress = h.ack, 0, false, h.stamp
	}
	if unseen := int32(h.ack - peer.next); unseen > 0 && peer.known && unseen < wildJump {
		e.ackedUnseen(f, d.Other(), uint32(unseen))
	}
	if f.sent[d.Other()].n > 0 {
		e.confirm(f, d, me, peer)
	}
	if f.watch != 0 {
		e.heldAgainst(f, d.Other())
	}
}

// heldAgainst holds an acknowledgement against what is open about the bytes of
// side d.
func (e *engine) heldAgainst(f *flow, d Dir) {
	h := e.h
	if f.watch&(watchHoles<<d) != 0 {
		if n := f.tcp.story.rare.holes[d].acknowledged(h.ack, h.stamp); n > 0 {
			f.tcp.story.conn.Count[d].AckedUnseen += n
			f.tcp.story.conn.Unseen[d] = h.stamp
			e.counted(f, letterGap, d)
		}
	}
	if f.watch&watchHold != 0 && f.hold[d] != nil {
		e.holeAcknowledged(f, d, h.ack)
	}
	if f.watch&(watchResent<<d) != 0 {
		e.unneeded(f, d, &f.tcp.story.rare.resent[d])
	}
}

// sameAck takes an acknowledgement that acknowledges nothing new.
func (e *engine) sameAck(f *flow, d Dir, me, peer *tcpSide) {
	h := e.h
	if h.length > 0 || h.flags&(flagSYN|flagFIN) != 0 || int32(peer.next-h.ack) <= 0 {
		return
	}
	if w := uint32(h.window) << me.shift; w == me.window && me.dupAcks < 255 {
		me.dupAcks++
		e.state(f).dupAcks[d]++
	}
	if b := h.option(optionSACK); len(b) >= 8 && int32(be32(b[4:])-h.ack) > 0 {
		me.sacked = true
		e.tellsSACK(f, d, b)
	}
}

// ackedUnseen notes n bytes that d sent by its peer's word and that the capture
// never held.
func (e *engine) ackedUnseen(f *flow, d Dir, n uint32) {
	me := &f.side[d]
	e.hole(f, d, me.next, me.next+n)
	e.missing(f, d, me.next)
	me.next += n
}

// missing begins a hole in what the flow's dissector gets.
func (e *engine) missing(f *flow, d Dir, from uint32) {
	if f.follow == off {
		return
	}
	if f.carried == nil {
		e.carry(f)
	}
	if f.hold[d] == nil {
		f.hold[d] = &hold{next: from}
		f.watch |= watchHold
	}
}

// steadyID is how long an IP identification says something about the next: a
// counter shared by all of a host's connections may go round in seconds. ns
const steadyID = second

// identified learns how the sender numbers its IP packets.
func (s *tcpSide) identified(h *header) {
	if h.v6 || h.id == 0 {
		return
	}
	if h.stamp.Time-s.heard > steadyID {
		s.lastID = h.id
		return
	}
	switch step := int16(h.id - s.lastID); {
	case s.idGood == 0 && s.idBad == 0 && s.lastID == 0:
	case step > 0 && step < 4096:
		if s.idGood < 255 {
			s.idGood++
		}
	case step < 0 && step > -4096: // came late, or another counter
		if s.idBad < 255 {
			s.idBad++
		}
		return
	default:
		if s.idBad < 253 {
			s.idBad += 2
		}
	}
	s.lastID = h.id
}

// counts tells whether the sender's IP identification is a counter, so that it
// shows the order of sending.
func (s *tcpSide) counts() bool { return s.idGood >= 2 && int(s.idBad)*4 <= int(s.idGood) }

// sentBefore tells whether the packet at hand was certainly sent before the
// sender's latest one.
func (s *tcpSide) sentBefore(h *header) bool {
	return h.stamp.Time-s.heard <= steadyID && s.sentBeforeID(h, s.lastID)
}

// sentBeforeID is the same against a packet of that IP identification, sent within
// steadyID.
func (s *tcpSide) sentBeforeID(h *header, id uint16) bool {
	if h.v6 || h.id == 0 || !s.counts() {
		return false
	}
	step := int16(h.id - id)
	return step < 0 && step > -4096
}
