package pcapflow

// Causes of stalls.
const (
	StallTimeout    = "timeout"     // a lost segment was sent again only after the sender's timer
	StallZeroWindow = "zero-window" // the receiver had no room
	StallWindowFull = "window-full" // the sender had used up the receiver's window
	StallDelayedACK = "delayed-ack" // the sender held back its next bytes until the receiver's late ACK
)

const (
	pauseFloor = 100e6 // a silence of a flow shorter than this is not looked into, ns
	stallFloor = 10e6  // shortest stall told, ns
	maxStalls  = 1024
)

// stall adds s; one that continues the stall before prolongs it.
func (f *flow) stall(s Stall) {
	if s.End.Frame < s.Begin.Frame {
		return // stamps that go backwards
	}
	c := f.tcp.story.conn
	if n := len(c.Stalls); n > 0 {
		l := &c.Stalls[n-1]
		if l.Cause == s.Cause && l.Waiting == s.Waiting && s.Begin.Time < l.End.Time {
			l.End = s.End
			return
		}
	}
	if len(c.Stalls) < maxStalls {
		c.Stalls = append(c.Stalls, s)
	}
}

// pause looks into a silence of the flow that the packet at hand, sent by d,
// has ended. Retransmissions and zero windows tell of theirs themselves.
func (e *engine) pause(f *flow, d Dir, before Stamp) {
	h := e.h
	t := e.state(f)
	if before.Seen() && h.stamp.Time-before.Time > t.idle[1].Time-t.idle[0].Time {
		t.idle = [2]Stamp{before, h.stamp}
	}
	if t.story != nil && t.story.rare.fullAt == before && before.Seen() && h.length == 0 && h.flags&(flagSYN|flagFIN) == 0 {
		f.stall(Stall{Begin: before, End: h.stamp, Waiting: d.Other(), Cause: StallWindowFull})
	}
}

// lateAck is an acknowledgement that came late and may have held up the sender
// of what it acknowledges.
type lateAck struct {
	from Dir
	data Stamp // the segment acknowledged
	ack  Stamp
}

// Receivers delay acknowledgements by 40 ms (Linux), 200 ms (Windows, BSD), and
// up to 500 ms (RFC 9293 section 3.8.6.3).
const (
	delayedACKLow  = 30e6  // ns
	delayedACKHigh = 550e6 // ns
	smallSegment   = 1000  // bytes: Nagle's algorithm holds back only behind small ones
	closeTrips     = 2     // along the path alone, before a delay on top of a long one is told from it
)

// lateAck remembers that d acknowledged all that was outstanding, late: x was
// the newest of it.
func (e *engine) lateAck(f *flow, d Dir, x *sent) {
	late := e.h.stamp.Time - x.time
	if late < delayedACKLow || late > delayedACKHigh || x.end-x.seq > smallSegment || x.again {
		return
	}
	if near := f.nearest(d); near == 0 || late < 4*near && !e.aside(f, d, near, late) {
		return
	}
	e.state(f).late = lateAck{d, x.stamp(e.h), e.h.stamp}
	f.watch |= watchLate
}

// aside tells a delay from the path it comes on top of, where that is long: there is
// a timer's worth beyond the shortest round trip to d, several trips keep close to
// that one, and none lies on the way between, as those of a queue would.
func (e *engine) aside(f *flow, d Dir, near, late int64) bool {
	beyond := late - near
	if beyond < delayedACKLow {
		return false
	}
	close := 0
	if toServer, toClient := f.handshakeTrips(); d == Server && toServer > 0 || d == Client && toClient > 0 {
		close++
	}
	x := &e.state(f).samples[d]
	for _, v := range x.kept[:x.n] {
		switch trip := int64(v)<<sampleShift - near; {
		case trip < beyond/4:
			close++
		case trip < beyond/4*3:
			return false
		}
	}
	return close >= closeTrips
}

// nearest is the shortest round trip towards side d; 0: unknown.
func (f *flow) nearest(d Dir) int64 {
	toServer, toClient := f.handshakeTrips()
	handshake := toServer
	if d == Client {
		handshake = toClient
	}
	if s := &f.side[d]; s.trips > 0 && (handshake == 0 || s.min < handshake) {
		return s.min
	}
	return handshake
}

// handshakeTrips are the round trips to the server and to the client that the
// handshake shows; 0: unknown.
func (f *flow) handshakeTrips() (toServer, toClient int64) {
	switch o := &f.opened; {
	case !f.usual():
		return f.tcp.story.conn.RTTServer, f.tcp.story.conn.RTTClient
	case o.steps == openedACK:
		return o.rttServer(), o.rttClient()
	case o.steps == openedSYNACK:
		return o.rttServer(), 0
	}
	return 0, 0
}

// heldBack is called when d sends data after a late acknowledgement: at once, and
// not before that can have reached it, means that it had waited for it.
func (e *engine) heldBack(f *flow, d Dir) {
	l := f.tcp.late
	f.tcp.late = lateAck{}
	f.watch &^= watchLate
	if d == l.from {
		return
	}
	near := f.nearest(d)
	if wait := e.h.stamp.Time - l.ack.Time; wait >= near/4*3-2e6 && wait <= near*3/2+2e6 {
		e.story(f)
		f.stall(Stall{Begin: l.data, End: l.ack, Waiting: d, Cause: StallDelayedACK})
	}
}
