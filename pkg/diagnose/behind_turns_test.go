package diagnose

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// asked adds a connection that the server of the requests opened itself to another one,
// on which it sent a question at one instant and had the first byte back at another, ms.
func (w *world) asked(to string, sent, got int) {
	j, n := w.tcp(3000)
	f := j.Points[0].Flow
	f.Client, f.Server = netip.AddrPortFrom(server.Addr(), 50000), netip.MustParseAddrPort(to)
	j.Service, j.Client, j.Server = "tcp", f.Client, f.Server
	f.FirstPayload, f.LastPayload = [2]pcapflow.Stamp{}, [2]pcapflow.Stamp{}
	q, a := w.at(sent), w.at(got)
	n.Talk = &pcapflow.Talk{Turns: []pcapflow.Turn{{Dir: cl, First: q, Last: q, Bytes: 20, Segments: 1}, {Dir: sv, First: a, Last: a, Bytes: 90, Segments: 1}}}
}

// TestSpokeBehind: whom a slow server waited for is told where one capture shows it, and
// not where it may be another, or was over too soon.
func TestSpokeBehind(t *testing.T) {
	const db, other = "10.2.0.20:5432", "10.2.0.21:6379"
	for _, x := range []struct {
		name string
		make func(w *world)
		said bool
	}{
		{"a database", func(w *world) { w.asked(db, 1110, 1690) }, true},
		{"two questions to it", func(w *world) { w.asked(db, 1110, 1400); w.asked(db, 1402, 1690) }, false},
		{"one that had answered soon", func(w *world) { w.asked(db, 1110, 1200) }, false},
		{"either of two", func(w *world) { w.asked(db, 1110, 1690); w.asked(other, 1112, 1680) }, false},
		{"one that answered when the request was over", func(w *world) { w.asked(db, 1110, 1990) }, false},
		{"one that reads as a protocol", func(w *world) {
			w.asked(db, 1110, 1690)
			w.c.Journeys[1].Exchange = &pcapflow.Exchange{Ordinal: 1}
		}, false},
	} {
		w := newWorld()
		j, _ := w.request(1700, 1701)
		j.Points[0] = correlate.Point{Capture: w.k, Flow: j.Points[0].Flow, Exchange: j.Exchange}
		w.said(j, took(580*ms))
		x.make(w)
		f := of(w.run(), "app-slow")
		if len(f) == 0 {
			t.Errorf("%s: not found", x.name)
			continue
		}
		if said := strings.Contains(f[0].Text, "meanwhile that server waited 580 ms for "+db); said != x.said {
			t.Errorf("%s: %s", x.name, f[0].Text)
		}
	}
}
