package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestRenderIsDirect: a saved report gives the same bytes as the evidence, in
// every format, of every sample, in both languages and redacted: outputs are
// functions of the report alone.
func TestRenderIsDirect(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil || len(inputs) < 8 {
		t.Fatalf("%d samples: %v", len(inputs), err)
	}
	exercises, err := filepath.Glob(filepath.Join(root, "samples", "exercises", "*", "input"))
	if err != nil || len(exercises) < 12 {
		t.Fatalf("%d exercises: %v", len(exercises), err)
	}
	inputs = append(inputs, exercises...)
	for i, input := range inputs {
		for _, options := range [][]string{{"--lang", "en"}, {"--lang", "es"}, {"--lang", "es", "--redact"}} {
			if i >= 10 && len(options) == 3 {
				continue
			}
			dir := t.TempDir()
			direct, again := []string{"report", "--fail-on", "never", "-q"}, []string{"render", "--fail-on", "never", "-q"}
			var endings []string
			for _, f := range formats {
				endings = append(endings, f.ending)
				direct = append(direct, "-o", filepath.Join(dir, "direct"+f.ending))
				again = append(again, "-o", filepath.Join(dir, "again"+f.ending))
			}
			tried(t, append(append(direct, options...), input)...)
			tried(t, append(again, filepath.Join(dir, "direct.json"))...)
			for _, e := range endings {
				a, b := readFile(t, filepath.Join(dir, "direct"+e)), readFile(t, filepath.Join(dir, "again"+e))
				if !bytes.Equal(a, b) || len(a) == 0 {
					t.Errorf("%s %v: %s: %d bytes from the evidence, %d from the saved report, not the same", input, options, e, len(a), len(b))
				}
			}
		}
	}
}
