package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
)

// TestWhoWaitedIsAnswered: that nothing was amiss for the others, or how sure a clock
// is, is no answer to somebody who waited so long that he noticed.
func TestWhoWaitedIsAnswered(t *testing.T) {
	one := []*correlate.Journey{{}}
	for _, x := range []struct {
		lost  time.Duration
		order []string
	}{
		{1100 * time.Millisecond, []string{"slow", "path", "fine"}},
		{60 * time.Millisecond, []string{"path", "fine", "slow"}},
	} {
		got := rank([]Finding{
			{ID: "path", Rule: "ntp-asymmetric-path", Severity: Note, Confidence: Medium, answers: true},
			{ID: "fine", Rule: "healthy", Severity: Info, Confidence: High},
			{ID: "slow", Rule: "app-slow", Severity: Note, Confidence: High, Lost: x.lost, Journeys: one},
		})
		if !slices.Equal(got, x.order) {
			t.Errorf("%v lost: %v, want %v", x.lost, got, x.order)
		}
	}
}
