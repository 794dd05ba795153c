package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// sure is the probability from which a line is called matched; below it the
// candidates are rivals.
const sure = 0.95

// certain caps every confidence: the model itself may be wrong.
const certain = 0.999

// leastRival is the probability from which a candidate is listed.
const leastRival = 0.02

// mostRivals bounds the candidates listed for a line.
const mostRivals = 8

// matcher links the lines of all logs to journeys.
type matcher struct {
	inc     *incident.Incident
	tb      timebase
	built   *built
	targets []*target
	clients map[netip.Addr][]*target
	flows   map[netip.Addr]bool // clients of any conversation
	byPort  map[netip.AddrPort][]*Journey

	byQuestion map[questionKey][]*target
	byHost     [][]*Journey
	told       map[*Journey]told
	span       span // of the captures, on the reference clock
	result     []match
	missing    map[*incident.Log][]missed
}

// missed is an event without a journey, and why.
type missed struct {
	event  int
	reason string
}

// match is one line's link to one journey.
type match struct {
	journey *Journey
	line    Line
	target  *target // nil where the link is not by exchange
}

// matchLines links every line that tells of an action, and lists the rest with
// the reasons.
func matchLines(inc *incident.Incident, b *built, tb timebase) *matcher {
	m := &matcher{inc: inc, tb: tb, built: b, targets: targetsOf(b, tb), flows: map[netip.Addr]bool{}, missing: map[*incident.Log][]missed{}, told: map[*Journey]told{}}
	m.clients = byClient(m.targets)
	for _, j := range b.joints {
		for _, p := range j.points {
			m.flows[plainAddr(p.Flow.Client.Addr())] = true
		}
	}
	m.span = capturesSpan(inc, tb)
	m.clientOutputs()
	for _, l := range finestFirst(inc.Logs) {
		m.requests(l)
		m.questions(l)
		m.logins(l)
	}
	m.joinRequestIDs()
	return m
}

// finestFirst orders logs by the resolution of their stamps: what a fine one
// tells of a request helps to find the line of a coarse one.
func finestFirst(logs []*incident.Log) []*incident.Log {
	width := map[*incident.Log]time.Duration{}
	for _, l := range logs {
		for i := range l.Events {
			width[l] = max(width[l], l.Events[i].Width)
		}
	}
	logs = slices.Clone(logs)
	slices.SortStableFunc(logs, func(a, b *incident.Log) int { return cmp.Compare(width[a], width[b]) })
	return logs
}

// capturesSpan is the time the captures cover on the reference clock.
func capturesSpan(inc *incident.Incident, tb timebase) span {
	var s span
	for _, c := range inc.Captures {
		if !c.First.Seen() {
			continue
		}
		a, okA := tb.packet(source{capture: c}, c.First.Time)
		b, okB := tb.packet(source{capture: c}, c.Last.Time)
		if !okA || !okB {
			a.at, b.at = c.First.Time, c.Last.Time
		}
		if s.low == 0 || a.at < s.low {
			s.low = a.at
		}
		s.high = max(s.high, b.at)
	}
	return s
}

