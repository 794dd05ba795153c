package render

import (
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestClockPlot: a clock that steps stands high before the step and low behind
// it, its band around it; a clock without a track has no plot.
func TestClockPlot(t *testing.T) {
	const second = 1_000_000_000
	k := &report.Clock{Segments: []report.Segment{
		{From: 0, To: 60 * second, Offset: 2 * second, Low: 1.9 * second, High: 2.1 * second},
		{From: 60 * second, To: 120 * second, Offset: 0, Low: -0.1 * second, High: 0.1 * second, Step: true},
	}}
	plot := clockPlot(k, 0)
	if len(plot) != plotRows+2 {
		t.Fatalf("%d lines", len(plot))
	}
	top, bottom := plot[0], plot[plotRows-1]
	if !strings.Contains(top, "+2.100000 s │"+strings.Repeat("●", mostColumns/2)) || strings.Count(top, "●") != mostColumns/2 {
		t.Errorf("before the step: %q", top)
	}
	if !strings.HasSuffix(bottom, strings.Repeat(" ", mostColumns/2)+strings.Repeat("●", mostColumns/2)) {
		t.Errorf("behind the step: %q", bottom)
	}
	for _, line := range plot[1 : plotRows-1] {
		if strings.ContainsAny(line, "●░") {
			t.Errorf("between: %q", line)
		}
	}
	for _, room := range []int{36, 60} {
		for _, line := range clockPlot(k, room) {
			if columns(line) > room {
				t.Errorf("%d columns, at most %d: %q", columns(line), room, line)
			}
		}
	}
	if clockPlot(&report.Clock{}, 0) != nil {
		t.Error("a plot of nothing")
	}
}
