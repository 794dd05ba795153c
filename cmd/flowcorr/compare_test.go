package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/report/compare"
)

// TestKeysShown: the manual shows, with what it prints, every key of compare
// --by in each language, where there are groups to compare.
func TestKeysShown(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{"en", "es"} {
		page := readFile(t, filepath.Join(root, "docs", l, "commands.md"))
		for _, k := range compare.Keys {
			shown := regexp.MustCompile(`(?m)^\$ flowcorr .*compare --by `+k.Name+` .*\n(?:ANSWER|RESPUESTA)\n(.*)$`).FindAllSubmatch(page, -1)
			if len(shown) == 0 {
				t.Errorf("docs/%s/commands.md does not show compare --by %s", l, k.Name)
			}
			for _, m := range shown {
				if regexp.MustCompile(`nothing to compare|nada que comparar`).Match(m[1]) {
					t.Errorf("docs/%s/commands.md shows --by %s where nothing is compared", l, k.Name)
				}
			}
		}
	}
}
