package clock

import "testing"

// TestCountedByPiece: lines are counted under one offset only where one line tells
// it, neither on the way between two pieces nor during a slew.
func TestCountedByPiece(t *testing.T) {
	const second = int64(1e9)
	c := &course{pieces: []piece{
		{from: 0, to: 10, drift: driftLimit}, {from: 12, to: 20, drift: slewLimit}, {from: 25, to: 40, drift: driftLimit},
	}}
	var lines []Instant
	for i := int64(-5); i < 50; i++ {
		lines = append(lines, Instant{Low: i * second, High: i*second + second/2})
	}
	for k, want := range [][2]int64{{-5, 9}, {}, {25, 49}} {
		got := c.ofPiece(k, lines)
		if k == 1 {
			if len(got) > 0 {
				t.Errorf("%d lines of a slew", len(got))
			}
			continue
		}
		if len(got) == 0 || got[0].Low != want[0]*second || got[len(got)-1].Low != want[1]*second {
			t.Errorf("piece %d: %v", k, got)
		}
	}
	c.pieces = c.pieces[:1]
	if got := c.ofPiece(0, lines); len(got) != len(lines) {
		t.Errorf("%d of %d lines of the only piece", len(got), len(lines))
	}
}
