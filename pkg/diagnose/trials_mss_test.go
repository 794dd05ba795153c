package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// beyond adds a capture nearer to the server that holds the connection as well, with
// another MSS of the client's.
func (w *world) beyond(mss int) *pcapflow.Conn {
	j, n := w.tcp(300)
	f, c := *flow(j), *n
	c.MSS[cl] = mss
	f.Conn = &c
	k := &incident.Capture{Files: []*incident.File{{Path: "b.pcap", Kind: "pcap", Records: 1000}}, Frames: []int{1000}}
	k.Flows, k.Last = []*pcapflow.Flow{&f}, w.k.Last
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	j.Points = append(j.Points, correlate.Point{Capture: k, Flow: &f})
	return &c
}

var mssTrials = []trial{
	{"mss-rewritten", "1360 of 1460", func(w *world) { w.beyond(1360) }, true, High},
	{"mss-rewritten", "the same", func(w *world) { w.beyond(1460) }, false, 0},
	{"mss-rewritten", "another connection made by a proxy", func(w *world) { w.beyond(1360).ISN[cl]++ }, false, 0},
	{"mss-rewritten", "the option was not captured", func(w *world) { w.beyond(0) }, false, 0},
}
