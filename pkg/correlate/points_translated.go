package correlate

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// By is how a flow of one capture was recognised in another, in the words of the report.
type By string

// Means to recognise a flow elsewhere, the surest first.
const (
	ByISN       By = "sequence-numbers" // both sides' first ones
	ByPayload   By = "payload"          // first bytes of the same segments; sequence numbers may have been rewritten
	ByTimestamp By = "tcp-timestamps"   // of the SYN; sequence numbers were rewritten
	ByAddresses By = "addresses"
	BySizes     By = "sizes-and-order" // what both sides sent, and in which order connections began
)

// surety is how sure each means is of what it joins: of ISN, payload and time stamps,
// random numbers of at least 32 bits, what is left is the model's own error;
// addresses may have been used again; sizes are no names at all.
var surety = map[By]float64{ByISN: certain, ByPayload: certain, ByTimestamp: 0.99, ByAddresses: 0.99, BySizes: 0.9}

// joining finds the flows that are one.
type joining struct {
	all  []Point
	sets *sets
}

// join notes that two flows are one, and by what that is known.
func (g *joining) join(a, b int, by By) {
	if g.sets.find(a) == g.sets.find(b) {
		return
	}
	g.sets.join(a, b)
	for _, p := range []*Point{&g.all[a], &g.all[b]} {
		if p.By == "" {
			p.By = by
		}
	}
}

// joinAcross is join for what two parts show that are changed on the way between.
func (g *joining) joinAcross(a, b *seenOnce, by By) {
	g.join(a.at, b.at, by)
	for _, u := range []*seenOnce{a, b} {
		for _, i := range u.flows {
			g.all[i].across = by
		}
	}
}

// tellMeans says of each point how it was recognised as the first one's flow.
func tellMeans(points []Point) {
	home := points[0]
	for i := range points {
		p := &points[i]
		if p.part != home.part {
			p.By = p.across
		}
		p.Confidence = surety[p.By]
	}
	points[0].By, points[0].Confidence = "", 0
}

// seenOnce is what is one connection so far, and which captures show it.
type seenOnce struct {
	flows   []int
	at      int // one of them, which began in its capture if one did
	sources []source
	ranks   [3]bool // taken at its client, between, at its server
}

// translated finds partners of connections that no sequence numbers or addresses
// tie to what other captures show: a device between rewrote both.
func (g *joining) translated() {
	g.pairUnique(g.partial(), ByPayload, g.payloadKeys)
	g.pairUnique(g.partial(), ByTimestamp, g.stampKeys)
	g.bySizes(g.partial())
}

// partial lists the connections that not every capture shows.
func (g *joining) partial() []*seenOnce {
	sources := map[source]bool{}
	for _, p := range g.all {
		sources[sourceOf(p)] = true
	}
	if len(sources) < 2 {
		return nil
	}
	units := map[int]*seenOnce{}
	var list []*seenOnce
	for i, p := range g.all {
		if p.Flow.Conn == nil {
			continue
		}
		root := g.sets.find(i)
		u := units[root]
		if u == nil {
			u = &seenOnce{at: i}
			units[root] = u
			list = append(list, u)
		}
		if s := sourceOf(p); !slices.Contains(u.sources, s) {
			u.sources = append(u.sources, s)
		}
		u.ranks[vantageRank(p)] = true
		u.flows = append(u.flows, i)
		if handshakeRank(p.Flow) < handshakeRank(g.all[u.at].Flow) {
			u.at = i
		}
	}
	return slices.DeleteFunc(list, func(u *seenOnce) bool { return len(u.sources) == len(sources) })
}

// flowKey is something that names a connection wherever it is seen.
type flowKey struct {
	server netip.AddrPort
	mark   markKey
}

// pairUnique joins connections that share a key which names one only in each of
// the captures.
func (g *joining) pairUnique(list []*seenOnce, by By, keys func(i int) []flowKey) {
	type use struct {
		source source
		key    flowKey
	}
	count := map[use]int{}
	for _, u := range list {
		for _, k := range keys(u.at) {
			for _, s := range u.sources {
				count[use{s, k}]++
			}
		}
	}
	first := map[flowKey]*seenOnce{}
	for _, u := range list {
		for _, k := range keys(u.at) {
			if slices.ContainsFunc(u.sources, func(s source) bool { return count[use{s, k}] > 1 }) {
				continue // which of several, this does not tell
			}
			if other := first[k]; other == nil {
				first[k] = u
			} else if g.mayBeOne(other, u, by == ByTimestamp || random(g.all[u.at].Flow)) {
				g.joinAcross(other, u, by)
			}
		}
	}
}

