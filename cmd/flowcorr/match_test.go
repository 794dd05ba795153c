package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestMatchIsTheReport: match, which makes no report, says what the report says.
func TestMatchIsTheReport(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil || len(samples) == 0 {
		t.Fatal("no samples:", err)
	}
	for _, input := range samples {
		dir := t.TempDir()
		var whole report.Report
		if err := json.Unmarshal([]byte(printed(t, []string{"report", "--format", "json", input}, dir)), &whole); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := writeLines(&want, whole.Pairings()); err != nil {
			t.Fatal(err)
		}
		if got := printed(t, []string{"match", "--format", "jsonl", input}, dir); got != want.String() || got == "" {
			t.Errorf("%s: %s", input, firstDifference(want.Bytes(), []byte(got)))
		}
	}
}

// TestPace: little that is alive leaves the usual bound, and what is more than
// can be held gets the room that the collector takes by default.
func TestPace(t *testing.T) {
	t.Setenv("GOGC", "") // what it asks for would come first
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	paceMemory(hard)
	runtime.GC()
	runtime.GC()
	if got := debug.SetMemoryLimit(-1); got != usualMemory {
		t.Errorf("limit %d", got)
	}
	for _, x := range []struct{ alive, effort, limit int64 }{{0, hard, usualMemory}, {400 << 20, easy, usualMemory}, {800 << 20, hard, 850 << 20}, {800 << 20, easy, 1200 << 20}, {4000 << 20, hard, 7000 << 20}} {
		if got := memoryLimit(x.alive, x.effort); got != x.limit {
			t.Errorf("%d alive: limit %d, not %d", x.alive, got, x.limit)
		}
	}
	if alive() < 1<<20 {
		t.Error("nothing is alive")
	}
}
