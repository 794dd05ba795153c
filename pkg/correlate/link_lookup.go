package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// How long after a lookup a connection may leave and still have waited for it.
const (
	// soonAfter: programs connect at once; a resolver thread on a busy machine
	// hands its result over up to a few tenths of a second later.
	soonAfter = int64(time.Second)
	// patience: a lookup with a silent question ends when the resolver gives up,
	// 15 s after it last asked at most.
	patience = int64(15 * time.Second)
	// memory: how far back a lookup is looked for that explains a cached name.
	memory = int64(time.Hour)
	// considered bounds the lookups looked at for one connection, or for one question.
	considered = 256
)

// linker ties lookups to the conversations that waited for them.
type linker struct {
	tb     timebase
	hosts  *hosts
	byHost map[int][]timedLookup
	owner  map[*Lookup]*joint
	cut    int   // connections of which more lookups came before than are considered
	loose  int64 // the most that is not known of a start on the reference clock, ns
}

type timedLookup struct {
	*Lookup
	start int64 // on the reference clock
}

func newLinker(tb timebase, h *hosts, lookups []*Lookup) *linker {
	k := &linker{tb: tb, hosts: h, byHost: map[int][]timedLookup{}, owner: map[*Lookup]*joint{}}
	for _, l := range lookups {
		start := l.Start.Time
		if sp, ok := tb.packet(l.source(), start); ok {
			start = sp.at
			k.loose = max(k.loose, sp.high-sp.low)
		}
		id := h.id(l.Client)
		k.byHost[id] = append(k.byHost[id], timedLookup{l, start})
	}
	for _, list := range k.byHost {
		slices.SortStableFunc(list, func(a, b timedLookup) int { return cmp.Compare(a.start, b.start) })
	}
	return k
}

// during lists the lookups of a host that may have begun while a journey went on, in
// order of start, and perhaps some beside.
func (k *linker) during(host int, j *Journey) []timedLookup {
	const beside = 2 * second // that the reference makes longer or shorter what one clock measured
	list, here := k.byHost[host], sourceOf(j.Points[0])
	from, to, wide := j.Start.Time, j.End.Time, k.loose+beside
	if a, ok := k.tb.packet(here, from); ok {
		from, wide = a.at, wide+a.high-a.low
	}
	if b, ok := k.tb.packet(here, to); ok {
		to, wide = b.at, wide+b.high-b.low
	}
	first := sort.Search(len(list), func(i int) bool { return list[i].start >= from-wide })
	end := sort.Search(len(list), func(i int) bool { return list[i].start > to+wide })
	return list[first:max(first, end)]
}

// find sets j.lookup to the lookup that gave j its server's address, and owns
// it where j is the first that waited for it.
func (k *linker) find(j *joint) {
	syn, ok := firstSYN(j.flow())
	if !ok {
		return
	}
	names := namesOf(j)
	servers := serverAddrs(j)
	at := syn.Time
	if sp, ok := k.tb.packet(j.source(), syn.Time); ok {
		at = sp.at
	}
	list := k.byHost[k.hosts.clientHost(j)]
	// Lookups of other captures may be off by what is not known of their clocks.
	end := sort.Search(len(list), func(i int) bool { return list[i].start > at+soonAfter })
	var used *Lookup
	for i, n := end-1, 0; i >= 0; i, n = i-1, n+1 {
		l := list[i].Lookup
		if at-list[i].start > memory {
			break
		}
		if n == considered {
			k.cut++
			break
		}
		if !answers(l, servers, names) {
			continue
		}
		gap, ok := k.gap(l, j, syn, servers)
		if !ok {
			continue
		}
		waited := gap <= soonAfter || l.Incomplete && gap <= patience
		if waited && k.owner[l] == nil {
			j.lookup = l
			k.owner[l] = j
			k.endAt(l, j, syn)
			return
		}
		if used == nil {
			used = l
		}
	}
	j.lookup = used
}

// namesOf lists the names a conversation shows: SNI, Host headers.
func namesOf(j *joint) []string {
	var names []string
	if n := flowName(j); n != "" {
		names = append(names, n)
	}
	for _, jn := range j.journeys {
		if jn.Name != "" && !slices.Contains(names, jn.Name) {
			names = append(names, jn.Name)
		}
	}
	return names
}

// answers: the lookup gave one of the addresses, for one of the names where
// names are known.
func answers(l *Lookup, servers []netip.Addr, names []string) bool {
	found := false
	for _, a := range servers {
		found = found || slices.Contains(l.Addresses, a)
	}
	if !found || len(names) == 0 {
		return found
	}
	for _, n := range names {
		if l.Name == n {
			return true
		}
		for _, t := range l.Tries {
			if t.Name == n {
				return true
			}
		}
	}
	return false
}

