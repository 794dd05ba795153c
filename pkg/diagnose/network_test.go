package diagnose

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// trial is one case of a rule: what it is told, and whether it must speak.
type trial struct {
	rule, name string
	build      func(w *world)
	fires      bool
	confidence Confidence // where it fires
}

const (
	cl = pcapflow.Client
	sv = pcapflow.Server
)

// twoPoints adds the view of another capture of the first journey's flow.
func (w *world) twoPoints(j *correlate.Journey, v pcapflow.Vantage) *pcapflow.Conn {
	n := *j.Points[0].Flow.Conn
	f := *j.Points[0].Flow
	n.Vantage, f.Conn = v, &n
	n.RST = nil
	j.Points = append(j.Points, correlate.Point{Capture: w.k, Flow: &f})
	return &n
}

var networkTrials = []trial{
	{"mtu-black-hole", "full-size segments repeated, small ones acknowledged", func(w *world) {
		_, n := w.tcp(6000)
		n.Count[sv].LargestAcked, n.AckedTo[sv] = 1200, 1201
		w.resend(n, sv, 1201, 1448, 4)
	}, true, High},
	{"mtu-black-hole", "seen by the receiver", func(w *world) {
		_, n := w.tcp(6000)
		n.Count[sv].Largest, n.Holes[sv] = 300, pcapflow.Hole{Since: w.at(1050), Seq: 301, Bytes: 1448}
	}, true, Medium},
	{"mtu-black-hole", "as large a segment was acknowledged", func(w *world) {
		_, n := w.tcp(6000)
		n.Count[sv].LargestAcked, n.AckedTo[sv] = 1448, 1449
		w.resend(n, sv, 1449, 1448, 4)
	}, false, 0},
	{"mtu-black-hole", "a router named the MTU", func(w *world) {
		j, n := w.tcp(6000)
		n.Count[sv].LargestAcked, n.AckedTo[sv] = 1200, 1201
		w.resend(n, sv, 1201, 1448, 4)
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1040), Type: 3, Code: 4, MTU: 1300}}
	}, false, 0},
	{"mtu-black-hole", "one repetition that was acknowledged", func(w *world) {
		_, n := w.tcp(600)
		n.Count[sv].LargestAcked, n.AckedTo[sv] = 1200, 3000
		w.resend(n, sv, 1201, 1448, 1)
	}, false, 0},
	{"mtu-black-hole", "only one direction captured", func(w *world) {
		j, n := w.tcp(6000)
		n.Count[sv].LargestAcked = 100
		w.resend(n, sv, 1201, 1448, 4)
		j.Points[0].Flow.Packets[cl] = 0
	}, false, 0},
	{"ssh-kex-stall", "KEXINIT does not pass", func(w *world) {
		j, n := w.tcp(8000)
		j.SSH = &pcapflow.SSH{ServerBanner: w.at(1040)}
		n.Count[cl].LargestAcked, n.AckedTo[cl] = 41, 42
		w.resend(n, cl, 42, 1448, 4)
	}, true, High},
	{"ssh-kex-stall", "small segments behind it draw no answer either", func(w *world) {
		j, n := w.tcp(8000)
		j.SSH = &pcapflow.SSH{ServerBanner: w.at(1040)}
		n.Count[cl].LargestAcked, n.AckedTo[cl] = 41, 42
		w.resend(n, cl, 42, 1448, 4)
		w.resend(n, cl, 1490, 500, 1)
	}, false, 0},
	{"ssh-kex-stall", "small segments behind it are answered", func(w *world) {
		j, n := w.tcp(8000)
		j.SSH = &pcapflow.SSH{ServerBanner: w.at(1040)}
		n.Count[cl].LargestAcked, n.AckedTo[cl], n.Count[sv].DupACKs = 41, 42, 1
		w.resend(n, cl, 42, 1448, 4)
		w.resend(n, cl, 1490, 500, 1)
	}, true, High},
	{"ssh-kex-stall", "plain loss, then NEWKEYS", func(w *world) {
		j, n := w.tcp(8000)
		j.SSH = &pcapflow.SSH{NewKeys: [2]pcapflow.Stamp{w.at(1400), w.at(1410)}}
		w.resend(n, cl, 42, 1448, 1)
		n.AckedTo[cl] = 4000
	}, false, 0},
	{"mtu-discovered-late", "ICMP with an MTU, then smaller segments", func(w *world) {
		j, n := w.tcp(500)
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1040), Type: 3, Code: 4, MTU: 1300, Source: server, Target: client}}
		w.resend(n, sv, 1, 1248, 2)
	}, true, High},
	{"mtu-discovered-late", "the sender went on as before", func(w *world) {
		j, n := w.tcp(500)
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1040), Type: 3, Code: 4, MTU: 1300, Source: server, Target: client}}
		w.resend(n, sv, 1, 1448, 2)
	}, true, Medium},
	{"mtu-discovered-late", "no ICMP", func(w *world) {
		_, n := w.tcp(500)
		w.resend(n, sv, 1, 1248, 2)
	}, false, 0},
	{"refused-by-network", "prohibited by a router", func(w *world) {
		j, n := w.tcp(30)
		n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1010), Type: 3, Code: 13, From: netip.MustParseAddr("10.1.0.1"), Source: client, Target: server, Text: "administratively prohibited"}}
	}, true, High},
	{"refused-by-network", "the error quotes an answer that came too late", func(w *world) {
		j, n := w.tcp(30)
		n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1010), Type: 3, Code: 3, Source: server, Target: client}}
	}, false, 0},
	{"routing-loop", "after 64 hops", func(w *world) { w.expired(64, 64) }, true, High},
	{"routing-loop", "after few", func(w *world) { w.expired(7) }, false, 0},
	{"routing-loop", "a traceroute of 40 hops", func(w *world) { w.expired(10, 20, 30, 40) }, false, 0},
	{"routing-loop", "the server answered", func(w *world) { w.expired(64); w.k.Flows[0].Packets[sv] = 1 }, false, 0},
	{"refused-by-network", "no ICMP", func(w *world) { w.tcp(30) }, false, 0},
	{"injected-reset", "another TTL", func(w *world) {
		_, n := w.tcp(300)
		n.RST = []pcapflow.Reset{{Stamp: w.at(1300), Dir: sv, TTL: 64, Odd: true}}
	}, true, Medium},
	{"injected-reset", "and the server's capture has no RST", func(w *world) {
		j, n := w.tcp(300)
		n.RST = []pcapflow.Reset{{Stamp: w.at(1300), Dir: sv, TTL: 64, Odd: true}}
		w.twoPoints(j, pcapflow.VantageServer)
	}, true, High},
	{"injected-reset", "the server's own TTL", func(w *world) {
		_, n := w.tcp(300)
		n.RST = []pcapflow.Reset{{Stamp: w.at(1300), Dir: sv, TTL: 63}}
	}, false, 0},
	{"injected-reset", "after both sides had closed", func(w *world) {
		_, n := w.tcp(300)
		n.FIN = [2]pcapflow.Stamp{w.at(1200), w.at(1210)}
		n.RST = []pcapflow.Reset{{Stamp: w.at(1300), Dir: sv, TTL: 64, Odd: true}}
	}, false, 0},
	{"accept-queue-full", "the SYN-ACK is repeated where the ACK had come", func(w *world) {
		_, n := w.tcp(4000)
		n.Vantage = pcapflow.VantageServer
		n.SYNACK = append(n.SYNACK, w.at(2020), w.at(4020))
	}, true, High},
	{"accept-queue-full", "ss shows more waiting than have room, SYNs repeated", func(w *world) {
		_, n := w.tcp(4000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
		w.log("socket-state", logparse.Event{Kind: logparse.HostState, Process: "ss", Outcome: "LISTEN", Server: netip.MustParseAddrPort("0.0.0.0:443"),
			Values: []logparse.Value{{Name: "recv-q", Number: 5}, {Name: "send-q", Number: 4}}})
	}, true, Medium},
	{"accept-queue-full", "the counters stayed at 0", func(w *world) {
		_, n := w.tcp(4000)
		n.Vantage = pcapflow.VantageServer
		n.SYNACK = append(n.SYNACK, w.at(2020))
		w.log("socket-state", logparse.Event{Kind: logparse.HostState, Process: "nstat", Values: []logparse.Value{{Name: "TcpExtListenOverflows"}}})
	}, false, 0},
	{"accept-queue-full", "the server waits for the data of a client that sends none", func(w *world) {
		j, n := w.tcp(9000)
		j.Points[0].Flow.FirstPayload[cl], n.Vantage = pcapflow.Stamp{}, pcapflow.VantageServer
		n.SYNACK = append(n.SYNACK, w.at(5020))
	}, false, 0},
	{"accept-queue-full", "the client sends nothing, and the SYN-ACK is repeated by its first timer", func(w *world) {
		j, n := w.tcp(9000)
		j.Points[0].Flow.FirstPayload[cl], n.Vantage = pcapflow.Stamp{}, pcapflow.VantageServer
		n.SYNACK = append(n.SYNACK, w.at(2020), w.at(4020))
	}, true, High},
	{"accept-queue-full", "SYNs within one host are ignored while others are served", func(w *world) { w.local(client) }, true, Medium},
	{"syn-lost", "SYNs within one host are ignored while others are served", func(w *world) { w.local(client) }, false, 0},
	{"accept-queue-full", "SYNs are repeated from another host", func(w *world) { w.local(netip.MustParseAddrPort("10.1.0.12:40000")) }, false, 0},
	{"accept-queue-full", "one lost SYN", func(w *world) {
		_, n := w.tcp(2000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
	}, false, 0},
	{"neighbour-wait", "nobody answered", func(w *world) {
		j, _ := w.tcp(3000)
		r := &pcapflow.Resolution{Target: server.Addr(), Requests: []pcapflow.Stamp{w.at(1000), w.at(2000)}}
		j.Neighbour, w.k.Neighbours = r, []*pcapflow.Resolution{r}
		j.Phases = append(j.Phases, correlate.Phase{Capture: w.k, Phase: pcapflow.Phase{Name: pcapflow.L2Resolve, Begin: r.Requests[0]}})
	}, true, High},
	{"neighbour-wait", "answered at once", func(w *world) {
		j, _ := w.tcp(300)
		r := &pcapflow.Resolution{Target: server.Addr(), Requests: []pcapflow.Stamp{w.at(999)}, Reply: w.at(1000)}
		j.Neighbour = r
		j.Phases = append(j.Phases, correlate.Phase{Capture: w.k, Phase: pcapflow.Phase{Name: pcapflow.L2Resolve, Begin: r.Requests[0], End: r.Reply}})
	}, false, 0},
	{"neighbour-wait", "a server that asks in vain while its client waits", func(w *world) { w.absent(1150) }, true, High},
	{"neighbour-wait", "no ARP captured", func(w *world) { w.tcp(3000) }, false, 0},
	{"duplicate-address", "two answers", func(w *world) {
		w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Target: server.Addr(), Reply: w.at(1), MAC: [6]byte{2, 1}, Others: [][6]byte{{2, 2}}}}
	}, true, Medium},
	{"duplicate-address", "two answers, and one of the two refuses", func(w *world) {
		_, n := w.tcp(100)
		n.SYNACK, n.RST = nil, []pcapflow.Reset{{Stamp: w.at(1020), Dir: sv, TTL: 63}}
		w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Target: server.Addr(), Reply: w.at(1), MAC: [6]byte{2, 1}, Others: [][6]byte{{2, 2}}}}
	}, true, High},
	{"duplicate-address", "one answer", func(w *world) {
		w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Target: server.Addr(), Reply: w.at(1), MAC: [6]byte{2, 1}}}
	}, false, 0},
	{"duplicate-address", "an answer nobody asked for, and packets that come from it", func(w *world) { w.takeover(1000) }, true, Medium},
	{"duplicate-address", "packets that came from it before it answered", func(w *world) { w.takeover(3000) }, false, 0},
	{"path-changed", "another TTL", func(w *world) {
		_, n := w.tcp(100)
		n.Rerouted[sv] = pcapflow.Reroute{Stamp: w.at(1050), From: 63, To: 61, Changes: 1}
	}, true, Low},
	{"path-changed", "the same TTL", func(w *world) { w.tcp(100) }, false, 0},
	{"syn-unanswered", "answers that never arrived", func(w *world) {
		j, n := w.tcp(4000)
		n.SYN, n.SYNACK, n.ACK = append(n.SYN, w.at(2000)), append(n.SYNACK, w.at(2020)), pcapflow.Stamp{}
		j.Points[0].Flow.Payload = [2]int64{}
	}, true, Medium},
	{"syn-unanswered", "refused by ICMP", func(w *world) {
		j, n := w.tcp(4000)
		n.SYN, n.SYNACK, n.ACK = append(n.SYN, w.at(2000)), nil, pcapflow.Stamp{}
		j.Points[0].Flow.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1010), Type: 3, Code: 1}}
	}, false, 0},
	{"ssh-late-banner", "TCP stands, sshd says nothing", func(w *world) {
		j, _ := w.tcp(8000)
		j.Service, j.Points[0].Flow.Payload[sv] = "ssh", 0
		j.Server = netip.MustParseAddrPort("10.2.0.10:22")
	}, true, Medium},
	{"ssh-late-banner", "the capture lacks the server's side", func(w *world) {
		j, n := w.tcp(8000)
		j.Service, j.Points[0].Flow.Packets[sv], n.SYNACK = "ssh", 0, nil
		j.Server = netip.MustParseAddrPort("10.2.0.10:22")
	}, false, 0},
	{"receiver-limited", "closed window", func(w *world) {
		_, n := w.tcp(3000)
		n.Stalls = []pcapflow.Stall{{Begin: w.at(1100), End: w.at(2600), Waiting: sv, Cause: pcapflow.StallZeroWindow}}
	}, true, High},
	{"receiver-limited", "a timeout", func(w *world) {
		_, n := w.tcp(3000)
		n.Stalls = []pcapflow.Stall{{Begin: w.at(1100), End: w.at(2600), Waiting: sv, Cause: pcapflow.StallTimeout}}
	}, false, 0},
	{"nagle-delayed-ack", "held back", func(w *world) {
		_, n := w.tcp(300)
		n.Stalls = []pcapflow.Stall{{Begin: w.at(1100), End: w.at(1140), Waiting: cl, Cause: pcapflow.StallDelayedACK}}
	}, true, High},
	{"nagle-delayed-ack", "no stall", func(w *world) { w.tcp(300) }, false, 0},
	{"path-full", "a second at two megabits", func(w *world) { w.narrow(1900 * ms) }, true, Medium},
	{"path-full", "and the log agrees", func(w *world) { w.said(w.narrow(1900*ms), took(1900*ms)) }, true, High},
	{"path-full", "the server paused for most of it", func(w *world) { w.narrow(600 * ms) }, false, 0},
	{"path-full", "with losses", func(w *world) {
		j := w.narrow(1900 * ms)
		w.resend(j.Points[0].Flow.Conn, sv, 1, 1448, 3)
	}, false, 0},
	{"path-full", "too little to show a rate", func(w *world) { w.narrow(1900 * ms).Points[0].Flow.Conn.Talk.Turns[0].Bytes = 20000 }, false, 0},
	{"window-limited", "window full again and again", func(w *world) {
		_, n := w.tcp(3000)
		n.Count[sv] = pcapflow.Counters{WindowFull: 9, MaxInFlight: 65535}
	}, true, Medium},
	{"window-limited", "with losses", func(w *world) {
		_, n := w.tcp(3000)
		n.Count[sv] = pcapflow.Counters{WindowFull: 9, MaxInFlight: 65535, Retransmitted: 3}
	}, false, 0},
	{"bufferbloat", "round trip grows tenfold", func(w *world) {
		_, n := w.tcp(3000)
		n.Samples[cl], n.Count[sv].MaxInFlight = pcapflow.RTTStats{N: 50, Min: 20e6, P50: 100e6, P95: 220e6}, 1e6
	}, true, Medium},
	{"bufferbloat", "as the capture at the server shows, not the client's", func(w *world) {
		_, at := w.seenAtServer(3000)
		at.Samples[cl], at.Count[sv].MaxInFlight = pcapflow.RTTStats{N: 50, Min: 20e6, P50: 100e6, P95: 220e6}, 1e6
	}, true, Medium},
	{"window-limited", "as the capture at the server shows, not the client's", func(w *world) {
		_, at := w.seenAtServer(3000)
		at.Count[sv] = pcapflow.Counters{WindowFull: 9, MaxInFlight: 65535}
	}, true, Medium},
	{"window-limited", "full, and no hindrance", func(w *world) {
		_, n := w.request(1130, 1150)
		n.Count[sv] = pcapflow.Counters{WindowFull: 9, MaxInFlight: 65535}
	}, false, 0},
	{"bufferbloat", "three connections that carried little, slow from beginning to end", func(w *world) { w.swollen(3, 240e6) }, true, Medium},
	{"bufferbloat", "handshakes that were slow, and answers that were not", func(w *world) { w.swollen(3, 21e6) }, false, 0},
	{"bufferbloat", "two such connections", func(w *world) { w.swollen(2, 240e6) }, false, 0},
	{"bufferbloat", "with little in flight", func(w *world) {
		_, n := w.tcp(3000)
		n.Samples[cl], n.Count[sv].MaxInFlight = pcapflow.RTTStats{N: 50, Min: 20e6, P50: 100e6, P95: 220e6}, 3000
	}, false, 0},
	{"nat-state-lost", "RST after an hour of silence", func(w *world) {
		_, n := w.tcp(3600_000)
		n.Idle = [2]pcapflow.Stamp{w.at(2000), w.at(3600_000)}
		n.RST = []pcapflow.Reset{{Stamp: w.at(3600_020), Dir: sv, TTL: 63}}
	}, true, Medium},
	{"nat-state-lost", "RST after an hour of silence, at the server's side alone, by the device's TTL", func(w *world) {
		_, n := w.seenAtServer(3600_000)
		n.Idle = [2]pcapflow.Stamp{w.at(2000), w.at(3600_000)}
		n.RST = []pcapflow.Reset{{Stamp: w.at(3600_020), Dir: cl, TTL: 64}}
	}, true, Medium},
	{"injected-reset", "after an hour of silence: its device had forgotten the connection", func(w *world) {
		_, n := w.seenAtServer(3600_000)
		n.Idle = [2]pcapflow.Stamp{w.at(2000), w.at(3600_000)}
		n.RST = []pcapflow.Reset{{Stamp: w.at(3600_020), Dir: cl, TTL: 64}}
	}, false, 0},
	{"nat-state-lost", "keep-alives flowed", func(w *world) {
		_, n := w.tcp(3600_000)
		n.Idle = [2]pcapflow.Stamp{w.at(2000), w.at(3600_000)}
		n.Count[cl].KeepAlives = 50
		n.RST = []pcapflow.Reset{{Stamp: w.at(3600_020), Dir: sv, TTL: 63}}
	}, false, 0},
	{"stale-keepalive", "FIN instead of an answer", func(w *world) {
		j, n := w.tcp(3000)
		j.Ordinal, j.Exchange = 2, &pcapflow.Exchange{Ordinal: 2, RequestFirst: w.at(3980), RequestLast: w.at(3980)}
		n.FIN[sv] = w.at(3990)
	}, true, Medium},
	{"stale-keepalive", "closed long before", func(w *world) {
		j, n := w.tcp(3000)
		j.Ordinal, j.Exchange = 2, &pcapflow.Exchange{Ordinal: 2, RequestFirst: w.at(3980), RequestLast: w.at(3980)}
		n.FIN[sv] = w.at(2000)
	}, false, 0},
}

