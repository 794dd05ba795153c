package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// group is what of one log speaks of one client: lines and targets that may
// belong together, and nothing else may.
type group struct {
	lines   []line
	targets []*target // in order of place
	keyed   bool      // the lines name the client's port
	dns     bool      // of one question; targets are its packets
	pairs   []pair    // by line, then target
	typical float64   // mean duration of the lines, ns
	rate    float64   // logarithm of the lines per second
	blur    int64     // the largest of the targets
	counts  map[string]int
	told    map[*Journey]told // what other logs say of the requests
	log     *incident.Log
}

// pair is a line and a target that fit in time.
type pair struct {
	edge
	base float64 // logarithm of the odds before anything was learnt of the log
	keys [2]sizeKey
}

func (g *group) prepare() {
	g.counts = map[string]int{}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	sum, n := 0.0, 0
	for i := range g.lines {
		l := &g.lines[i]
		e := l.event
		low, high = min(low, l.at), max(high, l.at)
		if e.Duration >= 0 {
			sum += float64(e.Duration)
			n++
		}
		for _, k := range []struct {
			kind byte
			text string
		}{{'m', e.Method}, {'p', e.Path}, {'s', statusText(e.Status)}, {'v', majorVersion(e.Proto)}, {'h', hostName(e.Name)}} {
			g.counts[string(k.kind)+k.text]++
		}
	}
	for _, t := range g.targets {
		g.blur = max(g.blur, t.blur())
	}
	g.typical = max(sum/float64(max(n, 1)), 5e6)
	seconds := max(float64(high-low)/1e9, 1)
	g.rate = math.Log(float64(len(g.lines)) / seconds)
}

// rare is the share of the group's lines that say value, none of them sure.
func (g *group) rare(kind byte, value string) float64 {
	return float64(g.counts[string(kind)+value]+1) / float64(len(g.lines)+2)
}

// toldScore compares a line with what another log surely said of the request.
// An application behind a proxy may know the path without its beginning.
func (g *group) toldScore(l *line, t *target) float64 {
	x, ok := g.told[t.journey]
	if !ok || x.log == g.log || l.event.Path == "" {
		return 0
	}
	s := 0.0
	switch {
	case x.path == l.event.Path:
		s -= math.Log(g.rare('p', x.path))
	case strings.HasSuffix(x.path, l.event.Path) || strings.HasSuffix(l.event.Path, x.path):
	default:
		s -= 5
	}
	if x.method != "" && l.event.Method != "" && x.method != l.event.Method {
		s -= 4
	}
	if x.status > 0 && l.event.Status > 0 {
		if x.status == l.event.Status {
			s -= math.Log(g.rare('s', statusText(x.status)))
		} else {
			s -= 3
		}
	}
	return s
}

// leastOdds is where a pair is no longer considered.
const leastOdds = -10

// join finds the pairs that fit in time: a window join, never all pairs.
func (g *group) join() {
	in := newTimeIndex(g.targets)
	for i := range g.lines {
		l := &g.lines[i]
		from := len(g.pairs)
		if !l.timed {
			g.joinUntimed(i)
			continue
		}
		in.around(l, func(n int, t *target) {
			if !t.timed {
				return
			}
			slack := l.slack + t.slack
			if l.clock != nil && l.clock == t.clock {
				slack = 0
			}
			s := timeScore(l, t, slack)
			if s < leastOdds {
				return
			}
			s -= g.rate
			if !g.dns {
				s += durationScore(l, t, g.typical) + keyScore(l, t, g.rare) + g.toldScore(l, t)
			}
			if s < leastOdds {
				return
			}
			g.pairs = append(g.pairs, pair{edge: edge{line: i, target: n}, base: s, keys: sizeKeys(l, t)})
		})
		slices.SortFunc(g.pairs[from:], func(a, b pair) int { return cmp.Compare(a.target, b.target) })
	}
}

