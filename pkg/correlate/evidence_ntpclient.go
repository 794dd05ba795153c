package correlate

import (
	"math"
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// stampReader reads an NTP stamp near an instant.
type stampReader func(stamp uint64, near int64) (ns int64, ok bool)

// ntpAsker is what a client sent in the requests of one capture.
type ntpAsker struct {
	samples []*pcapflow.NTPSample
	capture *Clock
}

// ntpClients turns the stamps of NTP clients into bounds of their clocks. Most
// clients send random numbers, and some plain nanoseconds in the place of a
// fraction: three requests that agree with each other prove a clock.
func (e *evidence) ntpClients(i int, c *incident.Capture) {
	clients := map[netip.Addr]*ntpAsker{}
	var order []netip.Addr
	for _, f := range c.Flows {
		k := e.byKey[captureKey(i, f.Clock)]
		for n := range f.NTP {
			s := &f.NTP[n]
			if k == nil || !s.Request.Seen() || s.Request.Mode != 3 || s.Request.Xmt == 0 {
				continue
			}
			a := plainAddr(f.Client.Addr())
			if clients[a] == nil {
				clients[a] = &ntpAsker{capture: k}
				order = append(order, a)
			}
			if clients[a].capture == k {
				clients[a].samples = append(clients[a].samples, s)
			}
		}
	}
	for _, a := range order {
		if read, ok := clients[a].genuine(); ok {
			if host := e.hostAt(a); host != nil {
				e.ntpClient(host, clients[a], read)
			}
		}
	}
}

// genuine finds the way of reading under which a client's stamps run with the
// capture's, if there is one.
func (q *ntpAsker) genuine() (stampReader, bool) {
	const (
		least  = 3 // requests with different stamps
		spread = int64(10 * time.Millisecond)
		drift  = 500 // ppm
	)
	for _, read := range [...]stampReader{pcapflow.NTPUnix, pcapflow.NTPUnixNano} {
		low, high, different := int64(math.MaxInt64), int64(math.MinInt64), map[uint64]bool{}
		first, last := int64(math.MaxInt64), int64(math.MinInt64)
		for _, s := range q.samples {
			sent, ok := read(s.Request.Xmt, s.Request.Time)
			if !ok {
				different = nil
				break
			}
			d := sent - s.Request.Time
			low, high = min(low, d), max(high, d)
			first, last = min(first, s.Request.Time), max(last, s.Request.Time)
			different[s.Request.Xmt] = true
		}
		if len(different) >= least && high-low <= spread+(last-first)/1_000_000*drift {
			return read, true
		}
	}
	return nil, false
}

// ntpClient bounds a client's clock by what it stamped: a request before it left,
// and, where the next request repeats it, the answer after it had come.
func (e *evidence) ntpClient(host *Clock, q *ntpAsker, read stampReader) {
	answers := map[uint64]pcapflow.Stamp{} // by what the server stamped into them
	for _, s := range q.samples {
		if sent, ok := read(s.Request.Xmt, s.Request.Time); ok {
			e.add(q.capture, host, s.Request.Time, sent-s.Request.Time-captureNoise, clock.Infinity, clock.NTP)
		}
		if came := answers[s.Request.Org]; came.Seen() {
			if got, ok := read(s.Request.Rec, came.Time); ok {
				e.add(q.capture, host, came.Time, -clock.Infinity, got-came.Time+captureNoise, clock.NTP)
			}
		}
		if s.Response.Seen() && s.Response.Xmt != 0 && !s.Interleaved {
			answers[s.Response.Xmt] = s.Response.Stamp
		}
	}
}
