package clock

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// traffic is made-up exchanges (start, end; s) of some clients.
type exchange struct {
	from, to float64
	client   int
}

func uniform(r *rand.Rand, n int, span float64, clients int) []exchange {
	var out []exchange
	for range n {
		t := r.Float64() * span
		out = append(out, exchange{t, t + 0.002 + 0.01*r.ExpFloat64(), r.IntN(clients)})
	}
	return out
}

// bursty traffic comes in pages: some requests within a second or two.
func bursty(r *rand.Rand, n int, span float64, clients int) []exchange {
	var out []exchange
	for len(out) < n {
		t, c := r.Float64()*span, r.IntN(clients)
		for range 1 + r.IntN(12) {
			out = append(out, exchange{t, t + 0.002 + 0.01*r.ExpFloat64(), c})
			t += 0.3 * r.ExpFloat64()
		}
	}
	return out
}

func periodic(n int, every float64) []exchange {
	var out []exchange
	for i := range n {
		t := 3.3 + float64(i)*every
		out = append(out, exchange{t, t + 0.004, 0})
	}
	return out
}

// logOf writes a line for each exchange with stamps of the given resolution,
// somewhere between the exchange's ends; share of them are written at all.
func logOf(h truth, xs []exchange, q time.Duration, share float64, r *rand.Rand) []Instant {
	var out []Instant
	for i, x := range xs {
		if r.Float64() >= share {
			continue
		}
		at := x.from + (x.to-x.from)*r.Float64()
		stamp := h.at(at) + int64(h.theta(at))
		stamp -= stamp % int64(q)
		out = append(out, Instant{Low: stamp, High: stamp + int64(q), Group: x.client, Ref: i})
	}
	slices.SortStableFunc(out, func(a, b Instant) int { return int(min(max(a.Low-b.Low, -1), 1)) })
	return out
}

func partnersOf(h truth, xs []exchange) []Instant {
	var out []Instant
	for i, x := range xs {
		out = append(out, Instant{Low: h.at(x.from), High: h.at(x.to), Group: x.client, Ref: i})
	}
	return out
}

func solveSeries(lines, partners []Instant, span float64) *Track {
	spans := []Span{{start, start + int64(span*1e9)}, {}}
	s := Solve(Problem{Clocks: 2, Prefer: []ID{0}, Spans: spans, Series: []Series{{A: 0, B: 1, Lines: lines, Partners: partners, Method: Intervals}}})
	return &s.Tracks[1]
}

func TestLogsWithoutKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := truth{start: start, offset: rapid.Float64Range(-4e12, 4e12).Draw(t, "offset"), drift: rapid.Float64Range(-1e5, 1e5).Draw(t, "drift")}
		r := rand.New(rand.NewPCG(5, uint64(rapid.IntRange(0, 1<<30).Draw(t, "seed"))))
		n := rapid.IntRange(30, 300).Draw(t, "n")
		span := rapid.Float64Range(60, 1800).Draw(t, "span")
		xs := uniform(r, n, span, 1+r.IntN(4))
		if rapid.Bool().Draw(t, "bursty") {
			xs = bursty(r, n, span, 1+r.IntN(4))
		}
		q := rapid.SampledFrom([]time.Duration{time.Second, time.Millisecond, time.Microsecond}).Draw(t, "resolution")
		share := rapid.Float64Range(0.6, 1).Draw(t, "share")
		tr := solveSeries(logOf(h, xs, q, share, r), partnersOf(h, xs), span)
		if tr.Status != Measured {
			t.Skip(tr.Why) // how often that may be is TestRefusedSeldom's
		}
		in, par, med := score(tr, h, 0, span)
		if in < 0.99 || par < 0.99 || med > int64(q)/2+30e6 {
			t.Fatalf("inside %.3f, parallel %.3f, median error %d; %+v", in, par, med, tr.Segments)
		}
	})
}

