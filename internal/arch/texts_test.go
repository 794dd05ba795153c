package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// verb of fmt, with its flags.
var verb = regexp.MustCompile(`%[-+# 0]*[0-9.]*[a-zA-Z%]`)

// TestTexts: every text is there in both languages, with the same verbs in the
// same order and choices {one|many} that are whole.
func TestTexts(t *testing.T) {
	seen := 0
	eachFile(t, func(path string, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || len(lit.Elts) == 0 {
				return true
			}
			text := map[string]string{}
			for _, e := range lit.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					key, _ := kv.Key.(*ast.Ident)
					if key != nil && (key.Name == "EN" || key.Name == "ES") {
						text[key.Name] = literal(kv.Value)
					}
				}
			}
			if len(text) == 0 {
				return true
			}
			seen++
			en, es := text["EN"], text["ES"]
			if en == "" || es == "" {
				t.Errorf("%s: %q and %q: not in both languages", path, en, es)
			}
			if a, b := verb.FindAllString(en, -1), verb.FindAllString(es, -1); !slices.Equal(a, b) {
				t.Errorf("%s: verbs %v and %v in %q", path, a, b, en)
			}
			for _, s := range []string{en, es} {
				if strings.Count(s, "{") != strings.Count(s, "}") || strings.Count(s, "{") > strings.Count(s, "|") {
					t.Errorf("%s: a choice that is not whole in %q", path, s)
				}
			}
			return true
		})
	})
	if seen < 100 {
		t.Errorf("only %d texts were found", seen)
	}
}

// literal is the value of a string constant, joined where it is a sum; "": it
// is no constant.
func literal(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			s, err := strconv.Unquote(x.Value)
			if err == nil {
				return s
			}
		}
	case *ast.BinaryExpr:
		return literal(x.X) + literal(x.Y)
	}
	return ""
}
