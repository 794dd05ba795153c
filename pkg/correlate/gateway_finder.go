package correlate

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// GatewayFinder finds the gateways of a capture whose flows pass one by one. The
// zero value is ready.
type GatewayFinder struct {
	flows  []routedFlow    // the first that ended, and later ones that may show another gateway
	routed map[[6]byte]int // flows kept of each sender of routed packets
	full   [6]byte         // the latest of which there are enough
}

// routedFlow is what gateways show in of a flow, a quarter of its size.
type routedFlow struct {
	client, server netip.AddrPort
	clock          capture.ClockID
	mac            [2][6]byte
	ttl            [2]uint8
	start, end     pcapflow.Stamp
	packets        [2]int64
}

// What a finder keeps: flows, flows of one link address behind them, and link
// addresses.
const (
	finderFlows = 1 << 12
	finderEach  = 16
	finderMACs  = 1 << 10
)

// Flow takes what a flow tells of gateways; it is not kept itself.
func (g *GatewayFinder) Flow(f *pcapflow.Flow) {
	if len(g.flows) >= finderFlows && !g.wants(f) {
		return
	}
	g.flows = append(g.flows, routedFlow{f.Client, f.Server, f.Clock, f.MAC, f.TTL, f.Start, f.End, f.Packets})
}

// wants tells whether a flow behind the first ones brought routed packets from a
// link address of which few are known.
func (g *GatewayFinder) wants(f *pcapflow.Flow) bool {
	for d, mac := range f.MAC {
		if mac == g.full || mac == ([6]byte{}) || f.Packets[d] == 0 || !routed(f.TTL[d]) {
			continue
		}
		n, known := g.routed[mac]
		if n == finderEach {
			g.full = mac
			continue
		}
		if !known && len(g.routed) == finderMACs {
			continue
		}
		if g.routed == nil {
			g.routed = map[[6]byte]int{}
		}
		g.routed[mac] = n + 1
		return true
	}
	return false
}

// Find is to be called behind the last flow, with the capture's resolutions.
func (g *GatewayFinder) Find(neighbours []*pcapflow.Resolution) []*Gateway {
	slices.SortStableFunc(g.flows, func(a, b routedFlow) int { return a.start.Frame - b.start.Frame })
	flows := make([]*pcapflow.Flow, len(g.flows))
	for i, f := range g.flows {
		flows[i] = &pcapflow.Flow{
			Client: f.client, Server: f.server, Clock: f.clock, MAC: f.mac, TTL: f.ttl, Start: f.start, End: f.end, Packets: f.packets,
		}
	}
	return gatewaysOf(&incident.Capture{Result: pcapflow.Result{Flows: flows, Neighbours: neighbours}})
}
