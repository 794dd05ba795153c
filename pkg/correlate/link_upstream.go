package correlate

import (
	"cmp"
	"math/bits"
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
//
// said is what lines of logs surely say of the requests that packets hide.
func linkUpstream(b *built, tb timebase, said map[*Journey]told) {
	servers := map[int]*owed{}
	for _, j := range b.journeys {
		if w, ok := waitOf(j, tb); ok {
			id := b.hosts.id(serverSeen(j))
			if servers[id] == nil {
				servers[id] = &owed{}
			}
			servers[id].add(w)
		}
	}
	for _, list := range servers {
		list.sort()
	}
	for _, u := range b.journeys {
		if id := b.hosts.id(u.Client.Addr()); servers[id] != nil && isTransfer(u) && u.waiting() == nil {
			b.linkWaiting(tb, u, servers[id], said)
		}
	}
}

// owed are the waits for one server by how long they were, in powers of two: one that
// lasted for hours has no other looked at that was over long before.
type owed [64][]waited

// span is how long w may have been, from its first instant to its last.
func (w *waited) span() int64 { return max(w.to-w.from+2*w.slack, 0) }

func (s *owed) add(w waited) {
	n := bits.Len64(uint64(w.span()))
	s[n] = append(s[n], w)
}

func (s *owed) sort() {
	for _, list := range s {
		slices.SortStableFunc(list, func(a, b waited) int { return cmp.Compare(a.from, b.from) })
	}
}

// at calls visit for each wait that began by to, in order of beginning among those
// alike, and may have lasted to from.
func (s *owed) at(from, to int64, visit func(waited)) {
	for n, list := range s {
		longest := int64(1) << min(n, 62)
		first, _ := slices.BinarySearchFunc(list, from-longest, func(w waited, at int64) int { return cmp.Compare(w.from, at) })
		for _, w := range list[first:] {
			if w.from > to+w.slack {
				break
			}
			visit(w)
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
func (b *built) linkWaiting(tb timebase, u *Journey, list *owed, said map[*Journey]told) {
	from, ok := tb.stamp(sourceOf(u.Points[0]), u.Start)
	end, room := endAsked(u)
	to, ok2 := tb.stamp(sourceOf(u.Points[0]), end)
	if !ok || !ok2 {
		return
	}
	var found []*Journey
	byPath := 0
	loose := (from.high-from.low)/2 + leastSlack
	list.at(from.at-loose, from.at+loose, func(w waited) {
		if w.journey == u || to.at > w.to+w.slack+loose+room || u.Outcome == pcapflow.Unseen {
			return
		}
		switch passedOn(w.journey, u, said) {
		case -1:
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
	})
	if len(found) != 1 {
		return
	}
	j := found[0]
	u.Links = append(u.Links, Link{Upstream, j})
	u.Notes = append(u.Notes, note(lang.Text{EN: "the server of %s asked this while %[1]s waited", ES: "lo pidió el servidor de %s mientras %[1]s esperaba"}, j.ID))
	j.Notes = append(j.Notes, note(lang.Text{EN: "its server asked %s meanwhile (%s)", ES: "su servidor preguntó mientras tanto a %s (%s)"}, u.Server, u.ID))
}

// endAsked is when what a server asked of another one was over for it: with its end, or as
// the server closed the connection before any answer. That may be up to room later than
// the server's own answer to who waited for it.
func endAsked(u *Journey) (end pcapflow.Stamp, room int64) {
	n, e := u.Points[0].Flow.Conn, u.Points[0].Exchange
	if n == nil || e == nil || !e.RequestLast.Seen() {
		return u.End, 0
	}
	end = n.FIN[pcapflow.Client]
	for _, r := range n.RST {
		if r.Dir == pcapflow.Client && (!end.Seen() || r.Time < end.Time) {
			end = r.Stamp
		}
	}
	if !end.Seen() || e.ResponseFirst.Seen() && e.ResponseFirst.Time <= end.Time {
		return u.End, 0
	}
	return end, givesUpBehind
}

// givesUpBehind is how long a server that answered in place of one that did not may take
// until it closes the connection to that, ns.
const givesUpBehind = int64(50_000_000)

// leastSlack is what programs on one host may differ from their captures, ns.
const leastSlack = int64(200_000)

// passedOn compares what a server was asked with what it asked of another one: 1
// where the one ends in the other, or was asked for the same client, −1 where both are
// known and do not, else 0.
func passedOn(j, u *Journey, said map[*Journey]told) int {
	if j.Exchange == nil || u.Exchange == nil {
		return 0
	}
	same := 0
	if a := u.Exchange.Forwarded; a.IsValid() {
		if a != plainAddr(j.Client.Addr()) && a != plainAddr(j.ClientSeen.Addr()) && a != j.Exchange.Forwarded {
			return -1
		}
		same = 1
	}
	a, b := plainPath(j.Exchange.Path), plainPath(u.Exchange.Path)
	if a == "" {
		a = plainPath(said[j].path)
	}
	switch {
	case a == "" || b == "":
		return same
	case strings.HasSuffix(a, b) || strings.HasSuffix(b, a):
		return 1
	}
	return -1
}
