package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/compare"
)

// saved is a report as a user saved it: outputs are functions of its JSON.
func saved(t *testing.T) *report.Report {
	t.Helper()
	f, err := os.Open("testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := report.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// outputs are all that are text, by name.
func outputs(r *report.Report, l lang.Lang, width int) map[string]string {
	opt := TextOptions{Lang: l, Width: width}
	out := map[string]string{}
	add := func(name string, write func(w io.Writer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			b.WriteString("error: " + err.Error())
		}
		out[name] = b.String()
	}
	add("report", func(w io.Writer) error { return Text(w, r, opt) })
	add("markdown", func(w io.Writer) error { return Markdown(w, r, l) })
	add("timeline", func(w io.Writer) error { return Timeline(w, r, r.Timeline(), opt) })
	add("match", func(w io.Writer) error { return Pairings(w, r, r.Pairings(), opt) })
	add("check", func(w io.Writer) error { return Checklist(w, r, opt) })
	add("clocks", func(w io.Writer) error { return Clocks(w, r, opt) })
	add("files", func(w io.Writer) error { return Files(w, r, opt) })
	c := compare.By(*compare.KeyNamed("repetition"), r)
	add("compare", func(w io.Writer) error { return Comparison(w, c, opt) })
	add("compare-markdown", func(w io.Writer) error { return ComparisonMarkdown(w, c, opt) })
	if len(r.Journeys) > 0 {
		if a, err := r.About(r.Journeys[0].ID); err == nil {
			add("explain", func(w io.Writer) error { return About(w, r, a, opt) })
		}
	}
	return out
}

// TestGolden: what each output looks like, in both languages. -update writes it.
func TestGolden(t *testing.T) {
	for _, l := range []struct {
		name string
		lang lang.Lang
	}{{"en", lang.EN}, {"es", lang.ES}} {
		for name, got := range outputs(saved(t), l.lang, 110) {
			path := filepath.Join("testdata", name+"."+l.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: not as before (-update writes it)", path)
			}
		}
	}
}

// TestWidth: no line of a text is wider than the terminal, unless it is a single
// word that is, as a filter to be copied.
func TestWidth(t *testing.T) {
	r := saved(t)
	for _, width := range []int{40, 60, 80, 100, 160} {
		for _, l := range []lang.Lang{lang.EN, lang.ES} {
			for name, text := range outputs(r, l, width) {
				if !strings.Contains(name, "markdown") {
					fits(t, fmt.Sprintf("%s at %d columns", name, width), text, width)
				}
			}
		}
	}
}

// TestLongNames: names and details as long as a sender likes do not make lines of
// their length where the width is free, as in a file.
func TestLongNames(t *testing.T) {
	r := sample(t, "slow-application", lang.EN)
	long := strings.Repeat("0123456789abcdef.", 100)
	for i := range r.Journeys {
		r.Journeys[i].Name += long
		for k := range r.Journeys[i].Instants {
			r.Journeys[i].Instants[k].Detail += long
		}
	}
	for _, l := range []lang.Lang{lang.EN, lang.ES} {
		var b strings.Builder
		if err := Text(&b, r, TextOptions{Lang: l}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), long[:20]) {
			t.Error("no name is printed")
		}
		if strings.Contains(b.String(), long[:2*widestDetail]) {
			t.Errorf("%v: a name is printed as long as it is", l)
		}
	}
}

func fits(t *testing.T, name, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if columns(line) > width && len(strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "- "))) > 1 {
			t.Errorf("%s: %d: %s", name, columns(line), line)
		}
		if strings.HasSuffix(line, " ") {
			t.Errorf("%s: a space at the end: %q", name, line)
		}
	}
}

