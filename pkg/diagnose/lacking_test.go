package diagnose

import (
	"slices"
	"testing"
)

// TestAbsenceInACaptureWithGaps: that a query got no answer is worth a warning, and a
// note where the capture lacks as many packets as that takes.
func TestAbsenceInACaptureWithGaps(t *testing.T) {
	for _, x := range []struct {
		name   string
		unseen int64 // bytes, of 100,000
		want   Severity
	}{
		{"none", 0, Warning},
		{"hardly any", 20, Warning},
		{"one in twenty", 5000, Note},
	} {
		w := newWorld()
		w.retried()
		j, n := w.tcp(300)
		j.Points[0].Flow.Payload[sv] = 100_000 - x.unseen
		n.Count[sv].AckedUnseen = x.unseen
		found := slices.DeleteFunc(w.run().Findings, func(f Finding) bool { return f.Rule != "dns-retry" })
		if len(found) != 1 {
			t.Errorf("%s: %d findings", x.name, len(found))
			continue
		}
		f := &found[0]
		if doubted := slices.ContainsFunc(f.Refuters, func(r Refuter) bool { return r.Status == "found" }); f.Severity != x.want || doubted != (x.want == Note) {
			t.Errorf("%s: %v, %v, doubted: %v", x.name, f.Severity, f.Confidence, doubted)
		}
	}
}
