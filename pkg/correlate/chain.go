package correlate

import (
	"math"
	"slices"
)

// edge says: line fits target, with odds to one against the line being of
// something else (and the target without a line).
type edge struct {
	line, target int
	odds         float64 // > 0
	p            float64 // set by the solvers: probability that they belong together
}

// leastTurn bounds how unlikely an exchange of two neighbours may be and still be
// considered.
const leastTurn = 1e-4

// chain finds for every edge the probability that line and target belong
// together, where both are in order: lines as they stand in the file, targets as
// they ended, but for neighbours that may have changed places.
//
// It sums over all ways to pair lines and targets in order (each with one at
// most), by the forward-backward method over increasing chains: a way counts
// with the product of its edges' odds. swapped(a, b) is the probability that
// target b, which ended after a, was nevertheless written before it; it must be
// too small to matter for any a below lowest(b).
//
// Edges must be sorted by line, then target. The cost is O(E log T) for E edges
// and T targets. It returns the logarithm of the sum over all ways.
func chain(edges []edge, lines, targets int, swapped func(a, b int) float64, lowest func(b int) int) float64 {
	return (&chainRun{before: usualEnd, after: usualEnd}).solve(edges, lines, targets, swapped, lowest)
}

// solve is chain, with the weights of the ends; the run may be used again, and keeps
// what it needed of memory.
func (c *chainRun) solve(edges []edge, lines, targets int, swapped func(a, b int) float64, lowest func(b int) int) float64 {
	if len(edges) == 0 {
		return 0
	}
	c.edges, c.targets, c.pairs = edges, targets, c.pairs[:0]
	c.findStarts(lines)
	c.fore = slices.Grow(c.fore[:0], len(edges))[:len(edges)]
	c.foreScale = slices.Grow(c.foreScale[:0], lines)[:lines]
	c.findSwaps(swapped, lowest)
	c.ended = math.Inf(-1)
	c.forward()
	c.backward()
	return c.total
}

// usualEnd: a way may begin or end anywhere.
func usualEnd(line, target int) float64 { return 1 }

// number gives the edges targets from 0 on without gaps, in their order, and
// returns which of all those were.
func (c *chainRun) number(edges []edge, targets int) (used []int) {
	if len(c.place) < targets {
		c.place = make([]int32, targets)
	}
	for _, e := range edges {
		if c.place[e.target] == 0 {
			c.place[e.target] = 1
			used = append(used, e.target)
		}
	}
	slices.Sort(used)
	for i, t := range used {
		c.place[t] = int32(i)
	}
	for i := range edges {
		edges[i].target = int(c.place[edges[i].target])
	}
	for _, t := range used {
		c.place[t] = 0
	}
	return used
}

// findStarts finds for each line the index of its first edge; one more entry
// ends the list.
func (c *chainRun) findStarts(lines int) {
	c.starts = slices.Grow(c.starts[:0], lines+1)[:lines+1]
	e := 0
	for l := range c.starts {
		for e < len(c.edges) && c.edges[e].line < l {
			e++
		}
		c.starts[l] = e
	}
}

// chainRun is one run of the forward-backward method.
type chainRun struct {
	edges     []edge
	starts    []int
	targets   int
	fore      []float64 // by edge: chains before it, in the scale of its line
	foreScale []float64 // by line
	pairs     []swap    // in order of their first line
	total     float64   // logarithm of the sum over all ways
	ended     float64   // of what ways weigh more than usual for their ends
	place     []int32   // by target, while they are numbered

	before, after func(line, target int) float64 // weight of a way that begins, or ends, with them; 1 is the usual one
}

// swap is a pair of edges of two lines in a row whose targets changed places:
// first goes to the later target, second to the earlier.
type swap struct {
	first, second int     // edges
	odds          float64 // of both, and of the exchange
	fore, scale   float64 // chains before it
}

// waiting is a sum to be added with the next line.
type waiting struct {
	target       int
	value, scale float64
}

// findSwaps lists the exchanges worth considering.
func (c *chainRun) findSwaps(swapped func(a, b int) float64, lowest func(b int) int) {
	for i := 0; i+2 < len(c.starts); i++ {
		f := c.starts[i+1]
		for e := c.starts[i]; e < c.starts[i+1]; e++ {
			a := c.edges[e].target
			for f < c.starts[i+2] && c.edges[f].target < a {
				f++
			}
			low := lowest(a)
			for k := f - 1; k >= c.starts[i+1] && c.edges[k].target >= low; k-- {
				if s := swapped(c.edges[k].target, a); s >= leastTurn {
					c.pairs = append(c.pairs, swap{first: e, second: k, odds: c.edges[e].odds * c.edges[k].odds * s})
				}
			}
		}
	}
}

