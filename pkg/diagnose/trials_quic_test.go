package diagnose

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// quic is an attempt over QUIC that begins at 1000 ms and is answered at ms; 0: never.
func (w *world) quic(answer int) (*correlate.Journey, *pcapflow.QUIC) {
	q := &pcapflow.QUIC{Version: "1", SNI: "app.example", Offered: []string{"h3"}, Attempts: 1, Initial: w.at(1000), Opened: [2]bool{true, answer > 0}}
	q.ClientHello = q.Initial
	f := &pcapflow.Flow{Transport: pcapflow.UDP, Client: client, Server: server, QUIC: q, Packets: [2]int64{3, 0}, Start: q.Initial, End: w.at(1900)}
	p := pcapflow.Phase{Name: pcapflow.QUICHandshake, Begin: q.Initial, Outcome: pcapflow.Unanswered, Attempts: 1}
	if answer > 0 {
		q.Answer, q.ServerHello, q.ServerFlight, q.HandshakeEnd = w.at(answer), w.at(answer), w.at(answer+1), w.at(answer+2)
		f.Packets[sv] = 3
		p.End, p.Outcome = q.HandshakeEnd, pcapflow.Estimated
	}
	f.Phases = []pcapflow.Phase{p}
	w.k.Flows = append(w.k.Flows, f)
	j := &correlate.Journey{ID: "q1", Service: "quic", Name: q.SNI, Client: client, Server: server, Ordinal: 1,
		Points: []correlate.Point{{Capture: w.k, Flow: f}}, Start: f.Start, End: f.End, Outcome: p.Outcome}
	j.Phases = []correlate.Phase{{Phase: p, Capture: w.k, Flow: f}}
	w.c.Journeys = append(w.c.Journeys, j)
	return j, q
}

// again repeats the first packet at ms.
func again(w *world, q *pcapflow.QUIC, ms int) {
	q.Attempts++
	q.Again = w.at(ms)
}

// instead is a connection over TCP that took the place of QUIC at ms.
func (w *world) instead(q *correlate.Journey, ms int) *correlate.Journey {
	j, n := w.tcp(600)
	j.Points[0].Flow.Start, n.SYN[0] = w.at(ms), w.at(ms)
	j.Links = []correlate.Link{{Kind: correlate.Fallback, Journey: q}}
	return j
}

// icmp refuses the journey's packets.
func (w *world) icmp(j *correlate.Journey, from string, kind, code uint8) {
	at := w.at(1010)
	f := flow(j)
	f.ICMP = []pcapflow.ICMPError{{Stamp: at, From: netip.MustParseAddr(from), To: client.Addr(), Type: kind, Code: code, Text: "port unreachable", Transport: pcapflow.UDP, Source: client, Target: server}}
	j.Phases[0].Outcome, j.Phases[0].End = pcapflow.Refused, at
	j.Outcome, j.End = pcapflow.Refused, at
}

// endsWith a failure of the handshake.
func endsWith(j *correlate.Journey, q *pcapflow.QUIC, s pcapflow.Stamp) {
	q.ServerHello, q.HandshakeEnd = pcapflow.Stamp{}, pcapflow.Stamp{}
	j.Phases[0].Outcome, j.Phases[0].End, j.Outcome, j.End = pcapflow.Failed, s, pcapflow.Failed, s
}

