package clock

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRunawayClock: a clock whose rate is out of hand, as those of hot machines
// and starved virtual ones are, is no clock that steps again and again.
func TestRunawayClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drift := rapid.Float64Range(550e3, 1900e3).Draw(t, "drift")
		if rapid.Bool().Draw(t, "slow") {
			drift = -drift
		}
		h := truth{start: start, offset: rapid.Float64Range(-5e9, 5e9).Draw(t, "offset"), drift: drift}
		delay := rapid.Float64Range(1e5, 2e6).Draw(t, "delay")
		r := rand.New(rand.NewPCG(15, uint64(rapid.IntRange(0, 1<<30).Draw(t, "seed"))))
		cs := append(packetsBothWays(h, r, 200, 60, delay), ntpLike(h, r, 20, 60, delay)...)
		tr := &Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}}).Tracks[1]
		if tr.Status != Measured {
			t.Fatalf("%s: %s", tr.Status, tr.Why)
		}
		if in, _, med := score(tr, h, 1, 59); in < 1 || med > int64(3*delay) {
			t.Fatalf("truth inside %.3f, error %d; segments %+v", in, med, tr.Segments)
		}
		if slices.ContainsFunc(tr.Segments, func(s Segment) bool { return s.StepBefore }) {
			t.Fatalf("a step was seen: %+v", tr.Segments)
		}
	})
}

// TestUsualDrift: nothing is taken for a runaway that need not be one: where a
// free-running clock explains the evidence, bounds fan out as for one.
func TestUsualDrift(t *testing.T) {
	h := truth{start: start, offset: 1e9, drift: 30e3}
	r := rand.New(rand.NewPCG(16, 1))
	tr := &Solve(Problem{Clocks: 2, Constraints: ntpLike(h, r, 3, 0.1, 1e6), Prefer: []ID{0}, Spans: []Span{{h.at(0), h.at(600)}, {}}}).Tracks[1]
	_, low, high, ok := tr.At(h.at(600) + int64(h.theta(600)))
	if want := 2 * driftLimit * 600; !ok || float64(high-low) > 1.2*want || float64(high-low) < 0.9*want {
		t.Errorf("ten minutes on the bounds are %d ns apart, want %.0f", high-low, want)
	}
}

// TestBorderOfAnExcursion: a daemon's clock goes elsewhere for some seconds and
// comes back. A reading on its way back agrees by chance with the line before and
// behind, half of a wide path off: it must not narrow it.
func TestBorderOfAnExcursion(t *testing.T) {
	const half = 62e6 // ns: a path of 124 ms
	var cs []Constraint
	add := func(t, offset float64) {
		cs = append(cs, Constraint{A: 0, B: 1, At: start + int64(t*1e9), Low: int64(offset - half), High: int64(offset + half), Method: Chrony, Ref: len(cs)})
	}
	const truly = -523e6
	for k := range 20 {
		add(float64(k), truly)
	}
	for k, off := range [...]float64{-1030e6, -570e6, 120e6, 280e6, 100e6} { // in vain for a line of its own
		add(20+float64(k)*0.8, truly+off)
	}
	for k := range 8 {
		add(25+float64(k), truly)
	}
	tr := &Solve(Problem{Clocks: 2, Constraints: cs, Prefer: []ID{0}}).Tracks[1]
	if tr.Status != Measured {
		t.Fatalf("%s: %s", tr.Status, tr.Why)
	}
	for _, at := range [...]float64{2, 10, 27, 31} {
		_, low, high, _ := tr.At(start + int64(at*1e9) + truly)
		if low > truly || high < truly || math.Abs(float64(high-low)-2*half) > 0.2*half {
			t.Errorf("at %g s: %.1f … %.1f ms around the truth", at, float64(low-truly)/1e6, float64(high-truly)/1e6)
		}
	}
}

// TestStepSomewhereInBetween: a clock was set back in a pause of the evidence.
// What it showed in the time it may have repeated is of one side or the other,
// and says nothing of a third clock.
func TestStepSomewhereInBetween(t *testing.T) {
	for _, c := range [...]struct{ at, by float64 }{{10.1, -1.2e9}, {13, -1.2e9}, {15.9, -1.2e9}, {10.1, -9e9}, {13, -9e9}, {15.9, -9e9}} {
		h := truth{start: start, offset: 0.5e9, stepAt: c.at, step: c.by}
		var cs []Constraint
		for k := range 60 {
			at := float64(k) / 2
			if at > 10 && at < 16 {
				continue
			}
			th := int64(h.theta(at))
			cs = append(cs, Constraint{A: 0, B: 1, At: h.at(at), Low: th - 1e6, High: th + 1e6, Method: NTP, Ref: k})
		}
		// The third clock is the reference's twin; it was compared with the second.
		for k := range 60 {
			at := float64(k) / 2
			th := int64(h.theta(at))
			cs = append(cs, Constraint{A: 1, B: 2, At: h.at(at) + th, Low: -th - 1e6, High: -th + 1e6, Method: Keyed, Ref: 100 + k})
		}
		s := Solve(Problem{Clocks: 3, Constraints: cs, Prefer: []ID{0}})
		if in, _, _ := score(&s.Tracks[1], h, 0, 29); in < 1 {
			t.Errorf("%v: truth inside %.3f; %+v", c, in, s.Tracks[1].Segments)
		}
		if in, _, _ := score(&s.Tracks[2], truth{start: start}, 0, 29); in < 1 || slices.ContainsFunc(s.Tracks[2].Segments, func(x Segment) bool { return x.StepBefore }) {
			t.Errorf("%v: the third clock: truth inside %.3f; %+v", c, in, s.Tracks[2].Segments)
		}
	}
}
