package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/flowcorr/flowcorr/internal/need"
)

// pages are the project's documents, by path relative to its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	err = filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"dist", "bin", "testdata", "input"}, e.Name())) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		all[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	return all
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	heading = regexp.MustCompile(`(?m)^(#+) (.*)$`)
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// TestLinks: what the documents link to inside the repository is there, the
// heading too. Links to elsewhere are in no document: no test could vouch for them.
func TestLinks(t *testing.T) {
	all := pages(t)
	checked := 0
	for page, text := range all {
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			checked++
			if strings.Contains(m[1], "://") {
				t.Errorf("%s links to %s, which no test can vouch for", page, m[1])
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := page
			if file != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(page), file))
			}
			if _, err := os.Stat(filepath.FromSlash(to)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if anchor != "" && !slices.Contains(anchors(all[to]), anchor) {
				t.Errorf("%s links to %s: %s has no such heading", page, m[1], to)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d links found", checked)
	}
}

// anchors are the names that headings of a document are linked by: small letters,
// without punctuation, with - for spaces.
func anchors(text string) (names []string) {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[2]))
	}
	return names
}

// parts are the pages of the manual, in both languages.
var parts = []string{"first-steps", "reading", "html-report", "commands", "phases", "metrics", "exercises", "clocks", "formats", "case-file", "collecting", "archives", "rules", "troubleshooting"}

// TestManualInBothLanguages: every part of the manual is there in both languages,
// in the contents, and built alike: the same headings, sessions, tables, lists and
// pictures.
func TestManualInBothLanguages(t *testing.T) {
	all := pages(t)
	for page := range all {
		if dir, name := filepath.Split(page); (dir == "docs/en/" || dir == "docs/es/") && !slices.Contains(parts, strings.TrimSuffix(name, ".md")) {
			t.Errorf("%s is no known part of the manual", page)
		}
	}
	for _, part := range parts {
		en, es := all["docs/en/"+part+".md"], all["docs/es/"+part+".md"]
		if en == "" || es == "" {
			t.Errorf("%s is not there in both languages", part)
			continue
		}
		if !strings.Contains(all["docs/README.md"], "(en/"+part+".md)") || !strings.Contains(all["docs/README.md"], "(es/"+part+".md)") {
			t.Errorf("the contents do not list %s in both languages", part)
		}
		a, b := skeleton(en), skeleton(es)
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Errorf("%s: built otherwise in Spanish from %q on, English has %q", part, at(b, i), at(a, i))
				break
			}
		}
	}
}

func at(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "the end"
}

// skeleton is what a document is built of, without its words.
func skeleton(text string) (bones []string) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = !inside
			if inside {
				bones = append(bones, line)
			}
		case inside && strings.HasPrefix(line, "$ "):
			bones = append(bones, translated(line))
		case inside:
		case strings.HasPrefix(line, "#"):
			level, _, _ := strings.Cut(line, " ")
			bones = append(bones, level)
		case strings.HasPrefix(line, "|"):
			bones = append(bones, "row of "+strconv.Itoa(strings.Count(line, "|")))
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "):
			bones = append(bones, "item")
		case strings.HasPrefix(line, "!["):
			bones = append(bones, "picture")
		}
	}
	return bones
}

