package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestContradictedClocks: evidence that contradicts the rest of what a clock was measured
// by is said, with the day and how much it is, also by a second run, which keeps the
// tracks of the first.
func TestContradictedClocks(t *testing.T) {
	out, first := t.TempDir(), ""
	for _, fresh := range []string{"analysed now: 1", "analysed now: 0"} {
		var text, diag bytes.Buffer
		status := run([]string{"batch", filepath.Join("..", "..", "samples", "three-clocks", "input"), "--out", out, "--lang", "en"}, strings.NewReader(""), &text, &diag)
		if status != exitDone {
			t.Fatalf("status %d: %s", status, diag.String())
		}
		clocks, last, ok := strings.Cut(text.String(), "Percentiles come from")
		if !ok || !strings.Contains(clocks, "of 66 by chrony contradict it") || !strings.Contains(last, fresh) {
			t.Errorf("%s", text.String())
		}
		if first == "" {
			first = clocks
		} else if clocks != first {
			t.Errorf("a second run says\n%s\nthe first\n%s", clocks, first)
		}
	}
}