// TestNarrowness holds the figures the method was designed by: the width of the
// interval and the error of its middle by the number of lines.
func TestNarrowness(t *testing.T) {
	for _, c := range []struct {
		n           int
		width, miss time.Duration
	}{
		{30, 240 * time.Millisecond, 60 * time.Millisecond},
		{100, 100 * time.Millisecond, 20 * time.Millisecond},
		{1000, 30 * time.Millisecond, 6 * time.Millisecond},
	} {
		var width, miss float64
		runs := 300/c.n + 3
		for seed := range uint64(runs) {
			r := rand.New(rand.NewPCG(6, seed))
			h := truth{start: start, offset: 37.4e9 + 1e9*r.Float64(), drift: 3e4 * r.Float64()}
			xs := uniform(r, c.n, 3600, 3)
			tr := solveSeries(logOf(h, xs, time.Second, 1, r), partnersOf(h, xs), 3600)
			if tr.Status != Measured {
				t.Fatalf("%d lines, seed %d: %s", c.n, seed, tr.Why)
			}
			in, _, med := score(tr, h, 300, 3300)
			if in < 0.99 {
				t.Errorf("%d lines, seed %d: inside %.3f", c.n, seed, in)
			}
			_, l, hi, _ := tr.At(h.at(1800) + int64(h.theta(1800)))
			width += float64(hi-l) / float64(runs)
			miss += float64(med) / float64(runs)
		}
		t.Logf("%4d lines of 1 s: width %.1f ms, error %.1f ms", c.n, width/1e6, miss/1e6)
		if width > float64(c.width) || miss > float64(c.miss) {
			t.Errorf("%d lines: width %.1f ms, error %.1f ms", c.n, width/1e6, miss/1e6)
		}
	}
}

func TestPitfall08UnrelatedLogIsRefused(t *testing.T) {
	for seed := range uint64(25) {
		for name, make := range map[string]func(*rand.Rand, int, float64, int) []exchange{"uniform": uniform, "bursty": bursty} {
			r := rand.New(rand.NewPCG(7, seed))
			h := truth{start: start}
			tr := solveSeries(logOf(h, make(r, 200, 3600, 3), time.Second, 1, r), partnersOf(h, make(r, 200, 3600, 3)), 3600)
			if tr.Status == Measured {
				t.Errorf("%s, seed %d: an unrelated log was measured: %+v", name, seed, tr.Segments[0])
			}
		}
	}
}

func TestPitfall08PeriodicIsAmbiguous(t *testing.T) {
	for _, every := range []float64{60, 5, 2} {
		r := rand.New(rand.NewPCG(8, 8))
		h := truth{start: start, offset: 12.3e9}
		xs := periodic(60, every)
		tr := solveSeries(logOf(h, xs, time.Second, 1, r), partnersOf(h, xs), 3600)
		if tr.Status != Ambiguous {
			t.Errorf("every %.0f s: %s %s %+v", every, tr.Status, tr.Why, tr.Segments)
		}
	}
}

func TestPitfall08TwoEventsAreTooFew(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	h := truth{start: start, offset: 2e9}
	xs := uniform(r, 2, 60, 1)
	if tr := solveSeries(logOf(h, xs, time.Second, 1, r), partnersOf(h, xs), 3600); tr.Status == Measured {
		t.Errorf("two lines were enough: %+v", tr.Segments)
	}
}

func TestHalfOfTheLogFromElsewhere(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(10, seed))
		h := truth{start: start, offset: -7.7e9, drift: 1e4}
		xs := bursty(r, 200, 3600, 3)
		lines := logOf(h, xs, time.Second, 1, r)
		lines = append(lines, logOf(h, uniform(r, 200, 3600, 3), time.Second, 1, r)...)
		slices.SortStableFunc(lines, func(a, b Instant) int { return int(min(max(a.Low-b.Low, -1), 1)) })
		tr := solveSeries(lines, partnersOf(h, xs), 3600)
		if tr.Status != Measured {
			t.Errorf("seed %d: %s", seed, tr.Why)
			continue
		}
		if in, _, med := score(tr, h, 0, 3600); in < 0.99 || med > 50e6 {
			t.Errorf("seed %d: inside %.3f, error %d", seed, in, med)
		}
	}
}

