package pcapflow

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/flowcorr/flowcorr/internal/need"
)

func arpFrame(t *testing.T, op uint16, mac byte, from, to byte) []byte {
	broadcast := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, mac}, DstMAC: []byte{255, 255, 255, 255, 255, 255}, EthernetType: layers.EthernetTypeARP}
	return build(t, broadcast, &layers.ARP{
		AddrType: 1, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
		SourceHwAddress: []byte{2, 0, 0, 0, 0, mac}, SourceProtAddress: []byte{10, 0, 0, from},
		DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 0, to},
	})
}

// TestARP: attempts, an answer, a second and different answer, no answer, and
// an announcement.
func TestARP(t *testing.T) {
	r, err := Analyse(frames(linkEthernet,
		arpFrame(t, 1, 1, 1, 2), arpFrame(t, 1, 1, 1, 2), arpFrame(t, 2, 2, 2, 1), arpFrame(t, 2, 9, 2, 1),
		arpFrame(t, 1, 1, 1, 3), arpFrame(t, 1, 1, 1, 3), arpFrame(t, 1, 4, 4, 4)), Options{})
	if err != nil || len(r.Neighbours) != 3 {
		t.Fatalf("%v %+v", err, r.Neighbours)
	}
	a, b, c := r.Neighbours[0], r.Neighbours[1], r.Neighbours[2]
	if len(a.Requests) != 2 || a.Reply.Frame != 3 || a.MAC[5] != 2 || len(a.Others) != 1 || a.Others[0][5] != 9 || a.Target != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("answered twice: %+v", a)
	}
	if len(b.Requests) != 2 || b.Reply.Seen() {
		t.Errorf("not answered: %+v", b)
	}
	if !c.Gratuitous || c.MAC[5] != 4 {
		t.Errorf("announced: %+v", c)
	}
}

// TestND on a capture of a solicitation, its advertisement and an echo.
func TestND(t *testing.T) {
	r, err := Analyse(readPackets(t, need.Shared(t, "captures/practical-packet-analysis/icmpv6_neighbor_solicitation.pcapng")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	answered := 0
	for _, n := range r.Neighbours {
		if n.Protocol == "nd" && len(n.Requests) > 0 && n.Reply.Seen() && n.MAC != [6]byte{} {
			answered++
		}
	}
	if answered == 0 {
		t.Errorf("%+v", r.Neighbours)
	}
	if len(r.Echoes) == 0 || !r.Echoes[0].Reply.Seen() {
		t.Errorf("echoes %+v", r.Echoes)
	}
}

// TestICMPErrors are tied to the flow that they quote.
func TestICMPErrors(t *testing.T) {
	asked := build(t, ether4, inner4, udpLayer(inner4, 5000, 6000), pay)
	back := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{10, 0, 0, 9}, DstIP: []byte{10, 0, 0, 1}}
	quote := func(code layers.ICMPv4TypeCode, seq uint16, ip []byte) []byte {
		return build(t, ether4, back, &layers.ICMPv4{TypeCode: code, Seq: seq}, gopacket.Payload(ip))
	}
	port := layers.CreateICMPv4TypeCode(3, 3)
	r, err := Analyse(frames(linkEthernet,
		asked, quote(port, 0, asked[14:14+28]),
		quote(layers.CreateICMPv4TypeCode(3, 4), 1400, asked[14:14+28]),
		quote(port, 0, build(t, inner4, udpLayer(inner4, 1, 2), pay)[:28]),
		quote(port, 0, []byte{0x45})), Options{})
	if err != nil || len(r.Flows) != 1 {
		t.Fatalf("%v %+v", err, r.Flows)
	}
	x := r.Flows[0].ICMP
	if len(x) != 2 || x[0].Text != "port unreachable" || x[0].From != netip.MustParseAddr("10.0.0.9") || x[1].MTU != 1400 || x[0].Target.Port() != 6000 {
		t.Errorf("%+v", x)
	}
	if len(r.ICMP) != 2 {
		t.Errorf("of no flow: %+v", r.ICMP)
	}
}

// TestRefusedByICMP: an error that quotes the SYN ends the attempt.
func TestRefusedByICMP(t *testing.T) {
	w := &wire{}
	w.tcp(0, Client, flagSYN, 0, 0, "")
	back := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{10, 0, 0, 9}, DstIP: []byte{10, 0, 0, 1}}
	w.now += 5e6
	w.add(build(t, ether4, back, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 10)}, gopacket.Payload(w.list[0].Data[14:42])))
	p := w.only(t).Phases
	if len(p) != 1 || p[0].Outcome != Refused || p[0].Note != "host prohibited" || p[0].End.Frame != 2 {
		t.Errorf("%+v", p)
	}
}

// TestRedirects name the better next hop, and refuse nothing; cut ones are read as far
// as they go.
func TestRedirects(t *testing.T) {
	asked := build(t, ether4, inner4, udpLayer(inner4, 5000, 6000), pay)
	back := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{10, 0, 0, 9}, DstIP: []byte{10, 0, 0, 1}}
	four := build(t, ether4, back, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(5, 1), Id: 0x0a00, Seq: 0x0063}, gopacket.Payload(asked[14:42]))
	r, err := Analyse(frames(linkEthernet, asked, four), Options{})
	if err != nil || len(r.Flows) != 1 || len(r.Flows[0].ICMP) != 1 {
		t.Fatalf("%v %+v", err, r.Flows)
	}
	if x := r.Flows[0].ICMP[0]; x.Text != "redirect of host" || x.Better != netip.MustParseAddr("10.0.0.99") || refusal(r.Flows[0].ICMP) != nil {
		t.Errorf("%+v", x)
	}

	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: netip.MustParseAddr("2001:db8::1").AsSlice(), DstIP: netip.MustParseAddr("2001:db8::2").AsSlice()}
	quoted := build(t, ip, udpLayer(ip, 5000, 6000), pay)
	body := append(make([]byte, 0, 100), netip.MustParseAddr("fe80::cafe").AsSlice()...)
	body = append(append(body, netip.MustParseAddr("2001:db8::2").AsSlice()...), 2, 1, 2, 2, 2, 2, 2, 2, 4, 8, 0, 0, 0, 0, 0, 0)
	router := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: netip.MustParseAddr("fe80::1").AsSlice(), DstIP: ip.SrcIP}
	head := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(137, 0)}
	head.SetNetworkLayerForChecksum(router)
	for _, x := range []struct {
		quote []byte
		port  uint16
	}{{quoted, 6000}, {nil, 0}} {
		r, err := Analyse(frames(linkEthernet, build(t, &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv6}, router, head, gopacket.Payload(append([]byte{0, 0, 0, 0}, append(slices.Clone(body), x.quote...)...)))), Options{})
		if err != nil || len(r.ICMP) != 1 {
			t.Fatalf("%v %+v", err, r)
		}
		if e := r.ICMP[0]; e.Text != "redirect" || e.Better != netip.MustParseAddr("fe80::cafe") || e.Target != netip.AddrPortFrom(netip.MustParseAddr("2001:db8::2"), x.port) {
			t.Errorf("%+v", e)
		}
	}
}
