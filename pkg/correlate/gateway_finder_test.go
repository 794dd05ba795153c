package correlate

import (
	"net/netip"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestGatewayFinder: of flows that pass it finds what is found of flows that are
// kept, and behind very many flows still another gateway.
func TestGatewayFinder(t *testing.T) {
	var g GatewayFinder
	for i := range 3 * finderFlows {
		to := netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)})
		f := gatewayFlow(to, gatewayMAC, 57, i, i+10)
		g.Flow(f)
		*f = pcapflow.Flow{} // its room is used again
	}
	other := gatewayFlow(gatewayFar, gatewayNext, 57, 9*finderFlows, 9*finderFlows)
	g.Flow(other)
	list := g.Find(pcapflow.Result{Neighbours: []*pcapflow.Resolution{gatewayAsked(gatewayItself, gatewayMAC, -1, 1)}})
	if len(g.flows) != finderFlows+finderEach+1 {
		t.Errorf("%d flows kept", len(g.flows))
	}
	if len(list) != 2 || list[0].MAC != gatewayMAC || list[1].MAC != gatewayNext || len(list[0].Addresses) != 1 || list[0].Addresses[0] != gatewayItself {
		for _, x := range list {
			t.Errorf("%+v", *x)
		}
	}
}