// requests matches the lines of a log that tell of web requests.
func (m *matcher) requests(l *incident.Log) {
	groups := m.groups(l)
	if len(groups) == 0 {
		return
	}
	for _, g := range groups {
		g.told, g.log = m.told, l
	}
	r := m.newRequestLog(l, groups)
	r.ordered = endsInOrder(groups)
	r.compareCounts()
	for _, g := range groups {
		g.prepare()
		g.join()
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
	log      *incident.Log
	groups   []*group
	sizes    *sizes
	coverage coverage
	foreign  float64 // share of the lines that no exchange of the captures belongs to
	logged   float64 // share of the exchanges that have a line
	lines    float64 // of the captures' time
	span     span    // of the captures
	ordered  bool
}

// Shares assumed where lines and targets are as many: order and a stamp of a
// second cannot tell a log of the captured server from a stranger as busy, so
// what is learnt must not feed on itself.
const (
	leastForeign  = 0.003
	leastUnlogged = 0.005
)

func (m *matcher) newRequestLog(l *incident.Log, groups []*group) *requestLog {
	return &requestLog{log: l, groups: groups, sizes: newSizes(), coverage: coverage{}, foreign: leastForeign, span: m.span, ordered: true}
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
	for _, g := range r.groups {
		g.weigh(r)
		g.solve(r.ordered)
	}
}

// learn counts sizes among the likely pairs, and which servers the log tells of.
func (r *requestLog) learn() {
	r.sizes = newSizes()
	matched, seen := map[netip.AddrPort]float64{}, map[netip.AddrPort]float64{}
	var servers []netip.AddrPort
	low, high := r.covers()
	total := 0.0
	for _, g := range r.groups {
		for from := 0; from < len(g.pairs); {
			to := from
			for to < len(g.pairs) && g.pairs[to].line == g.pairs[from].line {
				to++
			}
			for _, p := range g.pairs[from:to] {
				r.sizes.note(p.keys, p.p, 1/float64(to-from))
				matched[g.targets[p.target].server] += p.p
				total += p.p
			}
			from = to
		}
		for _, t := range g.targets {
			if t.place < low || t.place > high || t.bare {
				continue
			}
			if seen[t.server] == 0 {
				servers = append(servers, t.server)
			}
			seen[t.server]++
		}
	}
	if len(servers) < 2 || total == 0 {
		return
	}
	for _, s := range servers {
		share := (matched[s]*r.lines*(1-r.foreign)/total + r.logged) / (seen[s] + 1)
		r.coverage[s] = min(max(share, 0.02), 1-leastUnlogged)
	}
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
		if e.Kind != logparse.HTTPRequest && e.Kind != logparse.AppRequest {
			continue
		}
		if !e.HasTime {
			m.miss(l, i, "the line has no time")
			continue
		}
		client, reason := m.clientOf(e)
		if reason != "" {
			m.miss(l, i, reason)
			continue
		}
		k := key{client, e.Client.Port()}
		g := byKey[k]
		if g == nil {
			g = &group{targets: m.candidates(k.client, k.port), keyed: k.port != 0}
			if g.keyed && len(g.targets) == 0 {
				// The port may be another one's, before a translation.
				g.targets, g.keyed = m.candidates(k.client, 0), false
			}
			byKey[k] = g
			list = append(list, g)
		}
		g.lines = append(g.lines, lineOf(l, i, m.tb))
	}
	for _, g := range list {
		sortLines(g)
	}
	return list
}

