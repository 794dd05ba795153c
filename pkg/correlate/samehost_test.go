package correlate

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestFitsAsItStands: a log of whole seconds and a capture of one host have one clock,
// though the capture lost many packets; not where the lines fit clearly better under
// another offset, nor where the capture's requests have no lines.
func TestFitsAsItStands(t *testing.T) {
	const n = 1200
	web := netip.MustParseAddr("10.1.0.10")
	for _, x := range []struct {
		name  string
		held  float64 // share of the requests that the capture holds
		ahead time.Duration
		want  bool
	}{
		{"all", 1, 0, true},
		{"a third lost", 0.67, 0, true},
		{"half a second ahead", 1, 500 * time.Millisecond, false},
		{"three seconds ahead, a third lost", 0.67, 3 * time.Second, false},
	} {
		chance := rand.New(rand.NewPCG(1, 2))
		log := &incident.Log{File: &incident.File{Path: "web/access.log"}}
		c := &incident.Capture{}
		c.Own = []netip.Addr{web}
		s := clock.Series{A: 1, B: 2}
		at := epoch
		for i := range n {
			at += int64(chance.ExpFloat64() * 7e6)
			log.Events = append(log.Events, requestLine("10.0.0.2", "/", float64(at-epoch)/1e6, 0))
			stamp := (at + int64(x.ahead)) / int64(time.Second) * int64(time.Second)
			s.Lines = append(s.Lines, clock.Instant{Low: stamp, High: stamp + int64(time.Second), Ref: i})
			if chance.Float64() < x.held {
				s.Partners = append(s.Partners, clock.Instant{Low: at - 1e6, High: at + 1e6, Ref: i})
			}
		}
		e := &evidence{inc: &incident.Incident{Captures: []*incident.Capture{c}, Logs: []*incident.Log{log}},
			series: []clock.Series{s}, origins: []origin{{log: log, capture: c, server: web}}}
		if got := e.fits(identity{&Clock{ID: 1}, &Clock{ID: 2}, c}, time.Hour); got != x.want {
			t.Errorf("%s: fits: %v", x.name, got)
		}
	}
}