// joinUntimed gives a line whose clock is unknown every target of its client's
// port: which of them, the order tells.
func (g *group) joinUntimed(i int) {
	if !g.keyed {
		return
	}
	l := &g.lines[i]
	for n, t := range g.targets {
		if s := keyScore(l, t, g.rare) - g.rate; s >= leastOdds {
			g.pairs = append(g.pairs, pair{edge: edge{line: i, target: n}, base: s, keys: sizeKeys(l, t)})
		}
	}
}

// timeIndex finds targets by time.
type timeIndex struct {
	targets []*target
	short   []int   // by first: over within a second, and nothing may delay their line
	long    []int   // by first: the rest
	until   []int64 // by place in long: latest last so far
}

func newTimeIndex(targets []*target) *timeIndex {
	in := &timeIndex{targets: targets}
	for i, t := range targets {
		if !t.open && !mayLinger(t) && t.last-t.first <= 1000*msec {
			in.short = append(in.short, i)
		} else {
			in.long = append(in.long, i)
		}
	}
	byFirst := func(a, b int) int { return cmp.Compare(targets[a].first, targets[b].first) }
	slices.SortStableFunc(in.short, byFirst)
	slices.SortStableFunc(in.long, byFirst)
	latest := int64(math.MinInt64)
	for _, i := range in.long {
		latest = max(latest, targets[i].last)
		in.until = append(in.until, latest)
	}
	return in
}

// around calls visit for every target whose time may fit l.
func (in *timeIndex) around(l *line, visit func(int, *target)) {
	d := max(int64(l.event.Duration), 0)
	slack := l.slack + 2*farthest
	if len(in.targets) > 0 {
		slack += in.targets[0].slack
	}
	from, to := l.at-slack-d, l.at+l.width+slack
	if l.event.Means == logparse.RequestStart {
		from, to = l.at-slack, l.at+l.width+slack+d
	}
	first := sort.Search(len(in.short), func(i int) bool { return in.targets[in.short[i]].first >= from-1000*msec })
	for _, i := range in.short[first:] {
		if in.targets[i].first > to {
			break
		}
		visit(i, in.targets[i])
	}
	end := sort.Search(len(in.long), func(i int) bool { return in.targets[in.long[i]].first > to })
	for i := end - 1; i >= 0 && in.until[i] >= from-lingering; i-- {
		if t := in.targets[in.long[i]]; t.last >= from-lingering {
			visit(in.long[i], t)
		}
	}
}

// coverage is how much of each server's exchanges a log tells of.
type coverage map[netip.AddrPort]float64

// weigh sets the odds of all pairs from what is known so far.
func (g *group) weigh(r *requestLog) {
	for i := range g.pairs {
		p := &g.pairs[i]
		share, ok := r.coverage[g.targets[p.target].server]
		if !ok {
			share = r.logged
		}
		if g.keyed {
			share = max(share, 0.99)
		}
		s := p.base + r.sizes.score(p.keys) + math.Log(share/(1-share)) - math.Log(r.foreign)
		p.odds = math.Exp(min(max(s, -40), 40))
	}
}

// solve finds the probabilities of all pairs.
func (g *group) solve(ordered bool) {
	if ordered {
		for _, part := range g.chunks() {
			g.solveChain(part[0], part[1])
		}
		g.solveRest()
		g.levelStreams()
		g.settleClaims()
		return
	}
	edges := g.edges(0, len(g.lines))
	assign(edges, len(g.lines), len(g.targets))
	g.take(edges, 0)
}

func (g *group) edges(from, to int) []edge {
	lo := sort.Search(len(g.pairs), func(i int) bool { return g.pairs[i].line >= from })
	hi := sort.Search(len(g.pairs), func(i int) bool { return g.pairs[i].line >= to })
	edges := make([]edge, hi-lo)
	for i := range edges {
		edges[i] = g.pairs[lo+i].edge
		edges[i].p = 0
	}
	return edges
}

// take stores probabilities found for the edges that begin with pair lo.
func (g *group) take(edges []edge, lo int) {
	for i := range edges {
		g.pairs[lo+i].p = min(edges[i].p, 1)
	}
}

// chunkLines bounds how many lines are solved at once: the cost of a chain
// grows with its length times its targets.
const chunkLines = 2000

