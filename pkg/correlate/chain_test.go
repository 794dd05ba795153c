package correlate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// everyWay sums over all pairings by trying them: what chain and spread must
// agree with on small cases.
func everyWay(edges []edge, lines int, fits func(way []int) float64) []float64 {
	p := make([]float64, len(edges))
	total := 0.0
	way := make([]int, lines) // edge index + 1 by line, 0: none
	var try func(l int, weight float64)
	try = func(l int, weight float64) {
		if l == lines {
			w := weight * fits(way)
			total += w
			for _, e := range way {
				if e > 0 {
					p[e-1] += w
				}
			}
			return
		}
		way[l] = 0
		try(l+1, weight)
		for i, e := range edges {
			if e.line != l {
				continue
			}
			taken := false
			for _, k := range way[:l] {
				taken = taken || k > 0 && edges[k-1].target == e.target
			}
			if !taken {
				way[l] = i + 1
				try(l+1, weight*e.odds)
			}
		}
		way[l] = 0
	}
	try(0, 1)
	for i := range p {
		p[i] /= total
	}
	return p
}

func randomEdges(r *rand.Rand, lines, targets int) []edge {
	var edges []edge
	for l := range lines {
		for t := range targets {
			if r.IntN(3) > 0 {
				edges = append(edges, edge{line: l, target: t, odds: math.Exp(r.Float64()*6 - 3)})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.target, b.target)) })
	return edges
}

// inOrder weighs a way as chain does: increasing, but for pairs of lines in a
// row whose targets, with nothing between that is taken, changed places.
func inOrder(edges []edge, swapped func(a, b int) float64) func([]int) float64 {
	return func(way []int) float64 {
		weight, last := 1.0, -1
		for l := 0; l < len(way); l++ {
			if way[l] == 0 {
				continue
			}
			t := edges[way[l]-1].target
			if l+1 < len(way) && way[l+1] > 0 {
				if u := edges[way[l+1]-1].target; u < t && u > last && swapped(u, t) >= leastTurn {
					weight *= swapped(u, t)
					last = t
					l++
					continue
				}
			}
			if t <= last {
				return 0
			}
			last = t
		}
		return weight
	}
}

func TestChainAgreesWithEveryWay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		lines, targets := 1+r.IntN(5), 1+r.IntN(5)
		edges := randomEdges(r, lines, targets)
		swapped := func(a, b int) float64 {
			if b-a > 2 {
				return 0
			}
			return 0.3 / float64(b-a)
		}
		if n%2 == 0 {
			swapped = func(int, int) float64 { return 0 }
		}
		want := everyWay(edges, lines, inOrder(edges, swapped))
		chain(edges, lines, targets, swapped, func(b int) int { return b - 2 })
		for i, e := range edges {
			if math.Abs(e.p-want[i]) > 1e-9 {
				t.Fatalf("case %d: edge %d→%d: %v, want %v", n, e.line, e.target, e.p, want[i])
			}
		}
	}
}

// TestChainWeighsItsEnds: a way counts with the weights of where it begins and ends.
func TestChainWeighsItsEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 200 {
		lines, targets := 1+r.IntN(5), 1+r.IntN(5)
		edges := randomEdges(r, lines, targets)
		swapped := func(a, b int) float64 { return 0.3 / float64(b-a) }
		var heads, tails [5][5]float64
		for i := range 5 {
			for k := range 5 {
				heads[i][k], tails[i][k] = math.Exp(r.Float64()*8), math.Exp(r.Float64()*8)
			}
		}
		ordered := inOrder(edges, swapped)
		want := everyWay(edges, lines, func(way []int) float64 {
			weight, first, last := ordered(way), -1, -1
			low, high := targets, -1
			for l, w := range way {
				if w == 0 {
					continue
				}
				if first < 0 {
					first = l
				}
				last = l
				low, high = min(low, edges[w-1].target), max(high, edges[w-1].target)
			}
			if first < 0 || weight == 0 {
				return weight
			}
			return weight * heads[first][low] * tails[last][high]
		})
		run := &chainRun{before: func(l, t int) float64 { return heads[l][t] }, after: func(l, t int) float64 { return tails[l][t] }}
		run.solve(edges, lines, targets, swapped, func(int) int { return 0 })
		for i, e := range edges {
			if math.Abs(e.p-want[i]) > 1e-9 {
				t.Fatalf("case %d: edge %d→%d: %v, want %v", n, e.line, e.target, e.p, want[i])
			}
		}
	}
}

func TestChainKeepsItsScale(t *testing.T) {
	const n = 3000
	var edges []edge
	for i := range n {
		for j := max(0, i-2); j < min(n, i+3); j++ {
			odds := 1e-3
			if i == j {
				odds = 1e6
			}
			edges = append(edges, edge{line: i, target: j, odds: odds})
		}
	}
	chain(edges, n, n, func(int, int) float64 { return 0.1 }, func(int) int { return 0 })
	for _, e := range edges {
		if e.line == e.target && !(e.p > 0.999 && e.p < 1.000001) || e.line != e.target && e.p > 0.001 {
			t.Fatalf("%d→%d: %v", e.line, e.target, e.p)
		}
	}
}
