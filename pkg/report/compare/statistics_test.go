package compare

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRankTestPublished: values printed elsewhere.
func TestRankTestPublished(t *testing.T) {
	for _, c := range []struct {
		source string
		a, b   []float64
		u, p   float64
	}{
		// Documentation of scipy.stats.mannwhitneyu: U1 = 17, exact p = 0.111.
		{"scipy: age of diagnosis", []float64{19, 22, 16, 29, 24}, []float64{20, 11, 17, 12}, 17, 0.1111111111111111},
		// Hollander and Wolfe 1973, p. 69, as in R's wilcox.test: W = 35, one-sided p = 0.1272.
		{"Hollander and Wolfe: permeability", []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 35, 2 * 0.1272061},
		// Mann and Whitney 1947, table I: n = m = 4: P(U ≤ 0) = .014, P(U ≤ 1) = .029; two-sided twice that.
		{"Mann and Whitney: U 0 of 4 and 4", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 0, 2.0 / 70},
		{"Mann and Whitney: U 1 of 4 and 4", []float64{1, 2, 3, 5}, []float64{4, 6, 7, 8}, 1, 4.0 / 70},
	} {
		u, p, exact := rankTest(c.a, c.b)
		if u != c.u || math.Abs(p-c.p) > 1e-6 || !exact {
			t.Errorf("%s: U %v, p %v, exact %v; want U %v, p %v", c.source, u, p, exact, c.u, c.p)
		}
	}
}

// TestRankTestByCounting: the exact p is the share of all ways to deal the
// values that lie as far from the middle or farther, with ties as well.
func TestRankTestByCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Map(rapid.IntRange(0, 6), func(i int) float64 { return float64(i) })
		a := rapid.SliceOfN(value, 1, 5).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 5).Draw(t, "b")
		u, p, exact := rankTest(a, b)
		if want := pairsWon(a, b); u != want {
			t.Fatalf("U = %v, by counting pairs %v", u, want)
		}
		if !exact {
			t.Fatalf("not exact with %d and %d values", len(a), len(b))
		}
		if slices.Max(slices.Concat(a, b)) == slices.Min(slices.Concat(a, b)) {
			if p != 1 {
				t.Fatalf("p = %v of equal values", p)
			}
			return
		}
		// Two-sided as twice the smaller tail.
		below, above, all := 0, 0, 0
		deals(slices.Concat(a, b), len(a), func(x, y []float64) {
			v := pairsWon(x, y)
			all++
			if v <= u {
				below++
			}
			if v >= u {
				above++
			}
		})
		if want := min(1, 2*float64(min(below, above))/float64(all)); math.Abs(p-want) > 1e-9 {
			t.Fatalf("p = %v, by counting %v (a %v, b %v)", p, want, a, b)
		}
	})
}

func pairsWon(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	return u
}

// deals calls visit with every choice of n of the values.
func deals(values []float64, n int, visit func(x, y []float64)) {
	for mask := range 1 << len(values) {
		var x, y []float64
		for i, v := range values {
			if mask>>i&1 == 1 {
				x = append(x, v)
			} else {
				y = append(y, v)
			}
		}
		if len(x) == n {
			visit(x, y)
		}
	}
}

// TestLeastP: no data of given sizes have a smaller p than complete separation.
func TestLeastP(t *testing.T) {
	for _, c := range []struct {
		n, m int
		p    float64
	}{{1, 1, 1}, {3, 3, 0.1}, {4, 4, 2.0 / 70}, {2, 5, 2.0 / 21}, {1, 39, 0.05}} {
		if got := leastP(c.n, c.m); math.Abs(got-c.p) > 1e-12 {
			t.Errorf("leastP(%d, %d) = %v, want %v", c.n, c.m, got, c.p)
		}
		var a, b []float64
		for i := range c.n {
			a = append(a, float64(i))
		}
		for i := range c.m {
			b = append(b, float64(100+i))
		}
		if _, p, _ := rankTest(a, b); math.Abs(p-c.p) > 1e-9 {
			t.Errorf("complete separation of %d and %d: p %v, want %v", c.n, c.m, p, c.p)
		}
	}
}

// TestRankTestNormal: where the exact distribution ends, the normal one agrees
// with it, ties or none.
func TestRankTestNormal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.SampledFrom([]int{8, 1000000}).Draw(t, "top")
		value := rapid.Map(rapid.IntRange(0, top), func(i int) float64 { return float64(i) })
		a := rapid.SliceOfN(value, 31, 34).Draw(t, "a")
		b := rapid.SliceOfN(value, 31, 34).Draw(t, "b")
		_, p, exact := rankTest(a, b)
		ranks, ties := doubledRanks(a, b)
		if exact != (len(ties) == 1) {
			t.Fatal("exact")
		}
		if len(ties) <= 2 {
			return // too few to compare with, and exactP takes long
		}
		sum := 0
		for _, r := range ranks[:len(a)] {
			sum += r
		}
		if want := exactP(ranks, len(a), sum); math.Abs(p-want) > 0.02 {
			t.Fatalf("normal %v, exact %v", p, want)
		}
	})
}

// TestHolm: the example of Holm 1979's procedure worked by hand.
func TestHolm(t *testing.T) {
	a, b, c, d := &Test{P: 0.01}, &Test{P: 0.04}, &Test{P: 0.03}, &Test{P: 0.005}
	holm([]*Test{a, b, c, d})
	for _, x := range []struct {
		t    *Test
		want float64
	}{{d, 0.02}, {a, 0.03}, {c, 0.06}, {b, 0.06}} {
		if math.Abs(x.t.Holm-x.want) > 1e-12 {
			t.Errorf("p %v: adjusted %v, want %v", x.t.P, x.t.Holm, x.want)
		}
	}
}

// TestDescribe: figures by hand; percentiles as R's type 7.
func TestDescribe(t *testing.T) {
	s := Sample{values: []float64{0.010, 0.020, 0.030, 0.040, 0.100}}
	s.describe()
	for _, c := range []struct {
		name string
		got  int64
		want int64
	}{{"mean", int64(*s.Mean), 40e6}, {"median", int64(*s.Median), 30e6}, {"p95", int64(*s.P95), 88e6}, {"σ", int64(*s.SD), 35355339}, {"min", int64(*s.Min), 10e6}, {"max", int64(*s.Max), 100e6}} {
		if c.got != c.want {
			t.Errorf("%s: %d ns, want %d", c.name, c.got, c.want)
		}
	}
	if f := fence(s.values); math.Abs(f-0.070) > 1e-12 { // 0.040 + 1.5 × 0.020
		t.Errorf("fence %v, want 0.070", f)
	}
	one := Sample{values: []float64{1}}
	one.describe()
	if one.SD != nil || *one.Mean != 1e9 {
		t.Errorf("one value: σ %v, mean %v", one.SD, one.Mean)
	}
}

// TestShift: the median of all differences, and of thinned samples nearly so.
func TestShift(t *testing.T) {
	if got := shift([]float64{1, 2, 3}, []float64{11, 13}); got != 10 { // 8 9 10 10 11 12
		t.Errorf("shift %v, want 10", got)
	}
	a, b := make([]float64, 3000), make([]float64, 2000)
	for i := range a {
		a[i] = float64(i) / 3000
	}
	for i := range b {
		b[i] = 5 + float64(i)/2000
	}
	if got := shift(a, b); math.Abs(got-5) > 1e-3 {
		t.Errorf("shift of large samples %v, want 5", got)
	}
}
