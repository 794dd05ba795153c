package pcapflow

// MaxRetransmissions is how many are listed of one flow; all are counted.
const MaxRetransmissions = 4096

// promptAnswer is how long, beyond a round trip, a sender may take to resend
// what the receiver's acknowledgements say is missing. ns
const promptAnswer = 20e6

// minRTO is the shortest retransmission timer in use (Linux; RFC 6298 asks for
// a second). ns
const minRTO = 200e6

// resent watches the latest retransmission of a side for signs that it was not
// needed.
type resent struct {
	open     bool
	left     uint8 // acknowledgements still looked at
	index    int   // in Conn.Retransmissions; -1: not listed
	kind     RetransmissionKind
	seq, end uint32
	ts       uint32 // its TSval; 0: none
}

// repeated takes a segment that begins before the highest number its side d has
// sent. It tells whether that is all there is to the segment: then it is no data.
func (e *engine) repeated(f *flow, d Dir, seq, end uint32, same sameness) bool {
	h := e.h
	me, peer := &f.side[d], &f.side[d.Other()]
	y := e.story(f)
	count, probed := &y.conn.Count[d], y.rare.probed[d]
	if same == doubled && me.counts() {
		count.Duplicates++
		return true
	}
	if h.length <= 1 && h.flags&flagFIN == 0 && seq == me.next-1 && peer.acks && peer.acked == me.next {
		if peer.window == 0 || probed == me.next {
			count.Probes++
		} else {
			y.keptAlive(f, d, h.stamp)
		}
		return true
	}
	if probed == seq+1 && probed == me.next {
		if h.length == 1 {
			count.Probes++
			return true
		}
		return false // the byte of the probe again, with those behind it
	}
	old := end
	if int32(end-me.next) > 0 {
		old = me.next
	}
	was, filled, acked := y.rare.holes[d].fill(seq, old)
	late := me.sentBefore(h)
	switch {
	case filled > 0 && was.acked.Seen() && h.stamp.Time-was.acked.Time <= lateCapture:
		count.AckedUnseen -= int64(acked) // only recorded late
		return false
	case filled > 0 && e.reordered(f, d, &was, late):
		count.OutOfOrder++
		return false
	case filled == 0 && late:
		count.OutOfOrder++ // the original, after its retransmission
		f.spuriousBefore(d, seq)
		return true
	}
	e.retransmission(f, d, seq, old, &was, filled)
	return false
}

// reordered tells whether a segment that fills a hole is an original that came
// late, rather than sent again.
func (e *engine) reordered(f *flow, d Dir, was *hole, late bool) bool {
	h := e.h
	me, peer := &f.side[d], &f.side[d.Other()]
	if !h.v6 && h.id != 0 && me.counts() {
		return late
	}
	if b := h.option(optionTS); len(b) == 8 && was.ts != 0 {
		if step := int32(be32(b) - was.ts); step != 0 {
			return step < 0
		}
	}
	age := h.stamp.Time - was.since.Time
	if f.rtt > 0 && age < f.rtt*3/4 {
		return true // sooner than any answer to the hole could have come
	}
	return age < 3e6 && !peer.sacked && peer.dupAcks < 2
}

// retransmission notes that side d has sent its bytes from seq to old again.
func (e *engine) retransmission(f *flow, d Dir, seq, old uint32, was *hole, filled uint32) {
	h := e.h
	me, peer := &f.side[d], &f.side[d.Other()]
	y := f.tcp.story
	c := y.conn
	r := Retransmission{Stamp: h.stamp, Dir: d, Seq: seq - me.base, Len: int(old - seq)}
	if h.flags&flagFIN != 0 && r.Len > h.length {
		r.Len = h.length
	}
	last := was.since.Time
	if filled == 0 {
		r.Passed = !y.rare.holes[d].forgot
		if x := e.logs.find(&f.sent[d], seq); x != nil {
			r.Original = x.stamp(h)
			last = x.time
		}
	}
	for i := len(c.Retransmissions) - 1; i >= max(0, len(c.Retransmissions)-32); i-- {
		if p := &c.Retransmissions[i]; p.Dir == d && p.Seq == r.Seq && p.Kind != RetransmitSYN && p.Kind != RetransmitSYNACK {
			last = max(last, p.Time)
			break
		}
	}
	if last != 0 {
		r.Wait = max(0, h.stamp.Time-last)
	}
	told := peer.dupAcks >= 2 || peer.sacked || me.inFR
	switch {
	case peer.acks && int32(peer.acked-old) >= 0:
		r.Kind = RetransmitSpurious
	case told && h.stamp.Time-peer.heard <= f.rtt+promptAnswer:
		r.Kind = RetransmitFast
		me.inFR, y.rare.fast[d] = true, me.next
	case old == me.next && f.sent[d].n > 1 && last != 0 && r.Wait < minRTO*9/10+f.rtt:
		r.Kind = RetransmitTail
	default:
		r.Kind = RetransmitTimeout
		me.inFR = false
	}
	if r.Len > 0 {
		e.counted(f, letterAgain, d)
	}
	e.logs.repeat(&f.sent[d], seq, old)
	index := f.resend(r)
	w := resent{open: true, left: 64, index: index, kind: r.Kind, seq: seq, end: old}
	if b := h.option(optionTS); len(b) == 8 {
		w.ts = be32(b)
	}
	y.rare.resent[d] = w
	f.watch |= watchResent << d
	if r.Kind == RetransmitTimeout || r.Kind == RetransmitTail {
		if from := f.progress; from.Seen() && h.stamp.Time-from.Time >= stallFloor {
			f.stall(Stall{Begin: from, End: h.stamp, Waiting: d, Cause: StallTimeout})
		}
	}
}

