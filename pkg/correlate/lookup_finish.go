package correlate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// finish turns the tries of one lookup into what its client experienced.
func (a *asking) finish(c *incident.Capture) *Lookup {
	l := &Lookup{Capture: c, Client: a.client, Name: a.base, Tries: a.tries}
	l.Start = first(a.tries[0])
	final := a.finalName()
	a.end(l, final)
	a.count(l, final)
	return l
}

func first(t Try) pcapflow.Stamp {
	if t.Query.Seen() {
		return t.Query
	}
	return t.Answer
}

// finalName is the name that answered, or the last one asked.
func (a *asking) finalName() string {
	for i := len(a.tries) - 1; i >= 0; i-- {
		if useful(a.tries[i]) {
			return a.tries[i].Name
		}
	}
	return a.names[len(a.names)-1]
}

// end finds the answer the client waited for: the last of those it needed.
func (a *asking) end(l *Lookup, final string) {
	var failure *Try
	var icmp pcapflow.Stamp
	answered := false
	for _, typ := range typesAsked(a.tries, final) {
		var best *Try
		for i := range a.tries {
			t := &a.tries[i]
			if t.Name != final || t.Type != typ {
				continue
			}
			for _, e := range t.Flow.ICMP {
				if e.Time >= asked(*t) && !e.Better.IsValid() && (!icmp.Seen() || e.Time > icmp.Time) {
					icmp = e.Stamp
				}
			}
			if t.Answer.Seen() && !t.Truncated && better(t, best) {
				best = t
			}
		}
		if best == nil {
			l.Incomplete = l.Incomplete || needed(typ, a.class)
			continue
		}
		if useful(*best) {
			l.addAddresses(best.Addresses)
			answered = true
			l.RCode = "NOERROR"
		} else if failure == nil || best.RCode != "NOERROR" {
			failure = best
		}
		if needed(typ, a.class) && best.Answer.Time >= l.End.Time {
			l.End = best.Answer
		}
	}
	switch {
	case answered:
		l.Outcome = pcapflow.Done
	case failure != nil:
		l.Outcome, l.RCode = pcapflow.Failed, failure.RCode
		if l.RCode == "NOERROR" {
			l.RCode = "NODATA"
		}
		if !l.End.Seen() {
			l.End = failure.Answer
		}
	case icmp.Seen():
		l.Outcome, l.End = pcapflow.Refused, icmp
	case a.half:
		l.Outcome = pcapflow.Unseen
	default:
		l.Outcome = pcapflow.Unanswered
	}
}

// better prefers an answer with data, then a plain no, then an error; among
// equals the first, unless the same query came again after it: then the client
// never had it.
func better(t, than *Try) bool {
	if than == nil || merit(t) != merit(than) {
		return than == nil || merit(t) > merit(than)
	}
	return t.ID == than.ID && t.Flow.Client == than.Flow.Client && than.Answer.Seen() && asked(*t) > than.Answer.Time
}

func merit(t *Try) int {
	switch {
	case useful(*t):
		return 3
	case t.RCode == "NOERROR" || t.RCode == "NXDOMAIN":
		return 2
	}
	return 1
}

// needed: a client with an address waits for A and AAAA, not for HTTPS.
func needed(typ, class string) bool {
	return class != "address" || typ == "A" || typ == "AAAA"
}

func (l *Lookup) addAddresses(list []netip.Addr) {
	for _, a := range list {
		if !slices.Contains(l.Addresses, a) {
			l.Addresses = append(l.Addresses, a)
		}
	}
}

// count fills attempts, waits, resolvers, suffixes and the cost of TCP.
func (a *asking) count(l *Lookup, final string) {
	for _, name := range a.names {
		wait, attempts := time.Duration(0), 0
		for _, typ := range typesAsked(a.tries, name) {
			n, w := a.rounds(name, typ)
			attempts, wait = max(attempts, n), max(wait, w)
		}
		l.Attempts = max(l.Attempts, attempts)
		l.RetryWait += wait
	}
	l.Suffixes = len(a.names) - 1
	if l.Outcome != pcapflow.Done && !slices.Contains(a.names, a.base) {
		l.Suffixes = len(a.names)
	}
	var cut pcapflow.Stamp
	for _, t := range a.tries {
		if !slices.Contains(l.Resolvers, t.Resolver.Addr()) {
			l.Resolvers = append(l.Resolvers, t.Resolver.Addr())
		}
		switch {
		case t.Truncated && t.Answer.Seen() && !cut.Seen():
			cut = t.Answer
		case cut.Seen() && t.Flow.Transport == pcapflow.TCP:
			l.TCP = true
			if t.Answer.Seen() && l.TCPCost == 0 {
				l.TCPCost = time.Duration(t.Answer.Time - cut.Time)
			}
		}
	}
}

// rounds counts how often one question was asked, and the silence between.
// Asking again over TCP after a truncated answer is no further round.
func (a *asking) rounds(name, typ string) (int, time.Duration) {
	n, wait := 0, int64(0)
	for _, t := range a.tries {
		if t.Name != name || t.Type != typ {
			continue
		}
		s := state{}
		if n > 0 {
			s = a.before(name, typ, asked(t))
		}
		if s.truncated && t.Flow.Transport == pcapflow.TCP {
			continue
		}
		if n > 0 {
			wait += asked(t) - max(s.lastQuery, s.word)
		}
		n++
		prev := asked(t)
		for _, r := range t.Repeats {
			wait += r.Time - prev
			prev = r.Time
			n++
		}
	}
	return n, time.Duration(wait)
}

// before is at for the tries that began strictly earlier than q.
func (a *asking) before(name, typ string, q int64) state {
	var s state
	for _, t := range a.tries {
		if t.Name == name && t.Type == typ && asked(t) < q {
			s.observe(t, q)
		}
	}
	return s
}
