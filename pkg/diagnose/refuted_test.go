package diagnose

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// miss is a near miss: a case where a rule speaks, and what makes it silent, which
// is one of its refuters.
type miss struct {
	rule, trial string
	refuter     int // of the rule
	happens     func(w *world)
}

// first, conn and at reach into what the trials build.
func (w *world) first() *correlate.Journey { return w.c.Journeys[0] }
func (w *world) conn() *pcapflow.Conn      { return w.k.Flows[0].Conn }
func (w *world) clk() *correlate.Clock     { return w.c.Clocks[len(w.c.Clocks)-1] }
func (w *world) tlsOf(i int) *pcapflow.TLS { return w.k.Flows[i].TLS }
func (w *world) try0() *correlate.Try      { return &w.c.Lookups[len(w.c.Lookups)-1].Tries[0] }
func (w *world) acked(d pcapflow.Dir) {
	w.conn().Count[d].LargestAcked, w.conn().AckedTo[d] = 1448, 1<<20
}
func (w *world) sessionOf() *pcapflow.SSH { return w.first().SSH }

func misses() []miss {
	return []miss{
		{"capture-lost-packets", "acknowledged, never seen", 0, func(w *world) { w.conn().Count[sv].AckedUnseen = 0 }},
		{"capture-duplicates", "copies", 0, func(w *world) { w.k.Duplicates = 0 }},
		{"capture-offload", "larger than the MSS", 0, func(w *world) { w.k.Offload = [2]int64{} }},
		{"capture-search-bounded", "more lookups than are looked at", 0, func(w *world) { w.c.Bounded = nil }},
		{"capture-partial", "no handshake", 0, func(w *world) { w.conn().SYN = []pcapflow.Stamp{w.at(1000)} }},
		{"clock-unknown", "too little evidence", 0, func(w *world) {
			w.clk().Status, w.clk().Segments = clock.Measured, []clock.Segment{known(0, 0, ms)}
		}},

		{"dns-retry", "the first query has no answer", 0, func(w *world) { w.try0().Extra, w.try0().Late = []pcapflow.Stamp{w.at(2011)}, true }},
		{"dns-never-reached-resolver", "the query log lacks it", 0, func(w *world) {
			l := w.c.Incident.Logs[len(w.c.Incident.Logs)-1]
			l.Events = append(l.Events, logparse.Event{Kind: logparse.DNSQuery, Client: client, Name: "app.example", Type: "A"})
		}},
		{"dns-slow-resolver", "one slow answer", 0, func(w *world) {
			_, n := w.tcp(300)
			w.k.Flows[0].Server, n.RTTServer = netip.AddrPortFrom(resolver.Addr(), 53), 390e6
			w.c.Lookups = w.c.Lookups[2:] // the quick ones
			w.c.Journeys = w.c.Journeys[2:]
		}},
		{"dns-slow-aaaa", "AAAA five seconds behind A", 1, func(w *world) { w.try0().Answer = w.at(6005) }},
		{"dns-parallel-query-lost", "the same half lost twice", 0, func(w *world) {
			for _, l := range w.c.Lookups[:2] {
				w.atResolver(l, 2, true)
				l.Others[0].Tries[0].Type = "AAAA"
			}
		}},
		{"dns-tcp-fallback", "and TCP port 53 is filtered", 0, func(w *world) { w.c.Lookups[0].TCPFlows = nil }},
		{"dns-search-list", "a suffix first", 0, func(w *world) { w.c.Lookups[0].Suffixes = 0 }},
		{"dns-nxdomain", "the name meant does not exist", 0, func(w *world) {
			l := w.c.Lookups[0]
			t := w.try("A", "no.example", 1020, 1030, "NOERROR")
			t.Resolver = second
			l.Tries, l.RCode = append(l.Tries, t), "NOERROR"
		}},
		{"dns-servfail", "the resolver fails", 0, func(w *world) { w.try0().RCode, w.c.Lookups[0].RCode = "NOERROR", "NOERROR" }},
		{"dns-transfer-refused", "a zone that is kept", 0, func(w *world) {
			w.lookup("zone.example", w.try("AXFR", "zone.example", 2000, 2010, "NOERROR"))
		}},
		{"dns-failover", "the first resolver is silent", 1, func(w *world) { w.c.Lookups[0].Tries[1].Answer = pcapflow.Stamp{} }},
		{"dns-unreachable", "nobody answers", 0, func(w *world) {
			w.ordinary()
			w.atResolver(w.c.Lookups[0], 2, true)
		}},
		{"dns-large-answer-lost", "a large EDNS size is not answered, a small one is", 1, func(w *world) { w.try0().Answer = w.at(1010) }},
		{"dns-not-observed", "a name without a query", 0, func(w *world) {
			w.first().Lookup = w.lookup("app.example", w.try("A", "app.example", 900, 910, "NOERROR"))
		}},

		{"neighbour-wait", "nobody answered", 0, func(w *world) {
			w.first().Neighbour.Reply = w.at(1001)
			w.first().Phases[len(w.first().Phases)-1].End = w.at(1001)
		}},
		{"duplicate-address", "two answers", 1, func(w *world) { w.k.Neighbours[0].Others = nil }},
		{"mtu-black-hole", "full-size segments repeated, small ones acknowledged", 0, func(w *world) { w.acked(sv) }},
		{"mtu-black-hole", "full-size segments repeated, small ones acknowledged", 1, func(w *world) { w.tooBig() }},
		{"ssh-kex-stall", "KEXINIT does not pass", 0, func(w *world) { w.acked(cl) }},
		{"ssh-kex-stall", "KEXINIT does not pass", 1, func(w *world) { w.tooBig() }},
		{"mtu-discovered-late", "ICMP with an MTU, then smaller segments", 1, func(w *world) { w.k.Flows[0].ICMP = nil }},
		{"refused-by-network", "prohibited by a router", 0, func(w *world) {
			x := &w.k.Flows[0].ICMP[0]
			x.Source, x.Target = x.Target, x.Source // it quotes an answer
		}},
		{"routing-loop", "after 64 hops", 0, func(w *world) { w.expired(62, 63) }},
		{"path-changed", "another TTL", 1, func(w *world) { w.conn().Rerouted[sv] = pcapflow.Reroute{} }},
		{"bufferbloat", "round trip grows tenfold", 0, func(w *world) { w.conn().Samples[cl].Min = 200e6 }},

		{"accept-queue-full", "the SYN-ACK is repeated where the ACK had come", 0, func(w *world) {
			w.conn().ACK = pcapflow.Stamp{}
		}},
		{"accept-queue-full", "the SYN-ACK is repeated where the ACK had come", 1, func(w *world) {
			w.log("socket-state", logparse.Event{Kind: logparse.HostState, Process: "nstat", Values: []logparse.Value{{Name: "TcpExtListenOverflows"}}})
			w.conn().SYNACK = w.conn().SYNACK[:2]
		}},
		{"syn-queue-full", "a hundred half open", 0, func(w *world) {
			for _, f := range w.k.Flows[3:] {
				f.Conn.ACK = w.at(1021)
			}
		}},
		{"injected-reset", "another TTL", 0, func(w *world) { w.conn().FIN[sv], w.conn().FIN[cl] = w.at(1290), w.at(1291) }},
		{"syn-held", "sent a second apart, arrived together", 0, func(w *world) {
			w.first().Points[1].Flow.Conn.SYN = []pcapflow.Stamp{w.at(1010), w.at(2010)}
		}},
		{"syn-lost", "repeated after a second", 1, func(w *world) { w.conn().SYNACK = append(w.conn().SYNACK, w.at(2021)) }},
		{"fell-silent", "a client in the middle of an answer, while another is heard", 0, func(w *world) {
			w.k.Echoes = append(w.k.Echoes, &pcapflow.Echo{Asker: client.Addr(), Target: server.Addr(), Request: w.at(22_000)})
		}},
		{"syn-unanswered", "answers that never arrived", 0, func(w *world) { w.conn().ACK = w.at(2021) }},
		{"connection-refused", "RST to the SYN", 1, func(w *world) { w.conn().SYNACK = []pcapflow.Stamp{w.at(1010)} }},
		{"loss-in-handshake", "the SYN-ACK twice", 0, func(w *world) { w.copies() }},
		{"loss-in-response", "a segment of the answer repeated", 0, func(w *world) { w.copies() }},
		{"loss-stall", "a timer of 200 ms", 0, func(w *world) { w.conn().Retransmissions[0].Kind = pcapflow.RetransmitFast }},
		{"reordering", "three out of order", 0, func(w *world) { w.conn().Count[sv].OutOfOrder, w.conn().Count[sv].Retransmitted = 0, 3 }},
		{"spurious-retransmission", "one", 0, func(w *world) { w.conn().Count[sv].Spurious, w.conn().Count[sv].Retransmitted = 0, 1 }},
		{"receiver-limited", "closed window", 0, func(w *world) { w.conn().Stalls = nil }},
		{"path-full", "and the log agrees", 0, func(w *world) { w.conn().Talk.Turns[0].Held[pcapflow.LimitBandwidth] = 0 }},
		{"window-limited", "window full again and again", 0, func(w *world) { w.conn().Count[sv].WindowFull = 0 }},
		{"nagle-delayed-ack", "held back", 0, func(w *world) { w.conn().Stalls[0].Cause = pcapflow.StallTimeout }},
		{"slow-start", "four round trips of growth", 0, func(w *world) { w.first().Phases[3].End.Time = w.first().Phases[3].Begin.Time + 5e6 }},
		{"server-hung-up", "FIN instead of an answer", 0, func(w *world) { w.conn().FIN[cl] = w.at(1500) }},
		{"server-hung-up", "FIN instead of an answer", 1, func(w *world) { w.said(w.first(), took(time.Millisecond)) }},
		{"stale-keepalive", "FIN instead of an answer", 0, func(w *world) { w.conn().FIN[sv] = w.at(2000) }},
		{"nat-state-lost", "RST after an hour of silence", 0, func(w *world) { w.conn().Count[cl].KeepAlives = 50 }},
		{"happy-eyeballs", "IPv6 first, 250 ms, then IPv4", 0, func(w *world) { w.conn().SYNACK = []pcapflow.Stamp{w.at(1020)} }},

		{"mss-rewritten", "1360 of 1460", 0, func(w *world) { w.c.Incident.Captures[1].Flows[0].Conn.MSS[cl] = 1460 }},

		{"tls-certificate-time", "and the client's clock is a year ahead", 0, func(w *world) { w.clk().Segments[0] = known(0, 0, ms) }},
		{"tls-wrong-protocol", "TLS to a clear port", 0, func(w *world) { w.tlsOf(0).PlainAnswer = "" }},
		{"tls-alert", "handshake_failure", 0, func(w *world) {
			w.tlsOf(0).Alerts[0] = pcapflow.Alert{Stamp: w.at(1100), Code: 0, Description: "close_notify"}
		}},
		{"tls-large-hello-dropped", "large ones repeated, small ones answered", 1, func(w *world) { w.tlsOf(0).ServerHello = pcapflow.Stamp{} }},
		{"tls-silent", "nothing after the ClientHello", 0, func(w *world) {
			t := w.tlsOf(0)
			t.ServerHello, t.ServerHelloFirst, w.k.Flows[0].FirstPayload[sv] = w.at(1050), w.at(1050), w.at(1050)
		}},
		{"dtls-unanswered", "three hellos into silence, others are answered", 0, func(w *world) {
			p := phaseOf(w.first(), pcapflow.TLSHandshake)
			p.Outcome, p.End, flow(w.first()).Packets[sv] = pcapflow.Done, w.at(3020), 2
		}},
		{"tls-slow-server", "half a second for the ServerHello", 0, func(w *world) {
			t := w.tlsOf(2)
			t.ServerHello, t.ServerHelloFirst, w.k.Flows[2].FirstPayload[sv] = w.at(1050), w.at(1050), w.at(1050)
		}},
		{"tls-hello-retry", "retried", 0, func(w *world) { w.tlsOf(0).HelloRetry = false }},
		{"tls-long-chain", "20 kB of certificates", 0, func(w *world) { w.tlsOf(0).CertificateBytes = 3000 }},
		{"tls-distance", "two round trips of 150 ms", 0, func(w *world) {
			t := w.tlsOf(0)
			t.ServerHello, t.ServerHelloFirst, w.k.Flows[0].FirstPayload[sv] = w.at(1400), w.at(1400), w.at(1400)
		}},
		{"tls-client-validation", "OCSP in the pause", 0, func(w *world) { w.c.Lookups = nil }},

		{"app-slow", "without a log", 0, func(w *world) { w.resend(w.conn(), cl, 1, 400, 1) }},
		{"app-slow", "without a log", 1, func(w *world) { w.said(w.first(), took(time.Millisecond)) }},
		{"app-slow", "without a log", 2, func(w *world) { w.first().Exchange.RequestLast = w.at(1690) }},
		{"upstream-error", "504", 0, func(w *world) { w.first().Exchange.Status = 200 }},
		{"queue-before-app", "a long wait, a short request time", 0, func(w *world) {
			l := w.first().Lines[0]
			l.Log.Events[l.Event].Duration = 580 * ms
		}},
		{"websocket-idle", "closed after six seconds of silence", 0, func(w *world) {
			n := w.websocket(60_000)
			n.FIN[sv] = pcapflow.Stamp{}
		}},
		{"client-gave-up", "FIN before an answer", 0, func(w *world) { w.conn().FIN[sv] = w.at(1900) }},
		{"slow-body", "trickles", 0, func(w *world) { w.resend(w.conn(), sv, 1, 1448, 3) }},
		{"slow-upload", "and the log agrees", 0, func(w *world) {
			w.conn().Stalls = []pcapflow.Stall{{Begin: w.at(1200), End: w.at(3000), Waiting: cl, Cause: pcapflow.StallZeroWindow}}
		}},
		{"slow-delivery", "the log says quick, segments repeated", 0, func(w *world) {
			l := w.first().Lines[0]
			l.Log.Events[l.Event].Duration = time.Second
		}},
		{"lingering-close", "five seconds too many", 0, func(w *world) { w.first().Exchange.ResponseLast = w.at(6190) }},
		{"server-limit", "no file descriptors", 0, func(w *world) { w.c.Incident.Logs[0].Events[0].Text = "open() failed (2: No such file or directory)" }},
		{"cold-start", "only the first is slow", 0, func(w *world) { w.request(3000, 3001) }},
		{"http2-head-of-line", "one loss, two streams", 0, func(w *world) { w.c.Journeys[1].Exchange.ResponseLast, w.c.Journeys[1].End = w.at(1150), w.at(1150) }},
		{"redirect-loop", "there and back", 0, func(w *world) {
			x := w.c.Journeys[3].Exchange
			x.Status, x.Location = 200, ""
		}},
		{"redirects", "pointed elsewhere", 0, func(w *world) { w.c.Journeys[1].Links = nil }},
		{"http-error", "three of three are 500", 0, func(w *world) {
			for i := range w.c.Incident.Logs[0].Events {
				w.c.Incident.Logs[0].Events[i].Status = 200
			}
		}},

		{"ssh-auth-failed", "three of one user", 1, func(w *world) {
			for i := range w.c.Incident.Logs[0].Events {
				w.c.Incident.Logs[0].Events[i].Kind = logparse.SSHAccepted
			}
		}},
		{"ssh-reverse-dns", "the PTR query is in the capture", 0, func(w *world) {
			w.first().SideLookups = nil
			w.sessionOf().Rounds[0].Reply = w.at(1300 + 3300)
		}},
		{"ssh-no-common-algorithm", "in the packets", 0, func(w *world) { w.sessionOf().NoCommon = "" }},
		{"ssh-host-key-changed", "a client refuses the second key", 0, func(w *world) {
			j, s := w.ssh(1040)
			j.Start, s.HostKey, s.HostKeySHA256 = w.at(1100), "ssh-ed25519", "A"
			w.c.Journeys[1].SSH.NewKeys[cl] = w.at(1231) // and nobody refuses one
		}},
		{"ssh-wrong-protocol", "only took the banner", 0, func(w *world) { w.sessionOf().ClientBanner = w.at(1045) }},
		{"ssh-late-banner", "three seconds", 0, func(w *world) { w.again1(w.conn(), sv, 3900) }},
		{"ssh-shed", "closed at once, no banner", 0, func(w *world) { w.sessionOf().ServerBanner = w.at(1040) }},
		{"ssh-slow-kex", "a second of computing", 1, func(w *world) { w.again1(w.conn(), sv, 2200) }},
		{"ssh-auth-backend", "three seconds of PAM", 1, func(w *world) {
			s := w.sessionOf()
			s.Rounds[0].Result, s.Rounds[0].None, s.Rounds[0].Reply = "failure", true, w.at(6320)
			t := w.try("PTR", "11.0.1.10.in-addr.arpa", 1310, 0, "")
			w.first().SideLookups = []*correlate.Lookup{{Capture: w.k, Client: w.first().Server.Addr(), Name: t.Name, Tries: []correlate.Try{t}, Start: t.Query}}
		}},
		{"ssh-slow-session", "two seconds to the first output", 0, func(w *world) { w.again1(w.conn(), sv, 3500) }},
		{"ssh-slow-delivery", "an answer lost during the login", 0, func(w *world) { w.conn().Retransmissions, w.conn().Count[sv].Retransmitted = nil, 0 }},

		{"quic-blocked", "silence, and TCP 300 ms later", 0, func(w *world) { w.answered() }},
		{"quic-failed", "no version in common", 0, func(w *world) { w.answered() }},
		{"quic-extra-round-trip", "Retry", 0, func(w *world) { flow(w.first()).QUIC.Retry = false }},
		{"quic-slow-handshake", "answered late without a repetition", 0, func(w *world) { flow(w.c.Journeys[1]).QUIC.ServerHello = w.at(1020) }},
		{"ssh-disconnected", "the key is not trusted", 0, func(w *world) { w.first().SSH.Auth = "success" }},
		{"ntp-refused", "the server's ICMP to one of two", 0, func(w *world) {
			j := w.first()
			j.NTP.Response, j.NTP.Refused, j.Phases[0].Outcome = pcapflow.NTPMessage{Stamp: w.at(1020), Mode: 4, Stratum: 2, Rec: 1 << 32, Xmt: 1<<32 + 1<<20, Ref: 1 << 31}, pcapflow.Stamp{}, pcapflow.Done
		}},
		{"ntp-useless-answer", "another time stamp", 0, func(w *world) {
			w.first().NTP.Response = pcapflow.NTPMessage{Stamp: w.at(1020), Mode: 4, Stratum: 2, Rec: 1 << 32, Xmt: 1<<32 + 1<<20, Ref: 1 << 31}
		}},
		{"ntp-unanswered", "none of three", 0, func(w *world) {
			for _, j := range w.c.Journeys {
				j.NTP.Response = pcapflow.NTPMessage{Stamp: w.at(1020), Mode: 4, Stratum: 2, Rec: 1 << 32, Xmt: 1<<32 + 1<<20, Ref: 1 << 31}
			}
		}},
		{"ntp-kiss-o-death", "RATE", 0, func(w *world) { w.first().NTP.Response.Kiss, w.first().NTP.Response.Stratum = "", 2 }},
		{"ntp-bad-server", "one of three disagrees", 0, func(w *world) { w.clk().Segments[0] = known(0, 0, ms) }},
		{"ntp-not-applied", "five good answers, still off", 0, func(w *world) { w.clk().Segments = append(w.clk().Segments, stepBefore(known(0, 0, ms))) }},
		{"ntp-asymmetric-path", "only packets seen twice", 0, func(w *world) {
			w.clk().Supports = append(w.clk().Supports, clock.Support{Method: clock.NTP, Count: 4})
		}},
		{"clock-stepped", "by a second", 0, func(w *world) { w.clk().Segments[1].StepBefore = false }},
		{"clock-offset", "two seconds", 0, func(w *world) { w.clk().Segments[0] = known(15*ms, 15*ms, 20*ms) }},
		{"clock-drift", "60 ms in ten minutes", 0, func(w *world) {
			w.clk().Segments = []clock.Segment{known(0, 0, ms), stepBefore(known(60*ms, 60*ms, ms))}
		}},
		{"clock-zone", "an hour", 0, func(w *world) { w.clk().Segments[0] = known(51*time.Minute, 51*time.Minute, 5*ms) }},
		{"clock-year-inferred", "no year", 0, func(w *world) { w.c.Incident.Logs[0].Events[0].YearInferred = false }},
		{"clock-too-uncertain", "± a second beside requests of 30 ms", 0, func(w *world) { w.clk().Segments[0] = known(0, 0, 5*ms) }},
		{"slower-than-normal", "over the budget", 1, func(w *world) { w.budget(2) }},
		{"healthy", "an ordinary request", 0, func(w *world) { w.request(1700, 1701) }},
		{"healthy", "an ordinary request", 1, func(w *world) {
			w.log("curl", logparse.Event{Kind: logparse.ClientHTTP, Timing: &logparse.Timing{Exit: 28}})
		}},
	}
}