var quicTrials = []trial{
	{"quic-blocked", "silence, and TCP 300 ms later", func(w *world) {
		j, q := w.quic(0)
		again(w, q, 1200)
		w.instead(j, 1300)
	}, true, Medium},
	{"quic-blocked", "port unreachable, and nothing after it", func(w *world) { j, _ := w.quic(0); w.icmp(j, "10.2.0.10", 3, 3) }, true, High},
	{"quic-blocked", "a router rejects it", func(w *world) { j, _ := w.quic(0); w.icmp(j, "10.1.0.1", 3, 13); w.instead(j, 1100) }, true, High},
	{"quic-blocked", "the server's capture shows its answers", func(w *world) {
		j, q := w.quic(0)
		again(w, q, 1200)
		w.instead(j, 1300)
		w.quicAtServer(j, 1)
	}, true, Medium},
	{"quic-blocked", "one direction alone was captured", func(w *world) { w.quic(0) }, false, 0},
	{"quic-blocked", "the capture ends before an answer is due", func(w *world) {
		j, q := w.quic(0)
		again(w, q, 1200)
		flow(j).End, w.k.Last = w.at(1250), w.at(1260)
	}, false, 0},
	{"quic-blocked", "answered", func(w *world) { w.quic(1020) }, false, 0},
	{"quic-blocked", "an error to what the server sent", func(w *world) {
		j, _ := w.quic(0)
		w.icmp(j, "10.1.0.11", 3, 3)
		flow(j).ICMP[0].Source = server
	}, false, 0},
	{"refused-by-network", "QUIC has a rule of its own", func(w *world) { j, _ := w.quic(0); w.icmp(j, "10.1.0.1", 3, 13) }, false, 0},

	{"quic-failed", "no version in common", func(w *world) {
		j, q := w.quic(1020)
		q.Negotiated, q.Versions = true, []string{"2"}
		endsWith(j, q, q.Answer)
	}, true, High},
	{"quic-failed", "closed with an alert", func(w *world) {
		j, q := w.quic(1020)
		q.Close, q.CloseBy, q.CloseCode = w.at(1021), sv, 0x100+40
		endsWith(j, q, q.Close)
	}, true, High},
	{"quic-failed", "and was let in when it came again", func(w *world) {
		j, q := w.quic(1020)
		q.Close, q.CloseBy, q.CloseCode = w.at(1021), sv, 2
		endsWith(j, q, q.Close)
		w.quic(1020)
	}, true, Medium},
	{"quic-failed", "only asked for the versions", func(w *world) {
		j, q := w.quic(1020)
		q.Version, q.Negotiated, q.Versions = "0x1a2a3a4a", true, []string{"1"}
		endsWith(j, q, q.Answer)
	}, false, 0},
	{"quic-failed", "the client gave it up", func(w *world) {
		j, q := w.quic(1020)
		q.Close, q.CloseBy = w.at(1021), cl
		endsWith(j, q, q.Close)
	}, false, 0},
	{"quic-failed", "established", func(w *world) { w.quic(1020) }, false, 0},

	{"quic-extra-round-trip", "Retry", func(w *world) { _, q := w.quic(1020); q.Retry, q.RetryAt, q.SecondHello = true, q.Answer, w.at(1021) }, true, High},
	{"quic-extra-round-trip", "another version", func(w *world) { _, q := w.quic(1020); q.Negotiated, q.SecondHello = true, w.at(1021) }, true, High},
	{"quic-extra-round-trip", "HelloRetryRequest", func(w *world) { _, q := w.quic(1020); q.HelloRetry, q.SecondHello = true, w.at(1021) }, true, High},
	{"quic-extra-round-trip", "the first packet was taken", func(w *world) { w.quic(1020) }, false, 0},
	{"quic-extra-round-trip", "Retry, and no connection came of it", func(w *world) {
		j, q := w.quic(1020)
		q.Retry, q.RetryAt, q.SecondHello = true, q.Answer, w.at(1021)
		endsWith(j, q, w.at(1500))
	}, false, 0},

	{"quic-slow-handshake", "answered a round trip after the repetition", func(w *world) {
		w.quic(1020)
		_, q := w.quic(1320)
		again(w, q, 1300)
	}, true, Medium},
	{"quic-slow-handshake", "answered late without a repetition", func(w *world) { w.quic(1020); w.quic(1520) }, true, Medium},
	{"quic-slow-handshake", "and the server's capture shows an answer at once", func(w *world) {
		w.quic(1020)
		j, _ := w.quic(1520)
		w.quicAtServer(j, 1)
	}, true, Low},
	{"quic-slow-handshake", "repeated, and answered long after", func(w *world) {
		w.quic(1020)
		_, q := w.quic(1520)
		again(w, q, 1300)
	}, true, Medium},
	{"quic-slow-handshake", "far away: all take as long", func(w *world) { w.quic(1520); w.quic(1525) }, false, 0},
	{"quic-slow-handshake", "nothing to compare with", func(w *world) { w.quic(1520) }, false, 0},
	{"quic-slow-handshake", "quick", func(w *world) { w.quic(1020); w.quic(1030) }, false, 0},
}

// quicAtServer adds the journey as a capture at the server saw it, which answered so
// many ms after the first packet.
func (w *world) quicAtServer(j *correlate.Journey, after int64) {
	own := flow(j)
	q := *own.QUIC
	q.Answer = pcapflow.Stamp{Time: q.Initial.Time + after*1e6, Frame: 2}
	f := *own
	f.QUIC, f.Packets = &q, [2]int64{3, 3}
	k := &incident.Capture{Files: []*incident.File{{Path: "b.pcap", Kind: "pcap", Records: 1000}}, Frames: []int{1000}}
	k.VantageHost, k.Flows = server.Addr(), []*pcapflow.Flow{&f}
	w.c.Incident.Captures = append(w.c.Incident.Captures, k)
	j.Points = append(j.Points, correlate.Point{Capture: k, Flow: &f})
}
