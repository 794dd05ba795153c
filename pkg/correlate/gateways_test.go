package correlate

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	gatewayHost   = netip.MustParseAddr("192.0.2.1")
	gatewayItself = netip.MustParseAddr("192.0.2.254")
	gatewayFar    = netip.MustParseAddr("203.0.113.9")
	gatewayMAC    = [6]byte{2, 0, 0, 0, 0, 1}
	gatewayNext   = [6]byte{2, 0, 0, 0, 0, 2}
	gatewayOwnMAC = [6]byte{2, 0, 0, 0, 0, 9}
)

func gatewayAt(ms, frame int) pcapflow.Stamp {
	return pcapflow.Stamp{Time: ntpBegin + int64(ms)*1e6, Frame: frame}
}

// gatewayFlow is a connection to another network that begins at frame, answered
// from a link address with a hop limit.
func gatewayFlow(to netip.Addr, mac [6]byte, ttl uint8, ms, frame int) *pcapflow.Flow {
	return &pcapflow.Flow{Transport: pcapflow.TCP, Client: netip.AddrPortFrom(gatewayHost, 40000), Server: netip.AddrPortFrom(to, 443),
		Start: gatewayAt(ms, frame), End: gatewayAt(ms+40, frame+4), Packets: [2]int64{3, 2}, TTL: [2]uint8{64, ttl}, MAC: [2][6]byte{gatewayOwnMAC, mac}}
}

func gatewayAsked(target netip.Addr, mac [6]byte, ms, frame int) *pcapflow.Resolution {
	return &pcapflow.Resolution{Protocol: "arp", Asker: gatewayHost, AskerMAC: gatewayOwnMAC, Target: target, MAC: mac,
		Requests: []pcapflow.Stamp{gatewayAt(ms, frame)}, Reply: gatewayAt(ms+1, frame+1)}
}

func TestGateways(t *testing.T) {
	near := netip.MustParseAddr("192.0.2.7")
	for _, c := range []struct {
		name       string
		flows      []*pcapflow.Flow
		neighbours []*pcapflow.Resolution
		want       func(list []*Gateway) bool
	}{
		{"asked for before the first packet", []*pcapflow.Flow{gatewayFlow(gatewayFar, gatewayMAC, 64, 2, 3)}, []*pcapflow.Resolution{gatewayAsked(gatewayItself, gatewayMAC, 0, 1)},
			func(l []*Gateway) bool {
				return len(l) == 1 && l[0].MAC == gatewayMAC && len(l[0].Addresses) == 1 && l[0].Addresses[0] == gatewayItself && len(l[0].Resolutions) == 1 && l[0].BehindCount == 0
			}},
		{"routed packets", []*pcapflow.Flow{gatewayFlow(gatewayFar, gatewayMAC, 57, 2, 3)}, nil,
			func(l []*Gateway) bool {
				return len(l) == 1 && l[0].MAC == gatewayMAC && len(l[0].Addresses) == 0 && l[0].BehindCount == 1 && l[0].Behind[0] == gatewayFar
			}},
		{"a neighbour is none", []*pcapflow.Flow{gatewayFlow(near, gatewayMAC, 64, 2, 3)}, []*pcapflow.Resolution{gatewayAsked(near, gatewayMAC, 0, 1)},
			func(l []*Gateway) bool { return len(l) == 0 }},
		{"a neighbour with an odd hop limit is none", []*pcapflow.Flow{gatewayFlow(near, gatewayMAC, 63, 2, 3)}, []*pcapflow.Resolution{gatewayAsked(near, gatewayMAC, 0, 1)},
			func(l []*Gateway) bool { return len(l) == 0 }},
		{"asked for long before", []*pcapflow.Flow{gatewayFlow(gatewayFar, gatewayMAC, 64, 900, 3)}, []*pcapflow.Resolution{gatewayAsked(gatewayItself, gatewayMAC, 0, 1)},
			func(l []*Gateway) bool { return len(l) == 0 }},
		{"another took its address", []*pcapflow.Flow{gatewayFlow(gatewayFar, gatewayMAC, 57, 2, 3), gatewayFlow(gatewayFar, gatewayNext, 57, 9002, 13)},
			[]*pcapflow.Resolution{gatewayAsked(gatewayItself, gatewayMAC, 0, 1), gatewayAsked(gatewayItself, gatewayNext, 9000, 11)},
			func(l []*Gateway) bool {
				return len(l) == 2 && l[0].Before == nil && l[1].MAC == gatewayNext && l[1].Before == l[0] && l[1].First == gatewayAt(9000, 11)
			}},
		{"two at the same time share the load", []*pcapflow.Flow{gatewayFlow(gatewayFar, gatewayMAC, 57, 2, 3), gatewayFlow(gatewayFar, gatewayNext, 57, 3, 9), gatewayFlow(gatewayFar, gatewayMAC, 57, 900, 13)}, nil,
			func(l []*Gateway) bool { return len(l) == 2 && l[0].Before == nil && l[1].Before == nil }},
		{"it advertises itself, another only itself", nil, nil,
			func(l []*Gateway) bool {
				return len(l) == 1 && l[0].MAC == gatewayMAC && l[0].Addresses[0] == gatewayItself && len(l[0].By()) == 1 && l[0].By()[0] == "advertisement" && l[0].Shown(1)[0] == 5
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var routers []*pcapflow.Router
			if c.flows == nil && c.neighbours == nil {
				routers = []*pcapflow.Router{{Address: gatewayItself, MAC: gatewayMAC, Default: true, Advertised: []pcapflow.Stamp{gatewayAt(1, 5)}},
					{Address: gatewayHost, MAC: gatewayNext, Advertised: []pcapflow.Stamp{gatewayAt(2, 6)}}}
			}
			list := gatewaysOf(&incident.Capture{Result: pcapflow.Result{Flows: c.flows, Neighbours: c.neighbours, Routers: routers}})
			if !c.want(list) {
				for _, g := range list {
					t.Errorf("%+v", *g)
				}
				t.Errorf("%d gateways", len(list))
			}
		})
	}
}