// random: the payload begins with bytes that no two connections have in common
// (RFC 8446 section 4.1.2, RFC 4253 section 7.1).
func random(f *pcapflow.Flow) bool { return f.TLS != nil || f.SSH != nil }

// mayBeOne: connections with one server that different captures show. Two machines
// that both were watched where they stand may say the same; a device that answers
// for a server looks like one of them, so that what is unique is believed.
func (g *joining) mayBeOne(a, b *seenOnce, unique bool) bool {
	if slices.ContainsFunc(a.sources, func(s source) bool { return slices.Contains(b.sources, s) }) {
		return false
	}
	p, q := g.all[a.at].Flow, g.all[b.at].Flow
	return p.Server == q.Server && !saidOtherwise(p, q) && (unique || !(a.ranks[0] && b.ranks[0]) && !(a.ranks[2] && b.ranks[2]))
}

// payloadKeys are the beginnings of the data segments of a flow that began in its
// capture, by their place in the stream. Of a segment that many flows have in
// common pairUnique makes nothing.
func (g *joining) payloadKeys(i int) []flowKey {
	f := g.all[i].Flow
	var keys []flowKey
	for m := range openingMarks(f) {
		keys = append(keys, flowKey{f.Server, m})
	}
	return keys
}

// openingMarks are a flow's marks by their place in the stream, where its beginning
// was seen.
func openingMarks(f *pcapflow.Flow) iter.Seq[markKey] {
	return func(yield func(markKey) bool) {
		if len(f.Conn.SYN) == 0 {
			return
		}
		for _, m := range f.Conn.Marks {
			known := m.Len >= markedLeast && m.Sum != 0 && (m.Dir == pcapflow.Client || len(f.Conn.SYNACK) > 0)
			if known && !yield(markKey{m.Dir, m.Seq - f.Conn.ISN[m.Dir], m.Len, m.Sum}) {
				return
			}
		}
	}
}

// saidOtherwise: at one place of the stream two flows carry segments that begin with
// different bytes. A device that translates changes no payload; the later part
// of a list of algorithms may be the same in every connection, the first part of
// it, with its random cookie, is not.
func saidOtherwise(p, q *pcapflow.Flow) bool {
	type place struct {
		dir pcapflow.Dir
		seq uint32
	}
	said := map[place]uint32{}
	for m := range openingMarks(p) {
		said[place{m.dir, m.seq}] = m.sum
	}
	for m := range openingMarks(q) {
		if other, ok := said[place{m.dir, m.seq}]; ok && other != m.sum {
			return true
		}
	}
	return false
}

// markedLeast is the payload, in bytes, from which its beginning names a segment.
const markedLeast = 16

func (g *joining) stampKeys(i int) []flowKey {
	f := g.all[i].Flow
	if t := f.Conn.TSVal[pcapflow.Client]; t != 0 && len(f.Conn.SYN) > 0 {
		return []flowKey{{f.Server, markKey{seq: t}}}
	}
	return nil
}

// exchanged is what both sides of a connection sent, in bytes of payload.
type exchanged struct {
	server        netip.AddrPort
	sent, replied int64
}

func (g *joining) exchangedBy(u *seenOnce) exchanged {
	f := g.all[u.at].Flow
	return exchanged{f.Server, f.Payload[pcapflow.Client], f.Payload[pcapflow.Server]}
}

