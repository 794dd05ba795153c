package diagnose

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// dtls is a ClientHello over datagrams that is said so often from 1000 ms on, and
// answered at ms; 0: never.
func (w *world) dtls(hellos, answer int) *correlate.Journey {
	t := &pcapflow.TLS{ClientHelloFirst: w.at(1000), DTLS: &pcapflow.DTLS{Hellos: hellos}}
	t.ClientHello = t.ClientHelloFirst
	f := &pcapflow.Flow{Transport: pcapflow.UDP, Service: "dtls", Client: client, Server: server, TLS: t, Packets: [2]int64{int64(hellos), 0}, Start: t.ClientHello, End: t.ClientHello}
	for i := 1; i < hellos; i++ {
		f.End = w.at(1000 + i*1000)
		t.DTLS.Resent = append(t.DTLS.Resent, pcapflow.Resent{Stamp: f.End, Dir: cl})
	}
	p := pcapflow.Phase{Name: pcapflow.TLSHandshake, Begin: t.ClientHello, Outcome: pcapflow.Unanswered, Attempts: hellos}
	if answer > 0 {
		t.ServerHello, t.HandshakeEnd = w.at(answer), w.at(answer+2)
		f.Packets[sv], f.End = 3, t.HandshakeEnd
		p.End, p.Outcome = t.HandshakeEnd, pcapflow.Done
	}
	w.k.Flows = append(w.k.Flows, f)
	j := &correlate.Journey{ID: "d1", Service: "dtls", Client: client, Server: server, Ordinal: 1,
		Points: []correlate.Point{{Capture: w.k, Flow: f}}, Start: f.Start, End: p.End, Outcome: p.Outcome}
	j.Phases = []correlate.Phase{{Phase: p, Capture: w.k, Flow: f}}
	w.c.Journeys = append(w.c.Journeys, j)
	return j
}

// dtlsAtServer adds the server's capture, which saw answers leave.
func (w *world) dtlsAtServer(j *correlate.Journey) {
	f := *flow(j)
	f.Packets[sv] = 2
	k := &incident.Capture{Files: []*incident.File{{Path: "b.pcap", Kind: "pcap", Records: 1000}}, Frames: []int{1000}}
	k.VantageHost, k.Flows = server.Addr(), []*pcapflow.Flow{&f}
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	j.Points = append(j.Points, correlate.Point{Capture: k, Flow: &f})
}

var dtlsTrials = []trial{
	{"dtls-unanswered", "three hellos into silence, others are answered", func(w *world) { w.dtls(3, 0); w.tcp(300) }, true, Medium},
	{"dtls-unanswered", "one hello, others are answered", func(w *world) { w.dtls(1, 0); w.tcp(300) }, true, Medium},
	{"dtls-unanswered", "three hellos, nothing else shows that answers would be seen", func(w *world) { w.dtls(3, 0) }, true, Low},
	{"dtls-unanswered", "port unreachable", func(w *world) { w.icmp(w.dtls(1, 0), "10.2.0.10", 3, 3) }, true, High},
	{"dtls-unanswered", "the server's capture shows its answers", func(w *world) { w.dtlsAtServer(w.dtls(3, 0)); w.tcp(300) }, true, Medium},
	{"dtls-unanswered", "a router rejects it", func(w *world) { w.icmp(w.dtls(1, 0), "10.1.0.1", 3, 13) }, false, 0},
	{"refused-by-network", "a router rejects DTLS", func(w *world) { w.icmp(w.dtls(1, 0), "10.1.0.1", 3, 13) }, true, High},
	{"dtls-unanswered", "one hello, and the capture may hold one direction alone", func(w *world) { w.dtls(1, 0) }, false, 0},
	{"dtls-unanswered", "the capture ends before an answer is due", func(w *world) { w.dtls(1, 0); w.tcp(300); w.k.Last = w.at(1500) }, false, 0},
	{"dtls-unanswered", "answered", func(w *world) { w.dtls(2, 2010) }, false, 0},
	{"dtls-unanswered", "the side that sent first is the DTLS server", func(w *world) { flow(w.dtls(3, 0)).TLS.DTLS.Turned = true; w.tcp(300) }, false, 0},
}

// TestCertificateDatesOverDatagrams: a flow without a connection tells whose capture
// it is by the capture alone.
func TestCertificateDatesOverDatagrams(t *testing.T) {
	w := newWorld()
	j := w.dtls(1, 1020)
	f := flow(j).TLS
	f.Certificates = []pcapflow.Certificate{{NotBefore: 1, NotAfter: 2}}
	flow(j).Start.Time = 10e9
	alert(w, f, cl, alertCertificateExpired, "certificate_expired")
	if found := of(w.run(), "tls-certificate-time"); len(found) != 1 {
		t.Errorf("%+v", found)
	}
}
