package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// userLookups are the lookups somebody waited for: not what resolvers ask each
// other, and not what a server looked up during somebody else's journey.
func (c *Case) userLookups() []*correlate.Lookup {
	if c.lookups != nil {
		return c.lookups
	}
	resolvers := map[netip.Addr]bool{}
	side := map[*correlate.Lookup]bool{}
	for _, l := range c.Lookups {
		for _, a := range l.Resolvers {
			resolvers[a] = true
		}
	}
	for _, j := range c.Journeys {
		for _, l := range j.SideLookups {
			side[l] = true
		}
	}
	c.lookups = []*correlate.Lookup{}
	for _, l := range c.Lookups {
		if l.Name == "" && l.Capture.Snapped > 0 {
			continue // cut off: lookups of several names look like one that was repeated
		}
		if len(l.Tries) > 0 && !side[l] && !c.serversOwn(l) && !resolvers[l.Client] && !l.Tries[0].Multicast {
			c.lookups = append(c.lookups, l)
		}
	}
	return c.lookups
}

// serversOwn tells whether a lookup is a reverse one of a host that serves SSH:
// it asks who its clients are, though the capture may lack the login.
func (c *Case) serversOwn(l *correlate.Lookup) bool {
	return c.sshHosts[l.Client] && !slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return t.Type != "PTR" })
}

// openLookups are those that no finding of a rule's causes explains already.
func (c *Case) openLookups(r *Rule) []*correlate.Lookup {
	causes := consequences[r.Name]
	if len(causes) == 0 {
		return c.userLookups()
	}
	var list []*correlate.Lookup
	for _, l := range c.userLookups() {
		if !slices.ContainsFunc(c.waiting[l], func(j *correlate.Journey) bool { return c.explainedBy(j, causes) }) {
			list = append(list, l)
		}
	}
	return list
}

// sent lists when the queries of a try left; a capture that began meanwhile may
// hold the answer alone.
func sent(t *correlate.Try) []pcapflow.Stamp {
	if !t.Query.Seen() {
		return t.Repeats
	}
	return append([]pcapflow.Stamp{t.Query}, t.Repeats...)
}

// timed tells whether a try was seen from a query to its answer.
func timed(t *correlate.Try) bool { return t.Answer.Seen() && len(sent(t)) > 0 }

// repeatedQueries counts the packets of those questions that were repeated.
func repeatedQueries(l *correlate.Lookup) int {
	asked, n := unanswered(l), 0
	for i := range l.Tries {
		if t := &l.Tries[i]; asked[t.Type+" "+t.Name] {
			n += len(sent(t))
		}
	}
	return n
}

// retries counts the queries of a lookup that got no answer of their own before
// they were repeated, and the time from each to its repetition. Where each query
// has its answer, or the one that was answered late has it, nothing is missing.
func (c *Case) retries(l *correlate.Lookup) (n int, wait time.Duration) {
	type round struct {
		question string
		at       int64
		answered bool
	}
	var rounds []round
	for i := range l.Tries {
		t := &l.Tries[i]
		for k, s := range sent(t) {
			rounds = append(rounds, round{t.Type + " " + t.Name, s.Time, t.Answer.Seen() && k >= c.late.query(t)})
		}
	}
	slices.SortStableFunc(rounds, func(a, b round) int { return int(min(max(a.at-b.at, -1), 1)) })
	covered := int64(0) // time up to which waiting is already counted
	for i, r := range rounds {
		if r.answered {
			continue
		}
		for _, next := range rounds[i+1:] {
			if next.question == r.question {
				n++
				if from := max(r.at, covered); next.at > from {
					wait += time.Duration(next.at - from)
					covered = next.at
				}
				break
			}
		}
	}
	return n, wait
}

// failover tells whether the lookup moved on to another resolver.
func failover(l *correlate.Lookup) bool { return len(l.Resolvers) > 1 }

func anyAnswer(l *correlate.Lookup) bool {
	return slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return t.Answer.Seen() })
}

func isAAAA(t *correlate.Try) bool { return t.Type == "AAAA" || t.Type == "HTTPS" }

// halves gives the time to the first answer for A, and to the end of waiting
// for AAAA where that was much longer.
func (c *Case) halves(l *correlate.Lookup) (a, slow time.Duration, ok bool) {
	a, slow = -1, -1
	if slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return len(sent(&t)) == 0 }) {
		return a, slow, false
	}
	for i := range l.Tries {
		t := &l.Tries[i]
		end := time.Duration(t.Answer.Time - l.Start.Time)
		switch {
		case t.Type == "A" && t.Answer.Seen() && len(t.Addresses) > 0 && (a < 0 || end < a):
			a = end
		case t.Type == "AAAA" && t.Answer.Seen():
			slow = max(slow, end)
		case t.Type == "AAAA":
			all := sent(t)
			slow = max(slow, time.Duration(all[len(all)-1].Time-l.Start.Time))
		}
	}
	return a, slow, a >= 0 && slow >= a+c.limit(c.rules["dns-slow-aaaa"], lookupCost) && c.exceeds(c.rules["dns-slow-aaaa"], roundTrips, slow, a)
}

