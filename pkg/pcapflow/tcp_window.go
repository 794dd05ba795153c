package pcapflow

// windowOf takes the window that side d advertises.
func (e *engine) windowOf(f *flow, d Dir, me *tcpSide) {
	h := e.h
	if h.flags&flagACK != 0 && me.acks && int32(h.ack-me.acked) < 0 {
		return // came late: a newer one has told (RFC 9293 section 3.10.7.4, SND.WL2)
	}
	w := uint32(h.window)
	if h.flags&flagSYN == 0 {
		w <<= me.shift
	}
	me.window = w
	if w != 0 && f.watch&(watchZero<<d) == 0 {
		return
	}
	t := e.story(f)
	if w == 0 {
		if h.flags&(flagSYN|flagFIN) == 0 {
			f.watch |= watchZero << d
			t.conn.Count[d].ZeroWindow++
			e.counted(f, letterClosed, d)
			if !t.rare.zero[d].Seen() {
				t.rare.zero[d] = h.stamp
			}
		}
		return
	}
	if t.rare.zero[d].Seen() {
		e.reopened(f, d)
	}
}

// reopened ends a time without room at side d.
func (e *engine) reopened(f *flow, d Dir) {
	t := f.tcp.story
	from := t.rare.zero[d]
	t.rare.zero[d] = Stamp{}
	f.watch &^= watchZero << d
	lasted := e.h.stamp.Time - from.Time
	if lasted < 0 {
		return
	}
	t.conn.Count[d].ZeroWindowTime += lasted
	if lasted >= stallFloor {
		f.stall(Stall{Begin: from, End: e.h.stamp, Waiting: d.Other(), Cause: StallZeroWindow})
	}
}

// inFlight notes how much side d has outstanding.
func (e *engine) inFlight(f *flow, d Dir, n uint32, me, peer *tcpSide) {
	if int32(n) > 0 && n > me.most {
		me.most = n
	}
	if n == peer.window && f.scaled() {
		y := e.story(f)
		y.conn.Count[d].WindowFull++
		y.rare.fullAt = e.h.stamp
	}
}

// scaled tells whether the windows of the connection are known in bytes: both
// SYNs were seen.
func (f *flow) scaled() bool { return f.side[Client].syn && f.side[Server].syn }
