package correlate

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// promptly is how soon after the answer that names a server a program connects
// to it.
const promptly = int64(60 * time.Millisecond)

// pairing is a client and the server a name led it to.
type pairing struct {
	client, server netip.Addr
}

// lookupsAndConnections relates two captures that share no packets because one
// holds a client's DNS and the other its connections: a connection follows the
// answer that names its server.
func (e *evidence) lookupsAndConnections() {
	n := len(e.inc.Captures)
	answers, syns := make([][]led, n), make([][]led, n)
	began := map[pairing][]int{} // captures that saw such a connection begin, in order
	for i, c := range e.inc.Captures {
		answers[i], syns[i] = answersOf(c), synsOf(c)
		for _, s := range syns[i] {
			if list := began[s.pairing]; len(list) == 0 || list[len(list)-1] != i {
				began[s.pairing] = append(list, i)
			}
		}
	}
	for i, a := range e.inc.Captures {
		if len(answers[i]) == 0 || a.Last.Time == 0 {
			continue
		}
		connects, beside := map[pairing]bool{}, map[int]bool{}
		for _, s := range syns[i] {
			connects[s.pairing] = true
		}
		for _, s := range answers[i] {
			if !connects[s.pairing] {
				for _, k := range began[s.pairing] {
					beside[k] = k != i && e.inc.Captures[k].Last.Time != 0
				}
			}
		}
		for _, k := range slices.Sorted(maps.Keys(beside)) {
			if beside[k] {
				e.ledTo(i, k, answers, syns, connects)
			}
		}
	}
}

// ledTo relates capture i, which holds answers, to capture k, which holds connections.
func (e *evidence) ledTo(i, k int, answers, syns [][]led, connects map[pairing]bool) {
	groups := numbers[pairing]{}
	var lines, partners []clock.Instant
	asks := clientsOf(answers[k])
	for n, s := range syns[k] {
		if !asks[s.client] {
			lines = append(lines, clock.Instant{Low: s.at, High: s.at + 1, Group: groups.of(s.pairing), Ref: n})
		}
	}
	for n, s := range answers[i] {
		if !connects[s.pairing] {
			partners = append(partners, clock.Instant{Low: s.at, High: s.at + promptly, Group: groups.of(s.pairing), Ref: n})
		}
	}
	x, y := e.byKey[captureKey(i, 0)], e.byKey[captureKey(k, 0)]
	if len(lines) == 0 || len(partners) == 0 || x == nil || y == nil {
		return
	}
	e.choices++
	e.series = append(e.series, clock.Series{A: x.ID, B: y.ID, Lines: lines, Partners: partners, Method: clock.Intervals, Choice: e.choices})
	e.origins = append(e.origins, origin{capture: e.inc.Captures[i]})
}

// led is an instant of a pairing.
type led struct {
	pairing
	at int64
}

// answersOf lists the answers of a capture that name addresses.
func answersOf(c *incident.Capture) []led {
	var list []led
	for _, f := range c.Flows {
		for i := range f.DNS {
			t := &f.DNS[i]
			for _, a := range t.Addresses {
				if t.Answer.Seen() {
					list = append(list, led{pairing{plainAddr(f.Client.Addr()), plainAddr(a)}, t.Answer.Time})
				}
			}
		}
	}
	return list
}

// synsOf lists the connections of a capture that it saw begin.
func synsOf(c *incident.Capture) []led {
	var list []led
	for _, f := range c.Flows {
		if f.Transport == pcapflow.TCP && f.Conn != nil && len(f.Conn.SYN) > 0 && len(f.DNS) == 0 {
			list = append(list, led{pairing{plainAddr(f.Client.Addr()), plainAddr(f.Server.Addr())}, f.Conn.SYN[0].Time})
		}
	}
	return list
}

func clientsOf(list []led) map[netip.Addr]bool {
	m := map[netip.Addr]bool{}
	for _, s := range list {
		m[s.client] = true
	}
	return m
}
