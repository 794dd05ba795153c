package pcapflow

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// build serialises layers with gopacket, which shares no code with ours.
func build(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func frames(link capture.LinkType, list ...[]byte) *packets {
	s := &packets{}
	for i, b := range list {
		s.list = append(s.list, capture.Packet{Frame: i + 1, Time: 1_700_000_000e9 + int64(i)*1e9, HasTime: true, Link: link, Data: b, WireLen: len(b)})
	}
	return s
}

var (
	ether4 = &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	inner4 = &layers.IPv4{Version: 4, TTL: 64, Id: 7, Protocol: layers.IPProtocolUDP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	inner6 = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: netip.MustParseAddr("2001:db8::1").AsSlice(), DstIP: netip.MustParseAddr("2001:db8::2").AsSlice()}
	outer4 = layers.IPv4{Version: 4, TTL: 60, Id: 9, SrcIP: []byte{192, 0, 2, 1}, DstIP: []byte{192, 0, 2, 2}}
	pay    = gopacket.Payload("hello")
)

func udpLayer(ip gopacket.NetworkLayer, from, to uint16) *layers.UDP {
	u := &layers.UDP{SrcPort: layers.UDPPort(from), DstPort: layers.UDPPort(to)}
	u.SetNetworkLayerForChecksum(ip)
	return u
}

func over(protocol layers.IPProtocol) *layers.IPv4 {
	ip := outer4
	ip.Protocol = protocol
	return &ip
}

// payload is bytes as a layer.
func payload(b []byte) gopacket.Payload { return b }

// prefix puts raw bytes before a packet.
func prefix(head []byte, b []byte) []byte { return append(append([]byte(nil), head...), b...) }

// TestEncapsulations: the same datagram in each wrapping is one flow with the
// wrapping's name.
func TestEncapsulations(t *testing.T) {
	udp4 := udpLayer(inner4, 5000, 6000)
	udp6 := udpLayer(inner6, 5000, 6000)
	ip4 := build(t, inner4, udp4, pay)
	ip6 := build(t, inner6, udp6, pay)
	eth4 := build(t, ether4, inner4, udp4, pay)
	mac := eth4[:12]
	tunnel := func(port uint16, head []byte, b []byte) []byte {
		ip := over(layers.IPProtocolUDP)
		return build(t, ether4, ip, udpLayer(ip, 40000, port), gopacket.Payload(prefix(head, b)))
	}
	carried := func(protocol layers.IPProtocol, head, b []byte) []byte {
		return build(t, ether4, over(protocol), gopacket.Payload(prefix(head, b)))
	}
	for _, x := range []struct {
		name, want string
		link       capture.LinkType
		data       []byte
	}{
		{"Ethernet", "", linkEthernet, eth4},
		{"802.1Q", "vlan:10", linkEthernet, prefix(append(mac[:12:12], 0x81, 0, 0, 10, 8, 0), ip4)},
		{"802.1Q priority only", "", linkEthernet, prefix(append(mac[:12:12], 0x81, 0, 0xe0, 0, 8, 0), ip4)},
		{"802.1ad", "vlan:20/vlan:10", linkEthernet, prefix(append(mac[:12:12], 0x88, 0xa8, 0, 20, 0x81, 0, 0, 10, 8, 0), ip4)},
		{"9100", "vlan:20/vlan:10", linkEthernet, prefix(append(mac[:12:12], 0x91, 0, 0, 20, 0x81, 0, 0, 10, 0x86, 0xdd), ip6)},
		{"SNAP", "", linkEthernet, prefix(append(mac[:12:12], 0, 41, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0), ip4)},
		{"SLL", "", linkSLL, prefix([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0}, ip4)},
		{"SLL2", "", linkSLL2, prefix([]byte{0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, ip6)},
		{"raw", "", linkRaw, ip6},
		{"raw IPv4", "", linkIPv4, ip4},
		{"null, little-endian", "", linkNull, prefix([]byte{2, 0, 0, 0}, ip4)},
		{"null, macOS IPv6", "", linkNull, prefix([]byte{30, 0, 0, 0}, ip6)},
		{"loop", "", linkLoop, prefix([]byte{0, 0, 0, 2}, ip4)},
		{"PPP", "", linkPPP, prefix([]byte{0xff, 3, 0, 0x21}, ip4)},
		{"Cisco HDLC called PPP", "", linkPPP, prefix([]byte{0x0f, 0, 8, 0}, ip4)},
		{"PPP, compressed", "", linkPPP, prefix([]byte{0x57}, ip6)},
		{"PPPoE", "pppoe:9", linkEthernet, prefix(append(mac[:12:12], 0x88, 0x64, 0x11, 0, 0, 9, 0, 35, 0, 0x21), ip4)},
		{"C-HDLC", "", linkCHDLC, prefix([]byte{0x0f, 0, 8, 0}, ip4)},
		{"NFLOG", "", linkNFLOG, prefix([]byte{2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 1, 0, byte(4 + len(ip4)), 0, 9, 0}, ip4)},
		{"MPLS", "mpls", linkEthernet, prefix(append(mac[:12:12], 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64), ip4)},
		{"GRE", "gre", linkEthernet, carried(layers.IPProtocolGRE, []byte{0, 0, 8, 0}, ip4)},
		{"GRE with key and sequence", "gre:77", linkEthernet, carried(layers.IPProtocolGRE, []byte{0x30, 0, 0x86, 0xdd, 0, 0, 0, 77, 0, 0, 0, 1}, ip6)},
		{"GRE, Ethernet", "gre", linkEthernet, carried(layers.IPProtocolGRE, []byte{0, 0, 0x65, 0x58}, eth4)},
		{"ERSPAN I", "erspan", linkEthernet, carried(layers.IPProtocolGRE, []byte{0, 0, 0x88, 0xbe}, eth4)},
		{"ERSPAN II", "erspan:3", linkEthernet, carried(layers.IPProtocolGRE, []byte{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 3, 0, 0, 0, 0}, eth4)},
		{"ERSPAN III", "erspan:3", linkEthernet, carried(layers.IPProtocolGRE, []byte{0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}, eth4)},
		{"IPIP", "ip", linkEthernet, carried(layers.IPProtocolIPv4, nil, ip4)},
		{"6in4", "ip", linkEthernet, carried(layers.IPProtocolIPv6, nil, ip6)},
		{"AH", "", linkEthernet, carried(layers.IPProtocolAH, []byte{17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ip4[20:])},
		{"VXLAN", "vxlan:42", linkEthernet, tunnel(portVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 0}, eth4)},
		{"VXLAN, Linux", "vxlan:42", linkEthernet, tunnel(portVXLANLinux, []byte{8, 0, 0, 0, 0, 0, 42, 0}, eth4)},
		{"Geneve", "geneve:42", linkEthernet, tunnel(portGeneve, []byte{1, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 4}, eth4)},
		{"GTP-U", "gtp", linkEthernet, tunnel(portGTP, []byte{0x30, 0xff, 0, 33, 0, 0, 0, 1}, ip4)},
		{"GTP-U with extension", "gtp", linkEthernet, tunnel(portGTP, []byte{0x34, 0xff, 0, 41, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0}, ip4)},
		{"Teredo", "teredo", linkEthernet, tunnel(portTeredo, nil, ip6)},
		{"Teredo with indicators", "teredo", linkEthernet, tunnel(portTeredo, []byte{0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6}, ip6)},
		{"VLAN, VXLAN, VLAN", "vlan:7/vxlan:42/vlan:10", linkEthernet, vlan(tunnel(portVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 0}, vlan(eth4, 10)), 7)},
		{"IPv6 options and atomic fragment", "", linkRaw, extended(ip6)},
	} {
		t.Run(x.name, func(t *testing.T) {
			r, err := Analyse(frames(x.link, x.data), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Flows {
				if f.Server.Port() == 6000 && f.Client.Port() == 5000 && f.Encapsulation == x.want && f.Payload[Client] == 5 {
					return
				}
			}
			t.Errorf("%+v %v", r.Flows, r.Undecoded)
		})
		// Nothing but less may come of it when the frame is cut anywhere.
		for n := range x.data {
			s := frames(x.link, x.data[:n])
			s.list[0].WireLen = len(x.data)
			if _, err := Analyse(s, Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// vlan tags an Ethernet frame.
func vlan(b []byte, id byte) []byte {
	return append(append(append([]byte(nil), b[:12]...), 0x81, 0, 0, id), b[12:]...)
}

// extended puts hop-by-hop options and an atomic fragment header into a packet.
func extended(b []byte) []byte {
	out := append([]byte(nil), b[:40]...)
	out[6] = protoHopByHop
	binary.BigEndian.PutUint16(out[4:], uint16(len(b)-40+16))
	out = append(out, protoFragment, 0, 1, 4, 0, 0, 0, 0, protoUDP, 0, 0, 0, 1, 2, 3, 4)
	return append(out, b[40:]...)
}

// TestFragments: in order, backwards, overlapping and incomplete.
func TestFragments(t *testing.T) {
	long := make([]byte, 3000)
	for i := range long {
		long[i] = byte(i)
	}
	whole := build(t, inner4, udpLayer(inner4, 5000, 6000), gopacket.Payload(long))
	piece := func(from, to int, more bool) []byte {
		ip := *inner4
		ip.FragOffset = uint16(from / 8)
		if more {
			ip.Flags = layers.IPv4MoreFragments
		}
		return build(t, ether4, &ip, gopacket.Payload(whole[20+from:20+to]))
	}
	a, b, c := piece(0, 1480, true), piece(1480, 2960, true), piece(2960, 3008, false)
	middle := piece(1400, 2400, true)
	for _, x := range []struct {
		name string
		list [][]byte
		want bool
	}{
		{"in order", [][]byte{a, b, c}, true},
		{"backwards", [][]byte{c, b, a}, true},
		{"twice", [][]byte{a, a, b, b, c}, true},
		{"overlapping", [][]byte{middle, a, c, b}, true},
		{"one missing", [][]byte{a, c}, false},
	} {
		r, err := Analyse(frames(linkEthernet, x.list...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := len(r.Flows) == 1 && r.Flows[0].Payload[Client] == 3000
		if got != x.want {
			t.Errorf("%s: %+v %v", x.name, r.Flows, r.Undecoded)
		}
	}
}

// TestFragmentsBounded: many datagrams begun and never finished take bounded memory.
func TestFragmentsBounded(t *testing.T) {
	e := newEngine(&packets{}, Options{})
	ip := *inner4
	ip.Flags = layers.IPv4MoreFragments
	for i := range 5 * maxDatagrams {
		ip.Id, ip.FragOffset = uint16(i), 1000
		e.at.packets[0] = frames(linkEthernet, build(t, ether4, &ip, gopacket.Payload(make([]byte, 1400)))).list[0]
		e.batch(1)
		if len(e.parts.open) > maxDatagrams || e.parts.held > maxFragmentHeld+maxDatagram || len(e.parts.order) > 4*maxDatagrams+1 {
			t.Fatalf("%d datagrams, %d bytes, %d in order", len(e.parts.open), e.parts.held, len(e.parts.order))
		}
	}
}

// TestUnknownLink: a link type nobody knows is said, not guessed.
func TestUnknownLink(t *testing.T) {
	r, err := Analyse(frames(284, make([]byte, 60)), Options{})
	if err != nil || len(r.Flows) != 0 || r.Undecoded["link type 284 is not supported"] != 1 {
		t.Errorf("%v %+v", err, r)
	}
}
