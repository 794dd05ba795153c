package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// requests matches the lines of a log that tell of web requests.
func (m *matcher) requests(l *incident.Log) {
	groups := m.groups(l)
	if len(groups) == 0 {
		return
	}
	for _, g := range groups {
		g.told, g.log, g.behind = m.told, l, m.behind[l]
	}
	r := m.newRequestLog(l, groups)
	for _, g := range groups {
		g.prepare()
	}
	r.ordered = endsInOrder(groups)
	r.measureByPaths(r.placeByPaths())
	m.named(r)
	r.compareCounts()
	for _, g := range groups {
		g.join(r.sizes)
	}
	for range learnings {
		r.solve()
		r.learn()
	}
	r.solve()
	for _, g := range groups {
		m.take(l, g)
	}
}

// learnings is how often a log is solved to learn from.
const learnings = 4

// requestLog is a log of web requests being matched.
type requestLog struct {
	log     *incident.Log
	groups  []*group
	sizes   *sizes
	learnt  coverage
	foreign float64 // share of the lines that no exchange of the captures belongs to
	logged  float64 // share of the exchanges that have a line
	lines   float64 // of the captures' time
	span    span    // of the captures
	ordered bool
	named   []namedPair
	chain   chainRun // of one group after the other
}

// Shares assumed where lines and targets are as many: order and a stamp of a
// second cannot tell a log of the captured server from a stranger as busy, so
// what is learnt must not feed on itself.
const (
	leastForeign  = 0.003
	leastUnlogged = 0.005
)

func (m *matcher) newRequestLog(l *incident.Log, groups []*group) *requestLog {
	return &requestLog{log: l, groups: groups, sizes: newSizes(), foreign: leastForeign, span: m.span, ordered: true}
}

// compareCounts sets the shares of foreign lines and of unlogged targets by how
// many of both there are in the time that log and captures cover together.
func (r *requestLog) compareCounts() {
	low, high := r.covers()
	lines, targets := 0.0, 0.0
	seen := map[*target]bool{}
	for _, g := range r.groups {
		for i := range g.lines {
			l := &g.lines[i]
			if !l.timed || l.at+l.width >= r.span.low && l.at <= r.span.high {
				lines++
			}
		}
		for _, t := range g.targets {
			if !seen[t] && !t.bare && (!t.timed || t.place >= low && t.place <= high) {
				seen[t] = true
				targets++
			}
		}
	}
	r.lines = lines
	if lines > 0 {
		r.foreign = max(leastForeign, (lines-targets)/lines)
	}
	if targets > 0 {
		r.logged = min(1-leastUnlogged, max(lines/targets, 0.02))
	}
}

// covers is the time the log tells of.
func (r *requestLog) covers() (low, high int64) {
	first := true
	for _, g := range r.groups {
		for i := range g.lines {
			l := &g.lines[i]
			if first || l.at-l.slack < low {
				low = l.at - l.slack
			}
			high = max(high, l.at+l.width+l.slack)
			first = false
		}
	}
	return low, high
}

func (r *requestLog) solve() {
	e := r.edges()
	for _, g := range r.groups {
		g.weigh(r)
		g.findEnds(r, &e)
		g.solve(r)
	}
}

// learn counts sizes among the likely pairs, and which servers the log tells of.
func (r *requestLog) learn() {
	r.sizes.forget()
	r.learnt = coverage{matched: map[netip.AddrPort]float64{}, seen: map[netip.AddrPort]float64{}}
	low, high := r.covers()
	for _, g := range r.groups {
		for from := 0; from < len(g.pairs); {
			to := from
			for to < len(g.pairs) && g.pairs[to].line == g.pairs[from].line {
				to++
			}
			r.teach(g, g.pairs[from:to], 1)
			from = to
		}
		for _, t := range g.targets {
			if t.place >= low && t.place <= high && !t.bare {
				r.learnt.seen[t.server]++
			}
		}
	}
	if r.learnt.total > 0 {
		r.learnt.scale = r.lines * (1 - r.foreign) / r.learnt.total
	}
	r.sizes.learn()
}

// fewToLearn is the number of lines below which one of them teaches so much that
// it would prove itself.
const fewToLearn = 64

// coverage is how much of each server's exchanges a log tells of.
type coverage struct {
	matched, seen map[netip.AddrPort]float64 // exchanges with a line; all in the log's time
	total, scale  float64                    // of matched; lines that are not foreign, to total
}

