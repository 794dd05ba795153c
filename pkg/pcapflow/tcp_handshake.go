package pcapflow

// Bounds of lists that a hostile peer could make long.
const (
	maxSYN    = 64
	maxResets = 64
)

// handshake notes what a segment says about opening and closing.
func (e *engine) handshake(f *flow, d Dir, same sameness) {
	h := e.h
	switch {
	case h.flags&flagRST != 0:
		e.reset(f, d)
		return
	case h.flags&flagSYN != 0:
		if f.closing == closed && !f.steady && !f.usual() && len(f.tcp.story.conn.Oddities) > 0 { // the RST was of the other connection
			f.closing = opening
		}
		if same == doubled && f.side[d].known && f.side[d].base == h.seq && h.tsval() != 0 {
			e.story(f).conn.Count[d].Duplicates++
			return
		}
		e.syn(f, d)
	case !f.steady && d == Client && h.flags&flagACK != 0:
		e.firstACK(f)
	}
	if h.flags&flagFIN != 0 {
		if !f.steady {
			e.story(f)
		}
		if t := e.state(f); !t.fin[d].Seen() {
			t.fin[d] = h.stamp
			if f.out != nil {
				f.out.fin[d] = true
			}
		}
	}
}

// firstACK takes an acknowledgement of the client before the handshake is known
// to be over.
func (e *engine) firstACK(f *flow) {
	h, o, server := e.h, &f.opened, &f.side[Server]
	usual := f.usual()
	if usual && o.steps == openedNot || !usual && len(f.tcp.story.conn.SYN)+len(f.tcp.story.conn.SYNACK) == 0 {
		f.steady = server.known // joined half-way
		return
	}
	if server.syn && int32(h.ack-server.base) <= 0 {
		return
	}
	if usual && o.steps == openedSYNACK && o.synAck.Time-h.stamp.Time <= maxLeap*second {
		o.steps, o.ack = openedACK, h.stamp
		f.steady, f.rtt = true, o.rttServer()+o.rttClient()
		f.closing = max(f.closing, running)
		return
	}
	e.story(f).conn.ACK = h.stamp
	e.established(f)
}

// syn takes a SYN or SYN-ACK.
func (e *engine) syn(f *flow, d Dir) {
	if e.usualSYN(f, d) {
		return
	}
	h := e.h
	t := e.story(f)
	c := t.conn
	me := &f.side[d]
	if !me.known || me.base == h.seq {
		me.syn = true
	}
	if !me.known {
		me.known, me.base, me.next = true, h.seq, h.seq
		c.ISN[d] = h.seq
	}
	if d == Client && h.flags&flagACK == 0 {
		e.synOptions(f, d, len(c.SYN) == 0)
		if len(c.SYN) < len(t.rare.synTS) {
			t.rare.synTS[len(c.SYN)] = h.tsval()
		}
		f.handshakeRepeated(h, d, RetransmitSYN, c.SYN)
		if len(c.SYN) == 0 {
			c.EarlyBytes = h.length
		}
		if len(c.SYN) < maxSYN {
			c.SYN = append(c.SYN, h.stamp)
		}
		return
	}
	e.synOptions(f, d, !f.opened.optioned)
	f.opened.optioned = true
	if d == Client && f.side[Server].syn && !f.steady { // simultaneous open (RFC 9293 section 3.5)
		c.ACK = h.stamp
		e.established(f)
	}
	if d == Server && h.flags&flagACK != 0 && f.steady && me.syn && me.base != h.seq {
		e.odd(f, d, Oddity{Kind: OddOtherSYNACK})
		return
	}
	if d == Server && h.flags&flagACK != 0 {
		f.handshakeRepeated(h, d, RetransmitSYNACK, c.SYNACK)
		e.synAck(f)
	}
}

// synAck takes a SYN-ACK: which SYN it answers tells the loss-free round trip.
func (e *engine) synAck(f *flow) {
	h := e.h
	t := &f.tcp.story.rare
	c := f.tcp.story.conn
	if len(c.SYNACK) == 0 && c.EarlyBytes > 0 {
		c.EarlyAccepted = min(c.EarlyBytes, max(0, int(int32(h.ack-c.ISN[Client]-1))))
	}
	if len(c.SYNACK) < maxSYN {
		c.SYNACK = append(c.SYNACK, h.stamp)
	}
	if !f.steady {
		t.lastSA = h.stamp
	}
	if n := len(c.SYN); n == 0 || f.steady || t.lastSYN == c.SYN[n-1] {
		return // repeated without being asked
	}
	t.lastSYN = c.SYN[len(c.SYN)-1]
	c.RTTServer = max(0, h.stamp.Time-t.lastSYN.Time)
	t.firstSYN = Stamp{}
	if echo := h.tsecr(); echo != 0 && len(c.SYNACK) == 1 { // a time stamp tells which SYN was meant (RFC 7323)
		for i := range min(len(c.SYN)-1, len(t.synTS)) {
			if t.synTS[i] == echo {
				t.firstSYN = c.SYN[i]
			}
		}
	}
}