// forward fills fore: for an edge of line i to target j the sum over all chains
// of earlier lines to earlier targets.
func (c *chainRun) forward() {
	sums := newScaledSums(c.targets)
	var held, next []waiting
	k := 0
	for i := range len(c.starts) - 1 {
		from, to := c.starts[i], c.starts[i+1]
		scale := sums.scale
		c.foreScale[i] = scale
		for e := from; e < to; e++ {
			t := c.edges[e].target
			c.fore[e] = sums.before(t) + (c.before(i, t)-1)*sums.empty
			c.end(i, t, c.edges[e].odds*c.fore[e], scale)
		}
		next = next[:0]
		for ; k < len(c.pairs) && c.pairs[k].first < to; k++ {
			p := &c.pairs[k]
			t := c.edges[p.second].target
			p.fore, p.scale = sums.before(t)+(c.before(i, t)-1)*sums.empty, scale
			c.end(i+1, c.edges[p.first].target, p.odds*p.fore, scale)
			next = append(next, waiting{c.edges[p.first].target, p.odds * p.fore, scale})
		}
		for e := from; e < to; e++ {
			sums.add(c.edges[e].target, c.edges[e].odds*c.fore[e], scale)
		}
		for _, w := range held {
			sums.add(w.target, w.value, w.scale)
		}
		held, next = next, held
	}
	usual := math.Log(sums.before(c.targets)) + sums.scale
	c.total = math.Max(usual, c.ended)
	c.total += math.Log(math.Exp(usual-c.total) + math.Exp(c.ended-c.total))
}

// end adds to the sum of all ways what those with value, in a scale, weigh more than
// usual for ending with a line and a target.
func (c *chainRun) end(line, target int, value, scale float64) {
	if w := c.after(line, target) - 1; w > 0 && value > 0 {
		x := math.Log(w) + math.Log(value) + scale
		high := math.Max(x, c.ended)
		c.ended = high + math.Log(math.Exp(x-high)+math.Exp(c.ended-high))
	}
}

// backward walks the lines from the end and completes the probabilities.
// Targets are mirrored, so that "later" becomes "before".
func (c *chainRun) backward() {
	sums := newScaledSums(c.targets)
	mirror := func(t int) int { return c.targets - 1 - t }
	var held, next []waiting
	var back []float64
	k := len(c.pairs) - 1
	for i := len(c.starts) - 2; i >= 0; i-- {
		from, to := c.starts[i], c.starts[i+1]
		scale := sums.scale
		back = back[:0]
		way := math.Exp(c.foreScale[i] + scale - c.total)
		for e := from; e < to; e++ {
			t := c.edges[e].target
			b := sums.before(mirror(t)) + (c.after(i, t)-1)*sums.empty
			back = append(back, b)
			c.edges[e].p += c.edges[e].odds * c.fore[e] * b * way
		}
		// Pairs whose second line this is.
		next = next[:0]
		for ; k >= 0 && c.pairs[k].second >= from; k-- {
			p := &c.pairs[k]
			t := c.edges[p.first].target
			after := sums.before(mirror(t)) + (c.after(i, t)-1)*sums.empty
			prob := p.odds * p.fore * after * math.Exp(p.scale+scale-c.total)
			c.edges[p.first].p += prob
			c.edges[p.second].p += prob
			next = append(next, waiting{mirror(c.edges[p.second].target), p.odds * after, scale})
		}
		for e := from; e < to; e++ {
			sums.add(mirror(c.edges[e].target), c.edges[e].odds*back[e-from], scale)
		}
		for _, w := range held {
			sums.add(w.target, w.value, w.scale)
		}
		held, next = next, held
	}
}

// scaledSums is a Fenwick tree of sums in a floating scale: a value v stands for
// v·e^scale. The empty chain is part of every sum.
type scaledSums struct {
	tree  []float64
	empty float64 // the empty chain in the present scale
	scale float64
}

// roof is where sums are scaled down; what then vanishes has no weight.
const roof = 1e150

func newScaledSums(n int) *scaledSums {
	return &scaledSums{tree: make([]float64, n+1), empty: 1}
}

// before sums what was added below t, and the empty chain.
func (s *scaledSums) before(t int) float64 {
	sum := s.empty
	for ; t > 0; t &= t - 1 {
		sum += s.tree[t]
	}
	return sum
}

// add adds v, given in a scale of an earlier moment, at t.
func (s *scaledSums) add(t int, v, scale float64) {
	if scale != s.scale {
		v *= math.Exp(scale - s.scale)
	}
	high := v
	for t++; t < len(s.tree); t += t & -t {
		s.tree[t] += v
		high = max(high, s.tree[t])
	}
	if high > roof {
		for i := range s.tree {
			s.tree[i] /= roof
		}
		s.empty /= roof
		s.scale += math.Log(roof)
	}
}
