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

func TestNearest(t *testing.T) {
	words := []string{"report", "render", "rules", "flows", "compare", "min-total", "offset"}
	for word, want := range map[string]string{
		"reprot": "report", "raport": "report", "flow": "flows", "comp": "compare", "mintotal": "min-total", "min-totl": "min-total",
		"ofset": "offset", "Rules": "rules", "zzz": "", "x": "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%q: nearest is %q, want %q", word, got, want)
		}
	}
}

// TestDistance: Damerau's four operations, each counted once (values by hand).
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"año", "ano", 1}, {"reprot", "report", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
