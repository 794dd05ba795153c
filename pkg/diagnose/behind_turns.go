package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// turnBehind is a wait on a connection whose protocol is not read: a client's last byte
// of one turn, and the first byte that came back.
type turnBehind struct {
	journey   *correlate.Journey
	sent, got pcapflow.Stamp
}

func (t turnBehind) wait() time.Duration { return time.Duration(t.got.Time - t.sent.Time) }

// spokenBehind is for whom the server of a journey waited meanwhile on such a
// connection of its own, as the capture shows that holds both: for the main part of the
// journey's wait t, and for nobody else. false: nothing shows it.
func (c *Case) spokenBehind(r *Rule, j *correlate.Journey, t time.Duration) (best turnBehind, ok bool) {
	for _, p := range j.Points {
		x := p.Exchange
		if x == nil || !x.RequestLast.Seen() || !x.ResponseFirst.Seen() {
			continue
		}
		for _, u := range c.opaqueOf(p) {
			w, found := longestTurn(u, p, x)
			if !found || !c.exceeds(r, ownShare, w.wait(), t) {
				continue
			}
			if ok && best.journey.Server != u.Server {
				return turnBehind{}, false // either may have been waited for
			}
			if !ok || w.wait() > best.wait() {
				best, ok = w, true
			}
		}
	}
	return best, ok
}

// opaqueEnds are the capture of a connection and who opened it.
type opaqueEnds struct {
	capture *incident.Capture
	from    netip.Addr
}

// opaqueOf are the connections in the capture of a point that the server there opened
// itself, and whose questions and answers are not told apart by their protocol.
func (c *Case) opaqueOf(p correlate.Point) []*correlate.Journey {
	if c.opaque == nil {
		c.opaque = map[opaqueEnds][]*correlate.Journey{}
		for u, f := range connections(c.Journeys) {
			if u.Exchange == nil && u.SSH == nil && u.Lookup == nil && f.TLS == nil && f.Conn.Talk != nil {
				k := opaqueEnds{u.Points[0].Capture, f.Client.Addr()}
				c.opaque[k] = append(c.opaque[k], u)
			}
		}
	}
	return c.opaque[opaqueEnds{p.Capture, p.Flow.Server.Addr()}]
}

// longestTurn is the longest wait of a connection for its server that lies within an
// exchange's, of one clock.
func longestTurn(u *correlate.Journey, p correlate.Point, x *pcapflow.Exchange) (best turnBehind, ok bool) {
	f := u.Points[0].Flow
	if f.Clock != p.Flow.Clock {
		return best, false
	}
	take := func(sent, got pcapflow.Stamp) {
		if sent.Seen() && got.Time > sent.Time && sent.Time >= x.RequestFirst.Time && got.Time <= x.ResponseFirst.Time && (!ok || got.Time-sent.Time > int64(best.wait())) {
			best, ok = turnBehind{u, sent, got}, true
		}
	}
	take(f.FirstPayload[pcapflow.Client], f.FirstPayload[pcapflow.Server])
	for i := 1; i < len(f.Conn.Talk.Turns); i++ {
		asked, answered := &f.Conn.Talk.Turns[i-1], &f.Conn.Talk.Turns[i]
		if asked.Dir == pcapflow.Client && answered.Dir == pcapflow.Server {
			take(asked.Last, answered.First)
		}
	}
	return best, ok
}

// spokeBehind is the clause about it.
func (c *Case) spokeBehind(r *Rule, j *correlate.Journey, t time.Duration) string {
	w, ok := c.spokenBehind(r, j, t)
	if !ok {
		return ""
	}
	return c.say(lang.Text{
		EN: "; meanwhile that server waited %s for %s (%s): so long no byte came back on what it had sent there",
		ES: "; mientras tanto ese servidor esperó %s a %s (%s): tanto tardó en volver un byte de lo que había enviado allí",
	}, w.wait(), w.journey.Server, w.journey.ID)
}
