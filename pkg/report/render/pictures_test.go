package render

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var update = flag.Bool("update", false, "take the manual's pictures anew")

// TestPictures takes the manual's pictures.
func TestPictures(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	root, err := need.Root()
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
		{"clocks", "three-clocks", "light", `document.getElementById("clocks").open = true; document.getElementById("clocks").scrollIntoView()`, lang.ES, 1200, 760},
	} {
		p := open(t, sample(t, c.sample, c.l), c.l, c.width, c.scheme)
		p.do(chromedp.EmulateViewport(c.width, c.height))
		eval[any](p, c.prepare)
		p.do(chromedp.Sleep(300 * time.Millisecond))
		picture := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		if err := os.WriteFile(filepath.Join(root, "docs", "img", "html-"+c.name+".png"), picture.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
