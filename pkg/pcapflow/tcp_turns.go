package pcapflow

// turnLog follows the turns of a connection. It is kept where Options.Turns asks for
// it.
type turnLog struct {
	list  []Turn
	count int
	side  [2]turnSide
	aside int // turns of one segment that came amid one of the other side
}

// maxTurns are listed of one connection; all are counted.
const maxTurns = 64

// turnSide is one side's.
type turnSide struct {
	place  int    // of its latest turn in the list, from 1; 0: it has none there
	next   uint32 // highest number of its bytes, plus one
	known  bool   // next means something
	ended  bool   // its peer has sent bytes since
	pushed bool   // its latest segment said that there is no more
	sent   int64  // time of its latest new bytes
	size   int    // payload of its latest segment
	heard  int64  // time of the peer's latest new bytes
	edge   uint32 // of the receiver's window, as it knew it when it sent that
	window int64  // Talk.FirstWindow
	seen   bool   // window means something
	cut    Cut
	judge  *turnJudge // of its latest turn; nil: it has had one segment
}

// followTurn follows the packet at hand, which side d sent.
func (e *engine) followTurn(f *flow, d Dir) {
	x := f.marks.turns
	if x == nil {
		if !f.steady {
			return
		}
		x = &turnLog{}
		for d := range x.side {
			x.side[d].next, x.side[d].known = f.side[d].base+1, f.side[d].syn
		}
		f.marks.turns = x
	}
	h, me := e.h, &x.side[d]
	if !me.seen {
		me.seen, me.window = true, int64(f.side[d].window)
	}
	if h.flags&flagACK != 0 {
		x.acknowledged(f, d, h)
	}
	if h.length > 0 {
		e.turnBytes(f, x, d)
	}
	me.next, me.known = f.side[d].next, true
	if f.closing >= closed {
		x.judged(e, f)
	}
}

// acknowledged takes the acknowledgement that side d sent.
func (x *turnLog) acknowledged(f *flow, d Dir, h *header) {
	me, peer := &f.side[d], &x.side[d.Other()]
	if j := peer.judge; j != nil {
		j.room.add(h.stamp.Time, me.acked, me.acked+me.window, f.nearest(d.Other()))
	}
	if t := x.turn(peer); t != nil && !t.Acked.Seen() && peer.known && int32(me.acked-peer.next) >= 0 {
		t.Acked = h.stamp
	}
}

// turn is a side's latest one, nil if it is not in the list.
func (x *turnLog) turn(s *turnSide) *Turn {
	if s.place == 0 {
		return nil
	}
	return &x.list[s.place-1]
}

// turnBytes takes payload of side d.
func (e *engine) turnBytes(f *flow, x *turnLog, d Dir) {
	h, me, peer := e.h, &x.side[d], &x.side[d.Other()]
	now, fresh := h.stamp.Time, int32(f.side[d].next-me.next)
	if !me.known {
		fresh = int32(h.length)
	}
	if fresh <= 0 {
		if me.judge != nil {
			me.judge.again(f, d, me, now)
		}
		return
	}
	trip := f.nearest(d)
	first := me.place == 0 || me.ended && now-me.heard >= trip-trip/8
	idle := me.sent > 0 && me.known && int32(f.side[d.Other()].acked-me.next) >= 0 && now-me.sent > f.rtt+minRTO
	if first {
		x.endTurn(e, f, d)
		x.beginTurn(d, h.stamp)
	} else {
		x.dropAside(me, peer)
		e.judgeGap(f, x, d)
	}
	if t := x.turn(me); t != nil {
		t.Last, t.Acked = h.stamp, Stamp{}
		t.Bytes += int64(min(int(fresh), h.length))
		t.Segments++
		if idle {
			t.Restarts++
		}
	}
	me.cuts(h, f)
	me.ended, me.sent = false, now
	peer.ended, peer.heard = true, now
	me.edge = f.side[d.Other()].acked + f.side[d.Other()].window
	if me.judge != nil {
		me.edge = me.judge.room.at(now-trip, me.edge).edge
	}
}

// cuts learns from a segment with new bytes at which size the sender cuts.
func (s *turnSide) cuts(h *header, f *flow) {
	if s.size > 0 && !s.pushed && h.seq == s.next && s.size <= f.segmentMost() {
		switch {
		case s.size > s.cut.Bytes:
			s.cut = Cut{s.size, 1}
		case s.size == s.cut.Bytes:
			s.cut.Times++
		}
	}
	s.size, s.pushed = h.length, h.flags&flagPSH != 0
}

// segmentMost is the largest payload of one segment on the wire: larger ones are
// those of cards that cut and join them.
func (f *flow) segmentMost() int {
	most := 1<<16 - 1
	for d := range f.side {
		if n := int(f.side[d].mss); n > 0 {
			most = min(most, n)
		}
	}
	return most
}

func (x *turnLog) beginTurn(d Dir, at Stamp) {
	x.count++
	x.side[d].place = 0
	if len(x.list) < maxTurns {
		x.list = append(x.list, Turn{Dir: d, First: at})
		x.side[d].place = len(x.list)
	}
}

// endTurn ends the latest turn of side d.
func (x *turnLog) endTurn(e *engine, f *flow, d Dir) {
	s := &x.side[d]
	if s.judge == nil {
		return
	}
	if t := x.turn(s); t != nil {
		t.Held = s.judge.held(f, d, t)
	}
	*s.judge = turnJudge{}
	layBy(&e.free.judges, s.judge)
	s.judge = nil
}

// judged ends the turns of both sides, which may still go on.
func (x *turnLog) judged(e *engine, f *flow) {
	x.endTurn(e, f, Client)
	x.endTurn(e, f, Server)
}

// dropAside leaves out of the list a turn of one segment amid the bytes of the other,
// who goes on sooner than that can have reached it: window updates of HTTP/2 and
// their like would fill it.
func (x *turnLog) dropAside(me, peer *turnSide) {
	const some = 8 // are listed
	n := len(x.list)
	if n == 0 || !me.ended || peer.place != n || x.list[n-1].Segments > 1 || me.place == 0 {
		return
	}
	if x.aside++; x.aside > some {
		x.list = x.list[:n-1]
		peer.place = 0
	}
}

// into writes what was followed into c.
func (x *turnLog) into(e *engine, f *flow, c *Conn) {
	x.judged(e, f)
	for i := range x.list {
		if t := &x.list[i]; c.Count[t.Dir].AckedUnseen > 0 {
			t.Held = nil
		}
	}
	c.Talk = &Talk{Turns: x.list, Count: x.count}
	for d := range x.side {
		c.Talk.Cut[d], c.Talk.FirstWindow[d] = x.side[d].cut, x.side[d].window
	}
}
