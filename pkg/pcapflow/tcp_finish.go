package pcapflow

import "slices"

// finishTCP completes what is told of a connection at its end.
func (e *engine) finishTCP(f *flow) {
	y := e.story(f)
	state, t, o, c := f.tcp, &y.rare, &f.opened, y.conn
	c.FIN, c.Idle = state.fin, state.idle
	for d := range o.scale {
		c.MSS[d], c.Scale[d], c.Offers[d], c.TSVal[d] = int(f.side[d].mss), int(o.scale[d]), o.offers[d], o.tsval[d]
	}
	for d := range t.zero {
		if s := t.zero[d]; s.Seen() && f.last.Time > s.Time && !c.FIN[d].Seen() {
			c.Count[d].ZeroWindowTime += f.last.Time - s.Time
			f.stall(Stall{Begin: s, End: f.last, Waiting: Dir(d).Other(), Cause: StallZeroWindow})
		}
		c.Samples[d] = state.samples[d].stats(&f.side[d])
		n, side := &c.Count[d], &f.side[d]
		c.Heard[d] = side.heard
		n.MaxInFlight, n.Largest, n.LargestAcked, n.DupACKs = int64(side.most), int64(side.largest), int64(side.largestAcked), state.dupAcks[d]
	}
	for d := range t.holes {
		me, peer := &f.side[d], &f.side[Dir(d).Other()]
		if me.known && peer.acks {
			c.AckedTo[d] = peer.acked - me.base
		}
		if x := t.holes[d].missing(); x != nil {
			c.Holes[d] = Hole{Since: x.since, Quiet: x.quiet, Seq: x.from - me.base, Bytes: int64(x.to - x.from)}
		}
	}
	f.judgeSYN()
	e.oddEnd(f)
	slices.SortStableFunc(c.Stalls, func(a, b Stall) int { return a.Begin.Frame - b.Begin.Frame })
	c.State = f.connState()
	c.History = f.history(&e.env)
	c.Completeness = f.complete
	c.Vantage = f.vantage()
	if f.marks != nil {
		c.Marks = f.marks.ordered()
		if x := f.marks.turns; x != nil {
			x.into(e, f, c)
		}
	}
	if len(c.SYN) > 0 || len(c.SYNACK) > 0 {
		e.connectPhase(f, f.out.newPhase())
	}
}

// firstSYNTimer is how long a client waits at least before it asks again
// (RFC 6298 section 2), ns.
const firstSYNTimer = second

// connectPhase is tcp.connect: first SYN to the client's ACK, losses included.
func (e *engine) connectPhase(f *flow, p *Phase) {
	c := f.tcp.story.conn
	*p = Phase{Name: TCPConnect, Attempts: len(c.SYN), RTT: c.RTT, Frames: c.connectFrames(p.Frames)}
	if len(c.SYN) > 0 {
		p.Begin = c.SYN[0]
	}
	switch {
	case c.ACK.Seen():
		p.End, p.Outcome = c.ACK, Done
		if n := len(c.SYNACK); len(c.SYN) > 0 && n > 0 && c.SYNACK[0].Frame < c.SYN[0].Frame {
			p.Begin, p.Note = c.SYNACK[0], "recorded out of order: its length is not known"
		}
		if len(c.SYN) == 0 {
			p.Outcome, p.Note = Unseen, "its begin was not captured"
		}
	case len(c.SYNACK) > 0:
		p.Outcome, p.Note = Unseen, "no ACK of the client was captured"
		if len(c.RST) > 0 && c.RST[0].Dir == Client {
			p.End, p.Outcome, p.Note = c.RST[0].Stamp, Failed, "the client answered the SYN-ACK with RST"
		}
	case len(c.RST) > 0 && c.RST[0].Dir == Server:
		r := c.RST[0]
		p.End, p.Outcome = r.Stamp, Refused
		p.Frames = append(p.Frames, r.Frame)
		p.RTT = max(0, r.Time-lastBefore(c.SYN, r.Time).Time)
	case refusal(f.out.ICMP) != nil:
		x := refusal(f.out.ICMP)
		p.End, p.Outcome, p.Note = x.Stamp, Refused, x.Text
		p.Frames = append(p.Frames, x.Frame)
	case len(c.SYN) == 1 && e.res.Last.Time-c.SYN[0].Time < firstSYNTimer:
		p.Outcome, p.Note = Unseen, "the capture ends too soon after the SYN"
	default:
		p.Outcome = Unanswered
	}
	if p.End.Seen() && p.End.Frame < p.Begin.Frame {
		p.Begin, p.RTT, p.Note = Stamp{}, 0, "recorded out of order: its begin is not known"
	}
	slices.Sort(p.Frames)
}

// connectFrames appends those of SYNs, SYN-ACKs until the ACK, and the ACK.
func (c *Conn) connectFrames(list []int) []int {
	list = slices.Grow(list, len(c.SYN)+len(c.SYNACK)+1)
	for _, s := range c.SYN {
		list = append(list, s.Frame)
	}
	for _, s := range c.SYNACK {
		if !c.ACK.Seen() || s.Frame <= c.ACK.Frame {
			list = append(list, s.Frame)
		}
	}
	if c.ACK.Seen() {
		list = append(list, c.ACK.Frame)
	}
	return list
}

// lastBefore is the last of ascending stamps that is not after time; the first if all are.
func lastBefore(list []Stamp, time int64) Stamp {
	found := list[0]
	for _, s := range list {
		if s.Time <= time {
			found = s
		}
	}
	return found
}

// refusal is the first error that says that the target cannot be reached.
func refusal(list []ICMPError) *ICMPError {
	for i := range list {
		x := &list[i]
		if !x.V6 && x.Type == 3 && x.Code != 4 || x.V6 && x.Type == 1 {
			return x
		}
	}
	return nil
}