// clientOf is the client of a line by whose targets it can be matched.
func (m *matcher) clientOf(e *logparse.Event) (netip.Addr, string) {
	if !e.Client.Addr().IsValid() {
		return netip.Addr{}, ""
	}
	client := plainAddr(e.Client.Addr())
	if len(m.clients[client]) > 0 {
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

// sortLines puts lines in the order their requests ended, where their own stamps
// tell that better than their place in the file.
func sortLines(g *group) {
	for i := range g.lines {
		if g.lines[i].width > 50*msec || g.lines[i].event.Means == logparse.RequestStart && g.lines[i].event.Duration < 0 {
			return
		}
	}
	slices.SortStableFunc(g.lines, func(a, b line) int { return cmp.Compare(a.ended(), b.ended()) })
}

// ended is when the request of a line ended, as the line tells.
func (l *line) ended() int64 {
	if l.event.Means == logparse.RequestStart && l.event.Duration > 0 {
		return l.at + int64(l.event.Duration)
	}
	return l.at
}

// endsInOrder tells whether the lines of a log stand in the order in which
// their requests ended. Buffered logs of several workers do not.
func endsInOrder(groups []*group) bool {
	n, back := 0, 0
	for _, g := range groups {
		latest := int64(0)
		for i := range g.lines {
			l := &g.lines[i]
			if l.event.Means == logparse.RequestStart && l.event.Duration < 0 {
				continue // its stamp does not tell when it ended
			}
			n++
			if end := l.ended(); end < latest-l.width-100*msec {
				back++
			} else {
				latest = end
			}
		}
	}
	return back*50 <= n
}

// take turns the probabilities of a group into links.
func (m *matcher) take(l *incident.Log, g *group) {
	k := 0
	for i := range g.lines {
		from := k
		for k < len(g.pairs) && g.pairs[k].line == i {
			k++
		}
		m.decide(l, g, &g.lines[i], g.pairs[from:k])
	}
}

// decide links one line to its best candidate, to several, or to none.
func (m *matcher) decide(l *incident.Log, g *group, ln *line, pairs []pair) {
	best := g.byJourney(pairs)
	slices.SortStableFunc(best, func(a, b pair) int { return cmp.Compare(b.p, a.p) })
	n := 0
	for n < len(best) && n < mostRivals && best[n].p >= leastRival {
		n++
	}
	best = best[:n]
	if n == 0 {
		m.miss(l, ln.index, m.reason(ln, len(pairs)))
		return
	}
	if best[0].p >= sure {
		best = best[:1]
	}
	for k, p := range best {
		t := g.targets[p.target]
		x := Line{Log: l, Event: ln.index, Status: "ambiguous", Confidence: min(p.p, certain), By: g.why(ln, t, p)}
		if p.p >= sure {
			x.Status = "matched"
		}
		x.Residual, x.HasResidual = residual(ln, t)
		for r, q := range best {
			if r != k {
				x.Rivals = append(x.Rivals, g.targets[q.target].journey.ID)
			}
		}
		m.result = append(m.result, match{t.journey, x, t})
		if p.p >= 0.99 {
			m.tell(t.journey, l, ln.event)
		}
	}
}

// byJourney adds up the pairs of one line that lead to the same journey.
func (g *group) byJourney(pairs []pair) []pair {
	var list []pair
	for _, p := range pairs {
		at := slices.IndexFunc(list, func(q pair) bool { return g.targets[q.target].journey == g.targets[p.target].journey })
		if at < 0 {
			list = append(list, p)
		} else {
			list[at].p = min(list[at].p+p.p, 1)
		}
	}
	return list
}

// reason tells why a line has no journey.
func (m *matcher) reason(l *line, candidates int) string {
	switch {
	case !l.timed:
		return "its clock is not known against the captures"
	case l.at+l.width+l.slack < m.span.low || l.at-l.slack > m.span.high:
		return "outside the capture"
	case l.event.Method == "" && l.event.Kind == logparse.HTTPRequest:
		return "not a request, and no such connection was seen"
	case candidates > 0:
		return "what fits in time belongs to other lines"
	case isQuestion(l.event.Kind):
		return "no such query of this client at that time"
	}
	return "no request of this client at that time"
}

func (m *matcher) miss(l *incident.Log, event int, reason string) {
	m.missing[l] = append(m.missing[l], missed{event, reason})
}

// why names what speaks for a pair.
func (g *group) why(l *line, t *target, p pair) string {
	switch {
	case g.keyed:
		return "port"
	case g.dns:
		return "question, time, order"
	}
	by := "time"
	if l.event.Duration >= 0 {
		by += ", duration"
	}
	if p.keys[0].kind != 0 || p.keys[1].kind != 0 {
		by += ", bytes"
	}
	if t.point.Exchange.Path != "" {
		by += ", path"
	}
	return by + ", order"
}

// residual is the line's instant minus the packets' one; 0 where the latter lies
// within the stamp's resolution.
func residual(l *line, t *target) (time.Duration, bool) {
	if !l.timed || !t.timed {
		return 0, false
	}
	at, seen := l.at, t.place
	switch {
	case l.event.Kind == logparse.DNSQuery:
		seen = t.first + t.way/2
	case l.event.Kind == logparse.AppRequest:
		seen = t.reply - t.way/2
	case l.event.Means == logparse.RequestStart:
		seen = t.sent + t.way/2
	case l.event.Duration >= 0:
		at, seen = at-int64(l.event.Duration), t.first+t.way/2
	}
	switch {
	case seen < at:
		return time.Duration(at - seen), true
	case seen > at+l.width:
		return time.Duration(at + l.width - seen), true
	}
	return 0, true
}

// joinRequestIDs links lines by a request ID that a surely matched line of
// another log shares.
func (m *matcher) joinRequestIDs() {
	type at struct {
		log   *incident.Log
		event int
	}
	known := map[string]match{}
	old := map[at][]int{}
	for i, r := range m.result {
		id := r.line.Log.Events[r.line.Event].RequestID
		if id == "" {
			continue
		}
		old[at{r.line.Log, r.line.Event}] = append(old[at{r.line.Log, r.line.Event}], i)
		if r.line.Status == "matched" && known[id].line.Confidence < r.line.Confidence {
			known[id] = r
		}
	}
	if len(known) == 0 {
		return
	}
	drop := map[int]bool{}
	for _, l := range m.inc.Logs {
		for i := range l.Events {
			k, ok := known[l.Events[i].RequestID]
			if !ok || k.line.Log == l || l.Events[i].RequestID == "" {
				continue
			}
			list := old[at{l, i}]
			if len(list) == 1 && m.result[list[0]].line.Status == "matched" {
				continue // it found its journey by itself
			}
			for _, n := range list {
				drop[n] = true
			}
			ln := lineOf(l, i, m.tb)
			x := Line{Log: l, Event: i, Status: "matched", Confidence: k.line.Confidence, By: "request id"}
			if k.target != nil {
				x.Residual, x.HasResidual = residual(&ln, k.target)
			}
			m.result = append(m.result, match{k.journey, x, k.target})
		}
	}
	kept := m.result[:0]
	for i, r := range m.result {
		if !drop[i] {
			kept = append(kept, r)
		}
	}
	m.result = kept
}

// linked lists the sure links that say something of the clocks. An
// application's line tells of a moment inside the exchange that packets do not
// show.
func (m *matcher) linked() []LinkedLine {
	var list []LinkedLine
	for _, r := range m.result {
		t := r.target
		if t == nil || t.bare || t.point.Exchange.Multiplexed || r.line.Confidence < 0.99 || r.line.By == "request id" {
			continue
		}
		e := &r.line.Log.Events[r.line.Event]
		if e.Kind == logparse.AppRequest {
			continue
		}
		x := LinkedLine{Log: r.line.Log, Event: r.line.Event, Capture: t.point.Capture, Flow: t.point.Flow, Transaction: t.transaction}
		if t.transaction == nil {
			x.Exchange = t.point.Exchange
		}
		list = append(list, x)
	}
	return list
}

// finish hands the links to their journeys, in order of log and line, and
// returns the lines without one.
func (m *matcher) finish() []Unmatched {
	place := map[*incident.Log]int{}
	for i, l := range m.inc.Logs {
		place[l] = i
	}
	slices.SortStableFunc(m.result, func(a, b match) int {
		return cmp.Or(cmp.Compare(place[a.line.Log], place[b.line.Log]), cmp.Compare(a.line.Event, b.line.Event),
			cmp.Compare(b.line.Confidence, a.line.Confidence))
	})
	linked := map[*incident.Log]map[int]bool{}
	for _, r := range m.result {
		r.journey.Lines = append(r.journey.Lines, r.line)
		if linked[r.line.Log] == nil {
			linked[r.line.Log] = map[int]bool{}
		}
		linked[r.line.Log][r.line.Event] = true
	}
	var list []Unmatched
	for _, l := range m.inc.Logs {
		var reasons []string
		byReason := map[string][]int{}
		for _, x := range m.missing[l] {
			if linked[l][x.event] {
				continue
			}
			if byReason[x.reason] == nil {
				reasons = append(reasons, x.reason)
			}
			byReason[x.reason] = append(byReason[x.reason], x.event)
		}
		for _, reason := range reasons {
			slices.Sort(byReason[reason])
			list = append(list, Unmatched{Log: l, Events: byReason[reason], Reason: reason})
		}
	}
	return list
}
