package clock

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPoints: the points of a track are few, in order, from its own evidence,
// and those that were not set aside hold the offset.
func TestPoints(t *testing.T) {
	h := truth{start: 1_700_000_000e9, offset: 250e6, drift: 20e3}
	r := rand.New(rand.NewPCG(7, 7))
	all := ntpLike(h, r, 2000, 3600, 10e6)
	for i := 0; i < len(all); i += 100 { // ones that contradict the rest
		all[i].Low += 5e9
		all[i].High += 5e9
	}
	track := &Solve(Problem{Clocks: 2, Constraints: all, Prefer: []ID{0}}).Tracks[1]
	if n := len(track.Points); n < pointStretches || n > 3*(pointStretches+1) {
		t.Fatalf("%d points", n)
	}
	rejected := 0
	for i, p := range track.Points {
		if i > 0 && p.At < track.Points[i-1].At {
			t.Errorf("point %d is out of order", i)
		}
		if p.Rejected {
			rejected++
			continue
		}
		_, low, high, ok := track.At(p.At + p.Low)
		if !ok || p.Low > high || p.High < low {
			t.Errorf("a point at %d in [%d, %d] and a track in [%d, %d]", p.At, p.Low, p.High, low, high)
		}
		if !slices.ContainsFunc(all, func(c Constraint) bool { return c.At == p.At && c.Low == p.Low && c.High == p.High }) {
			t.Errorf("a point at %d that is no evidence", p.At)
		}
	}
	if rejected == 0 {
		t.Error("no contradicting evidence is shown")
	}
}
