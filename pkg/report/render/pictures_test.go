package render

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var update = flag.Bool("update", false, "take the manual's pictures anew")

// inWindow lists what the window shows, as a picture of it does: the text of every
// element, and how many shapes of each class the figures have. Where things
// stand is left out: that depends on the fonts of the machine.
const inWindow = `(function () {
	var out = [];
	Array.from(document.querySelectorAll("main > *")).forEach(function (section) {
		var box = section.getBoundingClientRect();
		if (box.height === 0 || box.bottom < 40 || box.top > innerHeight - 40) { return; }
		var shapes = {};
		Array.from(section.querySelectorAll("svg *")).forEach(function (e) {
			if (e.tagName === "text" || e.tagName === "title") { return; }
			var name = e.tagName + "." + (e.getAttribute("class") || "");
			shapes[name] = (shapes[name] || 0) + 1;
		});
		out.push("# " + section.id);
		Array.from(section.querySelectorAll("*")).forEach(function (e) {
			if (e.closest("details:not([open])") && !e.closest("summary") || e.tagName === "title" || e.tagName === "OPTION") { return; }
			Array.from(e.childNodes).forEach(function (n) {
				var text = n.nodeType === 3 ? n.data.replace(/\s+/g, " ").trim() : "";
				if (text) { out.push(text); }
			});
		});
		Object.keys(shapes).sort().forEach(function (name) { out.push(name + " " + shapes[name]); });
	});
	return out.join("\n") + "\n";
})()`

// TestPictures: the manual's pictures show what the program draws today: what is
// written beside each, when it was taken, is what a browser shows. -update takes
// them anew.
func TestPictures(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	style, err := os.ReadFile("html/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sample, scheme, prepare string
		l                             lang.Lang
		width, height                 int64
	}{
		{"answer", "slow-application", "light", "1", lang.EN, 1200, 760},
		{"ladder", "tcp-loss", "dark", `document.getElementById("timeline").scrollIntoView()`, lang.EN, 1200, 760},
		{"journeys", "tcp-loss", "light", `document.querySelector('[data-key="total"] button').click(); document.getElementById("overview").scrollIntoView()`, lang.EN, 1200, 760},
		{"spread", "tcp-loss", "light", `document.getElementById("spread").open = true; document.getElementById("spread").scrollIntoView()`, lang.EN, 1200, 760},
		{"clocks", "three-clocks", "light", `document.getElementById("clocks").open = true; document.getElementById("clocks").scrollIntoView()`, lang.ES, 1200, 760},
	} {
		p := open(t, sample(t, c.sample, c.l), c.l, c.width, c.scheme)
		p.do(chromedp.EmulateViewport(c.width, c.height))
		eval[any](p, c.prepare)
		p.do(chromedp.Sleep(300 * time.Millisecond))
		shown := fmt.Sprintf("%s, %s, style %.8x\n", c.sample, c.scheme, sha256.Sum256(style)) + eval[string](p, inWindow)
		base := filepath.Join(root, "docs", "img", "html-"+c.name)
		if *update {
			picture := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{})
			for ending, data := range map[string][]byte{".png": picture.Data, ".txt": []byte(shown)} {
				if err := os.WriteFile(base+ending, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		recorded, err := os.ReadFile(base + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if want := string(recorded); shown != want {
			t.Errorf("%s.png shows something else than the program draws (-update takes it anew): %s", base, difference(want, shown))
		}
	}
}

// difference is the first line in which two texts differ.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, was %q", i+1, b[i], a[i])
		}
	}
	return fmt.Sprintf("%d lines, were %d", len(b), len(a))
}
