package render

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// A line of whole seconds stands beside its packet, never outside of its interval,
// and behind the line before it in its file.
func TestLinesStandByTheirPackets(t *testing.T) {
	at := func(ms int64) *report.Instant {
		x := report.Instant(ms * 1e6)
		return &x
	}
	line := func(n int, means string, low, high int64) report.LineLink {
		return report.LineLink{Evidence: "e1", Line: n, Means: means, Time: at(low), Corrected: at(low), Low: at(low), High: at(high)}
	}
	j := &report.Journey{
		Instants: []report.Moment{{Name: "dns.query", Time: *at(100)}, {Name: "dns.answer", Time: *at(120)}, {Name: "http.response", Time: *at(2500)}},
		Lines: []report.LineLink{
			line(1, "written", 0, 1000),
			line(2, "query-received", 0, 1000),
			line(3, "answer-sent", 0, 1000),
			line(4, "written", 0, 1000),
			line(5, "written", 0, 110), // its interval ends before what stands in front of it
			line(6, "request-end", 1000, 2000),
		},
	}
	want := []int64{100, 100, 120, 120, 110, 2000}
	got := places(j)
	for i := range j.Lines {
		if at := got[&j.Lines[i]]; int64(at) != want[i]*1e6 {
			t.Errorf("line %d stands at %d ms, want %d", i+1, int64(at)/1e6, want[i])
		}
	}
}