func (c *Case) aaaaSlow(l *correlate.Lookup) bool {
	_, _, ok := c.halves(l)
	return ok
}

// aaaaSilent tells that what was asked again is AAAA, in vain, while A was
// answered.
func (c *Case) aaaaSilent(l *correlate.Lookup) bool {
	if !c.aaaaSlow(l) || c.parallelLost(l) {
		return false
	}
	for i := range l.Tries {
		if t := &l.Tries[i]; t.Type == "A" && !t.Answer.Seen() {
			return false
		}
	}
	return true
}

// parallelLost tells that A and AAAA left one socket together, one was answered
// at once, and the other when it was repeated.
func (c *Case) parallelLost(l *correlate.Lookup) bool {
	for i := range l.Tries {
		for k := range l.Tries {
			t, o := &l.Tries[i], &l.Tries[k]
			if t.Type != "A" || !isAAAA(o) || t.Flow != o.Flow || time.Duration(t.Query.Time-o.Query.Time).Abs() > c.limit(c.rules["dns-parallel-query-lost"], oneSocket) {
				continue
			}
			// exactly one of the two was answered at its first asking; the other later
			if first(t) != first(o) && (first(t) && answeredLater(l, o) || first(o) && answeredLater(l, t)) {
				return true
			}
		}
	}
	return false
}

// first tells whether a try was answered before it was repeated.
func first(t *correlate.Try) bool {
	return t.Answer.Seen() && (len(t.Repeats) == 0 || t.Repeats[0].Time > t.Answer.Time)
}

// answeredLater tells whether the question of a try was answered when repeated.
func answeredLater(l *correlate.Lookup, t *correlate.Try) bool {
	for i := range l.Tries {
		o := &l.Tries[i]
		if o.Type == t.Type && o.Name == t.Name && o.Answer.Seen() && o.Answer.Time > t.Query.Time {
			return true
		}
	}
	return false
}

// rcodeOfName is what was answered for the name the user meant.
func rcodeOfName(l *correlate.Lookup) string {
	code := ""
	for _, t := range l.Tries {
		if t.Name == l.Name && t.RCode != "" {
			code = t.RCode
		}
	}
	return code
}

// wantsAddress tells whether a lookup was for an address of a name: what a
// connection waits for.
func wantsAddress(l *correlate.Lookup) bool {
	return slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return t.Type == "A" || t.Type == "AAAA" })
}

// lookupTime is how long the client waited: to the answer it needed, or to its
// last attempt where none came.
func lookupTime(l *correlate.Lookup) time.Duration {
	if !l.Start.Seen() {
		return 0 // its first query was before the capture
	}
	if l.End.Seen() {
		return time.Duration(l.End.Time - l.Start.Time)
	}
	last := l.Start.Time
	for i := range l.Tries {
		for _, s := range sent(&l.Tries[i]) {
			last = max(last, s.Time)
		}
	}
	return time.Duration(last - l.Start.Time)
}

// addLookup notes a lookup, once for each journey that waited for it: the first
// carries its cost and its frames.
func (c *Case) addLookup(found *batches, key string, l *correlate.Lookup, lost time.Duration, more ...Evidence) *batch {
	var b *batch
	for i, j := range c.waiting[l] {
		h := hit{journey: j}
		if i == 0 {
			h.lost, h.evidence = lost, append(lookupFrames(l), more...)
		}
		b = found.add(key, h)
	}
	if b == nil {
		return &batch{} // nobody waited for it
	}
	b.mention(l.Name)
	b.times++
	return b
}

// awaited tells whether somebody is known to have waited for a journey's lookup:
// a connection that followed, or a client program that printed something of it.
// A resolver's or a tester's queries alone are nobody's delay.
func awaited(j *correlate.Journey) bool {
	return j.Service != "dns" || slices.ContainsFunc(j.Lines, func(l correlate.Line) bool { return !serverSide(l.Log) })
}

// lookupFrames points to every packet of a lookup.
func lookupFrames(l *correlate.Lookup) []Evidence {
	var numbers []int
	for i := range l.Tries {
		t := &l.Tries[i]
		numbers = append(numbers, t.Answer.Frame)
		for _, s := range sent(t) {
			numbers = append(numbers, s.Frame)
		}
	}
	return frames(l.Capture, numbers...)
}

var nearAnswer = &Threshold{"near", 60, "s", lang.Text{EN: "how near in time the same resolver answered something else", ES: "cómo de cerca en el tiempo respondió el mismo servidor DNS a otra cosa"}}

// answersNear tells whether the first resolver of a lookup answered any other
// query near to it, by the clock of the same capture.
func (c *Case) answersNear(r *Rule, l *correlate.Lookup) bool {
	return c.answeredWithin(l, l.Resolvers[0], int64(c.limit(r, nearAnswer)))
}

// names joins addresses for a sentence.
func names(addresses []netip.Addr) string {
	parts := make([]string, len(addresses))
	for i, a := range addresses {
		parts[i] = a.String()
	}
	return strings.Join(parts, ", ")
}