func TestStepInALog(t *testing.T) {
	bad := 0
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(11, seed))
		h := truth{start: start, offset: 3e9, drift: 1e4, stepAt: 1500, step: -37e9}
		xs := uniform(r, 400, 3600, 2)
		lines := logOf(h, xs, time.Second, 1, r)
		slices.SortStableFunc(lines, func(a, b Instant) int { return a.Ref - b.Ref })
		at := func(l Instant) float64 { return xs[l.Ref].from }
		slices.SortStableFunc(lines, func(a, b Instant) int { return int(math.Copysign(1, at(a)-at(b))) })
		tr := solveSeries(lines, partnersOf(h, xs), 3600)
		if tr.Status != Measured {
			t.Errorf("seed %d: %s", seed, tr.Why)
			continue
		}
		in1, _, m1 := score(tr, h, 0, 1400)
		in2, _, m2 := score(tr, h, 1600, 3600)
		if in1 < 0.99 || in2 < 0.99 || m1 > 60e6 || m2 > 60e6 {
			bad++
			t.Logf("seed %d: inside %.3f and %.3f, errors %d and %d", seed, in1, in2, m1, m2)
		}
	}
	if bad > 0 {
		t.Errorf("%d of 10 wrong", bad)
	}
}

// TestShift: a clock moved by δ moves its track by δ and nothing else.
func TestShift(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	h := truth{start: start, offset: 1e9, drift: 2e4}
	xs := bursty(r, 150, 1200, 3)
	lines := logOf(h, xs, time.Second, 1, r)
	a := solveSeries(lines, partnersOf(h, xs), 3600)
	const delta = int64(123_456_789_012)
	for i := range lines {
		lines[i].Low += delta
		lines[i].High += delta
	}
	b := solveSeries(lines, partnersOf(h, xs), 3600)
	if a.Status != Measured || b.Status != Measured || len(a.Segments) != len(b.Segments) {
		t.Fatalf("%s and %s, %d and %d segments", a.Status, b.Status, len(a.Segments), len(b.Segments))
	}
	for i := range a.Segments {
		x, y := a.Segments[i], b.Segments[i]
		if abs(y.Offset-x.Offset-delta) > 1000 || abs(y.Low-x.Low-delta) > 1000 || abs(y.High-x.High-delta) > 1000 || abs(y.From-x.From-delta) > 1000 {
			t.Errorf("segment %d: %+v became %+v", i, x, y)
		}
	}
}

// TestOrderAndCopies: neither the order of the evidence nor copies of it change
// the result.
func TestOrderAndCopies(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 13))
	h := truth{start: start, offset: 1e9, drift: 2e4, stepAt: 300, step: 5e9}
	cs := ntpLike(h, r, 80, 600, 1e6)
	a := Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}})
	more := append(slices.Clone(cs), cs...)
	r.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
	b := Solve(Problem{Clocks: 2, Constraints: more, Prefer: []ID{0}})
	if !slices.Equal(a.Tracks[1].Segments, b.Tracks[1].Segments) || !slices.Equal(a.Tracks[1].Used, b.Tracks[1].Used) {
		t.Errorf("%+v\nbecame\n%+v", a.Tracks[1], b.Tracks[1])
	}
}

// TestBriefLogFarOff: a few seconds of lines may fit somewhere in a long capture
// by chance.
func TestBriefLogFarOff(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(14, seed))
		h := truth{start: start}
		elsewhere := truth{start: start + int64(480e9)}
		tr := solveSeries(logOf(elsewhere, uniform(r, 14, 6, 1), time.Second, 1, r), partnersOf(h, uniform(r, 60, 60, 1)), 60)
		if tr.Status == Measured {
			t.Errorf("seed %d: measured %+v", seed, tr.Segments[0])
		}
	}
}
