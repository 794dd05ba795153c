package correlate

import (
	"net/netip"
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
	for i, a := range e.inc.Captures {
		answers := answersOf(a)
		if len(answers) == 0 {
			continue
		}
		own := synsOf(a)
		for k, b := range e.inc.Captures {
			if i == k || a.Last.Time == 0 || b.Last.Time == 0 {
				continue
			}
			syns := synsOf(b)
			groups := numbers[pairing]{}
			var lines, partners []clock.Instant
			asks := clientsOf(answersOf(b))
			for n, s := range syns {
				if !asks[s.client] {
					lines = append(lines, clock.Instant{Low: s.at, High: s.at + 1, Group: groups.of(s.pairing), Ref: n})
				}
			}
			connects := map[pairing]bool{}
			for _, s := range own {
				connects[s.pairing] = true
			}
			for n, s := range answers {
				if !connects[s.pairing] {
					partners = append(partners, clock.Instant{Low: s.at, High: s.at + promptly, Group: groups.of(s.pairing), Ref: n})
				}
			}
			if len(lines) == 0 || len(partners) == 0 {
				continue
			}
			x, y := e.byKey[captureKey(i, 0)], e.byKey[captureKey(k, 0)]
			if x == nil || y == nil {
				continue
			}
			e.choices++
			e.series = append(e.series, clock.Series{A: x.ID, B: y.ID, Lines: lines, Partners: partners, Method: clock.Intervals, Choice: e.choices})
			e.origins = append(e.origins, origin{capture: a})
		}
	}
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
