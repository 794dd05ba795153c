package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var tcpTrials = []trial{
	{"syn-lost", "repeated after a second", func(w *world) {
		_, n := w.tcp(2000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
	}, true, Medium},
	{"syn-held", "sent a second apart, arrived together", func(w *world) {
		j, at := w.seenAtServer(2000)
		n := j.Points[0].Flow.Conn
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
		at.Vantage, at.SYN, at.SYNACK = pcapflow.VantageServer, []pcapflow.Stamp{w.at(2010), w.at(2011)}, []pcapflow.Stamp{w.at(2011)}
	}, true, High},
	{"syn-held", "repeated after a second", func(w *world) {
		_, n := w.tcp(2000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
	}, false, 0},
	{"syn-lost", "kept by a router: answered at no round trip", func(w *world) {
		_, n := w.tcp(2000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2130)}
		n.Samples[sv] = pcapflow.RTTStats{N: 9, Min: 20e6, P50: 21e6, P95: 24e6}
	}, false, 0},
	{"connection-refused", "RST to the SYN", func(w *world) { w.refused() }, true, Medium},
	{"connection-refused", "and another is taken in the same second", func(w *world) { w.refused(); w.tcp(300) }, true, Low},
	{"connection-refused", "a RST to data", func(w *world) {
		_, n := w.tcp(300)
		n.RST = []pcapflow.Reset{{Stamp: w.at(1300), Dir: sv, TTL: 63}}
	}, false, 0},
	{"loss-in-handshake", "the SYN-ACK twice", func(w *world) {
		j, n := w.tcp(700)
		w.again1(n, sv, 1015)
		n.ACK = w.at(1220)
		j.End = w.at(1700)
	}, true, Medium},
	{"loss-in-handshake", "after it", func(w *world) { _, n := w.tcp(700); w.again1(n, sv, 1500) }, false, 0},
	{"loss-stall", "a timer of 200 ms", func(w *world) { _, n := w.tcp(700); w.again1(n, cl, 1500) }, true, Medium},
	{"loss-stall", "a fast retransmission", func(w *world) {
		_, n := w.tcp(700)
		w.again1(n, cl, 1500)
		n.Retransmissions[0].Kind = pcapflow.RetransmitFast
	}, false, 0},
	{"loss-stall", "sooner than a round trip", func(w *world) {
		_, n := w.tcp(700)
		w.again1(n, cl, 1500)
		n.RTT, n.RTTServer = 2e9, 2e9
	}, false, 0},
	{"loss-stall", "a FIN", func(w *world) {
		_, n := w.tcp(700)
		w.again1(n, cl, 1500)
		n.Retransmissions[0].Len = 0
	}, false, 0},
	{"loss-stall", "longer than any timer", func(w *world) {
		_, n := w.tcp(700)
		w.again1(n, cl, 1500)
		n.Retransmissions[0].Wait = 442e15
	}, false, 0},
	{"fell-silent", "a client in the middle of an answer, while another is heard", func(w *world) { w.silent(cl, 22_000) }, true, Medium},
	{"fell-silent", "and its line is in the server's log", func(w *world) {
		w.silent(cl, 22_000)
		l := w.log("nginx-access", logparse.Event{Kind: logparse.HTTPRequest, Client: client, Status: 200, Duration: -1})
		w.first().Lines = []correlate.Line{{Log: l, Status: "matched"}}
	}, true, High},
	{"fell-silent", "a server, and a later SYN to it", func(w *world) {
		w.silent(sv, 22_000)
		j, n := w.tcp(15_000)
		j.Start, n.SYN, n.SYNACK, n.ACK = w.at(9000), []pcapflow.Stamp{w.at(9000), w.at(10_000)}, nil, pcapflow.Stamp{}
		j.Points[0].Flow.Packets[sv] = 0
	}, true, Medium},
	{"syn-unanswered", "of a server that had fallen silent", func(w *world) {
		w.silent(sv, 22_000)
		j, n := w.tcp(15_000)
		j.Start, n.SYN, n.SYNACK, n.ACK = w.at(9000), []pcapflow.Stamp{w.at(9000), w.at(10_000)}, nil, pcapflow.Stamp{}
		j.Points[0].Flow.Packets[sv] = 0
	}, false, 0},
	{"loss-in-response", "to a client that had fallen silent", func(w *world) { w.silent(cl, 22_000) }, false, 0},
	{"fell-silent", "heard again on another connection", func(w *world) {
		w.silent(cl, 22_000)
		_, n := w.tcp(15_000)
		n.Heard = [2]int64{w.at(16_000).Time, w.at(16_000).Time}
	}, false, 0},
	{"fell-silent", "after its FIN", func(w *world) { w.silent(cl, 22_000).FIN[cl] = w.at(1990) }, false, 0},
	{"fell-silent", "larger segments than ever came through", func(w *world) { w.silent(cl, 22_000).Count[sv].LargestAcked = 500 }, false, 0},
	{"fell-silent", "for two seconds", func(w *world) { w.silent(cl, 4000) }, false, 0},
	{"reordering", "three out of order", func(w *world) { _, n := w.tcp(300); n.Count[sv].OutOfOrder = 3 }, true, Medium},
	{"reordering", "in order", func(w *world) { w.tcp(300) }, false, 0},
	{"spurious-retransmission", "one", func(w *world) { _, n := w.tcp(300); n.Count[sv].Spurious = 1 }, true, Medium},
	{"spurious-retransmission", "one acknowledged segment four times: its sender hears nothing", func(w *world) {
		_, n := w.tcp(20_000)
		for i := range 4 {
			n.Retransmissions = append(n.Retransmissions, pcapflow.Retransmission{Stamp: w.at(2000 << i), Dir: sv, Kind: pcapflow.RetransmitSpurious, Seq: 77, Len: 44})
		}
	}, true, Medium},
	{"spurious-retransmission", "of a connection that the other side had closed", func(w *world) {
		_, n := w.tcp(20_000)
		n.FIN[cl] = w.at(1900)
		for i := range 4 {
			n.Retransmissions = append(n.Retransmissions, pcapflow.Retransmission{Stamp: w.at(2000 << i), Dir: sv, Kind: pcapflow.RetransmitSpurious, Seq: 77, Len: 44})
		}
	}, false, 0},
	{"spurious-retransmission", "four segments once each, counted nowhere", func(w *world) {
		_, n := w.tcp(20_000)
		for i := range 4 {
			n.Retransmissions = append(n.Retransmissions, pcapflow.Retransmission{Stamp: w.at(2000 << i), Dir: sv, Kind: pcapflow.RetransmitSpurious, Seq: uint32(77 + i), Len: 44})
		}
	}, false, 0},
	{"spurious-retransmission", "none", func(w *world) { w.tcp(300) }, false, 0},
	{"syn-queue-full", "a hundred half open", func(w *world) { w.halfOpen(100) }, true, Medium},
	{"syn-queue-full", "and the kernel says so", func(w *world) {
		w.halfOpen(3)
		w.log("syslog", logparse.Event{Kind: logparse.KernelNotice, Type: "syn-flood", Server: server})
	}, true, Medium},
	{"syn-queue-full", "ten half open, and eighty ignored meanwhile", func(w *world) { w.halfOpen(10); w.ignored(80) }, true, Medium},
	{"syn-unanswered", "ignored because of a full queue of SYNs", func(w *world) { w.halfOpen(10); w.ignored(80) }, false, 0},
	{"syn-queue-full", "eighty ignored, none half open", func(w *world) { w.ignored(80) }, false, 0},
	{"syn-lost", "and the server's capture shows that it was ignored", func(w *world) {
		j, at := w.seenAtServer(2000)
		n := j.Points[0].Flow.Conn
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
		j.Points[0].Flow.FirstPayload[sv] = w.at(1040)
		at.Vantage, at.SYN, at.SYNACK = pcapflow.VantageServer, []pcapflow.Stamp{w.at(1010), w.at(2010)}, []pcapflow.Stamp{w.at(2011)}
	}, true, High},
	{"syn-queue-full", "few half open", func(w *world) { w.halfOpen(3) }, false, 0},
	{"capture-lost-packets", "acknowledged, never seen", func(w *world) { _, n := w.tcp(300); n.Count[sv].AckedUnseen = 1448 }, true, High},
	{"capture-lost-packets", "every byte is there", func(w *world) { w.tcp(300) }, false, 0},
	{"capture-duplicates", "copies", func(w *world) { w.k.Duplicates, w.k.Packets = 5, 50 }, true, High},
	{"capture-duplicates", "none", func(w *world) { w.tcp(300) }, false, 0},
	{"capture-offload", "larger than the MSS", func(w *world) { w.k.Offload = [2]int64{4, 0} }, true, High},
	{"capture-offload", "as on the wire", func(w *world) { w.tcp(300) }, false, 0},
	{"capture-partial", "no handshake", func(w *world) { _, n := w.tcp(300); n.SYN, n.SYNACK = nil, nil }, true, High},
	{"capture-partial", "whole", func(w *world) { w.tcp(300) }, false, 0},
	{"capture-search-bounded", "more lookups than are looked at", func(w *world) {
		w.tcp(300)
		w.c.Bounded = []correlate.Bounded{{Search: correlate.SearchLookups, Limit: 256, Times: 3}}
	}, true, High},
	{"capture-search-bounded", "every candidate was looked at", func(w *world) { w.tcp(300) }, false, 0},
	{"healthy", "an ordinary request", func(w *world) { w.request(1130, 1131) }, true, High},
	{"healthy", "nothing was seen from its beginning", func(w *world) { w.request(1130, 1131); w.first().Phases = nil }, false, 0},
	{"healthy", "a warning", func(w *world) { w.request(1700, 1701) }, false, 0},
	{"slower-than-normal", "over the budget", func(w *world) { w.request(1700, 1701); w.budget(0.1) }, true, Medium},
	{"slower-than-normal", "within it", func(w *world) { w.request(1700, 1701); w.budget(2) }, false, 0},
	{"slower-than-normal", "no budget and no baseline", func(w *world) { w.request(1700, 1701) }, false, 0},
}

// silent is a connection of which a side is last heard at 2000 ms, and the other sends a
// segment again until so many ms; a third address is heard to the end.
func (w *world) silent(d pcapflow.Dir, until int) *pcapflow.Conn {
	j, n := w.request(1130, until)
	n.Count[d.Other()].LargestAcked = 1448
	n.Heard[d], n.Heard[d.Other()] = w.at(2000).Time, w.at(until).Time
	for at := 2200; at <= until; at += max(at-2000, 400) {
		n.Retransmissions = append(n.Retransmissions, pcapflow.Retransmission{Stamp: w.at(at), Dir: d.Other(), Seq: 77, Len: 1448, Original: w.at(1999), Wait: 200e6})
	}
	j.Points[0].Flow.End = w.at(until)
	w.k.Echoes = append(w.k.Echoes, &pcapflow.Echo{Asker: netip.MustParseAddr("10.1.0.77"), Target: resolver.Addr(), Request: w.at(until)})
	return n
}

func (w *world) refused() {
	_, n := w.tcp(20)
	n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
	n.RST = []pcapflow.Reset{{Stamp: w.at(1020), Dir: sv, TTL: 63, Answer: true}}
}

func (w *world) halfOpen(count int) {
	for range count {
		_, n := w.tcp(3000)
		n.ACK = pcapflow.Stamp{}
	}
}

// ignored are connections whose SYN nobody answered, as the server's capture
// shows.
func (w *world) ignored(count int) {
	for range count {
		_, n := w.tcp(3000)
		n.SYN = append(n.SYN, w.at(2000))
		n.SYNACK, n.ACK, n.Vantage = nil, pcapflow.Stamp{}, pcapflow.VantageServer
	}
}

// allTrials are the cases of every rule.
func allTrials() []trial {
	return slices.Concat(networkTrials, tcpTrials, dnsTrials, webTrials, behindTrials, sessionTrials, quicTrials, dtlsTrials, mssTrials)
}

// TestUnfeltLoss: what many connections feel does not make a warning of a loss at
// another server that cost next to nothing.
func TestUnfeltLoss(t *testing.T) {
	w := newWorld()
	for i := range 12 {
		j, n := w.tcp(700)
		w.again1(n, sv, 1015)
		n.ACK, j.End = w.at(1220), w.at(1700)
		if i == 11 {
			j.Server = netip.MustParseAddrPort("10.9.0.9:443")
			n.Retransmissions[0].Wait = 0
		}
	}
	for _, f := range of(w.run(), "loss-in-handshake") {
		want := Warning
		if len(f.Journeys) == 1 {
			want = Note
		}
		if f.Severity != want {
			t.Errorf("%s, want %s: %s", f.Severity, want, f.Text)
		}
	}
}

// TestRules: each rule speaks where its evidence is, and is silent where a
// refuter is.
func TestRules(t *testing.T) {
	for _, x := range allTrials() {
		t.Run(x.rule+"/"+x.name, func(t *testing.T) {
			w := newWorld()
			x.build(w)
			d := w.run()
			found := of(d, x.rule)
			switch {
			case x.fires != (len(found) > 0):
				t.Fatalf("fires %v, want %v: %+v", len(found) > 0, x.fires, d.Findings)
			case x.fires && found[0].Confidence != x.confidence:
				t.Errorf("confidence %s, want %s: %s", found[0].Confidence, x.confidence, found[0].Text)
			}
			w = newWorld()
			x.build(w)
			w.opt.Lang = lang.ES
			es := of(w.run(), x.rule)
			if len(es) != len(found) {
				t.Fatalf("%d findings in Spanish, %d in English", len(es), len(found))
			}
			for i := range found {
				if broken.MatchString(found[i].Text) || broken.MatchString(es[i].Text) || found[i].Text == es[i].Text {
					t.Errorf("%q\n%q", found[i].Text, es[i].Text)
				}
				if n := len(Find(x.rule).Refuters); n == 0 || len(found[i].Refuters) != n {
					t.Errorf("%d refuters, the rule has %d", len(found[i].Refuters), n)
				}
			}
		})
	}
}

// TestFalseticker: of three servers only the one that disagrees with most is
// named.
func TestFalseticker(t *testing.T) {
	w := newWorld()
	w.servers(0, 0, 300*ms)
	if f := of(Run(w.c, Options{}), "ntp-bad-server"); len(f) != 1 || len(f[0].Journeys) != 1 || f[0].Journeys[0].Server.Addr().String() != "10.2.0.3" {
		t.Errorf("%+v", f)
	}
}

// TestHiddenLoss: a wait as long as a retransmission timer, on a path that loses
// segments, is no server's fault for sure.
func TestHiddenLoss(t *testing.T) {
	for _, lossy := range []bool{true, false} {
		w := newWorld()
		w.tls(1050)
		w.tls(1050)
		j, _ := w.tls(1292) // 250 ms more than a round trip
		j.End = w.at(1900)
		if lossy {
			_, n := w.tcp(2000)
			n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
		}
		f := of(Run(w.c, Options{}), "tls-slow-server")
		if len(f) != 1 || (f[0].Confidence == Low) != lossy || (f[0].Severity == Note) != lossy {
			t.Errorf("lossy %v: %+v", lossy, f)
		}
	}
}

// TestSYNRoundTrip: a round trip that holds a timer is none of the network's.
func TestSYNRoundTrip(t *testing.T) {
	for _, ms := range []int{20, 1000} {
		w := newWorld()
		_, n := w.tcp(4000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2000 + ms)}
		n.RTT, n.RTTServer = int64(ms)*1e6, int64(ms)*1e6
		f := of(w.run(), "syn-lost")
		if len(f) != 1 || strings.Contains(f[0].Text, "round trip is only") != (ms == 20) {
			t.Errorf("%d ms: %+v", ms, f)
		}
	}
}
