package correlate

import (
	"slices"
	"sort"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// released is how soon a host sends what waited for a neighbour's address.
const released = int64(5 * time.Millisecond)

// longest is the longest a neighbour resolution is looked back for.
const longest = int64(10 * time.Second)

// neighbours finds the resolutions that held a journey up. A host that asks whether
// an address that it knows still holds sends meanwhile.
type neighbours struct {
	of map[*incident.Capture][]*pcapflow.Resolution // in order of first request
}

func neighboursOf(inc *incident.Incident) *neighbours {
	n := &neighbours{of: map[*incident.Capture][]*pcapflow.Resolution{}}
	for _, c := range inc.Captures {
		var list []*pcapflow.Resolution
		for _, r := range c.Neighbours {
			if !r.Gratuitous && len(r.Requests) > 0 && !r.Confirms() {
				list = append(list, r)
			}
		}
		slices.SortStableFunc(list, func(a, b *pcapflow.Resolution) int {
			return int(min(max(a.Requests[0].Time-b.Requests[0].Time, -1), 1))
		})
		n.of[c] = list
	}
	return n
}

// within lists the resolutions of a capture that began in [from, to].
func (n *neighbours) within(c *incident.Capture, from, to int64) []*pcapflow.Resolution {
	list := n.of[c]
	i := sort.Search(len(list), func(i int) bool { return list[i].Requests[0].Time >= from })
	k := sort.Search(len(list), func(i int) bool { return list[i].Requests[0].Time > to })
	return list[i:max(i, k)]
}

// before lists the resolutions by the sender of p's flow that its packet at s
// waited for: answered just before it left.
func (n *neighbours) before(h *hosts, p Point, s pcapflow.Stamp) []*pcapflow.Resolution {
	var list []*pcapflow.Resolution
	for _, r := range n.within(p.Capture, s.Time-longest, s.Time) {
		if r.Reply.Seen() && seenBefore(r.Reply, s) && s.Time-r.Reply.Time <= released && h.is(r.Asker, p.Flow.Client.Addr()) {
			list = append(list, r)
		}
	}
	return list
}

// holding lists the resolutions that held up a conversation's beginning: the
// client's own, before its query or its SYN; and on the way, between the SYN
// and its answer, those for the server or back to the client.
func (n *neighbours) holding(h *hosts, j *joint, l *Lookup) []*pcapflow.Resolution {
	p := j.points[0]
	var list []*pcapflow.Resolution
	if l != nil && l.Capture == p.Capture {
		list = append(list, n.before(h, Point{Capture: l.Capture, Flow: l.Tries[0].Flow}, l.Start)...)
	}
	syn, ok := firstSYN(p.Flow)
	if !ok {
		return list
	}
	list = append(list, n.before(h, p, syn)...)
	if p.Flow.Conn == nil {
		return list
	}
	until := p.Flow.End.Time
	if len(p.Flow.Conn.SYNACK) > 0 {
		until = p.Flow.Conn.SYNACK[0].Time
	}
	for _, r := range n.within(p.Capture, syn.Time, until) {
		if h.is(r.Target, p.Flow.Server.Addr()) || h.is(r.Target, p.Flow.Client.Addr()) {
			if !slices.Contains(list, r) && (!r.Reply.Seen() || r.Reply.Time <= until) {
				list = append(list, r)
			}
		}
	}
	return list
}

// unanswered finds the resolution that failed right after a lookup gave the
// address it asks for: nothing else was ever sent.
func (n *neighbours) unanswered(h *hosts, l *Lookup) *pcapflow.Resolution {
	if !l.End.Seen() || l.Outcome != pcapflow.Done {
		return nil
	}
	for _, r := range n.within(l.Capture, l.End.Time, l.End.Time+soonAfter) {
		if !r.Reply.Seen() && slices.Contains(l.Addresses, r.Target) && h.is(r.Asker, l.Client) {
			return r
		}
	}
	return nil
}
