package diagnose

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// lookupIndex finds lookups beside one without going through all of them; each part
// is made when it is first asked for.
type lookupIndex struct {
	answered  map[away][]*correlate.Lookup // that a resolver answered, in order of start
	passing   map[passage][]*correlate.Lookup
	questions map[inquiry]*inquired
	logged    map[*incident.Log]*questionLog
	around    map[loggedClient]*surrounding
}

// answeredBy lists the lookups of a capture of which a resolver answered a question,
// in order of start.
func (c *Case) answeredBy(k *incident.Capture, resolver netip.Addr) []*correlate.Lookup {
	x := &c.beside
	if x.answered == nil {
		x.answered = map[away][]*correlate.Lookup{}
		for _, l := range c.Lookups {
			for i := range l.Tries {
				t := &l.Tries[i]
				at := away{l.Capture, t.Resolver.Addr()}
				if list := x.answered[at]; t.Answer.Seen() && (len(list) == 0 || list[len(list)-1] != l) {
					x.answered[at] = append(list, l)
				}
			}
		}
		for _, list := range x.answered {
			slices.SortStableFunc(list, func(a, b *correlate.Lookup) int { return cmp.Compare(a.Start.Time, b.Start.Time) })
		}
	}
	return x.answered[away{k, resolver}]
}

// answeredWithin tells whether a resolver answered another lookup than l that began
// within so many ns of it, by the clock of the same capture.
func (c *Case) answeredWithin(l *correlate.Lookup, resolver netip.Addr, near int64) bool {
	list := c.answeredBy(l.Capture, resolver)
	first := sort.Search(len(list), func(i int) bool { return list[i].Start.Time >= l.Start.Time-near })
	for _, o := range list[first:] {
		if o.Start.Time > l.Start.Time+near {
			return false
		}
		if o != l {
			return true
		}
	}
	return false
}

// passage is a client's way to its first resolver, through a further capture.
type passage struct {
	capture          *incident.Capture
	client, resolver netip.Addr
}

// onTheWay tells whether a capture holds another lookup of the same client at the
// same resolver.
func (c *Case) onTheWay(k *incident.Capture, l *correlate.Lookup) bool {
	x := &c.beside
	if x.passing == nil {
		x.passing = map[passage][]*correlate.Lookup{}
		for _, o := range c.Lookups {
			for _, other := range o.Others {
				for _, resolver := range o.Resolvers {
					if len(o.Resolvers) > 1 && !slices.Contains(other.Resolvers, resolver) {
						continue // only the questions to another resolver passed there
					}
					p := passage{other.Capture, o.Client, resolver}
					if list := x.passing[p]; len(list) < 2 && !slices.Contains(list, o) {
						x.passing[p] = append(list, o)
					}
				}
			}
		}
	}
	return slices.ContainsFunc(x.passing[passage{k, l.Client, l.Resolvers[0]}], func(o *correlate.Lookup) bool { return o != l })
}

// inquiry is a question of one client in one capture.
type inquiry struct {
	capture  *incident.Capture
	client   netip.Addr
	question string
}

// inquired counts what was sent and heard of an inquiry, in all lookups.
type inquired struct {
	sent, heard int
	repeated    []*correlate.Lookup // that repeated it in one transaction: the first two
}

// inquiry is what was sent and heard of a question by a lookup's client; nil: it was
// not asked.
func (c *Case) inquiry(l *correlate.Lookup, question string) *inquired {
	x := &c.beside
	if x.questions == nil {
		x.questions = map[inquiry]*inquired{}
		for _, o := range c.Lookups {
			for i := range o.Tries {
				t := &o.Tries[i]
				key := inquiry{o.Capture, o.Client, t.Type + " " + t.Name}
				q := x.questions[key]
				if q == nil {
					q = &inquired{}
					x.questions[key] = q
				}
				q.sent, q.heard = q.sent+len(sent(t)), q.heard+heard(t)
				if len(t.Repeats) > 0 && len(q.repeated) < 2 && !slices.Contains(q.repeated, o) {
					q.repeated = append(q.repeated, o)
				}
			}
		}
	}
	return x.questions[inquiry{l.Capture, l.Client, question}]
}

