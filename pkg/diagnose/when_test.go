package diagnose

import (
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestOneMinute: trouble that befell one stretch of the incident says so; trouble
// all along does not.
func TestOneMinute(t *testing.T) {
	build := func(slow func(i int) bool) []Finding {
		w := newWorld()
		for i := range 20 {
			end := 1131
			if slow(i) {
				end = 1701
			}
			j, _ := w.request(end-1, end)
			shift := int64(i) * 10e9
			for _, s := range []*pcapflow.Stamp{&j.Start, &j.End, &j.Exchange.RequestFirst, &j.Exchange.RequestLast, &j.Exchange.ResponseFirst, &j.Exchange.ResponseLast} {
				s.Time += shift
			}
			j.Outcome = pcapflow.Done
		}
		return of(Run(w.c, Options{}), "app-slow")
	}
	if f := build(func(i int) bool { return i >= 8 && i < 11 }); len(f) != 1 || !strings.Contains(f[0].Text, "between 00:01:21 and 00:01:41 UTC; 17 others") {
		t.Errorf("%+v", f)
	}
	if f := build(func(i int) bool { return i%4 == 0 }); len(f) != 1 || strings.Contains(f[0].Text, "between") {
		t.Errorf("%+v", f)
	}
}
