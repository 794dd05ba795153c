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
	tooBig := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4), Seq: 1400}
	r, err := Analyse(frames(linkEthernet, inGRE, build(t, ether4, router, tooBig, gopacket.Payload(inGRE[14:14+20+8+28]))), Options{})
	if err != nil || len(r.Flows) != 1 || len(r.Flows[0].ICMP) != 1 || r.Flows[0].ICMP[0].MTU != 1400-20-8 {
		t.Errorf("what the tunnel leaves of an MTU: %+v %v", r.Flows, err)
	}
}
