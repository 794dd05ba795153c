package clock

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLateLine: of lines that are all written within a millisecond of what they tell
// of, behind a path whose round trip leaves the clock 40 ms, two that two programs
// wrote late together, but not so late that they contradict the others, do not narrow
// it. Lines of a second scatter by as much as their stamps do, and stay.
func TestLateLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const round = 40e6
		late := rapid.Float64Range(8e6, 39e6).Draw(t, "late")
		place := rapid.IntRange(1, 28).Draw(t, "place")
		h := truth{start: start, offset: -5e8, drift: rapid.Float64Range(-5e4, 5e4).Draw(t, "drift")}
		var lines, partners []Instant
		for i := range 30 {
			at := 1.7 * float64(i)
			passed := h.at(at)
			stamp := passed + int64(h.theta(at)) + round/2
			if i == place {
				stamp += int64(late)
			}
			for group := range 2 { // the server's line and the application's
				lines = append(lines, Instant{Low: stamp, High: stamp + 1e6, Group: 2*i + group, Ref: len(lines)})
				partners = append(partners, Instant{Low: passed - 1e6, High: passed + round + 3e6, Group: 2*i + group})
			}
		}
		tr := &Solve(Problem{Clocks: 2, Series: []Series{{A: 0, B: 1, Lines: lines, Partners: partners, Method: Intervals}}, Prefer: []ID{0}}).Tracks[1]
		in, _, median := score(tr, h, 0, 50)
		if in < 1 || median > 3e6 {
			t.Fatalf("late by %.0f ms: truth inside %.2f, median error %d ns, %+v", late/1e6, in, median, tr.Segments)
		}
		if n := len(tr.Rejected); n != 2 {
			t.Fatalf("%d lines were set aside, not the two", n)
		}
	})
}

func TestOutlying(t *testing.T) {
	const ms = int64(1e6)
	for _, x := range []struct {
		what   string
		values []int64
		want   int
	}{
		{"one stands out", []int64{0, ms, 2 * ms, ms, 0, 30 * ms}, 1},
		{"too near", []int64{0, ms, 0, ms, 0, 5 * ms}, 0},
		{"coarse stamps", []int64{0, 100 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms, 700 * ms}, 0},
		{"early", []int64{0, ms, 2 * ms, ms, 0, -30 * ms}, 0},
		{"few", []int64{0, 0, 0, 30 * ms}, 0},
		{"many", []int64{0, ms, 0, ms, 0, 30 * ms, 31 * ms}, 0},
	} {
		if got := outlying(len(x.values), func(k int) int64 { return x.values[k] }); len(got) != x.want {
			t.Errorf("%s: %v", x.what, got)
		}
	}
}

// TestOneClockDenies: a line that its own host's capture rules out bears nothing, also
// where what is not known of the capture's own clock would let it.
func TestOneClockDenies(t *testing.T) {
	const capture, log = ID(1), ID(2)
	p := Problem{Clocks: 3, Prefer: []ID{0}}
	for i := range int64(20) {
		at := start + i*1e9
		p.Constraints = append(p.Constraints,
			Constraint{A: 0, B: capture, At: at, Low: -20e6, High: 20e6, Method: TwoCaptures, Ref: int(i)},
			Constraint{A: capture, B: log, At: at, Low: -1e5, High: 1e5, Method: Identity, Ref: 100})
	}
	p.Constraints = append(p.Constraints, Constraint{A: log, B: capture, At: start + 7e9, Low: -8e9, High: -28e6, Method: Keyed, Ref: 200})
	tr := &Solve(p).Tracks[log]
	if o, low, high, ok := tr.At(start + 7e9); !ok || low > -19e6 || high < 19e6 || abs(o) > 1e6 {
		t.Errorf("the log is at %d, %d … %d", o, low, high)
	}
	if len(tr.Rejected) != 1 || tr.Rejected[0] != 200 {
		t.Errorf("set aside: %v", tr.Rejected)
	}
}
