package pcapflow

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// TestErrorInAnotherEncapsulation: an error that comes in another VLAN, or outside of the
// tunnel, than the packet it quotes belongs to the only flow between its endpoints; where
// several fit, it is of none, and says so; one in its own encapsulation is that flow's.
func TestErrorInAnotherEncapsulation(t *testing.T) {
	udp := udpLayer(inner4, 5000, 6000)
	plain := build(t, ether4, inner4, udp, pay)
	quote := plain[14 : 14+28]
	vlan := func(id uint16, rest ...gopacket.SerializableLayer) []byte {
		ether := *ether4
		ether.EthernetType = layers.EthernetTypeDot1Q
		return build(t, append([]gopacket.SerializableLayer{&ether, &layers.Dot1Q{VLANIdentifier: id, Type: layers.EthernetTypeIPv4}}, rest...)...)
	}
	back := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{10, 0, 0, 9}, DstIP: []byte{10, 0, 0, 1}}
	host := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}
	outer := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: []byte{192, 0, 2, 1}, DstIP: []byte{192, 0, 2, 2}}
	tunnelled := build(t, ether4, outer, udpLayer(outer, 40000, portVXLAN), gopacket.Payload(append([]byte{8, 0, 0, 0, 0, 0, 7, 0}, plain...)))
	ipip, gre := *outer, *outer
	ipip.Protocol, gre.Protocol = layers.IPProtocolIPv4, layers.IPProtocolGRE
	inIP := build(t, ether4, &ipip, inner4, udp, pay)
	inGRE := build(t, ether4, &gre, &layers.GRE{KeyPresent: true, Key: 9, Protocol: layers.EthernetTypeIPv4}, inner4, udp, pay)
	router := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{192, 0, 2, 9}, DstIP: []byte{192, 0, 2, 1}}
	ofTunnel := func(packet []byte, n int) []byte {
		return build(t, ether4, router, host, gopacket.Payload(packet[14:14+n]))
	}
	later := append([]byte(nil), quote...)
	later[7] = 8 // its offset
	failure := build(t, ether4, back, host, gopacket.Payload(quote))
	for _, c := range []struct {
		name           string
		packets        [][]byte
		tied, possible int    // errors of a flow; flows that an untied one may be of
		of             string // encapsulation of the flow with the error
	}{
		{"another VLAN", [][]byte{vlan(10, inner4, udp, pay), vlan(20, back, host, gopacket.Payload(quote))}, 1, 0, "vlan:10"},
		{"no VLAN", [][]byte{vlan(10, inner4, udp, pay), failure}, 1, 0, "vlan:10"},
		{"outside of the tunnel", [][]byte{tunnelled, failure}, 1, 0, "vxlan:7"},
		{"two VLANs", [][]byte{vlan(10, inner4, udp, pay), vlan(20, inner4, udp, pay), failure}, 0, 2, ""},
		{"its own of two", [][]byte{vlan(10, inner4, udp, pay), vlan(20, inner4, udp, pay), vlan(20, back, host, gopacket.Payload(quote))}, 1, 0, "vlan:20"},
		{"the tunnel's own, IP in IP", [][]byte{inIP, ofTunnel(inIP, 20+28)}, 1, 0, "ip"},
		{"the tunnel's own, GRE", [][]byte{inGRE, ofTunnel(inGRE, 20+8+28)}, 1, 0, "gre:9"},
		{"the quote ends before the ports", [][]byte{inIP, ofTunnel(inIP, 20+20)}, 0, 0, ""},
		{"the quote ends in GRE", [][]byte{inGRE, ofTunnel(inGRE, 20+6)}, 0, 0, ""},
		{"two tunnels with such a flow", [][]byte{inIP, inGRE, ofTunnel(inIP, 20+28)}, 0, 2, ""},
		{"no such flow in the tunnel", [][]byte{plain[:14+28-8], ofTunnel(inIP, 20+28)}, 0, 0, ""},
		{"a later fragment", [][]byte{plain, build(t, ether4, back, host, gopacket.Payload(later))}, 0, 0, ""},
		{"no such flow", [][]byte{build(t, ether4, inner4, udpLayer(inner4, 5000, 6001), pay), failure}, 0, 0, ""},
	} {
		r, err := Analyse(frames(linkEthernet, c.packets...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		tied := 0
		for _, f := range r.Flows {
			if tied += len(f.ICMP); len(f.ICMP) > 0 && f.Encapsulation != c.of {
				t.Errorf("%s: of the flow in %q", c.name, f.Encapsulation)
			}
		}
		if tied != c.tied || len(r.ICMP) != 1-c.tied || len(r.ICMP) > 0 && r.ICMP[0].Possible != c.possible {
			t.Errorf("%s: %d tied, others %+v", c.name, tied, r.ICMP)
		}
	}
	tunnelsOverIPv6(t)
	tooBig := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4), Seq: 1400}
	r, err := Analyse(frames(linkEthernet, inGRE, build(t, ether4, router, tooBig, gopacket.Payload(inGRE[14:14+20+8+28]))), Options{})
	if err != nil || len(r.Flows) != 1 || len(r.Flows[0].ICMP) != 1 || r.Flows[0].ICMP[0].MTU != 1400-20-8 {
		t.Errorf("what the tunnel leaves of an MTU: %+v %v", r.Flows, err)
	}
}

