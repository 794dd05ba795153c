package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// target is what a line of a server's log may tell of: an exchange as the
// server went through it. Instants are on the reference clock, 0 where unknown.
type target struct {
	journey *Journey
	point   Point // the one nearest to the server
	client  netip.AddrPort

	first, sent, reply, last int64 // request from first to last byte, answer from first to last byte
	open                     bool  // no answer, or none to its end: last is where the conversation ended
	way                      int64 // round trip between the capture and the server
	place                    int64 // when the line was written, most likely
	behind                   bool  // the answer came behind or between those of other streams
	floats                   bool  // its line may stand anywhere between the answer's first and last byte
	slack                    int64 // the instants may be off by this much, all alike
	timed                    bool  // the capture's clock is known against the reference, or its root
	root                     root
	bare                     bool // no exchange was understood
	server                   netip.AddrPort
	transaction              *pcapflow.Transaction // of a DNS packet, else nil
	clock                    *Clock
}

// targetsOf lists the exchanges of all journeys as log lines may tell of them;
// as often as requests may stand behind one.
func targetsOf(b *built, tb timebase) []*target {
	var list []*target
	for _, j := range b.journeys {
		t := targetOf(j, tb)
		if t == nil {
			continue
		}
		list = append(list, t)
		for range min(t.point.Exchange.Requests, mostRequests) - 1 {
			again := *t
			list = append(list, &again)
		}
	}
	return list
}

// mostRequests bounds how many lines one exchange may take.
const mostRequests = 64

func targetOf(j *Journey, tb timebase) *target {
	if j.Exchange == nil {
		if t := contentlessTarget(j, tb); t != nil {
			return t
		}
		return bareTarget(j, tb)
	}
	p := j.Points[0]
	for _, q := range j.Points[1:] {
		if q.Exchange == nil || !q.Exchange.RequestFirst.Seen() {
			continue
		}
		if a, b := shows(p, tb), shows(q, tb); b > a || b == a && closerToServer(q, p) {
			p = q
		}
	}
	if p.Exchange == nil {
		p.Exchange = j.Exchange
	}
	e := p.Exchange
	start := e.RequestFirst
	if !start.Seen() && e.Ordinal == 1 {
		start = p.Flow.FirstPayload[pcapflow.Client] // not understood as a request
	}
	if !start.Seen() {
		start = e.ResponseFirst
	}
	t, at := newTarget(j, p, start, tb)
	t.first, t.sent, t.reply, t.last = at(start), at(e.RequestLast), at(e.ResponseFirst), at(e.ResponseLast)
	if t.sent == 0 {
		t.sent = t.first
	}
	switch {
	case halfExchange(p.Flow, e):
		t.reply, t.last = t.sent, max(at(answeredBy(p.Flow, e)), t.sent)
	case t.reply == 0 || t.last == 0 || e.Truncated:
		t.open = true
		t.last = max(t.last, at(p.Flow.End), t.first)
		if t.reply == 0 {
			t.reply = t.sent
		}
	}
	t.place = max(t.last-t.way/2, t.first)
	return t
}

// shows ranks a point by how much it tells of when its exchange was: whether its
// clock is known, and whether it holds both directions.
func shows(p Point, tb timebase) int {
	n := 0
	if _, ok := tb.packet(sourceOf(p), p.Flow.Start.Time); ok {
		n += 2
	}
	if p.Exchange != nil && !halfExchange(p.Flow, p.Exchange) {
		n++
	}
	return n
}

// contentlessTarget stands for the requests of a connection that the captures
// cannot show: its line tells of some moment while data passed.
func contentlessTarget(j *Journey, tb timebase) *target {
	p := j.Points[len(j.Points)-1]
	if !contentless(p.Capture, p.Flow) {
		return nil
	}
	f := p.Flow
	p.Exchange = &pcapflow.Exchange{RequestFirst: carriedFrom(f), ResponseLast: carriedUntil(f), RequestBytes: -1, ResponseBytes: -1, BodyBytes: -1, Estimated: true}
	t, at := newTarget(j, p, carriedFrom(f), tb)
	t.first, t.last = at(carriedFrom(f)), at(carriedUntil(f))
	t.sent, t.reply = t.last, t.first // behind a handshake that does not show, and others
	t.place = t.last
	return t
}

// bareTarget stands for a connection without an exchange that a web server may
// have written a line about all the same: noise, a handshake on the wrong port,
// a client that sent nothing in time.
func bareTarget(j *Journey, tb timebase) *target {
	p := j.Points[len(j.Points)-1]
	f := p.Flow
	if f.Transport != pcapflow.TCP || f.SSH != nil || f.Conn == nil || len(f.Conn.SYN) > 0 && len(f.Conn.SYNACK) == 0 {
		return nil
	}
	start := f.FirstPayload[pcapflow.Client]
	if !start.Seen() {
		start = f.Start
	}
	p.Exchange = &pcapflow.Exchange{RequestBytes: -1, ResponseBytes: -1, BodyBytes: -1}
	t, at := newTarget(j, p, start, tb)
	t.bare = true
	t.first, t.sent, t.reply, t.last = at(start), at(start), at(f.FirstPayload[pcapflow.Server]), at(f.LastPayload[pcapflow.Server])
	if t.reply == 0 {
		t.open, t.reply, t.last = true, t.sent, max(at(f.End), t.first)
	}
	t.place = t.last
	return t
}