// chunks cuts the lines where no pair reaches across, and else where fewest do.
func (g *group) chunks() [][2]int {
	n := len(g.lines)
	lowest := make([]int, n+1) // smallest target of this line and all later ones
	lowest[n] = len(g.targets)
	k := len(g.pairs)
	for i := n - 1; i >= 0; i-- {
		lowest[i] = lowest[i+1]
		for ; k > 0 && g.pairs[k-1].line == i; k-- {
			lowest[i] = min(lowest[i], g.pairs[k-1].target)
		}
	}
	var parts [][2]int
	start, highest := 0, -1
	best, bestAt := math.MaxInt, 0
	k = 0
	for i := 0; i < n; i++ {
		for ; k < len(g.pairs) && g.pairs[k].line == i; k++ {
			highest = max(highest, g.pairs[k].target)
		}
		across := highest - lowest[i+1]
		if i-start >= chunkLines/2 && across < best {
			best, bestAt = across, i+1
		}
		switch {
		case i == n-1:
			parts = append(parts, [2]int{start, n})
		case across < 0:
			parts = append(parts, [2]int{start, i + 1})
			start, best = i+1, math.MaxInt
		case i-start >= chunkLines:
			parts = append(parts, [2]int{start, bestAt})
			i = bestAt - 1
			start, best = bestAt, math.MaxInt
			k = sort.Search(len(g.pairs), func(x int) bool { return g.pairs[x].line >= bestAt })
		}
	}
	return parts
}

