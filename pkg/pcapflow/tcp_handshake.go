package pcapflow

// Bounds of lists that a hostile peer could make long.
const (
	maxSYN    = 64
	maxResets = 64
)

// handshake notes what a segment says about opening and closing.
func (e *engine) handshake(f *flow, d Dir) {
	h := &e.h
	t := f.tcp
	c := t.conn
	me := &t.side[d]
	switch {
	case h.flags&flagRST != 0:
		e.resetBy(f, d)
		return
	case h.flags&flagSYN != 0:
		me.syn = true
		if !me.known {
			me.known, me.base, me.next = true, h.seq, h.seq
			c.ISN[d] = h.seq
		}
		e.checkSum(f, d)
		if d == Client && h.flags&flagACK == 0 {
			e.options(f, d, len(c.SYN) == 0)
			if len(c.SYN) < len(t.synTS) {
				t.synTS[len(c.SYN)] = e.tsval()
			}
			if len(c.SYN) < maxSYN {
				c.SYN = append(c.SYN, h.stamp)
			}
			return
		}
		e.options(f, d, len(c.SYNACK) == 0)
		if d == Server && h.flags&flagACK != 0 {
			e.synAck(f)
		}
	case d == Client && h.flags&flagACK != 0 && !c.ACK.Seen() && (len(c.SYNACK) > 0 || len(c.SYN) > 0):
		server := &t.side[Server]
		if server.syn && int32(h.ack-server.base) <= 0 {
			return
		}
		c.ACK = h.stamp
		f.closing = running
		e.established(f)
	}
	if h.flags&flagFIN != 0 && !c.FIN[d].Seen() {
		c.FIN[d] = h.stamp
	}
}

// synAck takes a SYN-ACK: which SYN it answers tells the loss-free round trip.
func (e *engine) synAck(f *flow) {
	h := &e.h
	t := f.tcp
	c := t.conn
	if len(c.SYNACK) < maxSYN {
		c.SYNACK = append(c.SYNACK, h.stamp)
	}
	t.lastSA = h.stamp
	if len(c.SYN) == 0 || t.lastSYN.Seen() {
		return
	}
	answered := len(c.SYN) - 1
	if echo, ok := e.tsecr(); ok {
		for i := answered; i >= 0; i-- {
			if i < len(t.synTS) && t.synTS[i] == echo {
				answered = i
				break
			}
		}
	}
	t.lastSYN = c.SYN[answered]
	c.RTTServer = max(0, h.stamp.Time-t.lastSYN.Time)
}

// established takes the client's ACK that completes the handshake.
func (e *engine) established(f *flow) {
	t := f.tcp
	c := t.conn
	if t.lastSA.Seen() {
		c.RTTClient = max(0, c.ACK.Time-t.lastSA.Time)
		if t.lastSYN.Seen() {
			c.RTT = c.RTTServer + c.RTTClient
		}
	} else if len(c.SYN) > 0 { // the capture lacks the SYN-ACK
		c.RTT = max(0, c.ACK.Time-c.SYN[len(c.SYN)-1].Time)
	}
}

func (e *engine) resetBy(f *flow, d Dir) {
	h := &e.h
	c := f.tcp.conn
	if len(c.RST) < maxResets {
		c.RST = append(c.RST, Reset{
			Stamp: h.stamp, Dir: d, TTL: h.ttl, ID: h.id,
			Answer: d == Server && len(c.SYN) > 0 && len(c.SYNACK) == 0 && !c.ACK.Seen(),
		})
	}
	f.closing = closed
}

// TCP option kinds (RFC 9293 section 3.2, RFC 7323, RFC 2018).
const (
	optionEnd    = 0
	optionNop    = 1
	optionMSS    = 2
	optionScale  = 3
	optionSACKOK = 4
	optionTS     = 8
)

// option is the value of one TCP option of the packet at hand, nil if absent.
func (h *header) option(kind uint8) []byte {
	for b := h.options; len(b) > 0; {
		switch b[0] {
		case optionEnd:
			return nil
		case optionNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return nil
		}
		if b[0] == kind {
			return b[2:b[1]]
		}
		b = b[b[1]:]
	}
	return nil
}

func (e *engine) tsval() uint32 {
	if b := e.h.option(optionTS); len(b) == 8 {
		return be32(b)
	}
	return 0
}

func (e *engine) tsecr() (uint32, bool) {
	if b := e.h.option(optionTS); len(b) == 8 {
		return be32(b[4:]), true
	}
	return 0, false
}

