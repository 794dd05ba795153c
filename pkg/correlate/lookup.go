package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Patience of resolvers, as far as grouping depends on it.
const (
	// soonestRetry is shorter than any resolver's first timeout (c-ares may go
	// down to 250 ms): the same question from another socket before that is
	// another program's.
	soonestRetry = int64(200 * time.Millisecond)
	// latestRetry is longer than any pause between two attempts of a lookup.
	latestRetry = int64(30 * time.Second)
	// atOnce is how soon a resolver goes on after an answer that did not help.
	atOnce = int64(50 * time.Millisecond)
	// together is how far apart the questions of one lookup leave when they use
	// sockets of their own.
	together = int64(20 * time.Millisecond)
	// sameSocket is how long a socket that asked for one family may take to ask
	// for the other.
	sameSocket = int64(5 * time.Second)
	// mostTries ends a lookup that never does: a program asks for a name in vain, for
	// days.
	mostTries = 1024
)

// asking is a lookup under construction.
type asking struct {
	class  string // "address", or the exact type
	client netip.Addr
	names  []string // in the order asked
	base   string   // what the names have in common at their front
	tries  []Try
	last   int64 // latest query
	acts   *acts
	half   bool // the capture holds no packet that answers
}

// class of a question type: the types a resolver asks together are one.
func class(typ string) string {
	switch typ {
	case "A", "AAAA", "HTTPS", "SVCB":
		return "address"
	}
	return typ
}

// lookupsOf groups the transactions of a capture, in order of time, into lookups as
// their clients waited for them, in order of start.
func lookupsOf(c *incident.Capture, tries []Try) []*Lookup {
	open := map[openKey][]*asking{}
	acts, half := actsOf(c, tries), OneWay(c)
	var all []*asking
	for _, t := range tries {
		key := openKey{t.Flow.Client.Addr(), class(t.Type), firstLabel(t.Name), t.Flow.Clock}
		list := open[key]
		for len(list) > 0 && asked(t)-list[0].last > 2*latestRetry {
			list = list[1:]
		}
		a := takerOf(list, t)
		if a == nil {
			a = &asking{class: key.class, client: key.client, acts: acts, half: half}
			all = append(all, a)
			list = append(list, a)
		}
		open[key] = list
		a.add(t)
	}
	lookups := make([]*Lookup, 0, len(all))
	for _, a := range all {
		lookups = append(lookups, a.finish(c))
	}
	return lookups
}

type openKey struct {
	client netip.Addr
	class  string
	label  string
	clock  capture.ClockID // the interfaces of one capture may have seen the same packets
}

func firstLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label
}

// everybody is the limited broadcast (RFC 919, section 7).
var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// triesOf lists the transactions of a capture in order of time.
func triesOf(c *incident.Capture) []Try {
	var tries []Try
	for _, f := range c.Flows {
		for i := range f.DNS {
			t := &f.DNS[i]
			if t.Multicast || t.Opcode != 0 || !t.Query.Seen() && !t.Answer.Seen() || f.Server.Addr() == everybody {
				continue // a NOTIFY or an UPDATE asks for no name; who calls everybody asks no resolver
			}
			tries = append(tries, Try{Transaction: t, Flow: f, Resolver: f.Server})
		}
	}
	slices.SortStableFunc(tries, func(a, b Try) int { return cmp.Compare(asked(a), asked(b)) })
	return tries
}

// asked is when a try began; a query the capture lacks is as old as its answer.
func asked(t Try) int64 {
	if t.Query.Seen() {
		return t.Query.Time
	}
	return t.Answer.Time
}

// takerOf finds the lookup under construction that t continues: first one that
// used the same socket, then the latest. Of a client that asks for much, as resolvers
// do, the latest ones alone are considered.
func takerOf(list []*asking, t Try) *asking {
	var other *asking
	for i := len(list) - 1; i >= max(0, len(list)-considered); i-- {
		a := list[i]
		if !a.takes(t) {
			continue
		}
		if a.sharesSocket(t) {
			return a
		}
		if other == nil {
			other = a
		}
	}
	return other
}

func (a *asking) sharesSocket(t Try) bool {
	for i := len(a.tries) - 1; i >= 0; i-- {
		if a.tries[i].Flow.Client.Port() == t.Flow.Client.Port() {
			return true
		}
	}
	return false
}

func (a *asking) add(t Try) {
	if !slices.Contains(a.names, t.Name) {
		a.names = append(a.names, t.Name)
		if len(a.names) == 1 {
			a.base = t.Name
		} else {
			a.base = commonFront(a.base, t.Name)
		}
	}
	a.tries = append(a.tries, t)
	a.last = max(a.last, asked(t))
	if n := len(t.Repeats); n > 0 {
		a.last = max(a.last, t.Repeats[n-1].Time)
	}
}

// state of one question (or one name) of a lookup at an instant.
type state struct {
	asked     bool
	lastQuery int64
	helped    bool  // an answer that settles the question: data, NODATA, NXDOMAIN
	useful    bool  // with data
	failed    bool  // SERVFAIL, REFUSED, …, or ICMP
	truncated bool  //
	answer    int64 // the latest answer, or ICMP error
	word      int64 // the latest answer alone
}

// at tells how name and typ ("": any) stood just before instant q.
func (a *asking) at(name, typ string, q int64) state {
	var s state
	for _, t := range a.tries {
		if t.Name != name || typ != "" && t.Type != typ {
			continue
		}
		s.observe(t, q)
	}
	return s
}

