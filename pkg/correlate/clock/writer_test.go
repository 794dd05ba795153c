package clock

import "testing"

// TestWriter: a log is of one host. The capture of a client that asked two, and began
// too late to hold the question that the log tells of, would fit the other host as
// well; what a capture of many questions tells of the log's writer decides.
func TestWriter(t *testing.T) {
	const ours, other = 1, 2
	solve := func(label func(int) int) *Track {
		h := truth{start: start, offset: 8e8}
		stamp := func(at float64) int64 { return h.at(at) + int64(h.theta(at)) }
		var lines, partners []Instant
		for i := range 30 {
			at := 2*float64(i) + 0.3 // whose seconds leave a second open
			lines = append(lines, Instant{Low: stamp(at) / 1e9 * 1e9, High: stamp(at)/1e9*1e9 + 1e9, Group: i, Ref: i})
			partners = append(partners, Instant{Low: h.at(at) - 5e6, High: h.at(at) + 5e6, Group: i})
		}
		// asked of the other host nearly a second behind what line 20 tells of
		missed := []Instant{{Low: h.at(40.3) + 95e7, High: h.at(40.3) + 96e7, Group: 20}}
		here := []Instant{{Low: h.at(50.3) - 5e6, High: h.at(50.3) + 5e6, Group: 25}}
		p := Problem{Clocks: 3, Prefer: []ID{0}, Series: []Series{
			{A: 0, B: 2, Lines: lines, Partners: partners, Method: Intervals, Choice: 1, Writer: label(ours)},
			{A: 1, B: 2, Lines: lines, Partners: missed, Method: Intervals, Choice: 2, Writer: label(other)},
			{A: 1, B: 2, Lines: lines, Partners: here, Method: Intervals, Choice: 2, Writer: label(ours)},
		}}
		for i := range int64(8) {
			p.Constraints = append(p.Constraints, Constraint{A: 0, B: 1, At: start + i*5e9, Low: -1e6, High: 1e6, Method: TwoCaptures, Ref: int(i)})
		}
		return &Solve(p).Tracks[2]
	}
	inside := func(tr *Track) bool {
		_, low, high, ok := tr.At(start + 20e9)
		return ok && low <= 8e8 && 8e8 <= high
	}
	if tr := solve(func(w int) int { return w }); !inside(tr) {
		t.Errorf("bounds do not hold the truth: %+v", tr.Segments)
	}
	if tr := solve(func(int) int { return 0 }); inside(tr) {
		t.Error("without the writers the bounds hold as well: the case tests nothing")
	}
}
