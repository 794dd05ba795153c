package render

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

var samples = []string{"dns-loss", "slow-application", "tcp-loss", "three-clocks"}

// TestPages opens the page on every sample in both languages, wide and narrow,
// with everything unfolded.
func TestPages(t *testing.T) {
	for i, name := range samples {
		l, width, scheme := lang.EN, int64(1280), "light"
		if i%2 == 1 {
			l, width, scheme = lang.ES, 380, "dark"
		}
		t.Run(name, func(t *testing.T) {
			r := sample(t, name, l)
			p := open(t, r, l, width, scheme)
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(function (d) { d.open = true; })`))
			p.do(chromedp.Sleep(100 * time.Millisecond))
			has(p, r.Answer().Text, `document.querySelector(".verdict").textContent`)
			has(p, len(r.Journeys)+1, `Number(document.querySelector(".grid").getAttribute("aria-rowcount"))`)
			has(p, len(r.Evidence), `document.querySelectorAll("#files tbody tr").length`)
			has(p, len(r.Checklist), `document.querySelectorAll(".checks li").length`)
			has(p, len(r.Others()), `document.querySelectorAll(".card").length`)
			has(p, seen(r.Focus()), `document.querySelectorAll("#focus-waterfall rect").length`)
			has(p, true, `document.querySelectorAll("#focus-ladder .arrow").length >= 2`)
			has(p, true, `document.querySelectorAll("#clock-plots .band").length >= 1`)
			has(p, phases(r), `document.querySelectorAll("#spread-body .phase").length`)
			has(p, "", `Array.from(document.querySelectorAll("body *")).filter(function (e) { return /undefined|NaN|\[object|%!/.test(Array.from(e.childNodes).filter(function (n) { return n.nodeType === 3 && !/SCRIPT|STYLE/.test(e.tagName); }).map(function (n) { return n.data; }).join("") + (e.getAttribute("d") || "") + (e.getAttribute("aria-label") || "")); }).map(function (e) { return e.outerHTML.slice(0, 200); }).join("\n")`)
			has(p, true, `document.documentElement.scrollWidth <= innerWidth`)
			has(p, "", outside)
			p.quiet()
		})
	}
}

// outside lists the labels of charts that are cut at an edge.
const outside = `Array.from(document.querySelectorAll("svg text.end, svg text.mid")).filter(function (t) { var b = t.getBBox(); return b.width && (b.x < -0.5 || b.x + b.width > Number(t.ownerSVGElement.getAttribute("width")) + 0.5); }).map(function (t) { return t.textContent; }).join("\n")`

// seen counts the phases that have a length.
func seen(j *report.Journey) int {
	n := 0
	for _, p := range j.Phases {
		if p.Start != nil && p.Seconds != nil {
			n++
		}
	}
	return n
}

// phases counts the phases of each service that were measured at all.
func phases(r *report.Report) int {
	found := map[string]bool{}
	for _, j := range r.Journeys {
		for _, p := range j.Phases {
			if p.Seconds != nil {
				found[j.Service+" "+p.Name] = true
			}
		}
	}
	return len(found)
}

// shown counts the journeys that the table says it shows.
const shown = `Number(document.getElementById("count").textContent.split(" ")[0])`

func setField(id, value, event string) string {
	return `(function () { var e = document.getElementById("` + id + `"); e.value = "` + value + `"; e.dispatchEvent(new Event("` + event + `")); })()`
}

func TestFilterSortFold(t *testing.T) {
	r := sample(t, "tcp-loss", lang.EN)
	p := open(t, r, lang.EN, 1280, "light")
	all := len(r.Journeys)
	has(p, all, shown)
	last := r.Journeys[all-1].ID
	p.do(chromedp.SendKeys(chromedp.CSS("#filter-text"), last))
	want := 0
	for _, j := range r.Journeys {
		if strings.Contains(j.ID, last) {
			want++
		}
	}
	has(p, want, shown)
	p.do(chromedp.Click(chromedp.CSS("#clear")))
	has(p, all, shown)

	limit := r.Focus().Length() / 2
	want = 0
	for i := range r.Journeys {
		if r.Journeys[i].Length() >= limit {
			want++
		}
	}
	eval[any](p, setField("filter-least", limit.Duration().String()[:0]+formatMillis(limit), "input"))
	has(p, want, shown)
	p.do(chromedp.Click(chromedp.CSS("#clear")))

	f := r.Answer()
	eval[any](p, setField("filter-finding", f.Rule, "change"))
	want = 0
	for _, j := range r.Journeys {
		if slices.ContainsFunc(r.Findings, func(x report.Finding) bool { return x.Rule == f.Rule && slices.Contains(x.Journeys, j.ID) }) {
			want++
		}
	}
	has(p, want, shown)
	p.do(chromedp.Click(chromedp.CSS("#clear")))

	p.do(chromedp.Click(chromedp.CSS(`[data-key="total"] button`)))
	has(p, "descending", `document.querySelector('[data-key="total"]').getAttribute("aria-sort")`)
	longest := slices.MaxFunc(r.Journeys, func(a, b report.Journey) int { return int(a.Length() - b.Length()) })
	has(p, longest.ID, `document.querySelector('#rows [aria-rowindex="2"] div').textContent`)
	p.do(chromedp.Click(chromedp.CSS(`[data-key="total"] button`)))
	shortest := slices.MinFunc(r.Journeys, func(a, b report.Journey) int { return int(a.Length() - b.Length()) })
	has(p, shortest.ID, `document.querySelector('#rows [aria-rowindex="2"] div').textContent`)

	p.do(chromedp.Click(chromedp.CSS("#zoom-in")))
	if n := eval[int](p, shown); n >= all || n == 0 {
		t.Errorf("zoomed in, %d of %d journeys are shown", n, all)
	}
	p.do(chromedp.Click(chromedp.CSS("#whole")))
	has(p, all, shown)

	has(p, false, `document.getElementById("files").open`)
	p.do(chromedp.Click(chromedp.CSS("#files > summary")))
	has(p, true, `document.getElementById("files").open`)
	p.do(chromedp.Click(chromedp.CSS("#files > summary")))
	has(p, false, `document.getElementById("files").open`)

	p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#j:` + longest.ID + `"`))
	p.do(chromedp.WaitVisible(chromedp.CSS("#chosen-h")))
	has(p, true, `document.getElementById("chosen-h").textContent.indexOf("`+longest.ID+`:") === 0`)
	p.quiet()
}

func formatMillis(s report.Seconds) string {
	text, _ := (report.Seconds(int64(s) * 1000)).MarshalJSON()
	return string(text)
}

// TestKeyboard walks the page without a mouse.
func TestKeyboard(t *testing.T) {
	r := sample(t, "tcp-loss", lang.EN)
	p := open(t, r, lang.EN, 1280, "light")
	p.do(chromedp.KeyEvent(kb.Tab))
	has(p, "skip", `document.activeElement.className`)
	p.do(chromedp.KeyEvent(kb.Enter))
	has(p, "main", `document.activeElement.id`)

	reached := map[string]bool{}
	for range 400 {
		p.do(chromedp.KeyEvent(kb.Tab))
		at := eval[string](p, `(function (e) { var s = e.closest("section, main > details"); return (s ? s.id : "") + " " + e.tagName + " " + (e.getAttribute("role") || "") + " " + e.id; })(document.activeElement)`)
		reached[at] = true
		if strings.HasPrefix(at, "files SUMMARY") {
			break
		}
	}
	for _, want := range []string{"timeline SUMMARY  ", "overview BUTTON  zoom-in", "journeys INPUT  filter-text", "journeys SELECT  filter-service", "journeys DIV row ", "findings SUMMARY  ", "clocks SUMMARY  ", "checklist SUMMARY  ", "files SUMMARY  "} {
		if !reached[want] {
			t.Errorf("the tabulator key does not come to %q", want)
		}
	}

	p.do(chromedp.Focus(chromedp.CSS(`#rows [aria-rowindex="2"]`)))
	p.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowUp))
	has(p, "3", `document.activeElement.getAttribute("aria-rowindex")`)
	p.do(chromedp.KeyEvent(kb.End))
	has(p, len(r.Journeys)+1, `Number(document.activeElement.getAttribute("aria-rowindex"))`)
	p.do(chromedp.KeyEvent(kb.Home), chromedp.KeyEvent(kb.Enter))
	has(p, "chosen-h", `document.activeElement.id`)
	has(p, true, `document.querySelectorAll("#chosen .arrow").length > 0`)
	p.do(chromedp.KeyEvent(kb.Escape))
	has(p, true, `document.getElementById("chosen").hidden`)
	has(p, "2", `document.activeElement.getAttribute("aria-rowindex")`)
	p.quiet()
}

