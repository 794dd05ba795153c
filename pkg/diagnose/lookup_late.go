package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// tooSoon: an answer to the query before it cannot come quicker than the path.
var tooSoon = &Threshold{"too-soon", 0.5, "share", lang.Text{EN: "share of the best known round trip to the resolver within which an answer cannot be that to the last query", ES: "parte de la mejor ida y vuelta conocida hasta el servidor DNS dentro de la que una respuesta no puede ser la de la última consulta"}}

// lateAnswers tells which query of a repeated question its first answer belongs to,
// counted from 0, where that is not the last one before the answer: the client
// asked again although the resolver was at work on the query it had.
type lateAnswers map[*pcapflow.Transaction]int

// has tells whether a try is one of them.
func (a lateAnswers) has(t *correlate.Try) bool {
	_, ok := a[t.Transaction]
	return ok
}

// query is the place, among the packets that asked, of the one that was answered.
func (a lateAnswers) query(t *correlate.Try) int {
	if i, ok := a[t.Transaction]; ok {
		return i
	}
	return lastBefore(t)
}

// time is from the query that was answered to the answer of a try that is timed.
func (a lateAnswers) time(t *correlate.Try) time.Duration {
	return time.Duration(t.Answer.Time - sent(t)[a.query(t)].Time)
}

// slowest is the try of a lookup that took longest to be answered.
func (a lateAnswers) slowest(l *correlate.Lookup) *correlate.Try {
	var worst *correlate.Try
	for i := range l.Tries {
		t := &l.Tries[i]
		if timed(t) && (worst == nil || a.time(t) > a.time(worst)) {
			worst = t
		}
	}
	return worst
}

// lastBefore is the place of the last query before the answer of a try.
func lastBefore(t *correlate.Try) int {
	last := 0
	for i, s := range sent(t) {
		if s.Time <= t.Answer.Time {
			last = i
		}
	}
	return last
}

// lateAnswers finds the answers that came late: those of which as many came
// as were asked for, those that came sooner after the last query than the path
// takes, those that the resolver gave to a question it had from the first query on,
// and a SERVFAIL that took its time.
func (c *Case) lateAnswers() lateAnswers {
	a := lateAnswers{}
	for _, l := range c.Lookups {
		for i := range l.Tries {
			t := &l.Tries[i]
			if len(t.Repeats) == 0 || !timed(t) {
				continue
			}
			if last := lastBefore(t); last > 0 {
				if q := c.answeredQuery(l, t, last); q < last {
					a[t.Transaction] = q
				}
			}
		}
	}
	return a
}

func (c *Case) answeredQuery(l *correlate.Lookup, t *correlate.Try, last int) int {
	all := sent(t)
	if v := c.resolverView(l); v.known && !v.silent && v.queries >= repeatedQueries(l) && v.answers > 0 && v.answers <= v.heard && len(l.Tries) == 1 {
		return 0
	}
	if t.RCode == "SERVFAIL" && time.Duration(t.Answer.Time-all[last].Time) >= c.limit(c.rules["dns-slow-resolver"], slowAnswer) {
		return 0 // it gave up what it had worked on since the first query (RFC 2308 section 7)
	}
	q := min(last, max(len(all)-heard(t), 0))
	rtt := c.roundTrips[away{l.Capture, t.Resolver.Addr()}]
	for q > 0 && !c.exceeds(c.rules["dns-retry"], tooSoon, time.Duration(t.Answer.Time-all[q].Time), rtt) {
		q--
	}
	return q
}
