package compare

import (
	"cmp"
	"math"
	"slices"
)

// exactUpTo is how many values both samples may have together for the exact
// distribution of U; beyond that the normal one is close.
const exactUpTo = 60

// rankTest compares two samples that are not empty by Mann and Whitney's test,
// two-sided: twice the smaller tail. Values that are equal share their ranks
// (midranks). For small samples the tails are counted over all ways to deal
// these ranks; else U is taken as normal, its variance corrected for ties and
// half a unit for continuity (Lehmann 1975, Nonparametrics, 1.4).
func rankTest(a, b []float64) (u, p float64, exact bool) {
	ranks, ties := doubledRanks(a, b)
	n, m := len(a), len(b)
	sum := 0
	for _, r := range ranks[:n] {
		sum += r
	}
	u = float64(sum-n*(n+1)) / 2
	switch {
	case len(ties) == 1:
		return u, 1, true // all values are equal
	case n+m <= exactUpTo:
		return u, exactP(ranks, n, sum), true
	}
	tied := 0.0
	for _, t := range ties {
		tied += float64(t)*float64(t)*float64(t) - float64(t)
	}
	all := float64(n + m)
	variance := float64(n) * float64(m) / 12 * (all + 1 - tied/(all*(all-1)))
	z := max(math.Abs(u-float64(n)*float64(m)/2)-0.5, 0) / math.Sqrt(variance)
	return u, math.Erfc(z / math.Sqrt2), false
}

// doubledRanks are twice the midranks of a's values and then of b's, which makes
// them whole numbers, and how many values share each rank.
func doubledRanks(a, b []float64) (ranks, ties []int) {
	values := slices.Concat(a, b)
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(values[x], values[y]) })
	ranks = make([]int, len(values))
	for i := 0; i < len(order); {
		k := i
		for k < len(order) && values[order[k]] == values[order[i]] {
			k++
		}
		for _, at := range order[i:k] {
			ranks[at] = i + 1 + k
		}
		ties = append(ties, k-i)
		i = k
	}
	return ranks, ties
}

// exactP counts, over all choices of n of the ranks, the sums up to the one seen
// and from it on.
func exactP(ranks []int, n, seen int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([][]float64, n+1) // number chosen → sum → ways; fits a float exactly enough
	for i := range ways {
		ways[i] = make([]float64, total+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for chosen := n; chosen > 0; chosen-- {
			for sum := total; sum >= r; sum-- {
				ways[chosen][sum] += ways[chosen-1][sum-r]
			}
		}
	}
	below, above, all := 0.0, 0.0, 0.0
	for sum, w := range ways[n] {
		all += w
		if sum <= seen {
			below += w
		}
		if sum >= seen {
			above += w
		}
	}
	return min(1, 2*min(below, above)/all)
}
