package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// waitedBehind is the clause about whom the server of a journey asked itself, and how
// long that took of its wait t: by the packets of the way behind it, else by its log.
func (c *Case) waitedBehind(r *Rule, j *correlate.Journey, t time.Duration) string {
	u := c.askedLongest(j)
	if u == nil {
		return cmp.Or(c.spokeBehind(r, j, t), c.loggedBehind(j))
	}
	steps := c.beforeAsking(j, u)
	if steps == "" {
		steps = c.loggedBehind(j)
	}
	return c.say(lang.Text{
		EN: "; meanwhile that server asked %s (%s) and waited %s for the beginning of its answer%s",
		ES: "; mientras tanto ese servidor preguntó a %s (%s) y esperó %s el comienzo de su respuesta%s",
	}, u.Server, u.ID, answerTime(u), steps)
}

// loggedBehind is the clause about what the log of a journey's server says of the one
// that it asked.
func (c *Case) loggedBehind(j *correlate.Journey) string {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status != "matched" || e.Kind != logparse.HTTPRequest || e.UpstreamTo == "" || len(e.UpstreamHeader) != 1 || e.UpstreamHeader[0] < 0 {
			continue
		}
		text := c.say(lang.Text{
			EN: "; its log says that it waited %s for the answer of %s",
			ES: "; su registro dice que esperó %s la respuesta de %s",
		}, e.UpstreamHeader[0], e.UpstreamTo)
		if len(e.UpstreamConnect) == 1 && e.UpstreamConnect[0] >= 0 && e.FirstByte >= 0 && e.Means == logparse.RequestStart {
			text += c.say(lang.Text{EN: ", after %s before it connected and %s to connect", ES: ", tras %s antes de conectar y %s para conectar"},
				max(e.FirstByte-e.UpstreamHeader[0]-e.UpstreamConnect[0], 0), e.UpstreamConnect[0])
		}
		return text
	}
	return ""
}

// askedBy are the journeys in which the server of one asked others itself while it waited.
func (c *Case) askedBy(j *correlate.Journey) []*correlate.Journey {
	if c.asked == nil {
		c.asked = map[*correlate.Journey][]*correlate.Journey{}
		for _, u := range c.Journeys {
			for _, l := range u.Links {
				if l.Kind == correlate.Upstream {
					c.asked[l.Journey] = append(c.asked[l.Journey], u)
				}
			}
		}
	}
	return c.asked[j]
}

// reach is how long it took until a journey's connection stood: the lookup of the name,
// the connect, the TLS handshake.
func reach(u *correlate.Journey) time.Duration {
	sum := time.Duration(0)
	for _, name := range []pcapflow.PhaseName{pcapflow.DNSLookup, pcapflow.TCPConnect, pcapflow.TLSHandshake} {
		d, _ := phaseTime(u, name)
		sum += d
	}
	return sum
}

// hardToReach is what the server of a journey could not ask for the main part of the
// journey's wait t, since it was still looking up its name or connecting; nil: no such.
func (c *Case) hardToReach(r *Rule, j *correlate.Journey, t time.Duration) *correlate.Journey {
	for _, u := range c.askedBy(j) {
		if d := reach(u); d <= t+roundTrip(j) && c.exceeds(r, ownShare, d, t) {
			return u
		}
	}
	return nil
}

// slowToReach fills in the finding about requests that waited since their server could
// not reach whom it asked itself. What was in the way there is told by a finding of its own
// where one speaks of it, and this one is then its consequence.
func (c *Case) slowToReach(r *Rule, b *batch, f *Finding) {
	var longest time.Duration
	var j, u *correlate.Journey
	for _, h := range b.hits {
		if t, _ := think(h.journey); j == nil || t > longest {
			longest, j, u = t, h.journey, c.hardToReach(r, h.journey, t)
		}
	}
	f.Severity = c.loudness(r, len(b.hits), c.requests(j))
	if slices.ContainsFunc(c.found, func(x Finding) bool { return x.Severity >= Warning && slices.Contains(x.Journeys, u) }) {
		f.Severity = Note
	}
	then := ""
	if d := answerTime(u); d >= 0 {
		then = c.say(lang.Text{EN: "; then it had its answer in %s", ES: "; después tuvo su respuesta en %s"}, d)
	}
	f.Text = c.say(lang.Text{
		EN: "%s of %s is the server, which was not at work but trying to reach %s (%s): %s for its name, the connect and the handshake%s%s.",
		ES: "El %s de %s es el servidor, que no trabajaba sino que intentaba llegar a %s (%s): %s para su nombre, la conexión y el establecimiento%s%s.",
	}, percent(longest, j.Total()), j.Total(), u.Server, u.ID, reach(u), then, c.alike(b))
	f.Example = j
	f.Refuters = c.doubts(r, notFound, notFound, notFound)
	c.unlikeRequests(f)
}

// askedLongest is what the server of a journey asked of another one meanwhile and waited
// for longest; nil if nothing is known, or nothing that shows when it was answered.
func (c *Case) askedLongest(j *correlate.Journey) *correlate.Journey {
	var longest *correlate.Journey
	for _, u := range c.askedBy(j) {
		if answerTime(u) >= 0 && (longest == nil || answerTime(u) > answerTime(longest)) {
			longest = u
		}
	}
	return longest
}

// answerTime is how long the one who asked waited from his request's end to the answer's
// beginning; -1: not shown.
func answerTime(u *correlate.Journey) time.Duration {
	x := u.Exchange
	if x == nil || x.Undecided || !x.RequestLast.Seen() || !x.ResponseFirst.Seen() {
		return -1
	}
	return time.Duration(x.ResponseFirst.Time - x.RequestLast.Time)
}

// beforeAsking is the rest of the way of a request through a server, as far as one
// capture shows both sides: how long the server had it before it turned to another one,
// how long the connection took, and how long it kept the answer.
func (c *Case) beforeAsking(j, u *correlate.Journey) string {
	text := ""
	if d, ok := phaseTime(u, pcapflow.TCPConnect); ok {
		text += c.say(lang.Text{EN: ", %s to connect", ES: ", %s para conectar"}, d)
	}
	for _, p := range j.Points {
		x := p.Exchange
		for _, q := range u.Points {
			if x == nil || q.Exchange == nil || q.Capture != p.Capture || q.Flow.Clock != p.Flow.Clock || !x.RequestLast.Seen() || !x.ResponseFirst.Seen() {
				continue
			}
			turned := q.Flow.Start
			if u.Ordinal > 1 || !q.Exchange.RequestFirst.Seen() || turned.Time < x.RequestFirst.Time {
				turned = q.Exchange.RequestFirst
			}
			before, kept := time.Duration(turned.Time-x.RequestLast.Time), time.Duration(x.ResponseFirst.Time-q.Exchange.ResponseFirst.Time)
			if !turned.Seen() || !q.Exchange.ResponseFirst.Seen() || before < 0 || kept < 0 {
				continue
			}
			return text + c.say(lang.Text{EN: "; it had the request for %s before, and the answer for %s behind", ES: "; tuvo la petición %s antes, y la respuesta %s después"}, before, kept)
		}
	}
	return text
}
