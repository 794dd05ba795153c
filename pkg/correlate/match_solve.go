package correlate

import (
	"math"
	"sort"
)

// solve finds the probabilities of all pairs.
func (g *group) solve(r *requestLog) {
	if r.ordered {
		for _, part := range g.chunks() {
			g.solveChain(r, part[0], part[1])
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

func (g *group) solveChain(r *requestLog, from, to int) {
	run := &r.chain
	all := g.edges(from, to)
	if len(all) == 0 {
		return
	}
	edges, fixed, escape := g.splitFloating(all, from, to)
	used := run.number(edges, len(g.targets))
	for i := range edges {
		edges[i].line -= from
	}
	run.before, run.after = usualEnd, usualEnd
	if first := g.pairs[0].line; from <= first && first < to {
		run.before = func(line, target int) float64 { return g.heads.weight(from+line, used[target]) }
	}
	if last := g.pairs[len(g.pairs)-1].line; from <= last && last < to {
		run.after = func(line, target int) float64 { return g.tails.weight(from+line, used[target]) }
	}
	run.solve(edges, to-from, len(used), func(a, b int) float64 { return swapped(g.targets[used[a]], g.targets[used[b]]) },
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
