package correlate

import (
	"math"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestWindowOfAConnectionSeenInPart: a line that ends a session is bounded by the
// session's end where the capture holds it, and not by the capture's.
func TestWindowOfAConnectionSeenInPart(t *testing.T) {
	closed := &logparse.Event{Kind: logparse.SSHClosed}
	for _, x := range []struct {
		name      string
		change    func(c *pcapflow.Conn, s *scene)
		low, high bool // whether bounded
	}{
		{"whole", func(c *pcapflow.Conn, s *scene) { c.FIN[pcapflow.Client] = s.at(900) }, true, true},
		{"reset", func(c *pcapflow.Conn, s *scene) { c.RST = []pcapflow.Reset{{Stamp: s.at(900)}} }, true, true},
		{"goes on behind the capture", func(*pcapflow.Conn, *scene) {}, true, false},
		{"began before the capture", func(c *pcapflow.Conn, s *scene) {
			c.SYN, c.SYNACK, c.FIN[pcapflow.Client] = nil, nil, s.at(900)
		}, false, true},
	} {
		s := newScene()
		f := s.connect("10.0.0.2:50000", "10.1.0.22:22", 0, 10)
		f.Service, f.SSH, f.End = "ssh", &pcapflow.SSH{}, s.at(900)
		x.change(f.Conn, s)
		w, ok := windowOf(f, closed)
		if !ok || (w.low > math.MinInt64) != x.low || (w.high < math.MaxInt64) != x.high {
			t.Errorf("%s: window %v, fits: %v", x.name, w, ok)
		}
	}
}