// TestNarrowTables: a table too wide for the terminal is written otherwise, and
// loses nothing but what it may.
func TestNarrowTables(t *testing.T) {
	wide := &table{header: []string{"id", "start", "service", "what", "client", "total", "result", "lines"}, yields: []int{3},
		rows: [][]string{{"j1", "10:15:32.120", "https", "app.example /a/long/path?with=query and more of it", "10.10.1.11:38762", "1.081 s", "done", "2"}}}
	for width, want := range map[int]string{
		110: " id  start         service  what                                                client            total    result  lines\n",
		80: ` id  start         service  client            total    result  lines
 j1  10:15:32.120  https    10.10.1.11:38762  1.081 s  done    2
     app.example /a/long/path?with=query and more of it
`,
		40: `  id j1
    start   10:15:32.120
    service https
    what    app.example
            /a/long/path?with=query and
            more of it
    client  10.10.1.11:38762
    total   1.081 s
    result  done
    lines   2
`} {
		var b strings.Builder
		if err := textTable(&b, wide, TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		fits(t, "table", b.String(), width)
		if width < 100 && b.String() != want {
			t.Errorf("at %d columns:\n%s", width, b.String())
		}
	}
}

// TestReflow: nothing is lost, no line is too wide, and what fits stays.
func TestReflow(t *testing.T) {
	text := "one two three four\nfive six\n\n  name   what it does and how and why and when\n  other  short\n\nlast"
	if got := Reflow(text, 60); got != text {
		t.Errorf("%q", got)
	}
	if got := Reflow(text, 0); got != text {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-z]{1,9}[ \n]{1,3}){0,60}`).Draw(t, "text")
		width := rapid.IntRange(40, 90).Draw(t, "width")
		got := Reflow(text, width)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Fatalf("%q became %q", text, got)
		}
		for _, l := range strings.Split(got, "\n") {
			if columns(l) > width {
				t.Fatalf("%d columns: %q", width, l)
			}
		}
	})
}

// TestNarrowEvents: events fit a narrow terminal, and say the same.
func TestNarrowEvents(t *testing.T) {
	row := report.EventRow{Evidence: "web/access.log", Line: 7, Kind: "http-request", Client: "10.10.1.11:38762", Result: "200", What: strings.Repeat("GET /a/path ", 4)}
	for _, width := range []int{40, 60, 80, 120} {
		var b strings.Builder
		table := NewEventTable(&b, TextOptions{Width: width})
		table.Event(row)
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		fits(t, fmt.Sprint("events at ", width), b.String(), width)
		for _, want := range []string{row.Kind, row.Client, row.Result, "GET /a/path", "web/access.log:7"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("at %d columns without %q:\n%s", width, want, b.String())
			}
		}
	}
}

// TestFitted: tables keep to the width, or say that they cannot.
func TestFitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "columns")
		row := rapid.SliceOfN(rapid.StringMatching(`[a-zé漢 ]{0,60}`), n, n)
		rows := rapid.SliceOfN(row, 1, 5).Draw(t, "rows")
		width := rapid.IntRange(40, 150).Draw(t, "width")
		tab := &table{fold: rapid.Bool().Draw(t, "fold"), yields: []int{0}}
		out, fits := fitted(rows, width, tab)
		if wide := breadth(widthsOf(lines(out))); fits && wide > width {
			t.Fatalf("%d columns wide, at most %d: %q", wide, width, out)
		} else if !fits && breadth(widthsOf(rows)) <= width {
			t.Fatalf("it was %d columns wide", breadth(widthsOf(rows)))
		}
		for i := range rows {
			for k := range rows[i] {
				if tab.fold && strings.Join(strings.Fields(strings.ReplaceAll(out[i][k], "\n", "")), "") != strings.Join(strings.Fields(rows[i][k]), "") {
					t.Fatalf("%q became %q", rows[i][k], out[i][k])
				}
			}
		}
	})
}

// lines gives each line of a folded cell a row of its own.
func lines(rows [][]string) [][]string {
	var out [][]string
	for _, row := range rows {
		for k, cell := range row {
			for _, l := range strings.Split(cell, "\n") {
				r := make([]string, len(row))
				r[k] = l
				out = append(out, r)
			}
		}
	}
	return out
}

// TestDerivedLines: of a journal's entry its message is shown, marked as derived,
// beside the place that leads to it.
func TestDerivedLines(t *testing.T) {
	const raw, shown = "__CURSOR=s=66393731c6f64c9b", "Nov 26 20:23:42.600925 web sshd[300]: Closed"
	r := saved(t)
	for i := range r.Journeys {
		at := r.Journeys[i].Start
		r.Journeys[i].Lines = []report.LineLink{{Evidence: r.Evidence[0].ID, Line: 77, Status: "matched", Confidence: 1, Time: &at, Text: raw, Shown: shown}}
	}
	for name, got := range outputs(r, lang.EN, 250) {
		if strings.Contains(got, raw) {
			t.Errorf("%s shows the raw entry", name)
		}
		told := strings.Count(got, derived+shown)
		if told < strings.Count(got, shown) {
			t.Errorf("%s shows an entry without its mark", name)
		}
		if told == 0 && (name == "report" || name == "markdown" || name == "timeline" || name == "match") {
			t.Errorf("%s does not show the entry:\n%s", name, got)
		}
	}
	var page strings.Builder
	if err := HTML(&page, r, lang.EN); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), raw) || !strings.Contains(page.String(), derived+shown) {
		t.Error("the page shows the raw entry")
	}
}

// TestHostileOutputs: text of others can neither steer a terminal nor become
// markup, in any output and in both languages.
func TestHostileOutputs(t *testing.T) {
	long := strings.Repeat("A\u202e\x1b", 350_000) // 1 MB and more
	for _, text := range []string{hostile, "a|b`c``d [x](http://evil.example) @octocat #1 www.evil.example https://evil.example :tada: $x$ !1 %1 ~1 &1 GH-1\n# top\n- item\n1. one\n", long} {
		r := saved(t)
		if len(text) > 10_000 { // one line of a log, one finding: 1 MB each
			r.Journeys[0].Lines = append(r.Journeys[0].Lines, report.LineLink{Evidence: "e1", Line: 1, Status: "matched", Text: text},
				report.LineLink{Evidence: "e1", Line: 2, Status: "matched", Text: text, Shown: text})
			r.Findings[0].Text = text
		} else {
			poison(reflect.ValueOf(r), text)
		}
		for name, got := range outputs(r, lang.ES, 120) {
			harmless(t, name, got)
			if strings.Contains(name, "markdown") && len(text) < 10_000 {
				inertMarkdown(t, name, got)
			}
		}
		var b bytes.Buffer
		if err := report.Encode(&b, r); err != nil {
			t.Fatal(err)
		}
		harmless(t, "json", b.String())
		again, err := report.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) < 10_000 && again.Findings[0].Text != strings.ToValidUTF8(r.Findings[0].Text, "\ufffd") && utf8.ValidString(text) {
			t.Error("JSON with escapes is other JSON")
		}
	}
}

