package diagnose

import (
	"context"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// BenchmarkRules checks the catalogue against the largest incident, and tells
// which share of the whole analysis that is.
func BenchmarkRules(b *testing.B) {
	folder := need.Shared(b, "incidents", "s09_nat_crowd", "input")
	start := time.Now()
	inc, err := incident.Read(context.Background(), []string{folder}, incident.Options{})
	if err != nil {
		b.Fatal(err)
	}
	c := correlate.Correlate(inc, correlate.Options{})
	before := time.Since(start)
	b.ReportAllocs()
	for b.Loop() {
		Run(c, Options{})
	}
	rules := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(100*float64(rules)/float64(rules+before), "%-of-run")
}

// TestRulesAreQuick: the catalogue takes less than a tenth of the run over the
// largest incident.
func TestRulesAreQuick(t *testing.T) {
	folder := need.Shared(t, "incidents", "s09_nat_crowd", "input")
	start := time.Now()
	inc, err := incident.Read(context.Background(), []string{folder}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := correlate.Correlate(inc, correlate.Options{})
	before := time.Since(start)
	quickest := time.Duration(1 << 62)
	for range 5 {
		start = time.Now()
		Run(c, Options{})
		quickest = min(quickest, time.Since(start))
	}
	if share := float64(quickest) / float64(before+quickest); share >= 0.1 {
		t.Errorf("the rules took %s of %s: %.1f %%", quickest, before+quickest, 100*share)
	} else {
		t.Logf("%s of %s: %.2f %%", quickest, before+quickest, 100*share)
	}
}