// questionLog is what a log has of lookups.
type questionLog struct {
	clients map[netip.Addr]*loggedQuestions
	answers bool // it writes them, not questions alone
}

// loggedQuestions are the lines of one client in a log.
type loggedQuestions struct {
	names            map[string]bool
	queries, replies map[string]int // by question
}

// questionLog gathers the lookups of a log.
func (c *Case) questionLog(g *incident.Log) *questionLog {
	x := &c.beside
	if x.logged == nil {
		x.logged = map[*incident.Log]*questionLog{}
	}
	if done := x.logged[g]; done != nil {
		return done
	}
	l := &questionLog{clients: map[netip.Addr]*loggedQuestions{}}
	for i := range g.Events {
		e := &g.Events[i]
		if e.Kind != logparse.DNSQuery && e.Kind != logparse.DNSReply {
			continue
		}
		q := l.clients[e.Client.Addr().Unmap()]
		if q == nil {
			q = &loggedQuestions{map[string]bool{}, map[string]int{}, map[string]int{}}
			l.clients[e.Client.Addr().Unmap()] = q
		}
		name := pcapflow.PlainName(e.Name)
		q.names[name] = true
		if e.Kind == logparse.DNSQuery {
			q.queries[e.Type+" "+name]++
		} else {
			q.replies[e.Type+" "+name]++
			l.answers = true
		}
	}
	x.logged[g] = l
	return l
}

// logged are the questions of a client in a log; nil: there are none.
func (c *Case) logged(g *incident.Log, client netip.Addr) *loggedQuestions {
	return c.questionLog(g).clients[client.Unmap()]
}

// writesAnswers tells whether a log has answers to lookups, not questions alone.
func (c *Case) writesAnswers(g *incident.Log) bool { return c.questionLog(g).answers }

// loggedClient is a client of a capture whose lines are in a log.
type loggedClient struct {
	log     *incident.Log
	capture *incident.Capture
	client  netip.Addr
}

// surrounding are the first and the last lookups whose names a log has, of two
// different names each.
type surrounding struct{ first, last [2]*correlate.Lookup }

// surrounded tells whether a log has lines of lookups of l's client for other names
// from before it and from behind it.
func (c *Case) surrounded(g *incident.Log, l *correlate.Lookup) bool {
	x := &c.beside
	if x.around == nil {
		x.around = map[loggedClient]*surrounding{}
		for _, g := range c.Incident.Logs {
			for _, o := range c.Lookups {
				q := c.logged(g, o.Client)
				if q == nil || !q.names[pcapflow.PlainName(o.Name)] {
					continue
				}
				key := loggedClient{g, o.Capture, o.Client}
				s := x.around[key]
				if s == nil {
					s = &surrounding{}
					x.around[key] = s
				}
				s.add(o)
			}
		}
	}
	s := x.around[loggedClient{g, l.Capture, l.Client}]
	if s == nil {
		return false
	}
	other := func(list [2]*correlate.Lookup, fits func(int64) bool) bool {
		return slices.ContainsFunc(list[:], func(o *correlate.Lookup) bool { return o != nil && o.Name != l.Name && fits(o.Start.Time) })
	}
	return other(s.first, func(t int64) bool { return t < l.Start.Time }) && other(s.last, func(t int64) bool { return t > l.Start.Time })
}

func (s *surrounding) add(o *correlate.Lookup) {
	keep := func(list *[2]*correlate.Lookup, nearer func(a, b int64) bool) {
		a, b := list[0], list[1]
		switch {
		case a == nil:
			list[0] = o
		case o.Name == a.Name:
			if nearer(o.Start.Time, a.Start.Time) {
				list[0] = o
			}
		case nearer(o.Start.Time, a.Start.Time):
			list[0], list[1] = o, a
		case b == nil || nearer(o.Start.Time, b.Start.Time):
			list[1] = o
		}
	}
	keep(&s.first, func(a, b int64) bool { return a < b })
	keep(&s.last, func(a, b int64) bool { return a > b })
}
