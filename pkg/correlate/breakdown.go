package correlate

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Causes of a journey's time.
const (
	CauseDNS       Cause = "dns"
	CauseRetry     Cause = "resolver-retry"
	CauseNeighbour Cause = "neighbour"
	CauseNetwork   Cause = "network"
	CauseServer    Cause = "server"
	CauseClient    Cause = "client"
	CauseLoss      Cause = "loss"
	CauseTLS       Cause = "tls"
	CauseWindow    Cause = "window"
	CauseHeldBack  Cause = "delayed-ack"      // bytes that waited for an acknowledgement that was delayed
	CauseParallel  Cause = "parallel-streams" // until answers had come that are not told apart
	CauseIdle      Cause = "idle"
)

// causes in the order they are listed where their times are equal.
var causes = []Cause{CauseDNS, CauseRetry, CauseNeighbour, CauseNetwork, CauseServer, CauseClient, CauseLoss, CauseTLS, CauseWindow, CauseHeldBack, CauseParallel, CauseIdle}

// bill charges a journey's time to its causes, each instant once.
type bill struct {
	spent    map[Cause]int64
	mishaps  map[Mishap]int64 // what of it a mishap took
	atServer bool             // it is the server's wait that is charged
	resent   []interval       // waits for what another capture shows sent again, on the clock of the first point
}

func (b *bill) charge(c Cause, d int64) int64 {
	if d <= 0 {
		return 0
	}
	b.spent[c] += d
	return d
}

// share charges up to d of what is left to c and returns what then is left.
func (b *bill) share(c Cause, d, left int64) int64 {
	return left - b.charge(c, min(d, left))
}

// breakDown charges every instant of a journey to one cause, along the way its
// client waited.
func (b *bill) breakDown(j *Journey, tb timebase) []Share {
	total := j.End.Time - j.Start.Time
	if total <= 0 {
		return nil
	}
	here := sourceOf(j.Points[0])
	cursor := j.Start.Time
	if !b.atServer {
		b.resent = resentElsewhere(j, tb)
	}
	for _, p := range phasesInOrder(j, tb, here) {
		if p.begin > cursor {
			b.gap(j, min(p.begin, j.End.Time)-cursor)
			cursor = p.begin
		}
		end := min(p.end, j.End.Time)
		if end <= cursor {
			continue
		}
		b.phase(j, p, cursor, end)
		cursor = end
	}
	b.gap(j, j.End.Time-cursor)
	return b.shares(total)
}

// inReserve is how long nobody may do anything before it is told as idleness: who
// needs what stands ready uses it at once, and on busy machines within half a second.
const inReserve = int64(time.Second)

// gap charges a stretch between two phases to the client, whose move it is; or to
// nobody, where a connection lay in reserve or a name was asked for in advance.
func (b *bill) gap(j *Journey, d int64) {
	cause := CauseClient
	if d >= inReserve || j.Service == "ntp" || j.Service == "dns" {
		cause = CauseIdle
	}
	b.charge(cause, d)
}

func (b *bill) shares(total int64) []Share {
	var list []Share
	for _, c := range causes {
		if d := b.spent[c]; d > 0 {
			list = append(list, Share{Cause: c, Time: time.Duration(d), Share: float64(d) / float64(total)})
		}
	}
	slices.SortStableFunc(list, func(a, b Share) int { return cmp.Compare(b.Time, a.Time) })
	return list
}

// placed is a phase on the clock of the journey's first point.
type placed struct {
	*Phase
	begin, end int64
	shift      int64 // from the clock of the phase's capture
	open       bool  // it never ended: it lasted until the journey gave up
}

