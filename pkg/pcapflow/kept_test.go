package pcapflow

import (
	"slices"
	"testing"
	"time"
)

// TestMaxKept: of a capture with more flows than are kept the first ones are told as
// if it ended with the last of them, and what is behind is counted.
func TestMaxKept(t *testing.T) {
	const n, most = 5000, 700
	run := func(n, most int) *Result {
		r, err := Analyse(&scan{n: n, every: 10 * time.Microsecond}, Options{MaxKept: most})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	cut, short := run(n, most), run(most, 0)
	if len(cut.Flows) != most || cut.Packets+cut.Beyond != n || cut.Beyond == 0 || cut.Last != short.Last {
		t.Errorf("%d flows, %d packets and %d behind, to %v instead of %v", len(cut.Flows), cut.Packets, cut.Beyond, cut.Last, short.Last)
	}
	if !slices.EqualFunc(cut.Flows, short.Flows, func(a, b *Flow) bool { return a.Client == b.Client && a.Start == b.Start && a.End == b.End }) {
		t.Error("other flows than of the capture cut there")
	}
	if whole := run(most, most+1); whole.Beyond != 0 || len(whole.Flows) != most {
		t.Errorf("%d flows, %d packets behind", len(whole.Flows), whole.Beyond)
	}
}