// bySizes joins, where better means have shown which address becomes which,
// connections of which both sides sent as much, in the order they began.
func (g *joining) bySizes(list []*seenOnce) {
	known := g.translations()
	if len(known) == 0 {
		return
	}
	apart := g.beginnings()
	slices.SortStableFunc(list, func(a, b *seenOnce) int { return cmp.Compare(g.all[a.at].Flow.Start.Time, g.all[b.at].Flow.Start.Time) })
	type view struct {
		source source
		sizes  exchanged
	}
	place := map[*seenOnce]int{} // among those alike
	alike := map[view][]*seenOnce{}
	var sources []source
	for _, u := range list {
		if k := g.exchangedBy(u); k.sent > 0 {
			v := view{u.sources[0], k}
			place[u] = len(alike[v])
			alike[v] = append(alike[v], u)
			if !slices.Contains(sources, v.source) {
				sources = append(sources, v.source)
			}
		}
	}
	for _, u := range list {
		n := slices.Index(sources, u.sources[0])
		ours := alike[view{u.sources[0], g.exchangedBy(u)}]
		for _, b := range sources[n+1:] {
			theirs := alike[view{b, g.exchangedBy(u)}]
			if len(ours) == 0 || len(ours) != len(theirs) {
				continue // one of them has no partner here: which, sizes do not tell
			}
			o := theirs[place[u]]
			p, q := g.all[u.at].Flow, g.all[o.at].Flow
			became := known[[2]netip.Addr{p.Client.Addr(), q.Client.Addr()}] || known[[2]netip.Addr{q.Client.Addr(), p.Client.Addr()}]
			if became && abs(lasted(p)-lasted(q)) <= second && apart.allow(g.all[u.at], g.all[o.at]) && g.mayBeOne(u, o, true) {
				g.joinAcross(u, o, BySizes)
			}
		}
	}
}

// translations are the pairs of client addresses that joined flows show.
func (g *joining) translations() map[[2]netip.Addr]bool {
	known := map[[2]netip.Addr]bool{}
	first := map[int]netip.Addr{}
	for i, p := range g.all {
		root, a := g.sets.find(i), p.Flow.Client.Addr()
		if other, ok := first[root]; !ok {
			first[root] = a
		} else if other != a {
			known[[2]netip.Addr{other, a}] = true
		}
	}
	return known
}

// beginnings are, by pair of sources, the least and the most that flows known to be one
// began later in the second, by both captures' own stamps.
type beginnings map[[2]source]span

func (g *joining) beginnings() beginnings {
	known := beginnings{}
	of := map[int][]Point{}
	for i, p := range g.all {
		if p.Flow.Conn != nil && len(p.Flow.Conn.SYN) > 0 {
			root := g.sets.find(i)
			of[root] = append(of[root], p)
		}
	}
	for _, points := range of {
		for _, p := range points {
			for _, q := range points {
				k, d := [2]source{sourceOf(p), sourceOf(q)}, q.Flow.Start.Time-p.Flow.Start.Time
				s, ok := known[k]
				if !ok {
					s = span{low: d, high: d}
				}
				known[k] = span{low: min(s.low, d), high: max(s.high, d)}
			}
		}
	}
	return known
}

// allow tells whether two flows began as far apart as others of their captures that
// are one.
func (b beginnings) allow(p, q Point) bool {
	s, ok := b[[2]source{sourceOf(p), sourceOf(q)}]
	d := q.Flow.Start.Time - p.Flow.Start.Time
	return ok && d >= s.low-second && d <= s.high+second
}

// lasted is how long a flow was seen, ns.
func lasted(f *pcapflow.Flow) int64 { return f.End.Time - f.Start.Time }

// captureOrder counts by connections that kept their numbers which captures lie
// nearer to the client than which others. A device that shakes hands for another
// looks like the client, and like the server.
type captureOrder map[[2]source]int

// renumbered tells whether a connection was changed between its points.
func renumbered(points []Point) bool {
	return slices.ContainsFunc(points, func(p Point) bool { return p.part != points[0].part })
}

func (o captureOrder) learn(points []Point) {
	if renumbered(points) {
		return
	}
	for i := range points {
		for k := i + 1; k < len(points); k++ {
			o[[2]source{sourceOf(points[i]), sourceOf(points[k])}]++
		}
	}
}

// sort orders the points of a connection that was rewritten on its way: as other
// connections tell, else the private addresses first (RFC 1918).
func (o captureOrder) sort(points []Point) {
	if !renumbered(points) {
		return
	}
	before := map[source]int{}
	for _, a := range points {
		for _, b := range points {
			x, y := sourceOf(a), sourceOf(b)
			switch n := o[[2]source{x, y}] - o[[2]source{y, x}]; {
			case n > 0, n == 0 && a.Flow.Client.Addr().IsPrivate() && !b.Flow.Client.Addr().IsPrivate():
				before[x]++
			}
		}
	}
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(before[sourceOf(b)], before[sourceOf(a)]) })
}
