package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestNoCorrect: every stamp is shown as recorded, and none beside it.
func TestNoCorrect(t *testing.T) {
	input := filepath.Join("..", "..", "samples", "three-clocks", "input")
	analysed := func(args ...string) *report.Report {
		t.Helper()
		var out, diag bytes.Buffer
		if status := run(append([]string{"report", "--format", "json", "--fail-on", "never", input}, args...), strings.NewReader(""), &out, &diag); status != exitDone {
			t.Fatal(diag.String())
		}
		r := new(report.Report)
		if err := json.Unmarshal(out.Bytes(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	count := func(r *report.Report) (n int) {
		for i := range r.Journeys {
			j := &r.Journeys[i]
			if j.StartCorrected != nil || j.EndCorrected != nil {
				n++
			}
			for _, m := range j.Instants {
				if m.Corrected != nil {
					n++
				}
			}
			for _, l := range j.Lines {
				if l.Corrected != nil || l.Low != nil || l.High != nil {
					n++
				}
			}
		}
		return n
	}
	if count(analysed()) == 0 {
		t.Error("nothing is corrected without the option")
	}
	if n := count(analysed("--no-correct")); n != 0 {
		t.Errorf("%d corrected instants with --no-correct", n)
	}
}
