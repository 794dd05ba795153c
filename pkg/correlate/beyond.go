package correlate

import (
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Beyond are the addresses whose packets came with a hop limit that routers had
// lowered, by the link address that brought them.
type Beyond map[behindKey]bool

// BeyondOf are those of a capture.
func BeyondOf(c *incident.Capture) Beyond {
	b := Beyond{}
	for _, f := range c.Flows {
		r := routedOf(f)
		b.take(&r)
	}
	return b
}

// Beyond are those of the flows that the finder keeps.
func (g *GatewayFinder) Beyond() Beyond {
	b := Beyond{}
	for i := range g.flows {
		b.take(&g.flows[i])
	}
	return b
}

func (b Beyond) take(r *routedFlow) {
	for d, a := range [2]netip.Addr{r.client.Addr(), r.server.Addr()} {
		if r.passed(d) {
			b[behindKey{r.mac[d], a}] = true
		}
	}
}

// Proxied tells whether who answered is not the host that was asked for, but a router
// in its name (proxy ARP, RFC 1027): that host's own packets come through it.
func (b Beyond) Proxied(r *pcapflow.Resolution) bool {
	return r.Reply.Seen() && b[behindKey{r.MAC, r.Target}]
}