// gap is the time from what the client needed of the lookup to the SYN; ok is
// false where the address was not known yet.
func (k *linker) gap(l *Lookup, j *joint, syn pcapflow.Stamp, servers []netip.Addr) (int64, bool) {
	best, ok := int64(0), false
	last := int64(0)
	for _, t := range l.Tries {
		last = max(last, lastAsked(t))
		if !t.Answer.Seen() || !holds(t, servers) {
			continue
		}
		diff, slack, known := between(k.tb, l.source(), t.Answer.Time, j.source(), syn.Time)
		if known && diff >= -slack && (!ok || diff < best) {
			best, ok = diff, true
		}
	}
	if !ok {
		return 0, false
	}
	if l.End.Seen() {
		if diff, _, known := between(k.tb, l.source(), l.End.Time, j.source(), syn.Time); known && diff >= 0 && diff < best {
			best = diff
		}
	}
	if l.Incomplete {
		if diff, _, known := between(k.tb, l.source(), last, j.source(), syn.Time); known && diff >= 0 && diff < best {
			best = diff
		}
	}
	return best, true
}

func lastAsked(t Try) int64 {
	if n := len(t.Repeats); n > 0 {
		return t.Repeats[n-1].Time
	}
	return asked(t)
}

func holds(t Try, servers []netip.Addr) bool {
	for _, a := range servers {
		if slices.Contains(t.Addresses, a) {
			return true
		}
	}
	return false
}

// endAt corrects a lookup's end by what its owner did: a SYN that left before
// the last answer did not wait for it, and one that left long after a silent
// question had waited until then.
func (k *linker) endAt(l *Lookup, j *joint, syn pcapflow.Stamp) {
	here := l.source().capture == j.source().capture
	if l.Incomplete {
		if here {
			l.End = syn
		} else if s, ok := carry(k.tb, j.source(), syn, l.source(), l.Start.Time); ok {
			l.End = pcapflow.Stamp{Time: s.Time, Frame: l.End.Frame}
		}
		return
	}
	if diff, slack, ok := between(k.tb, l.source(), l.End.Time, j.source(), syn.Time); ok && diff < -slack {
		var last pcapflow.Stamp
		for _, t := range l.Tries {
			d, _, _ := between(k.tb, l.source(), t.Answer.Time, j.source(), syn.Time)
			if t.Answer.Seen() && useful(t) && d >= -slack && (!last.Seen() || t.Answer.Time > last.Time) {
				last = t.Answer
			}
		}
		if last.Seen() {
			l.End = last
		}
	}
}

// adoptTCP gives truncated lookups the connections that were tried after the
// truncated answer and carried no transaction: TCP to the resolver that is
// filtered or refused. It returns the connections that were given away.
func adoptTCP(lookups []*Lookup, joints []*joint) map[*pcapflow.Flow]bool {
	adopted := map[*pcapflow.Flow]bool{}
	type key struct {
		capture        *incident.Capture
		client, server netip.Addr
	}
	silent := map[key][]*pcapflow.Flow{} // in order of start
	for _, j := range joints {
		for _, p := range j.points {
			f := p.Flow
			if f.Transport == pcapflow.TCP && f.Server.Port() == 53 && len(f.DNS) == 0 {
				k := key{p.Capture, f.Client.Addr(), f.Server.Addr()}
				silent[k] = append(silent[k], f)
			}
		}
	}
	if len(silent) == 0 {
		return adopted
	}
	for _, list := range silent {
		slices.SortStableFunc(list, func(a, b *pcapflow.Flow) int { return cmp.Compare(a.Start.Time, b.Start.Time) })
	}
	for _, l := range lookups {
		for _, t := range l.Tries {
			if !t.Truncated || !t.Answer.Seen() {
				continue
			}
			after := t.Answer.Time
			list := silent[key{l.Capture, t.Flow.Client.Addr(), t.Resolver.Addr()}]
			at := sort.Search(len(list), func(i int) bool { return list[i].Start.Time >= after })
			for _, f := range list[at:] {
				if f.Start.Time > after+soonAfter {
					break
				}
				if f.Start.Time >= after && !slices.Contains(l.TCPFlows, f) {
					l.TCP = true
					l.TCPFlows = append(l.TCPFlows, f)
					adopted[f] = true
					after = max(after, f.End.Time) // a resolver tries one after the other
				}
			}
		}
		if len(l.TCPFlows) > 0 && l.Outcome != pcapflow.Done {
			last := l.TCPFlows[len(l.TCPFlows)-1]
			if !l.End.Seen() || last.End.Time > l.End.Time {
				l.End = last.End
			}
			if l.Outcome == pcapflow.Unanswered && last.Conn != nil && len(last.Conn.RST) > 0 {
				l.Outcome = pcapflow.Refused
			}
		}
	}
	return adopted
}