// TestScan: many ports of one host tried in vain are one note, not many errors.
func TestScan(t *testing.T) {
	w := newWorld()
	for port := range uint16(40) {
		j, n := w.tcp(3000)
		n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
		j.Server = netip.AddrPortFrom(server.Addr(), port+1)
	}
	f := of(Run(w.c, Options{}), "syn-unanswered")
	if len(f) != 1 || f[0].Severity != Note || len(f[0].Journeys) != 40 {
		t.Errorf("%d findings: %+v", len(f), f)
	}
}

// TestHalfSeen: traffic of which one direction is missing is not called healthy.
func TestHalfSeen(t *testing.T) {
	for packets, want := range map[int64]int{0: 0, 5: 1} {
		w := newWorld()
		j, _ := w.tcp(300)
		j.Points[0].Flow.Packets[sv] = packets
		if f := of(Run(w.c, Options{}), "healthy"); len(f) != want {
			t.Errorf("%d packets of the server: %+v", packets, f)
		}
	}
}

// seenAtServer is a connection that ends at ms, captured at both ends: what the
// capture at its server has of it can be changed.
func (w *world) seenAtServer(ms int) (*correlate.Journey, *pcapflow.Conn) {
	j, n := w.tcp(ms)
	n.RTTClient = 1e5
	at := *j.Points[0].Flow
	at.Conn = &pcapflow.Conn{SYN: n.SYN, SYNACK: n.SYNACK, ACK: n.ACK, RTT: n.RTT, RTTServer: 1e5, RTTClient: 20e6}
	j.Points = append(j.Points, correlate.Point{Capture: w.k, Flow: &at})
	return j, at.Conn
}

