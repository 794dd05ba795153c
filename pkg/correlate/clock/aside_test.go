package clock

import "testing"

// TestAside: two clocks that nothing ties to the reference are known against each
// other, and a clock that nothing bears on stays unknown.
func TestAside(t *testing.T) {
	const far, lone, lines, proxy = ID(1), ID(2), ID(3), ID(4)
	p := Problem{Clocks: 5, Prefer: []ID{0, far, lone}, Roots: []ID{0, lone, far}}
	for i := range int64(20) {
		at := start + i*1e9
		p.Constraints = append(p.Constraints,
			Constraint{A: 0, B: proxy, At: at, Low: 1e9 - 1e6, High: 1e9 + 2e6, Method: Keyed},
			Constraint{A: far, B: lines, At: at, Low: -3e9 - 4e6, High: -3e9 + 1e6, Method: Keyed})
	}
	s := Solve(p)
	if x := s.Tracks[proxy]; x.Status != Measured || x.Aside != nil {
		t.Errorf("the proxy is %s, aside %v", x.Status, x.Aside)
	}
	x := s.Tracks[lines]
	if x.Status != Insufficient || x.Aside == nil || x.Root != far || s.Tracks[far].Aside == nil || s.Tracks[far].Root != far {
		t.Fatalf("the log is %s, against %d: %+v", x.Status, x.Root, x.Aside)
	}
	if _, _, _, ok := x.At(start); ok {
		t.Error("the log is corrected to the reference")
	}
	if o, low, high, ok := x.Aside.At(start + 10e9 - 3e9); !ok || low > -3e9 || high < -3e9 || high-low > 6e6 {
		t.Errorf("against the capture the log is at %d, %d … %d", o, low, high)
	}
	if s.Tracks[lone].Aside != nil {
		t.Error("a capture that nothing bears on is known against another")
	}
}