// TestManyJourneys: ten thousand stay fluid and within 15 MB.
func TestManyJourneys(t *testing.T) {
	const n = 10_000
	r := many(t, n)
	p := open(t, r, lang.EN, 1280, "light")
	if st, err := os.Stat(p.file); err != nil || st.Size() > 15e6 {
		t.Errorf("%d bytes, %v", st.Size(), err)
	}
	has(p, n, shown)
	// Work and layout of a change of the filter: of each the quickest of three,
	// because others use the processor too; of all the slowest.
	took := eval[float64](p, `(function () {
		var field = document.getElementById("filter-text"), slowest = 0;
		["a", "ap", "app", "j1", "j12 https", "nothing-like-it", "tcp", "443", ""].forEach(function (text) {
			var quickest = Infinity;
			for (var i = 0; i < 3; i++) {
				var begin = performance.now();
				field.value = text;
				field.dispatchEvent(new Event("input"));
				document.body.getBoundingClientRect();
				quickest = Math.min(quickest, performance.now() - begin);
			}
			slowest = Math.max(slowest, quickest);
		});
		return slowest;
	})()`)
	t.Logf("filter: %.1f ms", took)
	if limit := 100.0; took > limit {
		t.Errorf("a filter takes %.0f ms", took)
	}
	rows := eval[int](p, `(function () { var body = document.getElementById("rows"); body.scrollTop = 900 * 28; body.dispatchEvent(new Event("scroll")); return new Promise(function (done) { setTimeout(function () { done(body.querySelectorAll(".row").length); }, 100); }); })()`)
	if rows > 60 || rows < 10 {
		t.Errorf("%d rows are drawn", rows)
	}
	has(p, true, `Array.from(document.querySelectorAll("#rows .row")).some(function (e) { return e.getAttribute("aria-rowindex") === "905"; })`)
	p.quiet()
}