// swollen are a usual connection, and as many whose handshake took 250 ms, and
// every acknowledgement after it at least so long.
func (w *world) swollen(many int, least int64) {
	w.tcp(100)
	for range many {
		_, n := w.tcp(2000)
		n.RTT, n.RTTServer = 250e6, 250e6
		n.Samples[sv] = pcapflow.RTTStats{N: 4, Min: least, P50: least, P95: least}
	}
}

// takeover is a server whose packets come from one link address, and in a second
// flow at 2000 ms from another, which said at so many ms that it is the gateway.
func (w *world) takeover(said int) {
	j, _ := w.tcp(100)
	before := j.Points[0].Flow
	after := *before
	before.MAC[sv], after.MAC[sv] = [6]byte{2, 1}, [6]byte{2, 2}
	before.Start, after.Start = w.at(500), w.at(2000)
	before.Packets, after.Packets = [2]int64{9, 9}, [2]int64{9, 9}
	w.k.Flows = []*pcapflow.Flow{before, &after}
	w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Target: netip.MustParseAddr("10.1.0.254"), Reply: w.at(said), MAC: [6]byte{2, 2}}}
}

// local are two connections from an address to the client's own, the first with its
// SYN repeated.
func (w *world) local(from netip.AddrPort) {
	for i := range 2 {
		j, n := w.tcp(2000)
		j.Client, j.Server = from, netip.AddrPortFrom(client.Addr(), 7000)
		f := j.Points[0].Flow
		f.Client, f.Server = j.Client, j.Server
		if i == 0 {
			n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
		}
	}
}