// newTarget prepares a target seen at p; at brings its stamps to the reference.
func newTarget(j *Journey, p Point, start pcapflow.Stamp, tb timebase) (t *target, at func(pcapflow.Stamp) int64) {
	t = &target{journey: j, point: p, client: j.Client, server: j.Server}
	if j.ClientSeen.IsValid() {
		t.client = j.ClientSeen
	}
	t.clock = tb.packetClock(sourceOf(p))
	sp, ok := tb.stamp(sourceOf(p), start)
	if !ok {
		sp, t.root, ok = aside(t.clock, start.Time)
	}
	if !ok {
		// Only differences are known then: the line's clock is unknown as well.
		sp = span{start.Time, start.Time, start.Time}
	}
	shift := sp.at - start.Time
	t.timed = ok
	t.slack = max(sp.at-sp.low, sp.high-sp.at)
	if c := p.Flow.Conn; c != nil && vantageRank(p) != 2 {
		t.way = c.RTTServer
	}
	return t, func(s pcapflow.Stamp) int64 {
		if !s.Seen() {
			return 0
		}
		return s.Time + shift
	}
}

// closerToServer tells whether point a saw the exchange nearer to the server.
func closerToServer(a, b Point) bool {
	return cmp.Or(
		cmp.Compare(vantageRank(a), vantageRank(b)),
		-cmp.Compare(serverDistance(a.Flow), serverDistance(b.Flow)),
		-cmp.Compare(a.Flow.TTL[pcapflow.Client], b.Flow.TTL[pcapflow.Client]),
	) > 0
}

// stampJitter is how far the stamps of a capture may lie from the moments the
// host itself sees: what lies between its network card and its programs. Measured
// at servers: of two lines in a row one in fourteen stands before the other though
// its answer ended 0.1–0.3 ms later, one in a hundred at 0.3–1 ms, none behind that.
const stampJitter = int64(100 * time.Microsecond)

// blur is how far place may be off in either direction.
func (t *target) blur() int64 {
	b := stampJitter + t.way/10
	if t.point.Exchange.Multiplexed {
		b += (t.last - t.reply) / 2
	}
	return b
}

// early is how long a client must have taken an answer for its line to stand
// perhaps where the answer began: a server hands what fits its kernel's buffer
// over at once.
const early = 2 * msec

// markFloating finds the targets of one client whose place in the order is
// open: those without a whole answer, and those that took long to receive while
// others ended.
func markFloating(list []*target) {
	for i, t := range list {
		if t.open {
			t.floats = true
			continue
		}
		if t.reach() <= early {
			continue
		}
		from := t.reply - t.way - t.blur()
		for k := i - 1; k >= 0 && list[k].place >= from-int64(time.Minute); k-- {
			if list[k].place >= from && list[k].journey != t.journey {
				t.floats = true
				break
			}
		}
		for k := i + 1; k < len(list) && !t.floats && list[k].reply-list[k].way-list[k].blur() <= t.last+t.blur(); k++ {
			t.floats = list[k].reach() > early
		}
	}
}

// mostBeside is how many neighbours of a target may have kept its answer back.
const mostBeside = 16

// markBehind finds the targets whose answers shared a connection with others at
// one time: the kernel had taken them before they were seen to begin.
func markBehind(list []*target) {
	for i, t := range list {
		t.behind = t.point.Exchange.Multiplexed
		for _, u := range list[max(i-mostBeside, 0):min(i+mostBeside+1, len(list))] {
			if u.journey != t.journey && u.point.Flow == t.point.Flow && u.reply < t.reply && u.last > t.sent {
				t.behind = true // the other's answer was on its way after this was asked for
			}
		}
	}
}

// reach is how long before last the line may have been written: a server hands
// the answer to its kernel and is done, however slowly the client takes it.
func (t *target) reach() int64 { return max(t.last-t.reply, 0) }

// byClient sorts targets into the clients a log would name, each list in order
// of place.
func byClient(list []*target) map[netip.Addr][]*target {
	m := map[netip.Addr][]*target{}
	for _, t := range list {
		a := plainAddr(t.client.Addr())
		m[a] = append(m[a], t)
	}
	for _, l := range m {
		slices.SortStableFunc(l, func(a, b *target) int { return cmp.Compare(a.place, b.place) })
		markFloating(l)
		markBehind(l)
	}
	return m
}

// plainAddr is an address as any log may write it: no zone, IPv4 in its own form.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
