package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
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

// TestNothingCameOfIt: what failed at once goes before what was a little late, not
// before what was late by more; and where some of it came about after all, only the
// time counts.
func TestNothingCameOfIt(t *testing.T) {
	failed, done := &correlate.Journey{Outcome: pcapflow.Failed}, &correlate.Journey{Outcome: pcapflow.Done}
	for _, x := range []struct {
		of   []*correlate.Journey
		late time.Duration
		want string
	}{
		{[]*correlate.Journey{failed, failed}, 300 * time.Millisecond, "failed"},
		{[]*correlate.Journey{failed, failed}, 3 * time.Second, "late"},
		{[]*correlate.Journey{failed, done}, 300 * time.Millisecond, "late"},
	} {
		got := rank([]Finding{
			{ID: "late", Rule: "tls-slow-server", Severity: Warning, Confidence: High, Lost: x.late, Journeys: []*correlate.Journey{done}},
			{ID: "failed", Rule: "dns-servfail", Severity: Warning, Confidence: High, Lost: 100 * time.Millisecond, Journeys: x.of},
		})
		if got[0] != x.want {
			t.Errorf("%d journeys against %v: %s is first, want %s", len(x.of), x.late, got[0], x.want)
		}
	}
}
