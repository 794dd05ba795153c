package pcapflow

// aliveProbes are a side's latest keep-alives that nobody has answered.
type aliveProbes struct {
	n           int
	first, last Stamp
}

const (
	deadProbes  = 3           // keep-alives in a row without an answer: hardly a sender gives up sooner
	finWait     = 60 * second // Linux waits so long for the other's FIN (tcp_fin_timeout)
	besideRST   = 1e6         // packets of one host are recorded in another order by less, ns
	unconfirmed = second      // a server repeats its SYN-ACK after it (RFC 6298 section 2)
)

// keptAlive notes a keep-alive of side d.
func (y *tcpStory) keptAlive(f *flow, d Dir, at Stamp) {
	y.conn.Count[d].KeepAlives++
	if y.rare.alive == nil {
		y.rare.alive = new([2]aliveProbes)
	}
	a := &y.rare.alive[d]
	if a.n == 0 || f.side[d.Other()].heard >= a.last.Time {
		*a = aliveProbes{first: at}
	}
	a.n++
	a.last = at
}

// forgets tells whether a RST of side d without ACK is what a host answers that
// knows of no such connection: it takes its number from the acknowledgement of the
// segment that came (RFC 9293 section 3.10.7.1). Who closed before, or after a RST of
// either side, has forgotten rightly.
func (f *flow) forgets(h *header, d Dir) bool {
	me, peer := &f.side[d], &f.side[d.Other()]
	return f.steady && f.closing < closed && me.known && !me.fin && peer.acks && h.seq == peer.acked && f.packets[d] > 1
}

// closedBoth takes the FIN of side d where its peer's had come before.
func (e *engine) closedBoth(f *flow, d Dir) {
	t, peer := e.state(f), &f.side[d.Other()]
	if h := e.h; h.flags&flagACK != 0 && int32(h.ack-peer.next) < 0 {
		e.odd(f, d, Oddity{Kind: OddSimultaneousClose, Of: t.fin[d.Other()]})
	}
	e.closed(f)
}

// afterReset looks whether the data at hand, which begins ahead of what side d had
// sent, comes behind a RST that it should not come behind: d sent that itself, or
// must have had it for long.
func (e *engine) afterReset(f *flow, d Dir, ahead int32) {
	if ahead < 0 || f.usual() && !f.opened.rst.Seen() {
		return
	}
	h, c := e.h, e.story(f).conn
	n := len(c.RST)
	if n == 0 {
		return
	}
	r := &c.RST[n-1]
	since := h.stamp.Time - r.Time
	if d == r.Dir && (since < besideRST || f.side[d].sentBeforeID(h, r.ID)) {
		return // recorded late
	}
	late := f.rtt > 0 && since > f.rtt+promptAnswer || since > second
	for i := range c.Oddities {
		if x := &c.Oddities[i]; x.Kind == OddDataAfterReset && x.Dir == d {
			return
		}
	}
	if d == r.Dir || late {
		e.odd(f, d, Oddity{Kind: OddDataAfterReset, Of: r.Stamp})
	}
}

// oddEnd tells what only the end of a connection shows to be odd about it.
func (e *engine) oddEnd(f *flow) {
	c := f.tcp.story.conn
	if f.closing == settled && len(c.SYNACK) <= 1 && f.tcp.story.rare.alive == nil && !f.before.Seen() {
		return // as most
	}
	if f.before.Seen() {
		c.odd(Oddity{Stamp: f.start, Kind: OddPortReuse, Dir: Client, Of: f.before})
	}
	e.oddOpening(f, c)
	for i := range c.RST {
		if r := &c.RST[i]; r.Forgot && !r.Odd {
			c.odd(Oddity{Stamp: r.Stamp, Kind: OddForgotten, Dir: r.Dir})
			break
		}
	}
	for d := Client; d <= Server; d++ {
		e.deadPeer(f, c, d)
		e.leaks(f, c, d)
	}
}

// oddOpening looks how the handshake ended.
func (e *engine) oddOpening(f *flow, c *Conn) {
	n := len(c.SYNACK)
	if n == 0 || len(c.SYN) == 0 {
		return
	}
	last := c.SYNACK[n-1]
	switch {
	case c.ACK.Seen():
		if n > 1 && last.Time > c.ACK.Time+max(c.RTTServer, c.Samples[Server].Min) {
			c.odd(Oddity{Stamp: last, Kind: OddSYNACKAfterACK, Dir: Server, Of: c.ACK})
		}
	case f.steady || f.flowPart.payload != [2]int64{}:
	case len(c.RST) > 0:
		if r := &c.RST[0]; r.Dir == Client && r.Frame > c.SYNACK[0].Frame {
			c.odd(Oddity{Stamp: r.Stamp, Kind: OddSYNACKReset, Dir: Client, Of: c.SYNACK[0]})
		}
	case e.res.Last.Time-c.SYNACK[0].Time >= unconfirmed && !f.tcp.fin[Client].Seen():
		c.odd(Oddity{Stamp: last, Kind: OddHalfOpen, Dir: Server, Of: c.SYN[0]})
	}
}

// deadPeer looks whether side d asked in vain whether its peer is still there.
func (e *engine) deadPeer(f *flow, c *Conn, d Dir) {
	alive := f.tcp.story.rare.alive
	if alive == nil {
		return
	}
	a, peer := &alive[d], &f.side[d.Other()]
	if a.n < deadProbes || peer.heard == 0 || peer.heard >= a.first.Time {
		return
	}
	at := a.last
	for i := range c.RST {
		switch r := &c.RST[i]; {
		case r.Time < a.first.Time:
		case r.Dir != d:
			return // an answer
		default:
			at = r.Stamp
		}
	}
	c.odd(Oddity{Stamp: at, Kind: OddKeepAliveDeath, Dir: d, Of: a.first})
}

// leaks looks whether side d has acknowledged its peer's FIN and neither sends
// anything more nor closes.
func (e *engine) leaks(f *flow, c *Conn, d Dir) {
	fin, me, peer := c.FIN[d.Other()], &f.side[d], &f.side[d.Other()]
	if !fin.Seen() || c.FIN[d].Seen() || !me.acks || int32(me.acked-peer.next) < 0 {
		return
	}
	since, at, until := fin.Time, f.last, e.res.Last.Time
	if f.carried != nil && f.latest[d].Seen() {
		since = max(since, f.latest[d].Time)
	}
	if len(c.RST) > 0 {
		at, until = c.RST[0].Stamp, c.RST[0].Time
	}
	if until-since >= finWait {
		c.odd(Oddity{Stamp: at, Kind: OddFINWaitLeak, Dir: d, Of: fin})
	}
}
