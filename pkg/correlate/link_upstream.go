package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Upstream is the kind of link from what a server itself asked of another one to
// the journey that waited for it.
const Upstream = "upstream"

// waited is a journey, and from when to when its server had the request and owed
// the answer, on the reference clock.
type waited struct {
	journey  *Journey
	from, to int64
	slack    int64
}

// linkUpstream ties what a server asked of another one to the journey that waited
// meanwhile. Where several waited, the path decides; else it is not said.
func linkUpstream(b *built, tb timebase) {
	servers := map[int][]waited{}
	for _, j := range b.journeys {
		if w, ok := waitOf(j, tb); ok {
			id := b.hosts.id(serverSeen(j))
			servers[id] = append(servers[id], w)
		}
	}
	longest := map[int]int64{}
	for id, list := range servers {
		slices.SortStableFunc(list, func(a, b waited) int { return cmp.Compare(a.from, b.from) })
		for _, w := range list {
			longest[id] = max(longest[id], w.to-w.from+2*w.slack)
		}
	}
	for _, u := range b.journeys {
		if id := b.hosts.id(u.Client.Addr()); servers[id] != nil && isTransfer(u) {
			b.linkWaiting(tb, u, servers[id], longest[id])
		}
	}
}

func isTransfer(j *Journey) bool {
	return j.Service == "http" || j.Service == "https" || j.Service == "tcp"
}

// serverSeen is the address of a journey's server as the server itself knows it.
func serverSeen(j *Journey) netip.Addr { return j.Points[len(j.Points)-1].Flow.Server.Addr() }

// waitOf is when a journey waited for its server, by the point nearest to that.
func waitOf(j *Journey, tb timebase) (waited, bool) {
	p := j.Points[len(j.Points)-1]
	e := p.Exchange
	if e == nil {
		p, e = j.Points[0], j.Exchange
	}
	if e == nil || !e.RequestFirst.Seen() {
		return waited{}, false
	}
	end := e.ResponseLast
	if !end.Seen() {
		end = p.Flow.End
	}
	from, ok := tb.stamp(sourceOf(p), e.RequestFirst)
	to, ok2 := tb.stamp(sourceOf(p), end)
	return waited{j, from.at, to.at, max(from.high-from.low, to.high-to.low) / 2}, ok && ok2
}

// linkWaiting finds the one journey of a server that waited while u lasted.
func (b *built) linkWaiting(tb timebase, u *Journey, list []waited, longest int64) {
	from, ok := tb.stamp(sourceOf(u.Points[0]), u.Start)
	to, ok2 := tb.stamp(sourceOf(u.Points[0]), u.End)
	if !ok || !ok2 {
		return
	}
	var found []*Journey
	byPath := 0
	first, _ := slices.BinarySearchFunc(list, from.at-longest, func(w waited, at int64) int { return cmp.Compare(w.from, at) })
	for _, w := range list[first:] {
		slack := w.slack + (from.high-from.low)/2 + leastSlack
		if w.from > from.at+slack {
			break
		}
		if w.journey == u || to.at > w.to+slack || u.Outcome == pcapflow.Unseen {
			continue
		}
		switch passedOn(w.journey, u) {
		case -1:
			continue
		case 1:
			if byPath == 0 {
				found = found[:0]
			}
			byPath++
			found = append(found, w.journey)
		default:
			if byPath == 0 {
				found = append(found, w.journey)
			}
		}
	}
	if len(found) != 1 {
		return
	}
	j := found[0]
	u.Links = append(u.Links, Link{Upstream, j})
	u.Notes = append(u.Notes, note(lang.Text{EN: "the server of %s asked this while %[1]s waited", ES: "lo pidió el servidor de %s mientras %[1]s esperaba"}, j.ID))
	j.Notes = append(j.Notes, note(lang.Text{EN: "its server asked %s meanwhile (%s)", ES: "su servidor preguntó mientras tanto a %s (%s)"}, u.Server, u.ID))
}

// leastSlack is what programs on one host may differ from their captures, ns.
const leastSlack = int64(200_000)

// passedOn compares what a server was asked with what it asked of another one: 1
// where the one ends in the other, −1 where both are known and do not, else 0.
func passedOn(j, u *Journey) int {
	if j.Exchange == nil || u.Exchange == nil || j.Exchange.Path == "" || u.Exchange.Path == "" {
		return 0
	}
	a, b := j.Exchange.Path, u.Exchange.Path
	if strings.HasSuffix(a, b) || strings.HasSuffix(b, a) {
		return 1
	}
	return -1
}
