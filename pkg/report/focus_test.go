package report

import "testing"

// TestFocus: the journey that is shown is the one whose figures the answer tells.
func TestFocus(t *testing.T) {
	total := func(s Seconds) *Seconds { return &s }
	r := Report{
		Journeys:   []Journey{{ID: "j1", Total: total(1)}, {ID: "j2", Total: total(2)}, {ID: "j3", Total: total(3)}},
		Findings:   []Finding{{ID: "f1", Journeys: []string{"j1", "j2"}, Example: "j1"}},
		Hypotheses: []string{"f1"},
	}
	for _, c := range []struct{ example, want string }{{"j1", "j1"}, {"", "j2"}, {"j9", "j2"}} {
		r.Findings[0].Example = c.example
		if j := r.Focus(); j == nil || j.ID != c.want {
			t.Errorf("with %q: %+v, want %s", c.example, j, c.want)
		}
	}
	r.Hypotheses = nil
	if j := r.Focus(); j.ID != "j3" {
		t.Errorf("without an answer: %s", j.ID)
	}
}