// TestGatewaysOfIncident: the router of a recording, as its hosts saw it.
func TestGatewaysOfIncident(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{need.Shared(t, "incidents", "s03_slow_dns", "input", "c2.pcap")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list := gatewaysOf(inc.Captures[0])
	if len(list) != 1 || len(list[0].Addresses) != 1 || list[0].Addresses[0].String() != "10.10.1.1" || list[0].BehindCount != 2 || len(list[0].Resolutions) == 0 {
		t.Errorf("%d gateways", len(list))
	}
}

func TestLinkSeries(t *testing.T) {
	lost := gatewayAsked(gatewayItself, [6]byte{}, 20_000, 31)
	lost.Reply = pcapflow.Stamp{}
	lost.Requests = append(lost.Requests, gatewayAt(21_000, 32))
	twice := gatewayAsked(gatewayItself, gatewayMAC, 30_000, 41)
	twice.Others = [][6]byte{gatewayNext}
	other := gatewayAsked(gatewayItself, [6]byte{}, 40_000, 51)
	other.Asker, other.Reply = gatewayFar, pcapflow.Stamp{}
	inc := &incident.Incident{Captures: []*incident.Capture{{Result: pcapflow.Result{Own: []netip.Addr{gatewayHost},
		Neighbours: []*pcapflow.Resolution{gatewayAsked(gatewayItself, gatewayMAC, 0, 1), lost, twice, other}}}}}
	list := linkSeries(inc)
	if len(list) != 2 {
		t.Fatalf("%d series", len(list))
	}
	if s := list[0]; s.Resolutions != 3 || s.Attempts != 4 || s.Unanswered != 1 || s.Unseen != 0 || s.Took.N != 2 || s.Took.Median != time.Millisecond || len(s.MACs) != 2 || !s.Both {
		t.Errorf("%+v", *s)
	}
	if s := list[1]; s.Unanswered != 0 || s.Unseen != 1 {
		t.Errorf("%+v", *s)
	}
}
