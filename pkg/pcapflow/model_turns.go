package pcapflow

// Talk is how the two sides of a connection took turns.
type Talk struct {
	Turns       []Turn // the first ones, in order of their first bytes
	Count       int    // how many there were
	Cut         [2]Cut
	FirstWindow [2]int64 // bytes that each side announced when the connection stood
}

// Turn is a run of one side's new bytes: until the other side has sent some that
// can have reached it, and it sends again.
type Turn struct {
	Dir         Dir
	First, Last Stamp // of its bytes
	Acked       Stamp // the acknowledgement of the last of them; unseen: none came before the next turn
	Bytes       int64
	Segments    int   // that brought them
	Restarts    int   // of these, those before which nothing was in flight for longer than a retransmission timer: the sender's window may have begun anew (RFC 5681 section 4.1)
	Held        *Held // between First and Last; nil: there was one segment alone, or Conn.Unjudged says why not
}

// Held is how long each Limit held a sender back, ns.
type Held [limits]int64

// Limit is what holds a sender back, after T-RAT (Zhang, Breslau, Paxson, Shenker:
// On the Characteristics and Origins of Internet Flow Rates, SIGCOMM 2002, section 4)
// and Siekkinen and others (Root Cause Analysis for Long-Lived TCP Connections,
// CoNEXT 2005).
type Limit uint8

const (
	LimitOpportunity Limit = iota // there was too little to send for its window to grow: slow start
	LimitApplication              // it had nothing to send
	LimitReceiver                 // it had used up the receiver's window
	LimitCongestion               // it repaired losses, or had a smaller window after them
	LimitBandwidth                // the path was full: round trips rose, or bytes came without a break
	LimitTransport                // its own window did not grow though nothing of these held it: buffer, pacing
	limits
)

var limitNames = [...]string{"opportunity", "application", "receiver-window", "congestion", "bandwidth", "transport"}

func (l Limit) String() string { return limitNames[l] }

// MetricName is that of the time that it held a sender back.
func (l Limit) MetricName() string { return limitMetrics[l] }

var limitMetrics = [...]string{
	"opportunity_seconds", "application_seconds", "receiver_window_seconds", "congestion_seconds", "bandwidth_seconds", "transport_seconds",
}

// heldIn is what held side d back within the turns that began between two instants;
// nil: it is not known.
func (c *Conn) heldIn(d Dir, from, to Stamp) *Held {
	var sum *Held
	if c == nil || c.Talk == nil || !from.Seen() || !to.Seen() {
		return nil
	}
	for i := range c.Talk.Turns {
		t := &c.Talk.Turns[i]
		if t.Dir != d || t.Held == nil || t.First.Time < from.Time || t.Last.Time > to.Time {
			continue
		}
		if sum == nil {
			sum = new(Held)
		}
		for l, ns := range t.Held {
			sum[l] += ns
		}
	}
	return sum
}

// By is what held the sender longest. false: nothing held it at all.
func (h *Held) By() (Limit, bool) {
	most := LimitOpportunity
	for l := range limits {
		if h[l] > h[most] {
			most = l
		}
	}
	return most, h[most] > 0
}

// Cut is the size at which a side that had more to say cut its segments.
type Cut struct {
	Bytes int // payload of the largest; 0: not known
	Times int // how often one of that size was followed by more
}

// Why the turns of a side are not judged.
const (
	unjudgedOneWay    = "the capture holds one direction alone"
	unjudgedHandshake = "the handshake was not captured: windows and the round trip are not known"
	unjudgedGaps      = "the capture lacks some of the bytes"
)

// Unjudged tells why Held is not known of the turns of side d; "": it is.
func (f *Flow) Unjudged(d Dir) string {
	switch c := f.Conn; {
	case f.Packets[d.Other()] == 0:
		return unjudgedOneWay
	case len(c.SYN) == 0 || len(c.SYNACK) == 0 || c.RTT == 0:
		return unjudgedHandshake
	case c.Count[d].AckedUnseen > 0:
		return unjudgedGaps
	}
	return ""
}

// clampedTimes is how many segments of one size, each with more behind it, show that
// the path and not the program made them so small.
const clampedTimes = 16

// Clamped tells whether side d cuts its segments well below what both sides offered,
// though no router asked for that: something on the way lowers the size, or swallows
// larger ones. It returns the size both offers leave for payload; 0: it does not.
func (f *Flow) Clamped(d Dir) int {
	const least = 40 // bytes of options that a segment can have (RFC 9293 section 3.1)
	c := f.Conn
	if c == nil || c.Talk == nil || c.MSS[Client] == 0 || c.MSS[Server] == 0 {
		return 0
	}
	cut := c.Talk.Cut[d]
	if cut.Times < clampedTimes || c.Count[d].Largest > int64(cut.Bytes) {
		return 0
	}
	for i := range f.ICMP {
		if f.ICMP[i].MTU > 0 {
			return 0
		}
	}
	offered := min(c.MSS[Client], c.MSS[Server])
	if c.Timestamps() {
		offered -= 12 // RFC 7323 appendix A
	}
	if cut.Bytes >= offered-least {
		return 0
	}
	return offered
}
