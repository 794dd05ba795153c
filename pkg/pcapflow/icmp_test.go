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
}
