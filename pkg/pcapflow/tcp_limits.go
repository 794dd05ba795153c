package pcapflow

// turnJudge weighs what holds a sender back during one turn: to the time between two
// segments it gives the one reason why the later of them was not sent at once. It
// looks at what the sender knew then: an acknowledgement counts from when it has
// reached it, half a round trip or a whole one after it has passed the capture.
//
//   - while lost bytes are being sent again: congestion
//   - no room for a segment behind the last byte, now or within the round trip: the
//     receiver's window
//   - the latest segment said that there was no more (PSH, and not full), or nothing
//     was in flight, or for long no acknowledgement let it go: the application
//   - else its own window, which still grows from round trip to round trip
//     (opportunity), fills the path (bandwidth), is smaller after losses (congestion),
//     or does none of these (transport)
type turnJudge struct {
	by        Held
	room      roomLog
	lost      bool   // bytes were lost, and its window has not grown to what it was
	recovered uint32 // the number that ends the recovery
	resent    int64  // Counters.Retransmitted, as looked at last
	latest    int64  // time of its latest segment, new or not

	round       int64 // time when the round trip at hand began
	bytes       int64 // in it
	before      int64 // in the one before it
	most        int64 // in any
	lostAt      int64 // most, when bytes were lost
	used        bool  // the receiver's window was used up in it
	window      int64 // ns of the round trip at hand in which its own window held it
	grown, flat int64 // the same of those before, with more bytes than the one before, or not
	after       int64 // the same of those with a smaller window after losses
	pauses      int64 // of flat and window: in gaps of a quarter of a round trip or more

	trips, risen int // of acknowledgements; well above the shortest
}

// Thresholds of the judgement, beside those that are shares of a round trip. ns
const (
	promptSender = 2e6  // within so much of an acknowledgement it was that which let a segment go
	longGap      = 40e6 // a shorter one without an acknowledgement may be pacing
	shortRound   = 1e6  // the least time that bytes are counted in as in a round trip
	risenTrip    = 1e6  // a round trip is risen where it is half longer than the shortest, and by so much
	firstWindow  = 10   // segments that a sender may send at once (RFC 6928)
	fewRounds    = 3    // round trips that a transfer takes in slow start
)

// roomLog remembers the acknowledgements and windows of the latest time.
type roomLog struct {
	list [16]room
	n    int
}

type room struct {
	time        int64
	acked, edge uint32
}

// add notes one; trip is how long it takes to the sender, ns.
func (x *roomLog) add(at int64, acked, edge uint32, trip int64) {
	if x.n > 0 {
		last := &x.list[(x.n-1)%len(x.list)]
		if int32(acked-last.acked) < 0 {
			return
		}
		if at-last.time < trip/8 {
			last.acked, last.edge = acked, edge
			return
		}
	}
	x.list[x.n%len(x.list)] = room{at, acked, edge}
	x.n++
}

// at is the latest that had passed by then; where none had, one with that edge and
// without a time.
func (x *roomLog) at(then int64, edge uint32) room {
	for i := x.n - 1; i >= max(0, x.n-len(x.list)); i-- {
		if r := x.list[i%len(x.list)]; r.time <= then {
			return r
		}
	}
	return room{edge: edge}
}

// judgeGap weighs the time before the new bytes at hand of side d.
func (e *engine) judgeGap(f *flow, x *turnLog, d Dir) {
	h, me := e.h, &x.side[d]
	if me.place == 0 || f.rtt == 0 || !f.scaled() {
		return
	}
	j := me.judge
	if j == nil {
		if j = take(&e.free.judges); j == nil {
			j = &turnJudge{}
		}
		me.judge = j
		j.latest, j.round, j.bytes = me.sent, me.sent, int64(me.size)
		if !f.usual() {
			j.resent = f.tcp.story.conn.Count[d].Retransmitted
		}
		r := &f.side[d.Other()]
		j.room.add(r.heard, r.acked, r.acked+r.window, 0)
	}
	j.resending(f, d, me)
	gap := max(0, h.stamp.Time-j.latest)
	if l, window := j.reason(f, d, me, gap); window {
		j.window += gap
		if gap >= f.rtt/4 {
			j.pauses += gap
		}
	} else {
		j.by[l] += gap
	}
	j.latest = max(j.latest, h.stamp.Time)
	j.rounds(h.stamp.Time, max(f.rtt, shortRound), int64(h.length))
}

