package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBatch: an archive on the command line, what it leaves, and what can be
// asked of that.
func TestBatch(t *testing.T) {
	out := filepath.Join(t.TempDir(), "result")
	call := func(want int, args ...string) (string, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if status := run(append([]string{"--lang", "en", "batch", "--out", out}, args...), strings.NewReader(""), &stdout, &stderr); status != want {
			t.Fatalf("%v: status %d: %s", args, status, stderr.String())
		}
		return stdout.String(), stderr.String()
	}
	if _, diag := call(exitUsage, "--query"); !strings.Contains(diag, "holds no result") {
		t.Error(diag)
	}
	text, _ := call(exitDone, filepath.Join("..", "..", "samples", "slow-application", "input"))
	for _, want := range []string{"app-slow", "days: 1, from", "Windows: 1, analysed now: 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, name := range []string{"report.txt", "report.md", "report.html", "files.jsonl"} {
		if st, err := os.Stat(filepath.Join(out, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, _ := call(exitDone, filepath.Join("..", "..", "samples", "slow-application", "input")); !strings.Contains(text, "Windows: 1, analysed now: 0") {
		t.Error(text)
	}
	rows := func(args ...string) int {
		t.Helper()
		text, _ := call(exitDone, append([]string{"--query", "--format", "jsonl"}, args...)...)
		return strings.Count(text, "\n")
	}
	all := rows()
	for _, c := range []struct {
		args     []string
		from, to int
	}{
		{nil, 10, 1000},
		{[]string{"--service", "https", "--min-total", "1s"}, 1, all - 1},
		{[]string{"--client", "192.0.2.99"}, 0, 0},
		{[]string{"--rule", "app-slow"}, 1, 1},
		{[]string{"--severity", "error"}, 0, 5},
	} {
		if n := rows(c.args...); n < c.from || n > c.to {
			t.Errorf("%v: %d rows of %d", c.args, n, all)
		}
	}
	call(exitUsage, "--memory", "much", "x")
	call(exitUsage, "--since", "10:00:00", "x")
	call(exitUsage)
}
