package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// TestPhrases: what the rooms below say in English of files, phases, clocks and
// lines is there in Spanish, for all that incidents make them say.
func TestPhrases(t *testing.T) {
	incidents, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents"), "s*"))
	if err != nil || len(incidents) == 0 {
		t.Fatal("no incidents", err)
	}
	seen := map[string]bool{}
	check := func(where, text string) {
		if text == "" || seen[text] {
			return
		}
		seen[text] = true
		if es := render.Phrase(text, lang.ES); es == text || strings.Contains(es, "%") {
			t.Errorf("%s: not in Spanish: %q, %q", where, text, es)
		}
	}
	for _, dir := range incidents {
		if strings.HasPrefix(filepath.Base(dir), "s09") {
			continue // a crowd of what the others have
		}
		r, err := report.Decode(bytes.NewReader(ranDone(t, "report", "--fail-on", "never", "-q", "--format", "json", filepath.Join(dir, "input"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Evidence {
			check("evidence", e.Reason)
			for _, p := range e.Problems {
				check("problem", p.Text)
			}
		}
		for _, k := range r.Clocks {
			check("clock", k.Reason)
		}
		for _, u := range r.Unmatched {
			check("line", u.Reason)
		}
		for i := range r.Journeys {
			for _, p := range r.Journeys[i].Phases {
				check("phase", p.Reason)
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d phrases were met", len(seen))
	}
	for in, want := range map[string]string{
		"truncated record: the file ends after 12 bytes of it": "registro cortado: el archivo acaba tras 12 bytes suyos",
		"56 of the first 60 lines read as curl":                "56 de las primeras 60 líneas se leen como curl",
		"no record here: 100 bytes skipped to the next one":    "aquí no hay ningún registro: se saltan 100 bytes hasta el siguiente",
		"the same, byte by byte, as 100%.log: counted once":    "igual, byte a byte, que 100%.log: se cuenta una vez",
		"nobody has written this":                              "nobody has written this",
	} {
		if got := render.Phrase(in, lang.ES); got != want {
			t.Errorf("%q became %q", in, got)
		}
		if got := render.Phrase(in, lang.EN); got != in {
			t.Errorf("%q became %q in English", in, got)
		}
	}
}