// judgeSYN decides which of several SYNs the SYN-ACK answered. The echoed time
// stamp alone does not tell: when the first SYN-ACK was lost, its repetition
// echoes the first SYN as well. The later round trips do.
func (f *flow) judgeSYN() {
	t := &f.tcp.story.rare
	c := f.tcp.story.conn
	s := &f.side[Server]
	if !t.firstSYN.Seen() || s.trips == 0 {
		return
	}
	long := t.lastSA.Time - t.firstSYN.Time
	if c.RTTServer >= s.min || s.min-c.RTTServer < max(long-s.min, s.min-long) && !tooSoon(c.RTTServer, long, s) {
		return
	}
	c.RTT += long - c.RTTServer
	c.RTTServer = long
}

// tooSoon tells whether an answer came sooner than the way allows, by more than a
// delayed acknowledgement adds to every later round trip: nothing makes a packet
// faster, but the first SYN may have been kept on the way.
func tooSoon(short, long int64, s *tcpSide) bool {
	const (
		several = 3
		delayed = int64(50e6) // ns; RFC 9293 section 3.8.6.3 allows more, systems with timers of 200 ms are few
	)
	return s.trips >= several && s.min-short > delayed && float64(s.min)*float64(s.min) > float64(short)*float64(long)
}

// established takes the client's ACK that completes the handshake.
func (e *engine) established(f *flow) {
	t := &f.tcp.story.rare
	c := f.tcp.story.conn
	f.steady = true
	f.closing = max(f.closing, running)
	if t.lastSA.Seen() {
		if len(c.SYN) == 0 || c.SYN[0].Frame < t.lastSA.Frame { // else recorded out of order
			c.RTTClient = max(0, c.ACK.Time-t.lastSA.Time)
		}
		if t.lastSYN.Seen() {
			c.RTT = c.RTTServer + c.RTTClient
		}
		if t.lastSA.Time-c.ACK.Time > backwardTolerance { // the SYN-ACK's stamp is nonsense
			c.RTTServer, c.RTTClient = 0, 0
			c.RTT = max(0, c.ACK.Time-t.lastSYN.Time)
		}
	} else if n := len(c.SYN); n > 0 && !f.side[Server].syn { // the capture lacks the SYN-ACK
		c.RTT = max(0, c.ACK.Time-c.SYN[n-1].Time)
	}
	f.rtt = c.RTT
}

// reset takes a RST.
func (e *engine) reset(f *flow, d Dir) {
	h := e.h
	if !f.usual() || f.opened.rst.Seen() {
		if c := e.story(f).conn; len(c.RST) < maxResets {
			c.RST = append(c.RST, f.resetOf(h, d, len(c.SYN) > 0 && len(c.SYNACK) == 0))
		}
	} else {
		f.opened.rst = f.resetOf(h, d, f.opened.steps == openedSYN)
	}
	e.closed(f)
}

// resetOf describes a RST of side d. asked: there were SYNs and no SYN-ACK.
func (f *flow) resetOf(h *header, d Dir, asked bool) Reset {
	me := &f.side[d]
	r := Reset{Stamp: h.stamp, Dir: d, TTL: h.ttl, ID: h.id, Beside: f.besides(h, d)}
	r.Answer = d == Server && asked && !f.steady
	r.Forgot = h.flags&flagACK == 0 && f.forgets(h, d)
	if f.packets[d] > 1 && !r.Answer {
		r.Odd = me.ttl != h.ttl
		if !h.v6 && h.id != 0 && me.counts() && h.stamp.Time-me.heard < promptAnswer {
			if step := int16(h.id - me.lastID); step < -4096 || step > 4096 {
				r.Odd = true
			}
		}
	}
	return r
}

// synOptions notes the options of a SYN or SYN-ACK.
func (e *engine) synOptions(f *flow, d Dir, first bool) {
	h := e.h
	e.checkSum(h)
	o := &f.opened
	offers := h.flagOffers()
	if !first {
		if d == Client && o.offers[d]&offersECN != 0 && offers&offersECN == 0 {
			o.offers[d] |= offersWithdrawn
		}
		return
	}
	for kind, value, rest := nextOption(h.options()); kind != optionEnd; kind, value, rest = nextOption(rest) {
		switch {
		case kind == optionMSS && len(value) == 2:
			f.side[d].mss = be16(value)
		case kind == optionScale && len(value) == 1:
			o.scale[d] = int8(min(value[0], 14)) // RFC 7323 section 2.3
		case kind == optionTS && len(value) == 8:
			o.tsval[d] = be32(value)
		}
		offers |= offeredBy(kind, value)
	}
	o.offers[d] = offers
	if o.scale[Client] >= 0 && o.scale[Server] >= 0 {
		f.side[Client].shift, f.side[Server].shift = uint8(o.scale[Client]), uint8(o.scale[Server])
	}
}