// tooBig is a router's word about the MTU of the first connection.
func (w *world) tooBig() {
	w.k.Flows[0].ICMP = []pcapflow.ICMPError{{Stamp: w.at(1040), Type: 3, Code: 4, MTU: 1300}}
}

// answered lets the first attempt over QUIC in.
func (w *world) answered() {
	q, p := quicOf(w.first())
	q.Answer, q.ServerHello, q.HandshakeEnd = w.at(1220), w.at(1220), w.at(1222)
	p.Outcome, p.End = pcapflow.Estimated, q.HandshakeEnd
}

// copies makes the repetitions copies of the capture's own.
func (w *world) copies() {
	w.conn().Retransmissions = nil
	w.conn().Count[sv].Retransmitted, w.conn().Count[sv].Duplicates = 0, 1
}

// TestNearMisses: every rule speaks in some case, and is silent in the same case
// where what refutes it happens.
func TestNearMisses(t *testing.T) {
	tried := map[string]bool{}
	for _, x := range misses() {
		t.Run(x.rule, func(t *testing.T) {
			r := Find(x.rule)
			if r == nil || x.refuter >= len(r.Refuters) {
				t.Fatal("no such refuter")
			}
			for _, tr := range allTrials() {
				if tr.rule != x.rule || tr.name != x.trial {
					continue
				}
				w := newWorld()
				tr.build(w)
				if !tr.fires || len(spoken(w, r)) == 0 {
					t.Fatalf("%q does not fire", x.trial)
				}
				w = newWorld()
				tr.build(w)
				x.happens(w)
				if f := spoken(w, r); len(f) > 0 {
					t.Fatalf("speaks though %s: %s (%s)", r.Refuters[x.refuter].EN, f[0].Text, f[0].Confidence)
				}
				tried[x.rule] = true
				return
			}
			t.Fatalf("there is no trial %q", x.trial)
		})
	}
	for _, r := range Rules() {
		if !tried[r.Name] {
			t.Errorf("%s: no near miss", r.Name)
		}
	}
}

// spoken are the findings of a rule that say something: that all is well cannot
// be said is none.
func spoken(w *world, r *Rule) []Finding {
	var out []Finding
	for _, f := range of(w.run(), r.Name) {
		if r.Name != "healthy" || f.Confidence != NotEvaluable {
			out = append(out, f)
		}
	}
	return out
}
