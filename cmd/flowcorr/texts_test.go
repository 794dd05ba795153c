package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// TestHelpInBothLanguages: every sentence of the help is there in English and in
// Spanish, and the two are not the same.
func TestHelpInBothLanguages(t *testing.T) {
	tree := func(l lang.Lang) *cobra.Command {
		return newRoot(&environment{in: strings.NewReader(""), out: io.Discard, diag: io.Discard, speaks: l})
	}
	seen := 0
	compare := func(where, en, es string) {
		seen++
		if (en == "") != (es == "") || en != "" && en == es {
			t.Errorf("%s: %q in English, %q in Spanish", where, en, es)
		}
	}
	var walk func(en, es *cobra.Command)
	walk = func(en, es *cobra.Command) {
		path := en.CommandPath()
		compare(path+", short", en.Short, es.Short)
		compare(path+", long", en.Long, es.Long)
		en.Flags().VisitAll(func(f *pflag.Flag) {
			compare(path+" --"+f.Name, f.Usage, es.Flags().Lookup(f.Name).Usage)
			if f.Annotations[groupNote] == nil && f.Value.Type() != "bool" {
				t.Errorf("%s --%s: not said what its value is", path, f.Name)
			}
		})
		for i, c := range en.Commands() {
			walk(c, es.Commands()[i])
		}
	}
	walk(tree(lang.EN), tree(lang.ES))
	if seen < 150 {
		t.Errorf("only %d texts were found", seen)
	}
}