// TestPageSize: whatever a report holds, the page stays within 15 MB, and says
// what it leaves out.
func TestPageSize(t *testing.T) {
	r := many(t, 16)
	last := r.Journeys[0]
	for i := range 40_000 {
		j := last
		j.ID, j.Name = fmt.Sprintf("x%d", i), strings.Repeat(fmt.Sprintf("%d.", i), 80)
		r.Journeys = append(r.Journeys, j)
		r.Evidence = append(r.Evidence, report.Evidence{ID: fmt.Sprintf("y%d", i), Path: j.Name, Kind: "text-log"})
	}
	f := report.Finding{Rule: "app-slow", Severity: "note", Text: strings.Repeat("long ", 2_000)}
	for range 100 {
		f.Evidence = append(f.Evidence, report.FindingEvidence{Evidence: "y1", Filter: strings.Repeat("tcp ", 5_000)})
	}
	for i := range 2_000 {
		f.ID = fmt.Sprintf("z%d", i)
		r.Findings = append(r.Findings, f)
	}
	var text bytes.Buffer
	if err := HTML(&text, r, lang.EN); err != nil {
		t.Fatal(err)
	}
	if n := text.Len(); n > 15e6 || n < 10e6 {
		t.Errorf("%d bytes", n)
	}
	if !regexp.MustCompile(`"left":\d+`).Match(text.Bytes()) || !strings.Contains(text.String(), "… and 3") {
		t.Error("what is left out is not told")
	}
}

// TestLongJourney: one journey of thousands of instants is cut short in its
// timeline and ladder.
func TestLongJourney(t *testing.T) {
	r := sample(t, "tcp-loss", lang.EN)
	j := r.Focus()
	for i := range report.Instant(5_000) {
		at := j.Start + i*100_000
		j.Instants = append(j.Instants, report.Moment{Name: "tcp.retransmission", Time: at, Corrected: &at, Evidence: j.Evidence, Frame: int(i), From: "server"})
	}
	p := open(t, r, lang.EN, 1280, "light")
	has(p, mostSteps, `document.querySelectorAll("#timeline tbody tr").length`)
	if n := eval[int](p, `document.querySelectorAll("#focus-ladder .arrow").length`); n == 0 || n > 2*mostSteps {
		t.Errorf("%d arrows", n)
	}
	p.quiet()
}

