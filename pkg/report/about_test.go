package report

import (
	"strings"
	"testing"
)

// small is a report with two journeys over one connection each.
func small() *Report {
	at := func(ns int64) *Instant { return instant(ns) }
	return &Report{
		Schema: Schema,
		Evidence: []Evidence{
			{ID: "e1", Path: "c1/client.pcap", Kind: "pcap", Records: 40},
			{ID: "e2", Path: "web/access.log", Kind: "nginx-access", Records: 9},
			{ID: "e3", Path: "web2/access.log", Kind: "nginx-access", Records: 9},
		},
		Journeys: []Journey{
			{ID: "j1", Service: "http", Client: "fd00::1:4000", Server: "fd00::2:80", Evidence: "e1", Start: 1000, Outcome: "done",
				Instants: []Moment{{Name: "http.request", Time: 5000, Corrected: at(3000), Evidence: "e1", Frame: 4}},
				Phases:   []Phase{{Name: "tcp.connect", Frames: []int{1, 2, 3}}, {Name: "http.receive", Frames: []int{9}}},
				Lines:    []LineLink{{Evidence: "e2", Line: 3, Status: "matched", Time: at(9000), Corrected: at(1000), Low: at(1000), High: at(9000)}}},
			{ID: "j2", Service: "http", Client: "10.0.0.1:4001", Server: "10.0.0.2:80", Evidence: "e1", Start: 4000, Outcome: "unanswered",
				Instants: []Moment{{Name: "tcp.syn", Time: 4000, Evidence: "e1", Frame: 20}}},
		},
		Unmatched: []Unmatched{{Evidence: "e2", Lines: []int{7}, Reason: "outside the capture"}},
		Findings:  []Finding{{ID: "f1", Rule: "tcp-filtered", Journeys: []string{"j2"}}, {ID: "f2", Evidence: []FindingEvidence{{Evidence: "e2", Lines: []int{7}}}}},
	}
}

func TestAbout(t *testing.T) {
	for _, c := range []struct{ subject, kind, journeys, findings, reason string }{
		{"j2", "journey", "j2", "f1", ""},
		{"f1", "finding", "j2", "f1", ""},
		{"client.pcap#2", "frame", "j1", "", ""},
		{"c1/client.pcap#20", "frame", "j2", "f1", ""},
		{"client.pcap#6", "frame", "j1", "", ""}, // between its frames
		{"client.pcap#30", "frame", "", "", ""},
		{"web/access.log:3", "line", "j1", "", ""},
		{"e2:7", "line", "", "f2", "outside the capture"},
		{"10.0.0.1:4001", "endpoint", "j2", "f1", ""},
		{"10.0.0.2", "endpoint", "j2", "f1", ""},
		{"10.0.0.2:81", "endpoint", "", "", ""},
		{"[fd00::1]:4000", "endpoint", "j1", "", ""},
		{"fd00::1:4000", "endpoint", "j1", "", ""},
		{"fd00::2", "endpoint", "j1", "", ""},
	} {
		a, err := small().About(c.subject)
		if err != nil {
			t.Errorf("%s: %v", c.subject, err)
			continue
		}
		var journeys, findings []string
		for _, j := range a.Journeys {
			journeys = append(journeys, j.ID)
		}
		for _, f := range a.Findings {
			findings = append(findings, f.ID)
		}
		if a.Kind != c.kind || strings.Join(journeys, " ") != c.journeys || strings.Join(findings, " ") != c.findings || a.Reason != c.reason {
			t.Errorf("%s: %s, journeys %v, findings %v, reason %q", c.subject, a.Kind, journeys, findings, a.Reason)
		}
		if a.Within != (c.subject == "client.pcap#6") {
			t.Errorf("%s: within %v", c.subject, a.Within)
		}
	}
	for _, subject := range []string{"", "j9", "#", ":", "client.pcap#0", "client.pcap#41", "other.pcap#1", "access.log:1", "web/access.log:x"} {
		if _, err := small().About(subject); err == nil {
			t.Errorf("%q was found", subject)
		}
	}
}

// TestTimelineOrder: entries stand by the reference clock, a coarse line in the
// middle of its interval.
func TestTimelineOrder(t *testing.T) {
	var got []string
	for _, e := range small().Timeline() {
		got = append(got, e.What)
	}
	if strings.Join(got, " ") != "http.request tcp.syn line" {
		t.Errorf("order %v", got)
	}
}

func TestPairings(t *testing.T) {
	var got []string
	for _, p := range small().Pairings() {
		got = append(got, p.Status+" "+p.Journey+" "+p.Reason)
	}
	want := "matched j1 |unmatched-line  outside the capture|unmatched-journey j2 unanswered"
	if strings.Join(got, "|") != want {
		t.Errorf("%s", strings.Join(got, "|"))
	}
}