func (g *group) solveChain(from, to int) {
	all := g.edges(from, to)
	if len(all) == 0 {
		return
	}
	edges, fixed, escape := g.splitFloating(all, from, to)
	used := make([]int, 0, len(edges))
	for _, e := range edges {
		used = append(used, e.target)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	place := make(map[int]int, len(used))
	for i, t := range used {
		place[t] = i
	}
	for i := range edges {
		edges[i].line -= from
		edges[i].target = place[edges[i].target]
	}
	chain(edges, to-from, len(used), func(a, b int) float64 { return swapped(g.targets[used[a]], g.targets[used[b]]) },
		func(b int) int {
			low := g.targets[used[b]].place - g.farBack(g.targets[used[b]])
			return sort.Search(b, func(a int) bool { return g.targets[used[a]].place >= low })
		})
	for k, i := range fixed {
		all[i].p = min(edges[k].p, 1)
	}
	if len(fixed) < len(all) {
		g.solveFloating(all, from, escape)
	}
	g.take(all, sort.Search(len(g.pairs), func(i int) bool { return g.pairs[i].line >= from }))
}

// splitFloating takes the edges to targets without a place in the order out of
// those to be chained; fixed tells where the rest are in all. What a line may be
// of instead is in escape, with its own odds of one: the edges left are weighed
// against that.
func (g *group) splitFloating(all []edge, from, to int) (edges []edge, fixed []int, escape []float64) {
	escape = make([]float64, to-from)
	for i := range escape {
		escape[i] = 1
	}
	for _, e := range all {
		if g.targets[e.target].floats {
			escape[e.line-from] += e.odds
		}
	}
	for i, e := range all {
		if !g.targets[e.target].floats {
			e.odds /= escape[e.line-from]
			edges = append(edges, e)
			fixed = append(fixed, i)
		}
	}
	return edges, fixed, escape
}

// solveFloating shares what the chain left of the lines among the floating
// targets, of which each takes one line at most.
func (g *group) solveFloating(all []edge, from int, escape []float64) {
	left := make([]float64, len(escape))
	for i := range left {
		left[i] = 1
	}
	for i := range all {
		if !g.targets[all[i].target].floats {
			left[all[i].line-from] -= all[i].p
		}
	}
	var edges []edge
	var at []int
	for i, e := range all {
		if !g.targets[e.target].floats {
			continue
		}
		l := e.line - from
		rest := max(left[l], 0)
		taken := rest * (escape[l] - 1) / escape[l] // by floating targets, if they had no other line
		edges = append(edges, edge{line: l, target: e.target, odds: rest * e.odds / escape[l] / max(1-taken, 1e-9)})
		at = append(at, i)
	}
	assign(edges, len(escape), len(g.targets))
	float := make([]float64, len(escape))
	for k, i := range at {
		all[i].p = min(edges[k].p, 1)
		float[edges[k].line] += all[i].p
	}
	// What a floating target did not take goes back to the others.
	for i := range all {
		l := all[i].line - from
		if !g.targets[all[i].target].floats && left[l] < 1 {
			all[i].p *= min(max(1-float[l], 0)/(1-left[l]), 1/(1-left[l]))
		}
	}
}

// farBack is how much earlier a target may have ended whose line yet stands
// behind that of b.
func (g *group) farBack(b *target) int64 {
	return max(blurs*(b.blur()+g.blur), b.reach())
}

// blurs is how many blurs away changing places is no longer thought of.
const blurs = 8

// swapped is the probability that the line of b was written before that of a
// though b ended later in the packets.
func swapped(a, b *target) float64 {
	gap := b.place - a.place
	switch {
	case gap < b.reach():
		return 0.3
	case a.point.Flow == b.point.Flow && a.point.Exchange.Multiplexed && b.point.Exchange.Multiplexed:
		return 0.5
	}
	blur := a.blur() + b.blur()
	if gap > blurs*blur {
		return 0
	}
	return math.Exp(-float64(gap)/float64(blur)) / 2
}

// solveRest pairs what found no place in the order with targets that found no
// line: a line may have been written long before or after its neighbours.
func (g *group) solveRest() {
	lineSum := make([]float64, len(g.lines))
	targetSum := make([]float64, len(g.targets))
	for _, p := range g.pairs {
		lineSum[p.line] += p.p
		targetSum[p.target] += p.p
	}
	var rest []edge
	var at []int
	for i, p := range g.pairs {
		if lineSum[p.line] < 0.5 && targetSum[p.target] < 0.5 {
			odds := p.odds
			if t := g.targets[p.target]; !t.loose() {
				odds *= math.Exp(outOfOrder)
			}
			rest = append(rest, edge{line: p.line, target: p.target, odds: odds})
			at = append(at, i)
		}
	}
	assign(rest, len(g.lines), len(g.targets))
	for k, i := range at {
		g.pairs[i].p = max(g.pairs[i].p, min(rest[k].p, 1))
	}
}

// outOfOrder is the logarithm of the odds of a line out of order.
const outOfOrder = -3

// settleClaims holds every target to one line: where a cut between chunks, or a
// later step, let it be claimed by more, all of them are less sure.
func (g *group) settleClaims() {
	sum := make([]float64, len(g.targets))
	for _, p := range g.pairs {
		sum[p.target] += p.p
	}
	for i := range g.pairs {
		if s := sum[g.pairs[i].target]; s > 1 {
			g.pairs[i].p /= s
		}
	}
}

// loose: when the line was written does not follow from the packets. The server
// may have waited for the close, or have been done in the middle of the answer.
func (t *target) loose() bool { return t.open || t.reach() > 100*msec || mayLinger(t) }

// levelStreams shares the probability of a line among the streams of one
// connection that overlapped: their instants are bounds, and which of them the
// line tells of, neither time nor order says.
func (g *group) levelStreams() {
	for from := 0; from < len(g.pairs); {
		to := from
		for to < len(g.pairs) && g.pairs[to].line == g.pairs[from].line {
			to++
		}
		g.levelLine(g.pairs[from:to])
		from = to
	}
}

func (g *group) levelLine(pairs []pair) {
	for i := range pairs {
		t := g.targets[pairs[i].target]
		if !t.point.Exchange.Multiplexed {
			continue
		}
		var same []int
		sum, odds := 0.0, 0.0
		for k := range pairs {
			u := g.targets[pairs[k].target]
			if u.point.Flow == t.point.Flow && u.point.Exchange.Multiplexed && u.first <= t.last && t.first <= u.last {
				same = append(same, k)
				sum += pairs[k].p
				odds += pairs[k].odds
			}
		}
		if same[0] != i {
			continue // done with the first of them
		}
		for _, k := range same {
			pairs[k].p = sum * pairs[k].odds / odds
		}
	}
}
