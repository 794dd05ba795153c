package clock

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// truth is a made-up clock: how far it is ahead of the reference at an instant
// of the reference (seconds), in ns.
type truth struct {
	start         int64 // ns
	offset, drift float64
	stepAt, step  float64 // s, ns; step 0: none
	slewFor       float64 // s: the step is slewed away over this time; 0: at once
}

func (h truth) theta(t float64) float64 {
	v := h.offset + h.drift*t
	switch {
	case h.step == 0 || t < h.stepAt:
	case t < h.stepAt+h.slewFor:
		v += h.step * (t - h.stepAt) / h.slewFor
	default:
		v += h.step
	}
	return v
}

func (h truth) at(t float64) int64 { return h.start + int64(t*1e9) }

const start = int64(1_795_344_000_000_000_000)

// score tells how the track of a clock compares with the truth: the share of
// instants whose truth the bounds hold, by the track's own interpolation and
// read as parallel lines, and the median error of the offset.
func score(t *Track, h truth, from, to float64) (inside, parallel float64, median int64) {
	const n = 200
	var errs []int64
	in, par := 0, 0
	for k := range n + 1 {
		at := from + (to-from)*float64(k)/n
		want := int64(h.theta(at))
		own := h.at(at) + want
		o, l, hi, ok := t.At(own)
		if !ok {
			continue
		}
		errs = append(errs, abs(o-want))
		if l-2 <= want && want <= hi+2 {
			in++
		}
		s := t.Segments[0]
		for _, x := range t.Segments {
			if x.From <= own {
				s = x
			}
		}
		d := int64(s.Drift * 1e-6 * float64(own-s.From))
		if s.Low+d-2 <= want && want <= s.High+d+2 {
			par++
		}
	}
	if len(errs) == 0 {
		return 0, 0, math.MaxInt64
	}
	slices.Sort(errs)
	return float64(in) / (n + 1), float64(par) / (n + 1), errs[len(errs)/2]
}

// ntpLike makes exchanges: bounds from delays on both ways.
func ntpLike(h truth, r *rand.Rand, n int, span, delay float64) []Constraint {
	var out []Constraint
	for i := range n {
		t := span * r.Float64()
		d1, d2 := delay*(0.2+r.ExpFloat64()), delay*(0.2+r.ExpFloat64())
		th := h.theta(t)
		out = append(out, Constraint{A: 0, B: 1, At: h.at(t), Low: int64(th - d1), High: int64(th + d2), Method: NTP, Ref: i})
	}
	return out
}

func TestStraightClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := truth{start: start, offset: rapid.Float64Range(-1e13, 1e13).Draw(t, "offset"), drift: rapid.Float64Range(-2e5, 2e5).Draw(t, "drift")}
		n := rapid.IntRange(1, 60).Draw(t, "n")
		span := rapid.Float64Range(1, 7200).Draw(t, "span")
		delay := rapid.Float64Range(1e4, 1e8).Draw(t, "delay")
		r := rand.New(rand.NewPCG(1, uint64(rapid.IntRange(0, 1<<30).Draw(t, "seed"))))
		cs := ntpLike(h, r, n, span, delay)
		s := Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}, Spans: []Span{{h.at(0), h.at(span)}, {}}})
		tr := &s.Tracks[1]
		if tr.Status != Measured {
			t.Fatalf("%s: %s", tr.Status, tr.Why)
		}
		in, par, med := score(tr, h, -0.05*span, 1.05*span)
		if in < 1 || par < 1 {
			t.Fatalf("truth inside %.3f, parallel %.3f, median error %d; segments %+v", in, par, med, tr.Segments)
		}
		if limit := int64(6 * delay); n >= 5 && med > limit+int64(span*2e5/float64(n)) {
			t.Fatalf("median error %d ns with delays of %.0f", med, delay)
		}
	})
}

func TestOutliers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := truth{start: start, offset: 2.35e9, drift: rapid.Float64Range(-1e5, 1e5).Draw(t, "drift")}
		r := rand.New(rand.NewPCG(2, uint64(rapid.IntRange(0, 1<<30).Draw(t, "seed"))))
		cs := ntpLike(h, r, 60, 600, 1e6)
		for i := range rapid.IntRange(0, 9).Draw(t, "outliers") {
			k := r.IntN(60)
			wrong := int64(2e7 + r.Float64()*5e9)
			if r.IntN(2) == 0 {
				wrong = -wrong
			}
			cs = append(cs, Constraint{A: 0, B: 1, At: cs[k].At + 1, Low: cs[k].Low + wrong, High: cs[k].High + wrong, Method: NTP, Ref: 1000 + i})
		}
		s := Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}})
		tr := &s.Tracks[1]
		if tr.Status != Measured {
			t.Fatalf("%s: %s", tr.Status, tr.Why)
		}
		in, par, med := score(tr, h, 0, 600)
		if in < 0.99 || par < 0.99 || med > 2e6 {
			t.Fatalf("truth inside %.3f, parallel %.3f, median error %d; segments %+v", in, par, med, tr.Segments)
		}
	})
}

func TestSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Float64Range(0.02e9, 40e9).Draw(t, "size")
		if rapid.Bool().Draw(t, "back") {
			size = -size
		}
		h := truth{start: start, offset: -1e9, drift: 2e4, stepAt: rapid.Float64Range(100, 500).Draw(t, "at"), step: size}
		r := rand.New(rand.NewPCG(3, uint64(rapid.IntRange(0, 1<<30).Draw(t, "seed"))))
		cs := ntpLike(h, r, 120, 600, 1e6)
		s := Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}})
		tr := &s.Tracks[1]
		if tr.Status != Measured {
			t.Fatalf("%s: %s", tr.Status, tr.Why)
		}
		stepped := false
		for _, x := range tr.Segments {
			stepped = stepped || x.StepBefore
		}
		// Outside the repeated or skipped stretch and the gap between the
		// evidence on both sides.
		gap := math.Abs(size)/1e9 + 40
		in1, _, m1 := score(tr, h, 0, h.stepAt-gap)
		in2, _, m2 := score(tr, h, h.stepAt+gap, 600)
		if !stepped || in1 < 0.99 || in2 < 0.99 || m1 > 2e6 || m2 > 2e6 {
			t.Fatalf("step %v, inside %.3f and %.3f, median errors %d and %d", stepped, in1, in2, m1, m2)
		}
	})
}

func TestSlew(t *testing.T) {
	h := truth{start: start, offset: 5.3e9, drift: 1e4, stepAt: 300, step: -5.3e9, slewFor: 63.6}
	r := rand.New(rand.NewPCG(4, 4))
	cs := ntpLike(h, r, 600, 900, 1e6)
	s := Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}})
	tr := &s.Tracks[1]
	if tr.Status != Measured {
		t.Fatalf("%s: %s", tr.Status, tr.Why)
	}
	in, par, med := score(tr, h, 0, 900)
	if in < 0.99 || par < 0.99 || med > 2e6 {
		t.Fatalf("inside %.3f, parallel %.3f, median error %d; %+v", in, par, med, tr.Segments)
	}
}