// resending notes whether the segment at hand, or one before it, repeats lost bytes.
func (j *turnJudge) resending(f *flow, d Dir, me *turnSide) {
	if f.usual() {
		return
	}
	c := f.tcp.story.conn
	if n := c.Count[d].Retransmitted; n > j.resent {
		if last := len(c.Retransmissions) - 1; last >= 0 && c.Retransmissions[last].Kind == RetransmitSpurious {
			j.resent = n
			return
		}
		j.resent, j.recovered = n, me.next
		if !j.lost {
			j.lost, j.lostAt = true, j.most
		}
	}
}

// again takes a segment without new bytes.
func (j *turnJudge) again(f *flow, d Dir, me *turnSide, now int64) {
	before := j.resent
	if j.resending(f, d, me); j.resent > before && now > j.latest {
		j.by[LimitCongestion] += now - j.latest
		j.latest = now
	}
}

// reason is why the new bytes at hand of side d were not sent at once; window: for
// its own window, of whatever kind.
func (j *turnJudge) reason(f *flow, d Dir, me *turnSide, gap int64) (l Limit, window bool) {
	peer, trip := &f.side[d.Other()], f.nearest(d)
	now := j.latest + gap
	known := j.room.at(now-trip+trip/4, me.edge)
	since := now - max(known.time+trip, j.latest)
	segment := int32(min(f.side[d].largest, uint32(f.segmentMost())))
	full := int32(me.edge-me.next) < segment
	j.used = j.used || full
	switch {
	case j.lost && int32(peer.acked-j.recovered) < 0:
		return LimitCongestion, false
	case full && (int32(known.edge-me.next) < segment || since < max(f.rtt, longGap)):
		return LimitReceiver, false
	case me.pushed && segment > 0 && int32(me.size)%segment != 0:
		return LimitApplication, false
	case known.time > 0 && int32(known.acked-me.next) >= 0:
		if since > max(promptSender, f.rtt/8) {
			return LimitApplication, false
		}
	case gap >= max(f.rtt, longGap) && since > max(promptSender, f.rtt/8):
		return LimitApplication, false
	}
	return 0, true
}

// rounds counts bytes by round trip.
func (j *turnJudge) rounds(now, trip, bytes int64) {
	if now-j.round < trip {
		j.bytes += bytes
		return
	}
	switch {
	case j.lost:
		j.after += j.window
	case j.used: // senders spread what it allows over the round trip
		j.by[LimitReceiver] += j.window
	case j.bytes*4 >= j.before*5:
		j.grown += j.window
	default:
		j.flat += j.window
	}
	if j.most = max(j.most, j.bytes); j.lost && j.most > j.lostAt && j.bytes == j.most {
		j.lost = false
	}
	j.before, j.bytes, j.window, j.round = j.bytes, bytes, 0, now
	j.used = false
}

// tripOf takes the round trip of an acknowledgement of the bytes judged; shortest is
// the least known.
func (j *turnJudge) tripOf(ns, shortest int64) {
	j.trips++
	if ns > shortest+shortest/2+risenTrip {
		j.risen++
	}
}

// held is what the whole turn comes to.
func (j *turnJudge) held(f *flow, d Dir, t *Turn) *Held {
	by, span := j.by, t.Last.Time-t.First.Time
	flat, after := j.flat, j.after
	switch { // the last round trip is not over
	case j.lost:
		after += j.window
	case j.used:
		by[LimitReceiver] += j.window
	default:
		flat += j.window
	}
	by[LimitOpportunity] += j.grown
	full := j.fills(f, d, flat+after)
	if full {
		by[LimitBandwidth] += after
	} else {
		by[LimitCongestion] += after
	}
	segment := int64(min(f.side[d].largest, uint32(f.segmentMost())))
	switch {
	case span <= fewRounds*f.rtt:
		by[LimitOpportunity] += flat
	case full:
		by[LimitBandwidth] += flat
	case max(j.most, j.bytes) <= firstWindow*segment && j.lostAt == 0 && f.rtt >= 5*shortRound:
		by[LimitApplication] += flat // no sender's window is smaller
	default:
		by[LimitTransport] += flat
	}
	return &by
}

// fills tells whether the bytes filled the path: most round trips were well above the
// shortest or, where the bottleneck lies before the capture so that these do not show
// it, they came without a break.
func (j *turnJudge) fills(f *flow, d Dir, flat int64) bool {
	if j.trips >= 4 && j.risen*2 >= j.trips {
		return true
	}
	toSender, toReceiver := f.nearest(d), f.nearest(d.Other())
	return toReceiver <= toSender/8 && flat >= 4*f.rtt && j.pauses <= flat/5
}
