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
