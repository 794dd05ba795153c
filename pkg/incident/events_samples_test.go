package incident

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestEachEventAgreesWithRead: what is known of lines from the heads of files
// is what the whole reading of the samples knows.
func TestEachEventAgreesWithRead(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, dir := range samples {
		inc, err := Read(context.Background(), []string{dir}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]*File{}
		for _, l := range inc.Logs {
			want[l.File.Path] = l.File
		}
		files, err := EachEvent(context.Background(), []string{dir}, Options{}, func(*File) Sink { return &keeping{} })
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if w := want[f.Path]; w != nil && (f.Records != w.Records || f.First != w.First || f.Last != w.Last) {
				t.Errorf("%s: %s: %d lines from %d to %d, read whole %d from %d to %d", dir, f.Path, f.Records, f.First, f.Last, w.Records, w.First, w.Last)
			}
		}
	}
}
