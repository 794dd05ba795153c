package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// structural are comparisons with figures that are no thresholds: what protocols
// define.
var structural = map[string]string{}

// TestNoLiteralSteers: no comparison in this package holds a figure of its own;
// those that steer are thresholds, which a case file can set. 0 and 1 are allowed,
// and 2 beside a count of what happened twice.
func TestNoLiteralSteers(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	used := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(fset, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			x, ok := n.(*ast.BinaryExpr)
			if !ok || !comparison(x.Op) || figure(x.X, x.Y)+figure(x.Y, x.X) == "" {
				return true
			}
			from, to := fset.Position(x.Pos()).Offset, fset.Position(x.End()).Offset
			text := string(source[from:to])
			if structural[text] == "" {
				t.Errorf("%s: %s compares with a figure of its own", fset.Position(x.Pos()), text)
			}
			used[text] = true
			return true
		})
	}
	for text := range structural {
		if !used[text] {
			t.Errorf("%s is not there any more", text)
		}
	}
}

func comparison(op token.Token) bool {
	switch op {
	case token.LSS, token.GTR, token.LEQ, token.GEQ, token.EQL, token.NEQ:
		return true
	}
	return false
}

// figure finds a number in one side of a comparison: a literal, or a unit of time.
func figure(side, other ast.Expr) string {
	if l, ok := side.(*ast.BasicLit); ok {
		if l.Kind != token.INT && l.Kind != token.FLOAT || l.Value == "0" || l.Value == "1" {
			return ""
		}
		if call, ok := other.(*ast.CallExpr); ok && l.Value == "2" {
			if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "len" {
				return ""
			}
		}
		return l.Value
	}
	found := ""
	ast.Inspect(side, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.IndexExpr, *ast.CallExpr, *ast.FuncLit:
			return false // an index, or an argument
		case *ast.BasicLit:
			if (x.Kind == token.INT || x.Kind == token.FLOAT) && x.Value != "1" && x.Value != "0" {
				found = x.Value
			}
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && p.Name == "time" {
				found = "time." + x.Sel.Name
			}
		}
		return true
	})
	return found
}
