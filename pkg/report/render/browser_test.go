package render

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// The one browser of the tests, started by the first that needs it.
var (
	startBrowser sync.Once
	inBrowser    context.Context
	stopBrowser  = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopBrowser()
	os.Exit(code)
}

// tab is a page in a browser, and what went wrong in it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	file string

	mu       sync.Mutex
	requests int // for the page itself
	troubles []string
}

// open writes the report as HTML and opens it from its file.
func open(t *testing.T, r *report.Report, l lang.Lang, width int64, scheme string) *tab {
	t.Helper()
	chromium := need.Program(t, "chromium")
	startBrowser.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU)
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		var cancel context.CancelFunc
		inBrowser, cancel = chromedp.NewContext(allocator)
		if err := chromedp.Do(inBrowser, chromedp.Navigate("about:blank")); err != nil {
			t.Error(err)
		}
		stopBrowser = func() { cancel(); stop() }
	})
	var text bytes.Buffer
	if err := HTML(&text, r, l); err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t, file: filepath.Join(t.TempDir(), "report.html")}
	if err := os.WriteFile(p.file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, close := chromedp.NewContext(inBrowser)
	ctx, cancel := context.WithTimeout(ctx, 120*time.Second)
	t.Cleanup(func() { cancel(); close() })
	p.ctx = ctx
	if err := chromedp.Listen(ctx, p.watch); err != nil {
		t.Fatal(err)
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.do(chromedp.EmulateViewport(width, 800), chromedp.Navigate("file://"+p.file))
	if ready := eval[string](p, `document.documentElement.dataset.ready || ""`); ready != "1" {
		t.Errorf("the script did not come to its end: %v", p.troubles)
	}
	return p
}

// watch notes errors, dialogs, and requests for anything but the page.
func (p *tab) watch(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.troubles = append(p.troubles, "console: "+string(e.Type))
	case *runtime.EventExceptionThrown:
		p.troubles = append(p.troubles, "exception: "+e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		p.troubles = append(p.troubles, "log: "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if e.Request.URL == "file://"+p.file {
			p.requests++
		} else {
			p.troubles = append(p.troubles, "request: "+e.Request.URL)
		}
	case *page.EventJavascriptDialogOpening:
		p.troubles = append(p.troubles, "dialog: "+e.Message)
	}
}

// quiet fails the test where something went wrong in the page.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.troubles {
		p.t.Error(s)
	}
	if p.requests == 0 {
		p.t.Error("requests are not seen")
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// call runs a command of the browser's protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	out, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// eval runs a script in the page.
func eval[T any](p *tab, script string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script[:min(len(script), 200)], err)
	}
	return v
}

// has fails unless a script yields what is wanted.
func has[T comparable](p *tab, want T, script string) {
	p.t.Helper()
	if got := eval[T](p, script); got != want {
		p.t.Errorf("%s: %v, want %v", script, got, want)
	}
}

// analysed are the JSON reports on the samples, by name and language: outputs
// are functions of them alone.
var analysed = map[string][]byte{}

// sample is the report on one of the project's own incidents.
func sample(t *testing.T, name string, l lang.Lang) *report.Report {
	t.Helper()
	key := fmt.Sprint(name, l)
	if analysed[key] == nil {
		root, err := need.Root()
		if err != nil {
			t.Fatal(err)
		}
		inc, err := incident.Read(context.Background(), []string{filepath.Join(root, "samples", name, "input")}, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c := correlate.Correlate(inc, correlate.Options{})
		var text bytes.Buffer
		if err := report.Encode(&text, report.Build(c, diagnose.Run(c, diagnose.Options{Lang: l}), l, "test")); err != nil {
			t.Fatal(err)
		}
		analysed[key] = text.Bytes()
	}
	r, err := report.Decode(bytes.NewReader(analysed[key]))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// many is a made-up incident of n journeys.
func many(t *testing.T, n int) *report.Report {
	t.Helper()
	r := sample(t, "tcp-loss", lang.EN)
	text, err := json.Marshal(r.Journeys)
	if err != nil {
		t.Fatal(err)
	}
	length := len(r.Journeys)
	for len(r.Journeys) < n {
		var more []report.Journey
		if err := json.Unmarshal(text, &more); err != nil {
			t.Fatal(err)
		}
		turn := len(r.Journeys) / length
		for i := range more {
			j := &more[i]
			shift := report.Instant(turn) * 1_000_000_000
			j.ID = strings.Join([]string{"m", j.ID, string(rune('a' + turn%26))}, "-") + time.Duration(turn).String()
			for _, at := range []*report.Instant{&j.Start, j.End, j.StartCorrected, j.EndCorrected} {
				if at != nil {
					*at += shift
				}
			}
			for k := range j.Phases {
				if j.Phases[k].Start != nil {
					*j.Phases[k].Start += shift
				}
			}
			for k := range j.Instants {
				m := &j.Instants[k]
				m.Time += shift
				if m.Corrected != nil {
					*m.Corrected += shift
				}
			}
			for k := range j.Lines {
				for _, at := range []*report.Instant{j.Lines[k].Time, j.Lines[k].Corrected, j.Lines[k].Low, j.Lines[k].High} {
					if at != nil {
						*at += shift
					}
				}
			}
		}
		r.Journeys = append(r.Journeys, more...)
	}
	r.Journeys = r.Journeys[:n]
	return r
}
