package compare

import (
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// level is the chance below which a difference counts as one: one in twenty.
const level = 0.05

// describe fills in the statistics of a sample from its values.
func (s *Sample) describe() {
	s.N = len(s.values)
	if s.N == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(s.values))
	s.Mean = seconds(mean(sorted))
	s.Median, s.P95 = seconds(quantile(sorted, 0.5)), seconds(quantile(sorted, 0.95))
	s.Min, s.Max = seconds(sorted[0]), seconds(sorted[s.N-1])
	if s.N > 1 {
		s.SD = seconds(deviation(sorted))
	}
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// deviation is the standard deviation of a sample, divisor n−1.
func deviation(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

// quantile interpolates linearly between order statistics (Hyndman and Fan 1996,
// type 7); x is sorted and not empty.
func quantile(x []float64, q float64) float64 {
	at := q * float64(len(x)-1)
	i := int(at)
	if i+1 >= len(x) {
		return x[len(x)-1]
	}
	return x[i] + (at-float64(i))*(x[i+1]-x[i])
}

func seconds(s float64) *report.Seconds {
	v := report.Seconds(math.Round(s * 1e9))
	return &v
}

// fence is Tukey's upper fence; with fewer than five values there is none.
func fence(values []float64) float64 {
	if len(values) < 5 {
		return math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(values))
	low, high := quantile(sorted, 0.25), quantile(sorted, 0.75)
	return high + 1.5*(high-low)
}

// leastP is the two-sided p of complete separation: 2 / C(n+m, n). No data of
// these sizes can have a smaller one.
func leastP(n, m int) float64 {
	p := 2.0
	for i := 1; i <= n; i++ {
		p *= float64(i) / float64(m+i)
	}
	return min(p, 1)
}

// shift is the median of all differences b − a (Hodges and Lehmann 1963). Of
// very large samples it takes evenly spaced order statistics.
func shift(a, b []float64) float64 {
	const most = 400
	x, y := thinned(a, most), thinned(b, most)
	differences := make([]float64, 0, len(x)*len(y))
	for _, v := range x {
		for _, w := range y {
			differences = append(differences, w-v)
		}
	}
	slices.Sort(differences)
	return quantile(differences, 0.5)
}

func thinned(values []float64, most int) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) <= most {
		return sorted
	}
	out := make([]float64, most)
	for i := range out {
		out[i] = quantile(sorted, (float64(i)+0.5)/float64(most))
	}
	return out
}

// holm adjusts the p values of tests that are judged together (Holm 1979).
func holm(tests []*Test) {
	order := slices.Clone(tests)
	slices.SortStableFunc(order, func(a, b *Test) int {
		switch {
		case a.P < b.P:
			return -1
		case a.P > b.P:
			return 1
		}
		return 0
	})
	highest := 0.0
	for i, t := range order {
		highest = max(highest, min(1, t.P*float64(len(order)-i)))
		t.Holm = highest
	}
}
