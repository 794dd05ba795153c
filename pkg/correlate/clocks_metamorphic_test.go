package correlate

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// changed copies an incident, each file as change makes it: nil leaves it out.
// further files may be put beside them.
func changed(t *testing.T, base string, change func(name string, b []byte) map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(base, path)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for to, b := range change(filepath.ToSlash(name), b) {
			put(t, dir, to, b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// offsets are the bounds of each file's clock where its records begin.
func offsets(inc *incident.Incident) map[string][3]int64 {
	clocks := measureClocks(inc, Options{})
	table := newClockTable(inc, clocks)
	out := map[string][3]int64{}
	for _, f := range inc.Files {
		if k := table.ofFile(f); k != nil && (k.Status == clock.Measured || k.Status == clock.Reference) {
			o, l, h, _ := k.At(f.First + (f.Last-f.First)/2)
			out[f.Path] = [3]int64{l, o, h}
		}
	}
	return out
}

// TestClocksOfShuffledFiles: the order in which the files are named changes nothing.
func TestClocksOfShuffledFiles(t *testing.T) {
	base := need.Shared(t, "incidents", "s10_integrador", "input")
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range entries {
		paths = append(paths, filepath.Join(base, e.Name()))
	}
	measure := func() map[string][3]int64 {
		inc, err := incident.Read(context.Background(), paths, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return offsets(inc)
	}
	want := measure()
	slices.Reverse(paths)
	got := measure()
	if len(want) < 5 || len(got) != len(want) {
		t.Fatalf("%d and %d clocks of files", len(want), len(got))
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %v became %v", name, w, got[name])
		}
	}
}

// TestClocksOfDuplicatedLog: a copy of a log tells nothing new.
func TestClocksOfDuplicatedLog(t *testing.T) {
	base := need.Shared(t, "incidents", "s10_integrador", "input")
	want := offsets(analysed(t, base))
	got := offsets(analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
		if name == "web/access.log" {
			return map[string][]byte{name: b, "web/second-access.log": b}
		}
		return map[string][]byte{name: b}
	})))
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("%s is not measured any more", name)
			continue
		}
		for i := range w {
			if d := abs64(g[i] - w[i]); d > 1e6 {
				t.Errorf("%s: %v became %v", name, w, g)
				break
			}
		}
	}
}

// TestClocksOfHalfTheLines: with every other line gone the bounds are no narrower, and
// still agree with those of all lines.
func TestClocksOfHalfTheLines(t *testing.T) {
	base := need.Shared(t, "incidents", "s10_integrador", "input")
	want := offsets(analysed(t, base))
	got := offsets(analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
		if name == "web/access.log" || name == "web/app.log" || name == "dns/query.log" {
			var half []byte
			for i, line := range bytes.SplitAfter(b, []byte("\n")) {
				if i%2 == 0 {
					half = append(half, line...)
				}
			}
			b = half
		}
		return map[string][]byte{name: b}
	})))
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("%s is not measured any more", name)
			continue
		}
		if g[0] > w[2] || g[2] < w[0] || g[2]-g[0] < (w[2]-w[0])*9/10-1e5 {
			t.Errorf("%s: %v became %v", name, w, g)
		}
	}
}