func (s *state) observe(t Try, q int64) {
	s.asked = true
	s.lastQuery = max(s.lastQuery, asked(t))
	for _, r := range t.Repeats {
		if r.Time <= q {
			s.lastQuery = max(s.lastQuery, r.Time)
		}
	}
	if t.Answer.Seen() && t.Answer.Time <= q {
		s.answer = max(s.answer, t.Answer.Time)
		s.word = max(s.word, t.Answer.Time)
		switch {
		case t.Truncated:
			s.truncated = true
		case useful(t):
			s.helped, s.useful = true, true
		case t.RCode == "NOERROR" || t.RCode == "NXDOMAIN":
			s.helped = true
		default:
			s.failed = true
		}
		return
	}
	for _, e := range t.Flow.ICMP {
		if e.Time >= asked(t) && e.Time <= q && !e.Better.IsValid() {
			s.failed = true
			s.answer = max(s.answer, e.Time)
			return
		}
	}
}

// useful: the answer holds what was asked for.
func useful(t Try) bool {
	if t.RCode != "NOERROR" || t.Truncated {
		return false
	}
	if t.Type == "A" || t.Type == "AAAA" {
		return len(t.Addresses) > 0 || t.Unread > 0 // a name server has no other use for records without an error
	}
	return t.Records > 0
}

// takes tells whether t is a further step of this lookup.
func (a *asking) takes(t Try) bool {
	q := asked(t)
	if q-a.last > latestRetry || len(a.tries) >= mostTries {
		return false
	}
	if a.half && !a.sharesSocket(t) && q-a.last > together {
		return false // it may have been answered long since
	}
	if slices.Contains(a.names, t.Name) {
		return a.takesQuestion(t, q)
	}
	return a.takesName(t, q)
}

// takesQuestion: the same name again, or its other family.
func (a *asking) takesQuestion(t Try, q int64) bool {
	s := a.at(t.Name, t.Type, q)
	if !s.asked {
		name := a.at(t.Name, "", q)
		if a.sharesSocket(t) && q-name.lastQuery <= sameSocket {
			return true
		}
		return q-name.lastQuery <= together || name.answer > 0 && !name.failed && q-name.answer <= together
	}
	wait := q - s.lastQuery
	switch {
	case s.truncated && !s.helped:
		return t.Flow.Transport == pcapflow.TCP || wait >= soonestRetry || q-s.answer <= atOnce
	case s.helped:
		// The answer is there. A lookup that still waits for its other family
		// asks for both again; and the very same query again says that the
		// answer never arrived.
		return a.waitsBeside(t, q) && !a.acted(t, s.answer) || a.repeats(t)
	case s.failed:
		return q-s.answer <= atOnce || a.repeats(t)
	}
	return wait >= soonestRetry && !a.acted(t, s.lastQuery) || a.sharesSocket(t)
}

// repeats tells whether t is a query sent before: same socket, ID and question.
func (a *asking) repeats(t Try) bool {
	for _, x := range a.tries {
		if x.ID == t.ID && x.Name == t.Name && x.Type == t.Type && x.Flow.Client == t.Flow.Client && x.Resolver == t.Resolver {
			return true
		}
	}
	return false
}

// waitsBeside tells whether the sibling question of t has been silent long
// enough for a resolver to repeat the pair.
func (a *asking) waitsBeside(t Try, q int64) bool {
	if a.class != "address" {
		return false
	}
	for _, typ := range []string{"A", "AAAA"} {
		if typ == t.Type {
			continue
		}
		s := a.at(t.Name, typ, q)
		if s.asked && !s.helped && !s.truncated {
			// The sibling itself may have been asked again just now.
			first := a.at(t.Name, t.Type, q).lastQuery
			return q-first >= soonestRetry
		}
	}
	return false
}

// takesName: the next name of a search list.
func (a *asking) takesName(t Try, q int64) bool {
	front := commonFront(a.base, t.Name)
	if front == "" {
		return false
	}
	cur := a.names[len(a.names)-1]
	var quiet, settled = true, true
	var answer int64
	for _, typ := range typesAsked(a.tries, cur) {
		s := a.at(cur, typ, q)
		if s.useful {
			return false
		}
		answer = max(answer, s.answer)
		if !s.helped && !s.failed {
			settled = false
			quiet = quiet && q-s.lastQuery >= soonestRetry
		}
	}
	// name, then name.suffix; or name.suffix, then name
	if t.Name == front || a.base == front {
		if settled {
			return q-answer <= atOnce
		}
		return quiet
	}
	// name.one, then name.two: nothing but haste ties them
	return settled && q-answer <= together
}

func typesAsked(tries []Try, name string) []string {
	var types []string
	for _, t := range tries {
		if t.Name == name && !slices.Contains(types, t.Type) {
			types = append(types, t.Type)
		}
	}
	return types
}

// commonFront returns the leading labels two names share, "" for none.
func commonFront(a, b string) string {
	if len(a) > len(b) {
		a, b = b, a
	}
	end := 0
	for i := 0; i <= len(a); i++ {
		atEndA := i == len(a)
		atEndB := i == len(b)
		if (atEndA || a[i] == '.') && (atEndB || b[i] == '.') {
			end = i
		}
		if atEndA || atEndB || a[i] != b[i] {
			break
		}
	}
	return a[:end]
}
