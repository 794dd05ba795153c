package correlate

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
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
	mac            [2][6]byte
	ttl            [2]uint8
	start, end     pcapflow.Stamp
	packets        [2]int64
}

func routedOf(f *pcapflow.Flow) routedFlow {
	return routedFlow{f.Client, f.Server, f.MAC, f.TTL, f.Start, f.End, f.Packets}
}

// passed tells whether packets of one side have passed a router.
func (r *routedFlow) passed(side int) bool { return r.packets[side] > 0 && routed(r.ttl[side]) }

// What a finder keeps: flows, flows of one link address behind them, and link
// addresses.
const (
	finderFlows = 1 << 12
	finderEach  = 16
	finderMACs  = 1 << 10
)

// Flow takes what a flow tells of gateways; it is not kept itself.
func (g *GatewayFinder) Flow(f *pcapflow.Flow) {
	r := routedOf(f)
	if len(g.flows) >= finderFlows && !g.wants(&r) {
		return
	}
	g.flows = append(g.flows, r)
}

// wants tells whether a flow behind the first ones brought routed packets from a
// link address of which few are known.
func (g *GatewayFinder) wants(r *routedFlow) bool {
	for d, mac := range r.mac {
		if mac == g.full || mac == ([6]byte{}) || !r.passed(d) {
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

// Find is to be called behind the last flow, with what the capture told of its link.
func (g *GatewayFinder) Find(link pcapflow.Result) []*Gateway {
	slices.SortStableFunc(g.flows, func(a, b routedFlow) int { return a.start.Frame - b.start.Frame })
	c := &incident.Capture{Result: link}
	return findGateways(c, len(g.flows), func(i int) routedFlow { return g.flows[i] })
}
