package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// resolverView is what the resolver's own capture tells of a lookup.
type resolverView struct {
	known            bool
	queries, answers int // of repeated questions: that it received, that it sent
	heard            int // answers to them that the client got
}

// ignored tells that every unanswered query arrived, and none was answered.
func (v resolverView) ignored(unanswered int) bool {
	return v.known && v.queries >= unanswered && v.answers == 0
}

// heard counts the answers of a try.
func heard(t *correlate.Try) int {
	if !t.Answer.Seen() {
		return 0
	}
	return 1 + len(t.Extra)
}

// unanswered lists the questions of a lookup that were repeated and of which not
// every query was answered.
func unanswered(l *correlate.Lookup) map[string]bool {
	asked, got := map[string]int{}, map[string]int{}
	for i := range l.Tries {
		t := &l.Tries[i]
		asked[t.Type+" "+t.Name] += len(sent(t))
		got[t.Type+" "+t.Name] += heard(t)
	}
	out := map[string]bool{}
	for question, n := range asked {
		out[question] = n > 1 && got[question] < n
	}
	return out
}

// resolverView looks for the repeated questions of a lookup in a capture taken
// at its resolver.
func (c *Case) resolverView(l *correlate.Lookup) resolverView {
	var v resolverView
	for _, k := range c.Incident.Captures {
		if k == l.Capture || len(l.Resolvers) == 0 || !(k.VantageHost == l.Resolvers[0] || slices.Contains(k.Own, l.Resolvers[0])) {
			continue
		}
		v.known = true
	}
	asked := unanswered(l)
	for i := range l.Tries {
		if t := &l.Tries[i]; asked[t.Type+" "+t.Name] {
			v.heard += heard(t)
		}
	}
	for _, o := range l.Others {
		if len(l.Resolvers) == 0 || !(o.Capture.VantageHost == l.Resolvers[0] || slices.Contains(o.Capture.Own, l.Resolvers[0])) {
			continue
		}
		for i := range o.Tries {
			t := &o.Tries[i]
			if !asked[t.Type+" "+t.Name] {
				continue
			}
			v.queries += len(sent(t))
			v.answers += heard(t)
		}
	}
	return v
}

// away is a resolver as a capture sees it.
type away struct {
	capture  *incident.Capture
	resolver netip.Addr
}

// resolverRoundTrips takes the quickest answer of each resolver in a capture as
// the best bound of the round trip to it from there; TCP and echo round trips
// are sharper.
func resolverRoundTrips(c *correlate.Case) map[away]time.Duration {
	out := map[away]time.Duration{}
	note := func(k *incident.Capture, a netip.Addr, d time.Duration) {
		if old, ok := out[away{k, a}]; d > 0 && (!ok || d < old) {
			out[away{k, a}] = d
		}
	}
	for _, l := range c.Lookups {
		for i := range l.Tries {
			if t := &l.Tries[i]; t.Answer.Seen() {
				note(l.Capture, t.Resolver.Addr(), answerTime(t))
			}
		}
	}
	for _, k := range c.Incident.Captures {
		for _, f := range k.Flows {
			if f.Conn != nil {
				note(k, f.Server.Addr(), time.Duration(f.Conn.RTTServer))
			}
		}
		for _, e := range k.Echoes {
			if e.Request.Seen() && e.Reply.Seen() {
				note(k, e.Target, time.Duration(e.Reply.Time-e.Request.Time))
			}
		}
	}
	return out
}

// usualAnswer is the median answer time of all lookups of the incident.
func usualAnswer(c *correlate.Case) time.Duration {
	var all []time.Duration
	for _, l := range c.Lookups {
		for i := range l.Tries {
			if t := &l.Tries[i]; t.Answer.Seen() {
				all = append(all, answerTime(t))
			}
		}
	}
	slices.Sort(all)
	return quantile(all, 0.5)
}