// teach counts what one line's pairs tell of sizes and servers; weight −1 takes it
// back.
func (r *requestLog) teach(g *group, own []pair, weight float64) {
	for _, p := range own {
		r.sizes.note(p.keys, weight*p.p, weight/float64(len(own)))
		r.learnt.matched[g.targets[p.target].server] += weight * p.p
		r.learnt.total += weight * p.p
	}
}

// leaveOut takes a line with weight −1 out of what was learnt, and the requests
// that it may tell of with it; 1 puts them back.
func (r *requestLog) leaveOut(g *group, own []pair, weight float64) {
	r.teach(g, own, weight)
	for _, p := range own {
		r.learnt.seen[g.targets[p.target].server] += weight * p.p
	}
}

// covered is the share of a server's exchanges that have a line.
func (r *requestLog) covered(server netip.AddrPort) float64 {
	k := &r.learnt
	if len(k.seen) < 2 || k.scale == 0 {
		return r.logged
	}
	share := (max(k.matched[server], 0)*k.scale + ballast*r.logged) / (max(k.seen[server], 0) + ballast)
	return min(max(share, 0.02), 1-leastUnlogged)
}

// groups divides the request lines of a log by client; by port as well where the
// lines state it. Lines whose client no capture shows are noted as missing.
func (m *matcher) groups(l *incident.Log) []*group {
	type key struct {
		client netip.Addr
		port   uint16
	}
	byKey := map[key]*group{}
	var list []*group
	for i := range l.Events {
		e := &l.Events[i]
		if !isWebLine(e) {
			continue
		}
		if !e.HasTime {
			m.miss(l, i, "the line has no time")
			continue
		}
		client, reason := m.clientOf(l, e)
		if reason != "" {
			m.miss(l, i, reason)
			continue
		}
		k := key{client, e.Client.Port()}
		g := byKey[k]
		if g == nil {
			g = &group{targets: m.nearest(l, k.client, k.port), keyed: k.port != 0}
			if g.keyed && len(g.targets) == 0 {
				// The port may be another one's, before a translation.
				g.targets, g.keyed = m.nearest(l, k.client, 0), false
			}
			byKey[k] = g
			list = append(list, g)
		}
		g.lines = append(g.lines, lineOf(l, i, m.tb))
	}
	for _, g := range list {
		sortLines(g)
		g.repeatUnread()
	}
	return list
}

// isWebLine tells a line of one web request.
func isWebLine(e *logparse.Event) bool {
	return e.Kind == logparse.HTTPRequest || e.Kind == logparse.AppRequest
}

// repeatUnread lets the one connection of a port, of which no capture shows a request,
// take every line that names the port.
func (g *group) repeatUnread() {
	if !g.keyed || len(g.targets) != 1 || g.targets[0].bare || g.targets[0].journey.Exchange != nil {
		return
	}
	g.targets = slices.Clone(g.targets) // the list is of other groups too
	for range min(len(g.lines), mostRequests) - 1 {
		again := *g.targets[0]
		g.targets = append(g.targets, &again)
	}
}

// clientOf is the client of a line by whose targets it can be matched.
func (m *matcher) clientOf(l *incident.Log, e *logparse.Event) (netip.Addr, string) {
	if !e.Client.Addr().IsValid() {
		return netip.Addr{}, ""
	}
	client := plainAddr(e.Client.Addr())
	if len(m.clients[client]) > 0 || m.behind[l] && len(m.behalf[client]) > 0 {
		return client, ""
	}
	// A proxy between: the connection seen is the one its client made.
	for _, p := range e.Peers {
		if p = plainAddr(p); len(m.clients[p]) > 0 {
			return p, ""
		}
	}
	if m.flows[client] {
		return client, "no request of this client was seen"
	}
	return client, "no flow of this client"
}

// candidates are the targets of one client, or of all where the log names none.
func (m *matcher) candidates(client netip.Addr, port uint16) []*target {
	list := m.clients[client]
	if !client.IsValid() {
		list = slices.Clone(m.targets)
		slices.SortStableFunc(list, func(a, b *target) int { return cmp.Compare(a.place, b.place) })
	}
	if port == 0 {
		return list
	}
	var own []*target
	for _, t := range list {
		if t.client.Port() == port {
			own = append(own, t)
		}
	}
	return own
}