// options notes the options of a SYN or SYN-ACK.
func (e *engine) options(f *flow, d Dir, first bool) {
	if !first {
		return
	}
	h := &e.h
	c := f.tcp.conn
	if b := h.option(optionMSS); len(b) == 2 {
		c.MSS[d] = int(be16(b))
	}
	if b := h.option(optionScale); len(b) == 1 {
		c.Scale[d] = int(min(b[0], 14)) // RFC 7323 section 2.3
	}
	c.SACK[d] = h.option(optionSACKOK) != nil
	if b := h.option(optionTS); len(b) == 8 {
		c.TS[d] = true
		c.TSVal[d] = be32(b)
	}
	if c.Scale[Client] >= 0 && c.Scale[Server] >= 0 {
		f.tcp.side[Client].shift, f.tcp.side[Server].shift = uint8(c.Scale[Client]), uint8(c.Scale[Server])
	}
}

// finishTCP completes what is told of a connection at its end.
func (e *engine) finishTCP(f *flow) {
	c := f.tcp.conn
	if len(c.SYN) > 0 || len(c.SYNACK) > 0 {
		f.out.Phases = append(f.out.Phases, e.connectPhase(f))
	}
}

// firstSYNTimer is how long a client waits at least before it asks again
// (RFC 6298 section 2).
const firstSYNTimer = second

// connectPhase is tcp.connect: first SYN to the client's ACK, losses included.
func (e *engine) connectPhase(f *flow) Phase {
	c := f.tcp.conn
	p := Phase{Name: TCPConnect, Attempts: len(c.SYN), RTT: c.RTT}
	for _, list := range [][]Stamp{c.SYN, c.SYNACK, {c.ACK}} {
		for _, s := range list {
			if s.Seen() {
				p.Frames = append(p.Frames, s.Frame)
			}
		}
	}
	if len(c.SYN) > 0 {
		p.Begin = c.SYN[0]
	}
	switch {
	case c.ACK.Seen():
		p.End = c.ACK
		p.Outcome = Done
		if len(c.SYN) == 0 {
			p.Outcome = Unseen
			p.Note = "its begin was not captured"
		}
	case len(c.SYNACK) > 0:
		p.Outcome = Unseen
		p.Note = "no ACK of the client was captured"
		if len(c.RST) > 0 && c.RST[0].Dir == Client {
			p.Note = "the client answered the SYN-ACK with RST"
			p.End = c.RST[0].Stamp
			p.Outcome = Failed
		}
	case len(c.RST) > 0 && c.RST[0].Dir == Server:
		p.End = c.RST[0].Stamp
		p.Outcome = Refused
		p.Frames = append(p.Frames, c.RST[0].Frame)
		last := c.SYN[len(c.SYN)-1]
		for _, s := range c.SYN {
			if s.Time <= c.RST[0].Time {
				last = s
			}
		}
		p.RTT = max(0, c.RST[0].Time-last.Time)
	case len(f.out.ICMP) > 0:
		p.End = f.out.ICMP[0].Stamp
		p.Outcome = Refused
		p.Frames = append(p.Frames, f.out.ICMP[0].Frame)
		p.Note = f.out.ICMP[0].Text
	case e.res.Last.Time-c.SYN[len(c.SYN)-1].Time < firstSYNTimer && len(c.SYN) == 1:
		p.Outcome = Unseen
		p.Note = "the capture ends too soon after the SYN"
	default:
		p.Outcome = Unanswered
	}
	return p
}

// checkSum verifies the TCP checksum of the packet at hand, where it is whole.
func (e *engine) checkSum(f *flow, d Dir) {
	h := &e.h
	if len(h.body) < h.size {
		return
	}
	if transportSum(h) != 0 {
		e.res.BadSums++
	}
}

// transportSum is 0 when the checksum of the TCP or UDP packet is right
// (RFC 9293 section 3.1, RFC 8200 section 8.1).
func transportSum(h *header) uint16 {
	var sum uint64
	if h.v6 {
		for _, w := range [...]uint64{h.src.hi, h.src.lo, h.dst.hi, h.dst.lo} {
			sum += w>>48 + w>>32&0xffff + w>>16&0xffff + w&0xffff
		}
	} else {
		for _, w := range [...]uint64{h.src.lo, h.dst.lo} {
			sum += w>>16&0xffff + w&0xffff
		}
	}
	sum += uint64(h.proto) + uint64(h.size)
	b := h.body[:h.size]
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
