package incident

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// Of the recorded incidents every file is recognised, each capture point is one
// capture with all its packets, and logs have the lines they were written with.
func TestTruth(t *testing.T) {
	dir := need.Shared(t, "incidents")
	truths, err := filepath.Glob(filepath.Join(dir, "*", "truth.json"))
	if err != nil || len(truths) < 10 {
		t.Fatalf("%d incidents, %v", len(truths), err)
	}
	for _, path := range truths {
		var truth struct {
			Captures []struct {
				Files   []string
				Packets int64
			}
			Logs []struct {
				File  string
				Lines int
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &truth); err != nil {
			t.Fatal(err)
		}
		top := filepath.Dir(path)
		inc := read(t, Options{}, filepath.Join(top, "input"))
		if len(inc.Captures) < len(truth.Captures) { // one has a copy with its keys inside
			t.Errorf("%s: %d captures, want %d", top, len(inc.Captures), len(truth.Captures))
		}
		for _, want := range truth.Captures {
			var files []string
			for _, c := range inc.Captures {
				if "input/"+c.Files[0].Path != want.Files[0] {
					continue
				}
				for _, f := range c.Files {
					files = append(files, "input/"+f.Path)
				}
				if c.Packets != want.Packets {
					t.Errorf("%s: %s: %d packets, want %d", top, want.Files[0], c.Packets, want.Packets)
				}
			}
			if strings.Join(files, " ") != strings.Join(want.Files, " ") {
				t.Errorf("%s: files %v, want %v", top, files, want.Files)
			}
		}
		for _, want := range truth.Logs {
			if f := inc.file(t, strings.TrimPrefix(want.File, "input/")); f.Records != want.Lines || f.Kind == Unrecognised {
				t.Errorf("%s: %s: %d lines, want %d; %s", top, want.File, f.Records, want.Lines, f.Kind)
			}
		}
		for _, f := range inc.Files {
			if f.Kind == Unrecognised {
				t.Errorf("%s: %s is not recognised: %s", top, f.Path, f.told())
			}
		}
	}
}
