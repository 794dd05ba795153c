package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// TestPhrases: what the rooms below say in English of files, phases, clocks and
// lines is there in Spanish, for all that incidents make them say.
func TestPhrases(t *testing.T) {
	incidents, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents"), "s*"))
	if err != nil || len(incidents) == 0 {
		t.Fatal("no incidents", err)
	}
	seen := map[string]bool{}
	check := func(where, text string) {
		if text == "" || seen[text] {
			return
		}
		seen[text] = true
		if es := render.Phrase(text, lang.ES); es == text || strings.Contains(es, "%") {
			t.Errorf("%s: not in Spanish: %q, %q", where, text, es)
		}
	}
	for _, dir := range incidents {
		if strings.HasPrefix(filepath.Base(dir), "s09") {
			continue // a crowd of what the others have
		}
		r, err := report.Decode(bytes.NewReader(ranDone(t, "report", "--fail-on", "never", "-q", "--format", "json", filepath.Join(dir, "input"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Evidence {
			check("evidence", e.Reason)
			for _, p := range e.Problems {
				check("problem", p.Text)
			}
		}
		for _, k := range r.Clocks {
			check("clock", k.Reason)
		}
		for _, u := range r.Unmatched {
			check("line", u.Reason)
		}
		for i := range r.Journeys {
			for _, p := range r.Journeys[i].Phases {
				check("phase", p.Reason)
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d phrases were met", len(seen))
	}
	phraseExamples(t)
}

// rawName matches the names that instants, phases and metrics have in the
// contract.
var rawName = regexp.MustCompile(`\b(?:(?:tcp|tls|ssh|http|dns|ntp|quic|icmp|arp|nd)\.[a-z][a-z-]+|[a-z]+(?:_[a-z]+)*_(?:seconds|bytes))\b`)

// TestNoRawNames: what is shown of instants, phases and metrics has a name in
// the reader's language; names of the contract stand only beside it.
func TestNoRawNames(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil || len(samples) < 8 {
		t.Fatal("no samples", err)
	}
	t.Setenv("COLUMNS", "130")
	files := regexp.MustCompile(`\S+\.(?:log|txt|json|csv|pcap|pcapng)\b\S*|display filter.*|filtro de visualización.*|"[^"]*"|“[^”]*”`)
	for _, input := range samples {
		for _, l := range []string{"en", "es"} {
			text := string(ranDone(t, "timeline", "-q", "--lang", l, input))
			for line := range strings.Lines(text) {
				if raw := rawName.FindString(files.ReplaceAllString(line, "")); raw != "" && !strings.HasPrefix(line, "     ") {
					t.Errorf("%s: %s in %q", input, raw, line)
				}
			}
		}
	}
	methods := regexp.MustCompile(`(?:two-captures|same-host|keyed|intervals)[) ]`)
	clocks := filepath.Join(root, "samples", "three-clocks", "input")
	html := regexp.MustCompile(`(?s)<script.*?</script>`).ReplaceAllString(string(ranDone(t, "report", "--lang", "es", "-q", "--fail-on", "never", "--format", "html", clocks)), "")
	for _, text := range []string{html, string(ranDone(t, "clocks", "--lang", "es", "-q", clocks))} {
		if at := methods.FindStringIndex(text); at != nil {
			t.Errorf("how a clock was measured, in English: …%s", text[max(0, at[0]-60):at[1]])
		}
	}
	page := readFile(t, filepath.Join(root, "docs", "en", "metrics.md"))
	about := string(ranDone(t, "explain", "--lang", "es", "-q", "--about", "j1", filepath.Join(root, "samples", "slow-application", "input")))
	if !strings.Contains(about, "de SYN a SYN-ACK") || !strings.Contains(about, "rtt_server_seconds") {
		t.Errorf("no metric by both of its names:\n%s", about)
	}
	oddities := regexp.MustCompile(`(?m)^\| (?:oddity|limit) \|.*\n(?:\|.*\n)+`) // words of the contract, which the page explains
	for _, m := range regexp.MustCompile("(?m)^\\| (`[a-z_`, ]+`) \\|").FindAllSubmatch(oddities.ReplaceAll(page, nil), -1) {
		for _, name := range strings.Split(strings.ReplaceAll(string(m[1]), "`", ""), ", ") {
			if render.MetricName(name, lang.ES) == name {
				t.Errorf("docs/en/metrics.md: %s has no name in Spanish", name)
			}
		}
	}
}

func phraseExamples(t *testing.T) {
	t.Helper()
	for in, want := range map[string]string{
		"truncated record: the file ends after 12 bytes of it": "registro cortado: el archivo acaba tras 12 bytes suyos",
		"56 of the first 60 lines read as curl":                "56 de las primeras 60 líneas se leen como curl",
		"no record here: 100 bytes skipped to the next one":    "aquí no hay ningún registro: se saltan 100 bytes hasta el siguiente",
		"the same, byte by byte, as 100%.log: counted once":    "igual, byte a byte, que 100%.log: se cuenta una vez",
		"nobody has written this":                              "nobody has written this",
		`case/flowcorr.yaml: line 3: unknown key "hots"; did you mean "hosts"?; line 5: !!str "x" cannot stand here`: `case/flowcorr.yaml: línea 3: clave desconocida: "hots"; ¿quiso decir "hosts"?; línea 5: !!str "x" no puede estar aquí`,
		`line 4: unknown role "clent"; it may be client, server`:                                                     `línea 4: papel desconocido: "clent"; puede ser client, server`,
		`"x" is no figure; write 4, 0.25, 20 % or 250ms`:                                                             `"x" no es una cifra; escriba 4, 0.25, 20 % o 250ms`,
		"record 7, byte 90: truncated record: the file ends after 12 bytes of it":                                    "registro 7, byte 90: registro cortado: el archivo acaba tras 12 bytes suyos",
		"open /x/y.pcap: permission denied":                                                                          "al abrir /x/y.pcap: permiso denegado",
	} {
		if got := render.Phrase(in, lang.ES); got != want {
			t.Errorf("%q became %q", in, got)
		}
		if got := render.Phrase(in, lang.EN); got != in {
			t.Errorf("%q became %q in English", in, got)
		}
	}
}

// speaking are the rooms below the report that say things in English, which
// render.Phrase puts into the reader's language; some only in these calls.
var speaking = []struct {
	room  string
	calls []string // nil: wherever a sentence stands
}{
	{room: "pkg/casefile"}, {room: "pkg/unpack"}, {room: "pkg/pcapflow/capture"}, {room: "pkg/incident"},
	{room: "pkg/correlate"}, {room: "pkg/archive"}, {room: "pkg/watch"}, {room: "internal/lock"}, {room: "pkg/report"},
	{room: "pkg/logparse", calls: []string{"add", "Errorf", "New", "nginx", "apache", "sign", "says"}},
	{room: "pkg/pcapflow", calls: []string{"add", "Errorf"}},
}

// silent are sentences that no reader is shown: they are written into files as
// they are, or tell what has no other words.
var silent = map[string]bool{
	"SQLite format 3\x00": true, "File created by merging": true, // what files begin with, and mergecap writes
	"Re-opening moved": true, "Re-opening truncated": true, "Successfully reopened": true, // what the follower's library says
	"; by its content: 7": true, "; read by the format in 7": true, // parts of what is said
}

// TestNoUntoldPhrases: no room below says a sentence in its code that has no
// Spanish: a new one fails here until it has.
func TestNoUntoldPhrases(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range speaking {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(s.room), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no code: %v", s.room, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			eachSentence(t, name, s.calls, func(at, text string) {
				seen++
				if es := render.Phrase(text, lang.ES); es == text && !silent[text] {
					t.Errorf("%s: not in Spanish: %q", at, text)
				}
			})
		}
	}
	if seen < 150 {
		t.Errorf("only %d sentences were found", seen)
	}
}

// looksSaid matches what is a sentence or a part of one, not a word of a format.
var looksSaid = regexp.MustCompile(`[a-z]{2,} [a-z]{2,} |[a-z]{3,} [a-z]{3,}`)

// verb matches what fmt replaces; what comes of it stands as 7.
var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]`)

// eachSentence finds the sentences of a file: literals, joined with what is put
// between them, but for texts in both languages and patterns.
func eachSentence(t *testing.T, name string, calls []string, use func(at, text string)) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	say := func(n ast.Node, text string) {
		text = strings.ReplaceAll(verb.ReplaceAllString(strings.ReplaceAll(text, "%%", "\u2030"), "7"), "\u2030", "%")
		if looksSaid.MatchString(text) {
			use(fmt.Sprintf("%s:%d", filepath.Base(name), fset.Position(n.Pos()).Line), text)
		}
	}
	sentences := func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CompositeLit:
			if s, ok := x.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Text" {
				return false
			}
		case *ast.CallExpr:
			if what := calledName(x); what == "MustCompile" || what == "sentence" || what == "note" {
				return false // a pattern, or a text in both languages
			}
		case *ast.BinaryExpr:
			if text, literal := joined(x); literal {
				say(x, text)
				return false
			}
		case *ast.Field, *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if text, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
				say(x, text)
			}
		}
		return true
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if calls == nil {
			return sentences(n)
		}
		if x, ok := n.(*ast.CallExpr); ok && slices.Contains(calls, calledName(x)) {
			for _, a := range x.Args {
				ast.Inspect(a, sentences)
			}
		}
		return true
	})
}

func calledName(x *ast.CallExpr) string {
	switch f := x.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// joined is a sum of strings as one, 7 for each that is no literal; false where
// none is.
func joined(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "7", false
		}
		a, la := joined(x.X)
		b, lb := joined(x.Y)
		return a + b, la || lb
	case *ast.BasicLit:
		if text, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
			return text, true
		}
	}
	return "7", false
}
