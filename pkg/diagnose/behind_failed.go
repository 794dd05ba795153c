package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// failedBehind is what the server of a journey asked of another one meanwhile and had no
// answer to: refused, or given up by the server itself after a wait; nil: nothing shows
// such.
func (c *Case) failedBehind(j *correlate.Journey) *correlate.Journey {
	for _, u := range c.askedBy(j) {
		if u.Outcome == pcapflow.Refused || c.leftUnanswered(u) > 0 {
			return u
		}
	}
	return nil
}

// leftUnanswered is for how long one who asked waited until he closed the connection
// himself, before any answer; 0: that is not how it ended.
func (c *Case) leftUnanswered(u *correlate.Journey) time.Duration {
	x, f := u.Exchange, flow(u)
	if x == nil || f == nil || f.Conn == nil || !x.RequestLast.Seen() || serverUnseen(f, x.RequestFirst.Time) {
		return 0
	}
	at, theirs := endOf(f.Conn, pcapflow.Client), f.Conn.FIN[pcapflow.Server]
	if !at.Seen() || x.ResponseFirst.Seen() && x.ResponseFirst.Time <= at.Time || theirs.Seen() && theirs.Time < at.Time {
		return 0
	}
	if wait := time.Duration(at.Time - x.RequestLast.Time); wait >= c.limit(c.rules["client-gave-up"], patience) {
		return wait
	}
	return 0
}

// whyBehind is the sentence about why the server of the worst journey of a batch had
// nothing to answer with, as the packets behind it show, and what proves that.
func (c *Case) whyBehind(b *batch) (text string, proof []Evidence) {
	u := c.failedBehind(b.worst().journey)
	if u == nil {
		return "", nil
	}
	if u.Outcome == pcapflow.Refused {
		return c.say(lang.Text{
			EN: "That server had tried %s (%s) meanwhile, which refused the connection.",
			ES: "Ese servidor había intentado mientras tanto llegar a %s (%s), que rechazó la conexión.",
		}, u.Server, u.ID), phaseFrames(u, string(pcapflow.TCPConnect))
	}
	return c.say(lang.Text{
		EN: "That server had asked %s (%s), waited %s for its answer, and then closed that connection: its own limit.",
		ES: "Ese servidor había preguntado a %s (%s), esperó %s su respuesta y cerró entonces esa conexión: su propio límite.",
	}, u.Server, u.ID, c.leftUnanswered(u)), phaseFrames(u, string(pcapflow.HTTPSend), string(pcapflow.HTTPWait))
}

// toldInFront tells whether what a journey asked was given up by a server that answered
// for it with an error, and upstream-error says so.
func (c *Case) toldInFront(j *correlate.Journey) bool {
	for _, l := range j.Links {
		if l.Kind == correlate.Upstream && c.explained[l.Journey]["upstream-error"] && c.failedBehind(l.Journey) == j {
			return true
		}
	}
	return false
}
