package correlate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// oneHost tells whether two captures that ran at one time were taken on one host.
// A capture on the next router names the host behind it too, but there the host
// takes a wire longer to answer.
func oneHost(a, b *incident.Capture) bool {
	if !a.VantageHost.IsValid() || a.VantageHost.Unmap() != b.VantageHost.Unmap() || a.Last.Time < b.First.Time || b.Last.Time < a.First.Time {
		return false
	}
	return !severalClocks(a) && !severalClocks(b) && !farther(a, b) && !farther(b, a)
}

// farther tells whether the host that two captures name answers clearly later in
// a than in b.
func farther(a, b *incident.Capture) bool {
	const (
		times = 3
		wire  = int64(30 * time.Microsecond)
	)
	return b.VantageTurn > 0 && a.VantageTurn > times*b.VantageTurn && a.VantageTurn-b.VantageTurn > wire
}

// takenOn tells whether the packets of a capture's clock were stamped on the host
// with an address.
func (e *evidence) takenOn(c *incident.Capture, id capture.ClockID, a netip.Addr) bool {
	a = a.Unmap()
	if severalClocks(c) { // merged: the capture as a whole names one host at most
		return answersAtOnce(c, id, a)
	}
	if !slices.ContainsFunc(c.Own, func(own netip.Addr) bool { return own.Unmap() == a }) {
		return len(c.Own) == 0 && c.Vantage == pcapflow.VantageUnknown && answersAtOnce(c, id, a)
	}
	return !slices.ContainsFunc(e.inc.Captures, func(o *incident.Capture) bool {
		return o != c && o.VantageHost.IsValid() && o.VantageHost.Unmap() == c.VantageHost.Unmap() && farther(c, o)
	})
}

// answersAtOnce is the sign that a clock's packets were stamped on a server: they
// had crossed no router, and its kernel answers SYNs within moments.
func answersAtOnce(c *incident.Capture, id capture.ClockID, a netip.Addr) bool {
	const moment = int64(150 * time.Microsecond)
	var rtts []int64
	for _, f := range c.Flows {
		if f.Clock != id || f.Server.Addr().Unmap() != a || f.Conn == nil || f.Conn.RTTServer <= 0 {
			continue
		}
		if !unrouted(f.TTL[pcapflow.Server]) {
			return false
		}
		rtts = append(rtts, f.Conn.RTTServer)
	}
	if len(rtts) < 2 {
		return false
	}
	slices.Sort(rtts)
	return rtts[len(rtts)/2] < moment
}

// clockID is the clock of a capture that stamped the packets of k.
func (k *Clock) clockID() capture.ClockID {
	if len(k.Interfaces) == 0 {
		return 0
	}
	return k.Interfaces[0]
}
