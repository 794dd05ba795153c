package pcapflow

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func routerFrame(t *testing.T, kind uint8, body []byte) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: netip.MustParseAddr("fe80::1").AsSlice(), DstIP: netip.MustParseAddr("ff02::1").AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
	icmp.SetNetworkLayerForChecksum(ip)
	ether := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{0x33, 0x33, 0, 0, 0, 1}, EthernetType: layers.EthernetTypeIPv6}
	return build(t, ether, ip, icmp, gopacket.Payload(body))
}

// routerBody is what follows the checksum of an advertisement: a prefix, an MTU and
// a link address.
func routerBody(lifetime uint16) []byte {
	b := []byte{64, 0x80}
	b = binary.BigEndian.AppendUint16(b, lifetime)
	b = append(b, make([]byte, 8)...)
	b = append(b, 1, 1, 2, 0, 0, 0, 0, 7)
	b = append(b, 5, 1, 0, 0, 0, 0, 0x05, 0xdc)
	b = append(b, 3, 4, 64, 0xc0)
	b = append(b, make([]byte, 12)...)
	prefix := netip.MustParseAddr("2001:db8::").As16()
	return append(b, prefix[:]...)
}

// TestRouters: what routers say of themselves, when, and when they take it back.
func TestRouters(t *testing.T) {
	list := [][]byte{routerFrame(t, 133, make([]byte, 4)), routerFrame(t, 134, routerBody(1800)), routerFrame(t, 134, routerBody(1800)), routerFrame(t, 134, routerBody(0))}
	for n := range len(list[1]) + 1 { // cut anywhere: no more is told than is there
		r, err := Analyse(frames(linkEthernet, list[0], list[1][:n]), Options{})
		if err != nil || n < len(list[1])-48 && len(r.Routers) > 0 {
			t.Fatalf("cut to %d bytes: %v %+v", n, err, r.Routers)
		}
	}
	r, err := Analyse(frames(linkEthernet, list...), Options{})
	if err != nil || len(r.Routers) != 1 {
		t.Fatalf("%v %+v", err, r.Routers)
	}
	x := r.Routers[0]
	if x.Address.String() != "fe80::1" || x.MAC[5] != 7 || x.Count != 3 || len(x.Advertised) != 3 || x.Solicited.Frame != 1 || !x.Default || x.Lifetime != 0 || x.Withdrawn.Frame != 4 {
		t.Errorf("%+v", x)
	}
	if x.MTU != 1500 || x.HopLimit != 64 || !x.Managed || len(x.Prefixes) != 1 || x.Prefixes[0].String() != "2001:db8::/64" {
		t.Errorf("%+v", x)
	}
	if got := x.AppendInstants(nil); len(got) != 4 || got[0].Name != "nd.router-solicitation" || got[1].Frame != 2 {
		t.Errorf("%+v", got)
	}
}

// TestUnicastRequests: a host that asks one link address whether it still holds is
// told from one that asks all.
func TestUnicastRequests(t *testing.T) {
	one := func(b []byte) []byte { copy(b, []byte{2, 0, 0, 0, 0, 2}); return b }
	r, err := Analyse(frames(linkEthernet, one(arpFrame(t, 1, 1, 1, 2)), arpFrame(t, 2, 2, 2, 1),
		one(arpFrame(t, 1, 1, 1, 3)), arpFrame(t, 1, 1, 1, 3), arpFrame(t, 1, 1, 1, 4)), Options{})
	if err != nil || len(r.Neighbours) != 3 {
		t.Fatalf("%v %+v", err, r.Neighbours)
	}
	for i, want := range []struct {
		unicast  int
		confirms bool
	}{{1, true}, {1, false}, {0, false}} {
		if n := r.Neighbours[i]; n.Unicast != want.unicast || n.Confirms() != want.confirms {
			t.Errorf("%d: %+v", i, n)
		}
	}
}
