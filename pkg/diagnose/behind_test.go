package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestWaitedBehind: of a slow server it is said whom it asked itself, by its log or by
// the packets behind it.
func TestWaitedBehind(t *testing.T) {
	line := took(580 * time.Millisecond)
	line.Means, line.UpstreamTo, line.FirstByte = logparse.RequestStart, "b/s1", 579*time.Millisecond
	line.UpstreamConnect, line.UpstreamHeader = []time.Duration{2 * time.Millisecond}, []time.Duration{570 * time.Millisecond}
	for _, x := range []struct {
		name string
		make func(w *world)
		want string // "": nothing
	}{
		{"the log", func(w *world) {
			j, _ := w.request(1700, 1701)
			w.said(j, line)
		}, "its log says that it waited 570 ms for the answer of b/s1, after 7.0 ms before it connected and 2.0 ms to connect"},
		{"the packets", func(w *world) {
			j, _ := w.request(1700, 1701)
			u, _ := w.request(1650, 1651)
			u.Links = append(u.Links, correlate.Link{Kind: correlate.Upstream, Journey: j})
			w.said(j, took(580*time.Millisecond))
		}, "meanwhile that server asked"},
		{"nothing", func(w *world) {
			j, _ := w.request(1700, 1701)
			w.said(j, took(580*time.Millisecond))
		}, ""},
	} {
		w := newWorld()
		x.make(w)
		found := of(w.run(), "app-slow")
		if len(found) == 0 {
			t.Errorf("%s: not found", x.name)
			continue
		}
		text := found[0].Text
		if x.want != "" && !strings.Contains(text, x.want) || x.want == "" && (strings.Contains(text, "its log says") || strings.Contains(text, "meanwhile")) {
			t.Errorf("%s: %s", x.name, text)
		}
	}
}
