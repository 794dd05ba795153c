package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestEncodeByPieces: the text of a report is the same as if it were made at once,
// whatever stands in it.
func TestEncodeByPieces(t *testing.T) {
	r := &Report{
		Schema: Schema, Language: "en", Evidence: []Evidence{{ID: "e1", Path: "\n \"journeys\": [],\n"}}, Clocks: []Clock{}, Findings: []Finding{},
		Checklist: []Check{}, Hypotheses: []string{}, NormalFrom: "\u202e <&>",
	}
	for n := range 4 {
		var pieces, whole bytes.Buffer
		if err := Encode(&pieces, r); err != nil {
			t.Fatal(err)
		}
		if err := EncodePart(&whole, r); err != nil {
			t.Fatal(err)
		}
		if pieces.String() != whole.String() || strings.Contains(whole.String(), "\u202e") {
			t.Errorf("%d journeys:\n%s\ninstead of\n%s", n, &pieces, &whole)
		}
		if back, err := Decode(&pieces); err != nil || len(back.Journeys) != n {
			t.Errorf("%d journeys read back, %v", n, err)
		}
		r.Journeys = append(r.Journeys, Journey{
			ID: fmt.Sprint("j", n), Name: "\u202e <&> \"journeys\": []", Phases: []Phase{{Name: "tcp.connect", Metrics: Metrics{{"a_seconds", 1}}}},
			Notes: []string{strings.Repeat("\u0085", n)},
		})
	}
}