// tunnelsOverIPv6: an error of the network that a tunnel goes over, where that is IPv6,
// with and without the options of RFC 2473 that Linux puts before the inner packet; and
// of 6in4, where it is IPv4.
func tunnelsOverIPv6(t *testing.T) {
	t.Helper()
	address := func(last byte) []byte { return []byte{0x20, 1, 0xd, 0xb8, 9: 7, 15: last} }
	options := func(next layers.IPProtocol) gopacket.Payload {
		return gopacket.Payload{byte(next), 0, 4, 1, 4, 1, 1, 0}
	}
	over6 := func(next layers.IPProtocol, rest ...gopacket.SerializableLayer) []byte {
		ether := *ether4
		ether.EthernetType = layers.EthernetTypeIPv6
		head := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: address(1), DstIP: address(2)}
		return build(t, append([]gopacket.SerializableLayer{&ether, head}, rest...)...)
	}
	in4, in6 := build(t, inner4, udpLayer(inner4, 5000, 6000), pay), build(t, inner6, udpLayer(inner6, 5000, 6000), pay)
	tooBig := func(quote []byte) []byte {
		ether := *ether4
		ether.EthernetType = layers.EthernetTypeIPv6
		head := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: address(9), DstIP: address(1)}
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(2, 0)}
		icmp.SetNetworkLayerForChecksum(head)
		return build(t, &ether, head, icmp, gopacket.Payload(append([]byte{0, 0, 5, 0xdc}, quote...))) // 1500
	}
	sit := build(t, ether4, over(layers.IPProtocolIPv6), gopacket.Payload(in6))
	router := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{192, 0, 2, 9}, DstIP: []byte{192, 0, 2, 1}}
	sitTooBig := build(t, ether4, router, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4), Seq: 1500}, gopacket.Payload(sit[14:14+20+48]))
	plain4, plain6 := over6(layers.IPProtocolIPv4, gopacket.Payload(in4)), over6(layers.IPProtocolIPv6, gopacket.Payload(in6))
	with4, with6 := over6(60, options(layers.IPProtocolIPv4), gopacket.Payload(in4)), over6(60, options(layers.IPProtocolIPv6), gopacket.Payload(in6))
	for _, c := range []struct {
		name        string
		data, error []byte
		mtu         int // 0: it is of no flow
	}{
		{"4in6", plain4, tooBig(plain4[14:]), 1500 - 40},
		{"6in6", plain6, tooBig(plain6[14:]), 1500 - 40},
		{"4in6 with options", with4, tooBig(with4[14:]), 1500 - 48},
		{"6in6 with options", with6, tooBig(with6[14:]), 1500 - 48},
		{"the quote ends in the options", with4, tooBig(with4[14 : 14+44]), 0},
		{"the quote ends in the inner header", with4, tooBig(with4[14 : 14+60]), 0},
		{"6in4", sit, sitTooBig, 1500 - 20},
	} {
		r, err := Analyse(frames(linkEthernet, c.data, c.error), Options{})
		if err != nil || len(r.Flows) != 1 {
			t.Fatalf("%s: %+v %v", c.name, r, err)
		}
		f := r.Flows[0]
		if f.Encapsulation != "ip" || len(f.ICMP)+len(r.ICMP) != 1 || len(f.ICMP) == 1 != (c.mtu > 0) || c.mtu > 0 && f.ICMP[0].MTU != c.mtu {
			t.Errorf("%s: %q %+v %+v", c.name, f.Encapsulation, f.ICMP, r.ICMP)
		}
	}
}
