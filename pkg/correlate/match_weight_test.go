package correlate

import (
	"math"
	"testing"
)

// TestWithinScore: where packets leave open how long the server took, a duration that is
// seldom, but possible, does not speak for a pair; where they leave little open it does.
func TestWithinScore(t *testing.T) {
	const typical = 5e6
	if s := withinScore(-msec, 54*msec, typical); s < 0 || s > 0.01 {
		t.Errorf("a window that holds nearly every duration scores %g", s)
	}
	long, usual := withinScore(40*msec, 46*msec, typical), withinScore(2*msec, 8*msec, typical)
	if long < 7 || usual > 2 || usual < 0 {
		t.Errorf("40 ms among durations of 5 scores %g, 2 ms %g", long, usual)
	}
	if s := withinScore(3600_000*msec, 3600_010*msec, typical); math.IsInf(s, 0) || math.IsNaN(s) {
		t.Errorf("an hour scores %g", s)
	}
}