// TestAccessible runs axe-core, whose rules are those of WCAG 2.2 A and AA and
// good practice.
func TestAccessible(t *testing.T) {
	need.Program(t, "chromium")
	axe, err := os.ReadFile(need.Named(t, "AXE_CORE"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sample, scheme string
		l              lang.Lang
		width          int64
	}{{"slow-application", "light", lang.EN, 1280}, {"tcp-loss", "dark", lang.ES, 1280}, {"three-clocks", "light", lang.ES, 380}} {
		t.Run(c.sample, func(t *testing.T) {
			p := open(t, sample(t, c.sample, c.l), c.l, c.width, c.scheme)
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(function (d) { d.open = true; }); document.querySelector("#rows .row").click()`))
			p.do(chromedp.Sleep(200 * time.Millisecond))
			eval[any](p, string(axe)+";1")
			found := eval[string](p, `axe.run(document, { resultTypes: ["violations"] }).then(function (r) { return r.violations.map(function (v) { return v.id + " (" + v.impact + "): " + v.help + "\n" + v.nodes.slice(0, 4).map(function (n) { return "    " + n.target.join(" ") + ": " + n.failureSummary.replace(/\n/g, " "); }).join("\n"); }).join("\n"); })`)
			if found != "" {
				t.Error(found)
			}
		})
	}
}

// TestPaper: on paper everything is unfolded, the table has its rows, and the ink is
// dark though the screen was.
func TestPaper(t *testing.T) {
	r := sample(t, "tcp-loss", lang.EN)
	p := open(t, r, lang.EN, 1000, "dark")
	const ink = `getComputedStyle(document.documentElement).getPropertyValue("--ink")`
	light := eval[string](p, ink)
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	if dark := eval[string](p, ink); dark == light {
		t.Errorf("on white paper the ink is %s, as on a dark screen", dark)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event("beforeprint"))`))
	has(p, 0, `document.querySelectorAll("details:not(.more):not([open])").length`)
	has(p, min(len(r.Journeys), 120), `document.querySelectorAll("#rows .row").length`)
	p.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event("afterprint"))`))
	has(p, false, `document.getElementById("files").open`)
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
		t.Errorf("%d bytes of PDF: %v", len(pdf), err)
	}
	p.quiet()
}

// TestHTMLTexts: the page and its script use the table's texts, and all of them.
func TestHTMLTexts(t *testing.T) {
	used := map[string]bool{"check-shown": true, "check-missing": true, "check-contradicted": true, "check-other": true}
	entries, err := htmlFiles.ReadDir("html")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, e := range entries {
		text, err := htmlFiles.ReadFile("html/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
		for _, m := range regexp.MustCompile(`(?:\{t |word\(|\(t )"([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
			if _, ok := htmlTexts[m[1]]; !ok {
				t.Errorf("%s: %q is not in the table", e.Name(), m[1])
			}
		}
	}
	for key := range htmlTexts {
		if !used[key] && !strings.Contains(source.String(), `"`+key+`"`) && !usedInGo(t, key) {
			t.Errorf("%q is used nowhere", key)
		}
	}
}

func usedInGo(t *testing.T, key string) bool {
	files, err := filepath.Glob("html_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if f != "html_texts.go" && bytes.Contains(text, []byte(`label("`+key+`")`)) {
			return true
		}
	}
	return false
}

// TestHTMLRepeats: equal reports give equal bytes.
func TestHTMLRepeats(t *testing.T) {
	r := sample(t, "three-clocks", lang.ES)
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := HTML(w, r, lang.ES); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two pages of one report differ")
	}
}

// TestEmptyReport: a report without anything is a page that says so.
func TestEmptyReport(t *testing.T) {
	p := open(t, &report.Report{Schema: report.Schema}, lang.EN, 800, "light")
	has(p, htmlTexts["quiet"].EN, `document.querySelector(".verdict").textContent`)
	has(p, true, `document.getElementById("journeys").hidden`)
	p.quiet()
}
