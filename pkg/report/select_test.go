package report

import (
	"slices"
	"testing"
)

// TestSelect: each field of a selection keeps what it names, and findings,
// hypotheses and counts follow.
func TestSelect(t *testing.T) {
	at := func(s int64) *Instant { i := Instant(s * 1e9); return &i }
	long := func(s int64) *Seconds { d := Seconds(s * 1e9); return &d }
	r := &Report{
		Journeys: []Journey{
			{ID: "j1", Service: "https", Client: "10.1.1.7:5000", Server: "10.2.0.1:443", Name: "app.example.com", Start: *at(100), StartCorrected: at(98), Total: long(1)},
			{ID: "j2", Service: "ssh", Client: "fd10:1::b:6000", Server: "fd20:1::a:22", Name: "example.com", Start: *at(110), Total: long(5)},
			{ID: "j3", Service: "dns", Client: "10.1.2.8:53000", Server: "10.2.0.53:53", ClientSeen: "192.0.2.1:7", Name: "notexample.com", Start: *at(120)},
		},
		Findings: []Finding{
			{ID: "f1", Rule: "app-slow", Severity: "warning", Journeys: []string{"j1", "j2"}},
			{ID: "f2", Rule: "clock-offset", Severity: "note"},
			{ID: "f3", Rule: "dns-retry", Severity: "error", Journeys: []string{"j3"}},
		},
		Hypotheses: []string{"f2", "f3", "f1"},
	}
	point := func(s string) []Endpoint {
		e, err := ParseEndpoint(s)
		if err != nil {
			t.Fatal(err)
		}
		return []Endpoint{e}
	}
	for _, c := range []struct {
		name       string
		s          Selection
		journeys   []string
		hypotheses []string
	}{
		{"an address", Selection{Clients: point("10.1.1.7")}, []string{"j1"}, []string{"f1", "f2"}},
		{"another port", Selection{Clients: point("10.1.1.7:5001")}, nil, []string{"f2"}},
		{"a network", Selection{Clients: point("10.1.0.0/16")}, []string{"j1", "j3"}, []string{"f3", "f1", "f2"}},
		{"IPv6 in brackets", Selection{Servers: point("[fd20:1::a]:22")}, []string{"j2"}, []string{"f1", "f2"}},
		{"as the server saw it", Selection{Clients: point("192.0.2.1")}, []string{"j3"}, []string{"f3", "f2"}},
		{"a name and those below", Selection{Names: []string{"Example.com."}}, []string{"j1", "j2"}, []string{"f1", "f2"}},
		{"services", Selection{Services: []string{"ssh", "dns"}}, []string{"j2", "j3"}, []string{"f3", "f1", "f2"}},
		{"length", Selection{MinTotal: *long(2)}, []string{"j2"}, []string{"f1", "f2"}},
		{"since, corrected", Selection{Since: at(100)}, []string{"j2", "j3"}, []string{"f3", "f1", "f2"}},
		{"until, corrected", Selection{Until: at(99)}, []string{"j1"}, []string{"f1", "f2"}},
		{"a rule", Selection{Rules: []string{"dns-retry"}}, []string{"j3"}, []string{"f3"}},
		{"severity", Selection{Severity: "error"}, []string{"j3"}, []string{"f3"}},
		{"any severity", Selection{Severity: "info"}, []string{"j1", "j2", "j3"}, []string{"f2", "f3", "f1"}},
	} {
		part := r.Select(c.s)
		var ids []string
		for _, j := range part.Journeys {
			ids = append(ids, j.ID)
		}
		if !slices.Equal(ids, c.journeys) || !slices.Equal(part.Hypotheses, append([]string{}, c.hypotheses...)) {
			t.Errorf("%s: journeys %v, hypotheses %v", c.name, ids, part.Hypotheses)
		}
		if part.Selected.Journeys != 3 || part.Selected.Findings != 3 {
			t.Errorf("%s: of %+v", c.name, part.Selected)
		}
		for _, f := range part.Findings {
			for _, id := range f.Journeys {
				if part.JourneyByID(id) == nil {
					t.Errorf("%s: %s names %s, which is not there", c.name, f.ID, id)
				}
			}
		}
	}
	if len(r.Findings[0].Journeys) != 2 || r.Selected != nil {
		t.Error("the whole report was changed")
	}
	for _, bad := range []string{"", "web", "10.1.1", "10.1.1.0/33"} {
		if _, err := ParseEndpoint(bad); err == nil {
			t.Errorf("%q is an endpoint", bad)
		}
	}
}
