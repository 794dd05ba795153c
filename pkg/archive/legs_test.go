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

// TestFewBehind: of what came behind the moment at which a clock was set back by an hour
// others saw one flow or two. They tell how the clock was where they agree with what the
// stamps themselves show; otherwise nothing does, and it is said.
func TestFewBehind(t *testing.T) {
	const second, hour = int64(1e9), int64(3600e9)
	flow := func(frame int, at, by int64) sighted {
		return sighted{knot: knot{At: at * second, By: by}, frame: frame}
	}
	for name, c := range map[string]struct {
		behind []sighted
		by     int64 // of the lead behind, in the end
		said   bool
	}{
		"none":                     {nil, 0, true},
		"one, as the stamps":       {[]sighted{flow(60, 7210, -hour)}, -hour, false},
		"one of another time":      {[]sighted{flow(60, 9000, -hour/2)}, 0, true},
		"one after a long silence": {[]sighted{flow(60, 9000, -2*hour)}, 0, true},
		"two after a long silence": {[]sighted{flow(60, 9000, -2*hour), flow(70, 9010, -2*hour)}, -2 * hour, false},
		"two that disagree":        {[]sighted{flow(60, 7210, -hour), flow(70, 9010, -2*hour)}, 0, true},
	} {
		p := &point{files: []*File{{}, {}}, done: &capturePoint{}}
		p.chain.Files = []readFile{{Frames: 30}, {Frames: 100}}
		p.done.Legs.List = []leg{{1, 3600 * second, 7200 * second}, {51, 3600 * second, 9000 * second}}
		seen := append([]sighted{flow(2, 3600, 0), flow(3, 3700, 0), flow(4, 7100, 0)}, c.behind...)
		by := int64(0)
		if legs := p.legsOf(seen); legs != nil && legs[1].lead != nil {
			by = legs[1].lead[len(legs[1].lead)-1].By
		}
		if by != c.by || (p.files[1].Note != "") != c.said || p.files[0].Note != "" {
			t.Errorf("%s: %d s ahead, said %q", name, by/second, p.files[1].Note)
		}
	}
}