// expired adds a connection for each time to live, which ran out on the way.
func (w *world) expired(lives ...uint8) {
	for _, ttl := range lives {
		j, n := w.tcp(30)
		n.SYNACK, n.ACK = nil, pcapflow.Stamp{}
		f := j.Points[0].Flow
		f.TTL[cl], f.Packets[sv] = ttl, 0
		f.ICMP = []pcapflow.ICMPError{{Stamp: w.at(1010), Type: 11, From: netip.MustParseAddr("10.1.0.1"), Source: f.Client, Target: f.Server, Text: "TTL exceeded"}}
	}
}

// narrow is a request whose answer of 500 kB takes two seconds, in which the path alone
// held the server back for so long.
func (w *world) narrow(full time.Duration) *correlate.Journey {
	j, n := w.request(1130, 3130)
	held := &pcapflow.Held{}
	held[pcapflow.LimitBandwidth] = int64(full)
	n.Talk = &pcapflow.Talk{Turns: []pcapflow.Turn{{Dir: sv, First: j.Exchange.ResponseFirst, Last: j.Exchange.ResponseLast, Bytes: 500_000, Segments: 350, Held: held}}}
	return j
}

// absent is a login whose server asks in vain for a neighbour, from ms on; its client
// waits for it from 1100 ms to 2600.
func (w *world) absent(ms int) {
	_, s := w.ssh(1040)
	s.Rounds = []pcapflow.AuthRound{{Request: w.at(1100), Reply: w.at(2600), Result: "success"}}
	w.k.Neighbours = []*pcapflow.Resolution{{Protocol: "arp", Asker: server.Addr(), Target: netip.MustParseAddr("10.2.0.53"),
		Requests: []pcapflow.Stamp{w.at(ms), w.at(ms + 1000)}}}
}

// TestHeldByAbsent: who asks for a neighbour in vain keeps those waiting whose wait
// mostly passes with that, and no others.
func TestHeldByAbsent(t *testing.T) {
	for ms, held := range map[int]int{1150: 1, 2500: 0, 900: 0} {
		w := newWorld()
		w.absent(ms)
		f := of(w.run(), "neighbour-wait")
		if len(f) != 1 || len(f[0].Journeys) != held || (f[0].Severity == Warning) != (held > 0) {
			t.Errorf("asked at %d ms: %+v, want one that holds %d journeys", ms, f, held)
		}
	}
}
