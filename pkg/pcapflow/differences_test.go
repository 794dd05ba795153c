package pcapflow

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// differences holds what testdata/differences.md says of one oracle: where its
// word and ours differ, with the reason why ours is right. "…" stands for
// anything.
type differences struct {
	oracle string
	known  map[string][]string // what, by capture
}

func readDifferences(t *testing.T, oracle string) *differences {
	t.Helper()
	b, err := os.ReadFile("testdata/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	d := &differences{oracle, map[string][]string{}}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.TrimSpace(cells[0]) != oracle {
			continue
		}
		if strings.TrimSpace(cells[3]) == "" {
			t.Errorf("differences.md: no reason in %q", line)
		}
		capture := strings.TrimSpace(cells[1])
		d.known[capture] = append(d.known[capture], strings.TrimSpace(cells[2]))
	}
	return d
}

// check compares what was found in a capture with what is known.
func (d *differences) check(t *testing.T, capture string, found []string) {
	t.Helper()
	for _, what := range found {
		if !slices.ContainsFunc(d.known[capture], func(pattern string) bool { return alike(pattern, what) }) {
			t.Errorf("not in differences.md:\n| %s | %s | %s | |", d.oracle, capture, what)
		}
	}
	for _, pattern := range d.known[capture] {
		if !slices.ContainsFunc(found, func(what string) bool { return alike(pattern, what) }) {
			t.Errorf("differences.md tells of a difference that is no more: %s: %s", capture, pattern)
		}
	}
}

// alike tells whether a pattern stands for a text.
func alike(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return strings.HasSuffix(text, part)
		}
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return text == ""
}
