package diagnose

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// resolverView is what the resolver's own capture, one on the way to it, or its
// query log tells of a lookup.
type resolverView struct {
	known            bool
	queries, answers int  // of repeated questions: that it received, that it sent
	heard            int  // answers to them that the client got
	silent           bool // its answers are not known: the log has questions only
}

// ignored tells that every unanswered query arrived and was not answered, and that
// no answer to another was lost.
func (v resolverView) ignored(unanswered int) bool {
	return v.known && !v.silent && v.queries >= unanswered+v.answers && v.answers <= v.heard
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

// count counts the queries and answers of a lookup about some of its questions.
func count(l *correlate.Lookup, asked map[string]bool) (queries, answers int) {
	for i := range l.Tries {
		if t := &l.Tries[i]; asked[t.Type+" "+t.Name] {
			queries += len(sent(t))
			answers += heard(t)
		}
	}
	return queries, answers
}

// resolverView looks for the repeated questions of a lookup in a capture taken
// at its resolver, else on the way to it, else in its query log.
func (c *Case) resolverView(l *correlate.Lookup) resolverView {
	if v, done := c.views[l]; done {
		return v
	}
	v := c.viewAtResolver(l)
	if !v.known {
		v = c.viewMidway(l)
	}
	if !v.known {
		v = c.viewInLog(l)
	}
	if c.views == nil {
		c.views = map[*correlate.Lookup]resolverView{}
	}
	c.views[l] = v
	return v
}

// viewAtResolver is what a capture taken at the resolver tells.
func (c *Case) viewAtResolver(l *correlate.Lookup) resolverView {
	var v resolverView
	for _, k := range c.Incident.Captures {
		if k == l.Capture || len(l.Resolvers) == 0 || !(k.VantageHost == l.Resolvers[0] || slices.Contains(k.Own, l.Resolvers[0])) {
			continue
		}
		v.known = true
	}
	asked := unanswered(l)
	_, v.heard = count(l, asked)
	for _, o := range l.Others {
		if len(l.Resolvers) == 0 || !(o.Capture.VantageHost == l.Resolvers[0] || slices.Contains(o.Capture.Own, l.Resolvers[0])) {
			continue
		}
		queries, answers := count(o, asked)
		v.queries += queries
		v.answers += answers
	}
	return v
}

// viewMidway is what a capture between client and resolver tells, which holds
// other questions of this client to this resolver: what it lacks was lost before
// it, and answers that passed it and never came were lost behind it.
func (c *Case) viewMidway(l *correlate.Lookup) resolverView {
	if len(l.Resolvers) == 0 {
		return resolverView{}
	}
	asked := unanswered(l)
	var v resolverView
	_, v.heard = count(l, asked)
	for _, k := range c.Incident.Captures {
		if k == l.Capture || k.VantageHost == l.Client || !c.onTheWay(k, l) {
			continue
		}
		seen := resolverView{heard: v.heard}
		for _, o := range l.Others {
			if o.Capture != k {
				continue
			}
			queries, answers := count(o, asked)
			seen.queries += queries
			seen.answers += answers
		}
		if seen.known = seen.queries < repeatedQueries(l) || seen.answers > seen.heard; seen.known {
			return seen
		}
	}
	return resolverView{}
}

// viewInLog counts the lines of a query log about the repeated questions of a
// lookup: of a log that has questions of this client from before and from behind
// it, and where no other lookup repeated the same questions.
func (c *Case) viewInLog(l *correlate.Lookup) resolverView {
	asked := unanswered(l)
	if !slices.Contains(slices.Collect(maps.Values(asked)), true) {
		return resolverView{}
	}
	var v resolverView
	queried, gotten := count(l, asked)
	v.heard = gotten
	others, gotten := -queried, -gotten // of the same questions, in other lookups
	for question, again := range asked {
		q := c.inquiry(l, question)
		switch {
		case !again || q == nil:
			continue
		case slices.ContainsFunc(q.repeated, func(o *correlate.Lookup) bool { return o != l }):
			return c.viewInLines(l, asked, v.heard) // which of them a line is of its stamp must tell
		}
		others, gotten = others+q.sent, gotten+q.heard
	}
	for _, g := range c.Incident.Logs {
		queries, replies, found := c.questions(g, l, asked)
		if !found {
			continue
		}
		v.known, v.queries, v.answers, v.silent = true, max(queries-others, 0), max(replies-gotten, 0), replies == 0 && !c.writesAnswers(g)
		return v
	}
	return resolverView{}
}

// viewInLines counts the lines of query logs that are known to be of a lookup,
// about its repeated questions. Where a query has none, they tell nothing: a line may
// be there that is not known to be its.
func (c *Case) viewInLines(l *correlate.Lookup, asked map[string]bool, heard int) resolverView {
	v := resolverView{heard: heard}
	type place struct {
		log   *incident.Log
		event int
	}
	counted := map[place]bool{}
	for _, j := range c.waiting[l] {
		for _, x := range j.Lines {
			e := &x.Log.Events[x.Event]
			at := place{x.Log, x.Event}
			if x.Status != "matched" || counted[at] || !asked[e.Type+" "+pcapflow.PlainName(e.Name)] {
				continue
			}
			counted[at] = true
			switch e.Kind {
			case logparse.DNSQuery:
				v.queries++
			case logparse.DNSReply:
				v.answers++
			}
		}
	}
	if v.known = v.queries >= repeatedQueries(l); !v.known {
		return resolverView{}
	}
	v.silent = v.answers == 0 && !slices.ContainsFunc(c.Incident.Logs, c.writesAnswers)
	return v
}

// questions counts the lines of a log about some questions of a lookup's client,
// and the answers to them; found: the log has lines of lookups of this client
// before it and behind it.
func (c *Case) questions(g *incident.Log, l *correlate.Lookup, asked map[string]bool) (queries, replies int, found bool) {
	logged := c.logged(g, l.Client)
	if logged == nil {
		return 0, 0, false
	}
	for question, again := range asked {
		if again {
			queries += logged.queries[question]
			replies += logged.replies[question]
		}
	}
	return queries, replies, c.surrounded(g, l)
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
			if t := &l.Tries[i]; askedOnce(t) {
				note(l.Capture, t.Resolver.Addr(), time.Duration(t.Answer.Time-t.Query.Time))
			}
		}
	}
	for _, k := range c.Incident.Captures {
		for to, d := range correlate.RoundTrips(k) {
			note(k, to.Addr, d)
		}
	}
	return out
}

// askedOnce tells whether a try is one query and its answer: no doubt which of
// several was answered.
func askedOnce(t *correlate.Try) bool {
	return t.Query.Seen() && t.Answer.Seen() && len(t.Repeats) == 0
}

// usualAnswer is the median answer time of all lookups of the incident.
func usualAnswer(c *correlate.Case) time.Duration {
	var all []time.Duration
	for _, l := range c.Lookups {
		for i := range l.Tries {
			if t := &l.Tries[i]; askedOnce(t) {
				all = append(all, time.Duration(t.Answer.Time-t.Query.Time))
			}
		}
	}
	slices.Sort(all)
	return quantile(all, 0.5)
}