func phasesInOrder(j *Journey, tb timebase, here source) []placed {
	var list []placed
	for i := range j.Phases {
		p := &j.Phases[i]
		if !p.Begin.Seen() {
			continue
		}
		s, ok := carry(tb, source{p.Capture, p.Flow.Clock}, p.Begin, here, j.Start.Time)
		if !ok {
			continue
		}
		x := placed{Phase: p, begin: s.Time, shift: s.Time - p.Begin.Time}
		if p.End.Seen() {
			x.end = p.End.Time + x.shift
		} else {
			x.end, x.open = j.End.Time, true
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(a, b placed) int { return cmp.Compare(a.begin, b.begin) })
	return list
}

// phase charges the stretch of one phase from begin to end.
func (b *bill) phase(j *Journey, p placed, begin, end int64) {
	left := end - begin
	var lost, window, held int64
	if p.Flow.Conn != nil && p.Name != pcapflow.TCPConnect {
		var elsewhere []interval
		if p.Flow == j.Points[0].Flow {
			elsewhere = b.resent
		}
		lost, window, held = stallsWithin(p.Flow, begin-p.shift, end-p.shift, elsewhere)
		left = b.mishap(LostSegments, CauseLoss, lost, left)
		left = b.mishap(ClosedWindow, CauseWindow, window, left)
		left = b.mishap(DelayedACK, CauseHeldBack, held, left)
	}
	rtt, beyond := roundTrip(p), int64(0)
	if b.atServer {
		rtt = clientTrip(p)
	} else if p.Name != pcapflow.TCPConnect {
		beyond = beyondDevice(j.Points)
		rtt += beyond
	}
	switch p.Name {
	case pcapflow.DNSLookup:
		if l := j.Lookup; l != nil {
			left = b.mishap(UnansweredQuery, CauseRetry, int64(l.RetryWait), left)
			if p.open || l.Incomplete {
				left = b.share(CauseRetry, left, left)
			}
		}
		b.charge(CauseDNS, left)
	case pcapflow.L2Resolve:
		b.mishap(UnknownNeighbour, CauseNeighbour, left, left)
	case pcapflow.TCPConnect:
		b.connect(j, p, rtt, left)
	case pcapflow.TLSHandshake, pcapflow.QUICHandshake:
		if t := p.Flow.TLS; t != nil && t.ClientHelloFirst.Seen() {
			// Until the device that answered has reached the server, its window is closed.
			left = b.share(CauseNetwork, beyond, left)
			left = b.share(CauseClient, t.ClientHelloFirst.Time+p.shift-begin-beyond, left)
			left = b.share(CauseLoss, t.ResendWait(), left)
		}
		left = b.share(CauseNetwork, rtt*int64(roundTrips(p.Flow)), left)
		b.charge(CauseTLS, left)
	case pcapflow.HTTPSend:
		paused, full := senderWaits(j, pcapflow.Client)
		left = b.share(CauseClient, paused-lost-held, left)
		left = b.share(CauseWindow, full-window, left)
		b.charge(CauseNetwork, left)
	case pcapflow.HTTPWait:
		if !p.open {
			left = b.share(CauseNetwork, rtt, left)
		}
		if p.Reason == reasonParallel {
			left = b.share(CauseParallel, left, b.share(CauseNetwork, rtt, left))
		}
		b.charge(CauseServer, left)
	case pcapflow.HTTPReceive:
		if p.Reason == reasonParallel {
			left = b.share(CauseParallel, left, left)
		}
		paused, full := senderWaits(j, pcapflow.Server)
		left = b.share(CauseServer, max(paused-lost-held, trickled(j.Exchange, left, rtt)), left)
		left = b.share(CauseWindow, full-window, left)
		b.charge(CauseNetwork, left)
	case pcapflow.SSHBanner:
		left = b.share(CauseNetwork, rtt, left)
		b.charge(CauseServer, left)
	case pcapflow.SSHKex:
		left = b.share(CauseNetwork, 2*rtt, left)
		b.charge(CauseServer, left)
	case pcapflow.SSHAuth:
		b.login(j.SSH, rtt, left)
	case pcapflow.NTPExchange:
		b.charge(CauseNetwork, left)
	default:
		left = b.share(CauseNetwork, rtt, left)
		b.charge(CauseServer, left)
	}
}

// login charges each round's wait to the server but for the round trip, and
// what the client took between rounds to the client.
func (b *bill) login(s *pcapflow.SSH, rtt, left int64) {
	if s == nil {
		b.charge(CauseServer, left)
		return
	}
	for _, r := range s.Rounds {
		if !r.Request.Seen() || !r.Reply.Seen() {
			continue
		}
		wait := r.Reply.Time - r.Request.Time
		left = b.share(CauseNetwork, min(rtt, wait), left)
		left = b.share(CauseServer, wait-min(rtt, wait), left)
	}
	if len(s.Rounds) == 0 {
		b.charge(CauseServer, left)
		return
	}
	b.charge(CauseClient, left)
}

// roundTrip is the network's part of one question and answer where a phase was
// seen: nothing where the capture was taken at the server.
func roundTrip(p placed) int64 {
	c := p.Flow.Conn
	if c == nil {
		return 0
	}
	if vantageRank(Point{Capture: p.Capture, Flow: p.Flow}) == 2 && p.Name != pcapflow.TCPConnect {
		return 0
	}
	if p.Name == pcapflow.TCPConnect {
		return cmp.Or(p.RTT, c.RTT)
	}
	return cmp.Or(c.RTTServer, c.RTT)
}

// beyondDevice is the round trip between a device that answered for the server and
// the server, where the capture behind it shows that: the first point's handshake
// does not hold it.
func beyondDevice(points []Point) int64 {
	trip := int64(0)
	for _, p := range points[1:] {
		if p.part != points[0].part && p.Flow.Conn != nil {
			trip = max(trip, p.Flow.Conn.RTTServer)
		}
	}
	return trip
}

// roundTrips is how often a handshake crossed the network.
func roundTrips(f *pcapflow.Flow) int {
	switch {
	case f.TLS == nil:
		return 1
	case f.TLS.RoundTrips > 0:
		return f.TLS.RoundTrips
	case f.TLS.Version == "TLSv1.3" || f.TLS.Version == "DTLSv1.3" || f.TLS.Resumed:
		return 1
	}
	return 2
}

// stallsWithin sums the time in [from, to] lost to retransmission, to closed
// windows and to delayed acknowledgements, with the waits for what other captures
// show sent again. Overlapping waits count once, in this order.
func stallsWithin(f *pcapflow.Flow, from, to int64, elsewhere []interval) (lost, window, held int64) {
	waits := slices.Clone(elsewhere)
	for _, r := range f.Conn.Retransmissions {
		switch r.Kind {
		case pcapflow.RetransmitSpurious, pcapflow.RetransmitSYN, pcapflow.RetransmitSYNACK:
			continue
		}
		if r.Wait > 0 {
			waits = append(waits, interval{r.Time - r.Wait, r.Time})
		}
	}
	lost = covered(waits, from, to)
	take := func(path [2]int64, causes ...string) {
		for _, s := range f.Conn.Stalls {
			if slices.Contains(causes, s.Cause) && s.Begin.Seen() && s.End.Seen() {
				waits = append(waits, interval{s.Begin.Time + path[s.Waiting], s.End.Time})
			}
		}
	}
	take([2]int64{}, pcapflow.StallZeroWindow, pcapflow.StallWindowFull)
	window = covered(waits, from, to) - lost
	// What is waited for an acknowledgement that comes at once is the network's.
	take([2]int64{pcapflow.Client: f.Conn.RTTServer, pcapflow.Server: f.Conn.RTTClient}, pcapflow.StallDelayedACK)
	return lost, window, covered(waits, from, to) - lost - window
}

// senderWaits is for how long, within the request or the answer of a journey, its sender
// certainly sent nothing because it had nothing to send, and because it had used up its
// peer's window, as the capture nearest to the client shows it; 0: not known. Where others
// went on the connection too, none of them had anything to send.
func senderWaits(j *Journey, d pcapflow.Dir) (paused, full int64) {
	x := j.Exchange
	if x == nil {
		return 0, 0
	}
	from, to := x.RequestFirst, x.RequestLast
	if d == pcapflow.Server {
		from, to = x.ResponseFirst, x.ResponseLast
	}
	c := j.Points[0].Flow.Conn
	if c == nil || c.Talk == nil || !from.Seen() || !to.Seen() {
		return 0, 0
	}
	for i := range c.Talk.Turns {
		t := &c.Talk.Turns[i]
		if t.Dir != d || t.Held == nil || t.Last.Time <= from.Time || t.First.Time >= to.Time {
			continue
		}
		// What of the turn lies before or behind may be any of its waits.
		outside := max(0, from.Time-t.First.Time) + max(0, t.Last.Time-to.Time)
		paused += max(0, t.Held[pcapflow.LimitApplication]-outside)
		full += max(0, t.Held[pcapflow.LimitReceiver]-outside)
	}
	if paused < leastPause {
		paused = 0
	}
	return paused, full
}

// leastPause is how long what a program writes must be paused to count: between two
// writes of its there are always some microseconds.
const leastPause = int64(time.Millisecond)

// firstWindow is what a server may send before it hears of its client (ten
// segments, RFC 6928).
const firstWindow = 10 * 1460

// trickled is the time of a receive phase that the network does not explain: an
// answer that fits the first window arrives at once, or the server had it late.
// How long a larger one may take on a clear path, packets alone do not tell.
func trickled(e *pcapflow.Exchange, left, rtt int64) int64 {
	if e == nil || e.ResponseBytes < 0 || e.ResponseBytes > firstWindow {
		return 0
	}
	return left - rtt
}

type interval struct{ from, to int64 }

// covered is how much of [from, to] the intervals cover.
func covered(list []interval, from, to int64) int64 {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	sum := int64(0)
	for _, x := range list {
		x.from, x.to = max(x.from, from), min(x.to, to)
		if x.to > x.from {
			sum += x.to - x.from
			from = x.to
		}
	}
	return sum
}
