package render

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// hostile stands in every place of the report where foreign text can be.
const hostile = "\x1b[31m\x07<script>window.pwned=1</script>\"'><img src=x onerror=\"window.pwned=2\">|=cmd()|`-- \u202egnp.exe\u2066\xff\xfe{{.}} </style></script><svg/onload=window.pwned=3>javascript:window.pwned=4\x00\u2028\u200b"

// poison puts it into every string of a report but those that steer decoding.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			poison(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Schema" && name != "Language" && v.Field(i).CanSet() {
				poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	case reflect.String:
		v.SetString(v.String() + text)
	}
}

// TestHostileText: nothing of it becomes markup, runs, or reorders what is
// shown, whatever is clicked.
func TestHostileText(t *testing.T) {
	long := strings.Repeat("A\u202e\x1b", 350_000) // 1 MB and more
	for name, text := range map[string]string{"short": hostile, "long": hostile + long} {
		t.Run(name, func(t *testing.T) {
			r := sample(t, "slow-application", lang.EN)
			if name == "long" {
				r.Journeys, r.Evidence = r.Journeys[:2], r.Evidence[:2]
				for i := range r.Findings {
					r.Findings[i].Text += text
				}
				for i := range r.Journeys {
					for k := range r.Journeys[i].Lines {
						r.Journeys[i].Lines[k].Text, r.Journeys[i].Lines[k].Shown = text, text
					}
				}
			} else {
				poison(reflect.ValueOf(r), text)
			}
			p := open(t, r, lang.EN, 1280, "light")
			if st, err := os.Stat(p.file); err != nil || st.Size() > 2<<20 {
				t.Errorf("the page has %d bytes", st.Size())
			}
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(function (d) { d.open = true; }); document.querySelectorAll("#rows .row")[1].click(); document.querySelectorAll("a[href]").forEach(function (a) { a.click(); }); document.querySelectorAll(".copy button").forEach(function (b) { b.click(); })`))
			p.do(chromedp.Sleep(300 * time.Millisecond))
			has(p, 0, `window.pwned || 0`)
			has(p, 2, `document.querySelectorAll("script").length`)
			has(p, 1, `document.querySelectorAll("style").length`)
			has(p, 0, `document.querySelectorAll("img, iframe, object, embed, link, base, form, [onerror], [onload], [style*=url]").length`)
			has(p, 0, `Array.from(document.querySelectorAll("a")).filter(function (a) { return a.getAttribute("href")[0] !== "#"; }).length`)
			has(p, "", `(document.body.innerText.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069\ufffd]/g) || []).map(function (c) { return c.charCodeAt(0).toString(16); }).join(" ")`)
			has(p, true, `document.querySelector(".verdict").textContent.indexOf("\\u202egnp.exe\\u2066\\xff\\xfe{{.}}") >= 0`)
			p.quiet()
		})
	}
}

// TestPolicy: even markup that got into the page could not run or load.
func TestPolicy(t *testing.T) {
	for name, script := range map[string]string{
		"image":  `document.body.append(Object.assign(document.createElement("img"), { src: "https://flowcorr.example/x.png" }))`,
		"script": `try { var s = document.createElement("script"); s.textContent = "window.pwned = 1"; document.body.append(s); } catch (e) { console.error(e); }`,
		"markup": `try { document.body.insertAdjacentHTML("beforeend", "<b onclick='window.pwned = 1'>x</b>"); } catch (e) { console.error(e); }`,
		"fetch":  `fetch("https://flowcorr.example/y").then(function () { window.pwned = 1; }, function () {})`,
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, sample(t, "dns-loss", lang.EN), lang.EN, 1280, "light")
			p.quiet()
			eval[any](p, script)
			p.do(chromedp.Sleep(200 * time.Millisecond))
			has(p, 0, `window.pwned || 0`)
			p.mu.Lock()
			defer p.mu.Unlock()
			if all := strings.Join(p.troubles, "\n"); !strings.Contains(all, "Content Security Policy") && !strings.Contains(all, "console: error") {
				t.Errorf("the policy let it pass: %s", all)
			}
		})
	}
}

// hollow empties a part of a report's fields, as a report that was changed by
// hand or by another program may be.
func hollow(v reflect.Value, r *rand.Rand) {
	if v.CanSet() && r.IntN(25) == 0 {
		v.SetZero()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			hollow(v.Elem(), r)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			hollow(v.Field(i), r)
		}
	case reflect.Slice:
		for i := range v.Len() {
			hollow(v.Index(i), r)
		}
	case reflect.Int64, reflect.Int:
		if v.CanSet() && r.IntN(60) == 0 {
			v.SetInt([]int64{-1, 1, math.MaxInt64, math.MinInt64, 1 << 40}[r.IntN(5)])
		}
	}
}

// TestHollowReports: whatever is missing or out of range in a report, the page
// is written, and opens without an error.
func TestHollowReports(t *testing.T) {
	for seed := range uint64(60) {
		r := sample(t, samples[seed%4], lang.EN)
		hollow(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(seed, 1)))
		if seed%15 == 0 {
			p := open(t, r, lang.EN, 1280, "light")
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(function (d) { d.open = true; }); document.querySelectorAll("#rows .row").forEach(function (e) { e.click(); })`))
			p.do(chromedp.Sleep(200 * time.Millisecond))
			p.quiet()
			continue
		}
		if err := HTML(io.Discard, r, lang.EN); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
