package diagnose

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// world is a small case built by hand: one capture at the client or elsewhere.
type world struct {
	c     *correlate.Case
	k     *incident.Capture
	frame int
	opt   Options
}

// run diagnoses it with its options.
func (w *world) run() *Diagnosis { return Run(w.c, w.opt) }

// budget allows whole journeys so many seconds.
func (w *world) budget(seconds float64) { w.opt.Budgets = map[string]float64{WholeJourney: seconds} }

func newWorld() *world {
	file := &incident.File{Path: "a.pcap", Kind: "pcap", Records: 1000}
	k := &incident.Capture{Files: []*incident.File{file}, Frames: []int{1000}}
	k.Last = pcapflow.Stamp{Time: int64(time.Minute), Frame: 1000}
	inc := &incident.Incident{Files: []*incident.File{file}, Captures: []*incident.Capture{k}}
	return &world{c: &correlate.Case{Incident: inc}, k: k}
}

// at is a stamp at ms, in a frame of its own.
func (w *world) at(ms int) pcapflow.Stamp {
	w.frame++
	return pcapflow.Stamp{Time: int64(ms) * int64(time.Millisecond), Frame: w.frame}
}

var (
	client = netip.MustParseAddrPort("10.1.0.11:40000")
	server = netip.MustParseAddrPort("10.2.0.10:443")
)

// tcp is a connection of 20 ms round trip that ends at ms, with its journey.
func (w *world) tcp(ms int) (*correlate.Journey, *pcapflow.Conn) {
	n := &pcapflow.Conn{Scale: [2]int{-1, -1}, MSS: [2]int{1460, 1460}, RTT: 20e6, RTTServer: 20e6}
	f := &pcapflow.Flow{Transport: pcapflow.TCP, Client: client, Server: server, TTL: [2]uint8{64, 63}, Conn: n,
		Packets: [2]int64{5, 5}, Payload: [2]int64{500, 500}}
	f.Start = w.at(1000)
	n.SYN, n.SYNACK, n.ACK = []pcapflow.Stamp{f.Start}, []pcapflow.Stamp{w.at(1020)}, w.at(1021)
	f.FirstPayload[pcapflow.Client], f.LastPayload[pcapflow.Client] = w.at(1022), w.at(1022)
	f.End = w.at(1000 + ms)
	f.Phases = []pcapflow.Phase{{Name: pcapflow.TCPConnect, Begin: n.SYN[0], End: n.ACK, Outcome: pcapflow.Done, Attempts: 1}}
	w.k.Flows = append(w.k.Flows, f)
	j := &correlate.Journey{ID: "j1", Service: "https", Client: client, Server: server, Ordinal: 1,
		Points: []correlate.Point{{Capture: w.k, Flow: f}}, Start: f.Start, End: f.End}
	j.Phases = []correlate.Phase{{Phase: f.Phases[0], Capture: w.k, Flow: f}}
	w.c.Journeys = append(w.c.Journeys, j)
	return j, n
}

// log adds a text file with events.
func (w *world) log(kind string, events ...logparse.Event) *incident.Log {
	for i := range events {
		events[i].Line = i + 1
	}
	l := &incident.Log{File: &incident.File{Path: kind + ".txt", Kind: kind, Records: len(events)}, Events: events}
	w.c.Incident.Logs = append(w.c.Incident.Logs, l)
	w.c.Incident.Files = append(w.c.Incident.Files, l.File)
	return l
}

// resend adds n repetitions of one segment of d.
func (w *world) resend(c *pcapflow.Conn, d pcapflow.Dir, seq uint32, size, n int) {
	first := w.at(1030)
	for i := range n {
		c.Retransmissions = append(c.Retransmissions, pcapflow.Retransmission{Stamp: w.at(1230 + 400*i), Dir: d, Seq: seq, Len: size, Original: first, Wait: 200e6})
	}
	c.Count[d].Retransmitted += int64(n)
	c.Count[d].Timeout += int64(n)
	c.Count[d].Largest = max(c.Count[d].Largest, int64(size))
}

// read analyses a folder or file of shared material.
func read(t *testing.T, elem ...string) *correlate.Case {
	t.Helper()
	return readFolder(t, need.Shared(t, elem...))
}

// readFolder analyses any folder or file.
func readFolder(t *testing.T, path string) *correlate.Case {
	t.Helper()
	inc, err := incident.Read(context.Background(), []string{path}, incident.Options{})
	if err != nil {
		t.Fatal(path, err)
	}
	return correlate.Correlate(inc, correlate.Options{})
}

// of picks the findings of one rule.
func of(d *Diagnosis, rule string) []Finding {
	var out []Finding
	for _, f := range d.Findings {
		if f.Rule == rule {
			out = append(out, f)
		}
	}
	return out
}

// loud lists what is a warning or worse about the service.
func loud(d *Diagnosis) []Finding {
	var out []Finding
	for _, f := range d.Findings {
		if f.Severity >= Warning && tier(f) == 0 {
			out = append(out, f)
		}
	}
	return out
}