// translated is what a command has on the pages of both languages: its name and its
// options but for the one that says the language. Names of results may differ.
func translated(command string) string {
	command, _, _ = strings.Cut(strings.ReplaceAll(command, " --lang es", ""), " | ")
	var kept []string
	for i, word := range strings.Fields(command) {
		if i < 3 || strings.HasPrefix(word, "-") {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

// figure is a quantity of time, a share or a drift as documents write it; spaces
// are doubled before, since two of them may share one.
var figure = regexp.MustCompile(`(?:^|[^\w.,:/-])[+−-]?(\d+(?:[.,]\d+)?) {0,2}(µs|ms|s|%|ppm)(?:[^\w/]|$)`)

type quantity struct {
	value    float64 // seconds, per cent or ppm
	decimals int
	unit     string
}

func quantities(text string) map[string]quantity {
	all := map[string]quantity{}
	scale := map[string]float64{"µs": 1e-6, "ms": 1e-3, "s": 1, "%": 1, "ppm": 1}
	for _, m := range figure.FindAllStringSubmatch(strings.ReplaceAll(text, " ", "  "), -1) {
		number := strings.ReplaceAll(m[1], ",", ".")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			continue
		}
		_, fraction, _ := strings.Cut(number, ".")
		q := quantity{v * scale[m[2]], len(fraction), m[2]}
		all[m[1]+" "+m[2]] = q
	}
	return all
}

// TestFigures: a time, share or drift that the prose of a page quotes beside its
// sessions stands in one of them, rounded or in another unit; in the README of a
// sample it may be one of the truth's instead.
func TestFigures(t *testing.T) {
	checked := 0
	for page, text := range pages(t) {
		if !strings.Contains(text, "```console") {
			continue
		}
		shown := strings.Join(fenced.FindAllString(text, -1), "\n")
		if strings.HasPrefix(page, "samples/") {
			shown += "\n" + truthFigures(t, filepath.Join(filepath.Dir(page), "truth.json"))
		}
		prose := heading.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
		prose = regexp.MustCompile(`(?m)^    .*$`).ReplaceAllString(prose, "")
		have := quantities(strings.Join(strings.Fields(shown), " "))
		for said, q := range quantities(strings.Join(strings.Fields(prose), " ")) {
			checked++
			if !stands(q, have) {
				t.Errorf("%s says %s, which none of its sessions shows", page, said)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d figures found", checked)
	}
}

// stands tells whether a quantity is one of those shown, to the decimals it is
// quoted with.
func stands(q quantity, shown map[string]quantity) bool {
	step := map[string]float64{"µs": 1e-6, "ms": 1e-3, "s": 1, "%": 1, "ppm": 1}[q.unit] * math.Pow10(-q.decimals)
	duration := q.unit != "%" && q.unit != "ppm"
	for _, s := range shown {
		same := s.unit == q.unit || duration && s.unit != "%" && s.unit != "ppm"
		if same && math.Abs(s.value-q.value) <= step/2*1.0001 {
			return true
		}
	}
	return false
}

// truthFigures are the delays of the path, the clocks' errors and drifts, and what
// the labels and paths of requests say, as a text.
func truthFigures(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Hosts map[string]struct {
			Clock []struct {
				Offset float64 `json:"offset_s"`
				Drift  float64 `json:"drift_ppm"`
			}
		}
		Path []struct{ Command string } `json:"imp_configs"`
		Runs []struct {
			Label string
			Args  []string
		} `json:"requests"`
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, h := range truth.Hosts {
		for _, c := range h.Clock {
			out.WriteString(" " + strconv.FormatFloat(math.Abs(c.Offset), 'f', 6, 64) + " s " + strconv.FormatFloat(c.Drift, 'f', 3, 64) + " ppm ")
		}
	}
	for _, c := range truth.Path {
		if w := strings.Fields(c.Command); len(w) > 2 && w[0] == "path" {
			out.WriteString(" " + w[2] + " ms ")
		}
	}
	query := regexp.MustCompile(`\bms=(\d+)`)
	for _, r := range truth.Runs {
		out.WriteString(" " + r.Label + " ")
		for i, a := range r.Args {
			for _, m := range query.FindAllStringSubmatch(a, -1) {
				out.WriteString(" " + m[1] + " ms ")
			}
			if i > 0 && r.Args[i-1] == "-m" {
				out.WriteString(" " + a + " s ")
			}
		}
	}
	return out.String()
}

// TestCommandsNamed: a command that a document names is one, with options that it
// has; and a target of make, a script or a test that it names is there.
func TestCommandsNamed(t *testing.T) {
	all := pages(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	root := newRoot(&environment{})
	code := regexp.MustCompile("`[^`\n]+`|(?m)^(?:    |\\$ ).*$")
	named := regexp.MustCompile(`\bflowcorr ([a-z]+)\b([^|;>\x60]*)`)
	checked := 0
	for page, text := range all {
		for _, piece := range code.FindAllString(text, -1) {
			for _, m := range named.FindAllStringSubmatch(piece, -1) {
				cmd, _, err := root.Find([]string{m[1]})
				if err != nil || cmd == root {
					if _, missing := os.Stat(m[1]); missing != nil && !strings.HasSuffix(page, "CHANGELOG.md") && m[1] != "version" {
						t.Errorf("%s: %q is no command: %s", page, m[1], piece)
					}
					continue
				}
				checked++
				for _, word := range strings.Fields(m[2]) {
					name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
					if strings.HasPrefix(word, "--") && cmd.Flags().Lookup(name) == nil && root.PersistentFlags().Lookup(name) == nil && name != "help" {
						t.Errorf("%s: flowcorr %s has no option --%s", page, m[1], name)
					}
				}
			}
			for _, m := range regexp.MustCompile(`^.?\s*make ([a-z]+)`).FindAllStringSubmatch(piece, -1) {
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
					t.Errorf("%s: make has no target %s", page, m[1])
				}
			}
			if !strings.Contains(piece, "go test") && !strings.Contains(piece, "-run") {
				continue
			}
			for _, name := range regexp.MustCompile(`\bTest[A-Z]\w*`).FindAllString(piece, -1) {
				if name != "TestYours" && !slices.ContainsFunc(tests, func(test string) bool { return strings.HasPrefix(test, name) }) {
					t.Errorf("%s: there is no test %s", page, name)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d commands found", checked)
	}
}

// TestLabAndPathsNamed: stories and options of the lab that a document names are
// there, and so are files of the repository.
func TestLabAndPathsNamed(t *testing.T) {
	all := pages(t)
	need.Program(t, "python3")
	list, err := exec.Command("lab/run", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command("lab/run", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`\blab/run((?: +[\w=.<>/+-]+)+)`)
	paths := regexp.MustCompile("`((?:cmd|docs|internal|lab|pkg|samples|scripts)/[\\w./-]*)`")
	stories, files := 0, 0
	for page, text := range all {
		if page == "CHANGELOG.md" {
			continue // tells of what was
		}
		for _, m := range calls.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			for i, w := range words {
				switch {
				case strings.HasPrefix(w, "--"):
					if option, _, _ := strings.Cut(w, "="); !strings.Contains(string(help), option) {
						t.Errorf("%s: lab/run has no option %s", page, option)
					}
				case i > 0 && strings.HasPrefix(words[i-1], "--"), strings.ToUpper(w) == w:
				case !strings.HasPrefix(string(list), w+" ") && !strings.Contains(string(list), "\n"+w+" "):
					t.Errorf("%s: the lab has no story %s", page, w)
				default:
					stories++
				}
			}
		}
		for _, m := range paths.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "NAME") || strings.Contains(m[1], "CASE") {
				continue
			}
			files++
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
	if stories < 20 || files < 40 {
		t.Errorf("only %d stories and %d files found", stories, files)
	}
}

// testNames are the tests of the whole project.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
	for _, pattern := range []string{"cmd/*/*_test.go", "pkg/*/*_test.go", "pkg/*/*/*_test.go", "internal/*/*_test.go", "lab/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// TestCommitsShown: the commits that CONTRIBUTING.md shows its recipes on are in
// the history, and touch what it says.
func TestCommitsShown(t *testing.T) {
	text := pages(t)["CONTRIBUTING.md"]
	need.Program(t, "git")
	if out, err := exec.Command("git", "rev-parse", "--is-shallow-repository").Output(); err != nil || strings.TrimSpace(string(out)) != "false" {
		need.Optional(t, "the whole history of the repository")
	}
	shown := regexp.MustCompile("`git log -1 -p --grep='([^']+)'(?: --\\s+([\\w/]+))?`").FindAllStringSubmatch(text, -1)
	if len(shown) != 4 {
		t.Errorf("%d commits are shown: a format, a protocol, a rule and an output are wanted", len(shown))
	}
	for _, m := range shown {
		args := []string{"log", "-1", "--format=%s", "--grep=" + m[1]}
		if m[2] != "" {
			args = append(args, "--", m[2])
		}
		subject, err := exec.Command("git", args...).Output()
		if err != nil || len(subject) == 0 {
			t.Errorf("no commit for %s: %v", m[0], err)
			continue
		}
		if quoted := strings.TrimSpace(string(subject)); !strings.Contains(strings.Join(strings.Fields(text), " "), `"`+quoted+`"`) {
			t.Errorf("%s is the commit %q, which the text does not name", m[0], quoted)
		}
	}
}
