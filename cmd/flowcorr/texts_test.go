package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
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
		for _, text := range []string{en, es} {
			if strings.Contains(text, "%s") || strings.Contains(text, "%!") {
				t.Errorf("%s: something is not filled in: %q", where, text)
			}
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

// TestNoLooseTexts: no sentence stands in the code of the commands but in a
// text of both languages.
func TestNoLooseTexts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal("no code", err)
	}
	sentence := regexp.MustCompile(`[a-z]{2,} [a-z]{2,} |[a-z]{3,} [a-z]{3,}`)
	// Marks of errors, which explain puts into words, and names of formats.
	allowed := map[string]bool{"cannot write": true, "render report.json": true, "flowcorr batch": true, "flowcorr redact addresses": true}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CompositeLit: // lang.Text{…} is what is wanted
				if s, ok := x.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Text" {
					return false
				}
			case *ast.KeyValueExpr: // sessions are the same in every language
				if k, ok := x.Key.(*ast.Ident); ok && (k.Name == "Example" || k.Name == "EN" || k.Name == "ES") {
					return false
				}
			case *ast.Field, *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				if text, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING && sentence.MatchString(text) && !allowed[text] {
					t.Errorf("%s: %q is in one language", fset.Position(x.Pos()), text)
				}
			}
			return true
		})
	}
}