// harmless fails at any character that does more than stand there.
func harmless(t *testing.T, name, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: no valid UTF-8", name)
	}
	for i, r := range text {
		if r != '\n' && report.Harmful(r) {
			t.Errorf("%s: %U is there: %q", name, r, text[max(0, i-40):min(len(text), i+10)])
			return
		}
	}
}

// inertMarkdown renders it as GitHub would and looks for what others might have
// put in. Raw HTML passes, so that an unescaped tag would be seen.
func inertMarkdown(t *testing.T, name, text string) {
	t.Helper()
	var page bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())).Convert([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "<svg", "<a ", "<style"} {
		if i := strings.Index(page.String(), bad); i >= 0 {
			t.Errorf("%s: %s is there: …%s", name, bad, page.String()[max(0, i-60):min(page.Len(), i+60)])
		}
	}
	allowed := regexp.MustCompile(`^</?(h1|h2|p|ul|li|table|thead|tbody|tr|th|td|strong|code|details|summary|span)[ >]`)
	for _, tag := range regexp.MustCompile(`</?[a-z][^>]*>?`).FindAllString(page.String(), -1) {
		if !allowed.MatchString(tag) {
			t.Errorf("%s: markup that is not ours: %s", name, tag)
		}
	}
	for _, bad := range []string{"@octocat", "#1 ", "www.evil", "https://evil", ":tada:", "$x$"} {
		outside := regexp.MustCompile(`(?s)<code>.*?</code>`).ReplaceAllString(page.String(), "")
		if i := strings.Index(outside, bad); i >= 0 {
			t.Errorf("%s: %q stands whole outside of a quotation: …%s", name, bad, outside[max(0, i-60):min(len(outside), i+20)])
		}
	}
	tables := regexp.MustCompile(`(?s)<table>.*?</table>`).FindAllString(page.String(), -1)
	if len(tables) < 2 {
		t.Errorf("%s: %d tables", name, len(tables))
	}
	for _, tab := range tables {
		head := strings.Count(tab, "<th")
		head -= strings.Count(tab, "<thead")
		for _, row := range regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(tab, -1) {
			if cells := strings.Count(row, "<td"); cells > 0 && cells != head {
				t.Errorf("%s: a row of %d cells under %d", name, cells, head)
			}
		}
	}
}

// TestEmptyAndTorn: reports with nothing in them, or cut by hand, are shown.
func TestEmptyAndTorn(t *testing.T) {
	for name, text := range outputs(&report.Report{}, lang.EN, 80) {
		if strings.HasPrefix(text, "error") {
			t.Errorf("%s: %s", name, text)
		}
	}
	whole, err := os.ReadFile("testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(whole, &tree); err != nil {
		t.Fatal(err)
	}
	for key := range tree {
		if key == "schema" {
			continue
		}
		torn := map[string]any{}
		for k, v := range tree {
			if k != key {
				torn[k] = v
			}
		}
		text, err := json.Marshal(torn)
		if err != nil {
			t.Fatal(err)
		}
		r, err := report.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("without %s: %v", key, err)
		}
		outputs(r, lang.EN, 80)
	}
}

// TestColor: with colours the text is the same but for them.
func TestColor(t *testing.T) {
	var plain, colored bytes.Buffer
	if err := Text(&plain, saved(t), TextOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if err := Text(&colored, saved(t), TextOptions{Width: 100, Color: true}); err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colored.String(), "")
	if bare != plain.String() || colored.Len() == plain.Len() {
		t.Error("colours change more than colours")
	}
}
