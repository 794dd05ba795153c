package diagnose

import (
	"iter"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// phaseOf returns a journey's phase of a name, or nil.
func phaseOf(j *correlate.Journey, name pcapflow.PhaseName) *correlate.Phase {
	for i := range j.Phases {
		if j.Phases[i].Name == name {
			return &j.Phases[i]
		}
	}
	return nil
}

// phaseTime is the length of a phase that was seen from begin to end.
func phaseTime(j *correlate.Journey, name pcapflow.PhaseName) (time.Duration, bool) {
	p := phaseOf(j, name)
	if p == nil || !p.Begin.Seen() || !p.End.Seen() {
		return 0, false
	}
	return time.Duration(p.End.Time - p.Begin.Time), true
}

// flow is the journey's flow in the capture it is told by.
func flow(j *correlate.Journey) *pcapflow.Flow {
	if len(j.Points) == 0 {
		return nil
	}
	return j.Points[0].Flow
}

// connections are the TCP connections that tell journeys, each once, beside the
// first journey that it carried.
func connections(journeys []*correlate.Journey) iter.Seq2[*correlate.Journey, *pcapflow.Flow] {
	return func(yield func(*correlate.Journey, *pcapflow.Flow) bool) {
		seen := map[*pcapflow.Flow]bool{}
		for _, j := range journeys {
			f := flow(j)
			if f == nil || f.Conn == nil || seen[f] {
				continue
			}
			seen[f] = true
			if !yield(j, f) {
				return
			}
		}
	}
}

// nearest is the point of a journey that was taken nearest to a side: there shows
// best what that side sent, and how much of it was on its way.
func nearest(j *correlate.Journey, d pcapflow.Dir) correlate.Point {
	best, least := j.Points[0], int64(-1)
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil {
			continue
		}
		trip := n.RoundTripServer()
		if d == pcapflow.Client {
			trip = n.RoundTripClient()
		}
		if trip > 0 && (least < 0 || trip < least) {
			best, least = p, trip
		}
	}
	return best
}

// roundTrip is the loss-free round trip of the journey's connection, of its
// handshake or, where that was not seen whole, of its data; 0: unknown.
func roundTrip(j *correlate.Journey) time.Duration {
	f := flow(j)
	if f == nil || f.Conn == nil {
		return 0
	}
	n := f.Conn
	return time.Duration(max(n.RTT, n.RoundTripServer()+n.RoundTripClient()))
}

// resentBetween tells whether the journey's flow repeated a segment between two
// instants of its own capture, there or as another capture saw it: behind a
// loss, the repetition looks like a late original.
func (c *Case) resentBetween(j *correlate.Journey, from, to pcapflow.Stamp) bool {
	for i, p := range j.Points {
		shift := int64(0)
		if i > 0 {
			var known bool
			if shift, known = c.shift(j.Points[0], p); !known {
				continue
			}
		}
		if p.Flow.Conn == nil {
			continue
		}
		for _, r := range p.Flow.Conn.Retransmissions {
			if r.Kind != pcapflow.RetransmitSpurious && r.Time >= from.Time+shift && r.Time <= to.Time+shift {
				return true
			}
		}
	}
	return false
}

// shift is what to add to a stamp of one point to have it by the clock of
// another.
func (c *Case) shift(a, b correlate.Point) (int64, bool) {
	ka, kb := c.clockOf(a.Capture.Files[0]), c.clockOf(b.Capture.Files[0])
	if ka == kb && ka != nil {
		return 0, true
	}
	if ka == nil || kb == nil {
		return 0, false
	}
	offA, _, _, okA := ka.At(a.Flow.Start.Time)
	offB, _, _, okB := kb.At(b.Flow.Start.Time)
	return offB - offA, okA && okB
}

// loggedDuration is what a matched line says the request took: the web server's
// own, else the application's behind it. Whole seconds say too little.
func loggedDuration(j *correlate.Journey) (time.Duration, bool) {
	for _, kind := range []logparse.Kind{logparse.HTTPRequest, logparse.AppRequest} {
		for _, l := range j.Lines {
			e := &l.Log.Events[l.Event]
			if l.Status == "matched" && e.Kind == kind && e.Duration >= 0 && !e.CoarselyTimed() {
				return e.Duration, true
			}
		}
	}
	return 0, false
}

// requests counts the requests to the server of a journey.
func (c *Case) requests(j *correlate.Journey) int { return c.exchanges[j.Server] }
