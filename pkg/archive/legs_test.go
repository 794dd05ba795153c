package archive

import (
	"slices"
	"testing"
)

// TestLegs: a clock that is set back begins a leg at the first packet behind; stamps that
// are not quite in order, and single ones from elsewhere, do not; however often a clock
// turns, there are not too many.
func TestLegs(t *testing.T) {
	const second = int64(1e9)
	see := func(stamps ...int64) (frames []int) {
		var x legs
		for i, at := range stamps {
			x.see(i+1, at)
		}
		for _, l := range x.List {
			frames = append(frames, l.Frame)
		}
		return frames
	}
	run := func(from int64, n int) (stamps []int64) {
		for i := range n {
			stamps = append(stamps, (from+int64(i))*second)
		}
		return stamps
	}
	var turning []int64
	for range 10 * mostLegs {
		turning = append(turning, run(0, 20)...)
	}
	for name, c := range map[string]struct {
		stamps []int64
		want   []int
	}{
		"set back":          {slices.Concat(run(100, 50), run(20, 50)), []int{1, 51}},
		"set forward":       {slices.Concat(run(100, 50), run(400, 50)), []int{1}},
		"twice":             {slices.Concat(run(100, 50), run(20, 50), run(0, 50)), []int{1, 51, 101}},
		"one from the past": {slices.Concat(run(100, 50), run(20, 1), run(150, 50)), []int{1}},
		"not in order":      {slices.Concat(run(100, 50), []int64{148*second + 1, 149 * second}, run(150, 50)), []int{1}},
	} {
		if got := see(c.stamps...); !slices.Equal(got, c.want) {
			t.Errorf("%s: legs begin at %v, want %v", name, got, c.want)
		}
	}
	if got := see(turning...); len(got) != mostLegs {
		t.Errorf("%d legs, want %d", len(got), mostLegs)
	}
}
