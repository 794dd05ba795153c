// Package arch holds what the compiler does not: who may import whom, that
// nothing happens behind the reader's back, and that tables, test data and
// documents agree.
package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

const module = "github.com/flowcorr/flowcorr/"

// mayImport lists, for every room, the rooms below it.
var mayImport = map[string][]string{
	"pkg/lang":             {},
	"pkg/unpack":           {"internal/regular"},
	"pkg/pcapflow/capture": {},
	"pkg/pcapflow":         {"internal/freeze", "pkg/pcapflow/capture"},
	"pkg/pcapflow/segment": {"pkg/pcapflow", "pkg/pcapflow/capture"},
	"pkg/logparse":         {"internal/conceal"},
	"pkg/casefile":         {"internal/near", "pkg/lang", "pkg/logparse"},
	"pkg/incident":         {"internal/folder", "internal/regular", "pkg/unpack", "pkg/pcapflow", "pkg/pcapflow/capture", "pkg/logparse"},
	"pkg/correlate/clock":  {},
	"pkg/correlate":        {"pkg/lang", "pkg/correlate/clock", "pkg/incident", "pkg/pcapflow", "pkg/pcapflow/capture", "pkg/logparse"},
	"pkg/diagnose":         {"pkg/lang", "pkg/correlate", "pkg/correlate/clock", "pkg/incident", "pkg/pcapflow", "pkg/logparse"},
	"pkg/report":           {"internal/conceal", "pkg/lang", "pkg/diagnose", "pkg/correlate", "pkg/correlate/clock", "pkg/incident", "pkg/pcapflow", "pkg/logparse"},
	"pkg/report/compare":   {"pkg/report"},
	"pkg/report/redact":    {"pkg/report"},
	"lab":                  {}, // tests alone: the lab itself is not of Go
	"pkg/report/render":    {"pkg/report/trend", "pkg/lang", "pkg/report", "pkg/report/compare"},
	"pkg/watch":            {"internal/folder", "internal/lock", "internal/regular", "internal/wholefile", "pkg/report"},
	"pkg/archive":          {"internal/folder", "internal/regular", "pkg/logparse", "internal/freeze", "internal/lock", "internal/wholefile", "pkg/unpack", "pkg/pcapflow", "pkg/pcapflow/capture", "pkg/incident", "pkg/correlate", "pkg/report", "pkg/report/trend"},
	"pkg/report/trend":     {"pkg/report"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(room, "cmd/") || strings.HasPrefix(room, "internal/") {
			continue
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s: not a room of the plan; add it to mayImport with what it may import", room)
			continue
		}
		for _, i := range p.Imports {
			if below, ours := strings.CutPrefix(i, module); ours && !slices.Contains(allowed, below) {
				t.Errorf("%s imports %s", room, below)
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func root(t *testing.T) string {
	dir, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNoInit: everything that exists is in an explicit table.
func TestNoInit(t *testing.T) {
	eachFile(t, func(path string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init function", path)
			}
		}
	})
}

// TestNames: names without a meaning of their own hide what a file holds.
func TestNames(t *testing.T) {
	empty := []string{"util", "utils", "common", "types", "helper", "helpers", "misc"}
	eachFile(t, func(path string, f *ast.File) {
		name := strings.TrimSuffix(filepath.Base(path), ".go")
		if slices.Contains(empty, name) || slices.Contains(empty, f.Name.Name) {
			t.Errorf("%s: a name that says nothing", path)
		}
	})
}

// TestDocumented: every package says what it is for.
func TestDocumented(t *testing.T) {
	documented := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		documented[filepath.Dir(path)] = documented[filepath.Dir(path)] || f.Doc != nil
	})
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func eachFile(t *testing.T, visit func(path string, f *ast.File)) {
	top := root(t)
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, path)
		visit(filepath.ToSlash(rel), f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestChecksLeaveNothingOut: scripts/test.sh has the race detector look at every
// package that starts goroutines or guards what they share, at no other, and what it takes from the detector,
// leaves to it alone, or runs alone is there.
func TestChecksLeaveNothingOut(t *testing.T) {
	top := root(t)
	script, err := os.ReadFile(filepath.Join(top, "scripts", "test.sh"))
	if err != nil {
		t.Fatal(err)
	}
	listed := func(name, separator string) (list []string) {
		for _, m := range regexp.MustCompile(`(?m)^`+name+`=['"](?:\$\w+\|)?([^'"]*)`).FindAllStringSubmatch(string(script), -1) {
			list = append(list, strings.Split(m[1], separator)...)
		}
		if len(list) < 2 {
			t.Fatalf("scripts/test.sh: %s has only %q", name, list)
		}
		return list
	}
	concurrent := listed("concurrent", " ")
	starts := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.GoStmt:
				starts["./"+filepath.ToSlash(filepath.Dir(path))] = true
			case *ast.SelectorExpr: // wg.Go, sync.Mutex, atomic.Int64, …
				of, _ := x.X.(*ast.Ident)
				if x.Sel.Name == "Go" || x.Sel.Name == "Mutex" || of != nil && of.Name == "atomic" {
					starts["./"+filepath.ToSlash(filepath.Dir(path))] = true
				}
			}
			return true
		})
	})
	if got := slices.Sorted(maps.Keys(starts)); !slices.Equal(got, concurrent) {
		t.Errorf("the race detector looks at %q, goroutines are started or guarded against by %q", concurrent, got)
	}
	declared := map[string][]string{} // packages by test
	find := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		dir, _ := filepath.Rel(top, filepath.Dir(path))
		for _, m := range find.FindAllStringSubmatch(string(text), -1) {
			declared[m[1]] = append(declared[m[1]], "./"+filepath.ToSlash(dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	once, sharing := listed("once", " "), listed("sharing", "|")
	for _, p := range once {
		if !slices.Contains(concurrent, p) || !slices.ContainsFunc(sharing, func(name string) bool { return slices.Contains(declared[name], p) }) {
			t.Errorf("the race detector looks at no test of %s", p)
		}
	}
	for _, name := range sharing {
		if !slices.ContainsFunc(declared[name], func(p string) bool { return slices.Contains(once, p) }) {
			t.Errorf("there is no %s in %q", name, once)
		}
	}
	for _, name := range listed("many", "|") {
		if !slices.ContainsFunc(declared[name], func(p string) bool { return slices.Contains(concurrent, p) }) {
			t.Errorf("there is no %s in %q", name, concurrent)
		}
	}
	for _, name := range listed("alone", "|") {
		if len(declared[name]) != 1 || !strings.Contains(string(script), " "+declared[name][0]) {
			t.Errorf("%s is of %q: it is to be one test, of a package that is run alone", name, declared[name])
		}
	}
}