// resend counts and lists a retransmission; its place in the list, or -1.
func (f *flow) resend(r Retransmission) int {
	c := f.tcp.story.conn
	count := &c.Count[r.Dir]
	count.Retransmitted++
	count.RetransmittedBytes += int64(r.Len)
	if n := count.of(r.Kind); n != nil {
		*n++
	}
	if len(c.Retransmissions) == MaxRetransmissions {
		return -1
	}
	c.Retransmissions = append(c.Retransmissions, r)
	return len(c.Retransmissions) - 1
}

// of is the counter of a kind; nil: it has none of its own.
func (c *Counters) of(k RetransmissionKind) *int64 {
	switch k {
	case RetransmitTimeout:
		return &c.Timeout
	case RetransmitFast:
		return &c.Fast
	case RetransmitTail:
		return &c.TailProbe
	case RetransmitSpurious:
		return &c.Spurious
	}
	return nil
}

// unneeded looks for a sign in an acknowledgement that the latest
// retransmission of side d was not needed: a DSACK (RFC 2883), or an echo of a
// time stamp from before it (Eifel, RFC 3522).
func (e *engine) unneeded(f *flow, d Dir, w *resent) {
	h := e.h
	e.reneged(f, d.Other())
	e.oldStamp(f, d, w)
	if w.left--; w.left == 0 || w.kind == RetransmitSpurious {
		w.open = false
		f.watch &^= watchResent << d
	}
	if w.kind == RetransmitSpurious {
		return
	}
	spurious := false
	if b := h.option(optionSACK); len(b) >= 8 {
		from, to := be32(b), be32(b[4:])
		below := int32(h.ack-to) >= 0
		if len(b) >= 16 && !below { // within the next block (RFC 2883 section 4)
			below = int32(from-be32(b[8:])) >= 0 && int32(be32(b[12:])-to) >= 0
		}
		spurious = below && int32(w.end-from) > 0 && int32(to-w.seq) > 0
	}
	if !spurious && w.ts != 0 && int32(h.ack-w.end) >= 0 {
		if b := h.option(optionTS); len(b) == 8 {
			spurious = int32(be32(b[4:])-w.ts) < 0
		}
		w.ts = 0 // only the first acknowledgement that covers it tells
	}
	if spurious {
		w.open = false
		f.watch &^= watchResent << d
		f.respell(w.index, d, w.kind)
	}
}

// respell makes a retransmission a spurious one.
func (f *flow) respell(index int, d Dir, was RetransmissionKind) {
	c := f.tcp.story.conn
	if n := c.Count[d].of(was); n != nil {
		*n--
	}
	c.Count[d].Spurious++
	if index >= 0 {
		c.Retransmissions[index].Kind = RetransmitSpurious
	}
}

// spuriousBefore finds the retransmission whose original comes only now.
func (f *flow) spuriousBefore(d Dir, seq uint32) {
	c := f.tcp.story.conn
	rel := seq - f.side[d].base
	for i := len(c.Retransmissions) - 1; i >= max(0, len(c.Retransmissions)-64); i-- {
		r := &c.Retransmissions[i]
		if r.Dir == d && r.Seq == rel {
			if r.Kind != RetransmitSpurious && r.Kind != RetransmitSYN && r.Kind != RetransmitSYNACK {
				f.respell(i, d, r.Kind)
			}
			return
		}
	}
}

// handshakeRepeated notes a SYN or SYN-ACK sent again.
func (f *flow) handshakeRepeated(h *header, d Dir, k RetransmissionKind, list []Stamp) {
	if len(list) == 0 {
		return
	}
	last := list[len(list)-1]
	f.resend(Retransmission{
		Stamp: h.stamp, Dir: d, Kind: k, Original: list[0], Wait: max(0, h.stamp.Time-last.Time),
	})
}
