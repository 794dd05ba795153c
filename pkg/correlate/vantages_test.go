package correlate

import (
	"net/netip"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestRouterIsNotTheHost: a capture on the client's router names the client, too;
// its clock is another.
func TestRouterIsNotTheHost(t *testing.T) {
	host := netip.MustParseAddr("10.0.0.7")
	taken := func(turn int64, first, last int64) *incident.Capture {
		c := &incident.Capture{}
		c.Vantage, c.VantageHost, c.VantageTurn, c.Own = pcapflow.VantageClient, host, turn, []netip.Addr{host}
		c.First, c.Last = pcapflow.Stamp{Time: first, Frame: 1}, pcapflow.Stamp{Time: last, Frame: 9}
		return c
	}
	client, same, router := taken(20e3, 100, 900), taken(35e3, 200, 800), taken(140e3, 100, 900)
	for _, x := range []struct {
		name string
		a, b *incident.Capture
		want bool
	}{
		{"two on the client", client, same, true},
		{"client and router", client, router, false},
		{"router and client", router, client, false},
		{"at other times", client, taken(20e3, 1000, 2000), false},
	} {
		if got := oneHost(x.a, x.b); got != x.want {
			t.Errorf("%s: one host %v, want %v", x.name, got, x.want)
		}
	}
	e := &evidence{inc: &incident.Incident{Captures: []*incident.Capture{client, router}}}
	if !e.takenOn(client, 0, host) || e.takenOn(router, 0, host) {
		t.Errorf("taken on the client: client's %v, router's %v", e.takenOn(client, 0, host), e.takenOn(router, 0, host))
	}
	if alone := (&evidence{inc: &incident.Incident{Captures: []*incident.Capture{router}}}); !alone.takenOn(router, 0, host) {
		t.Error("without another capture there is nothing to tell the router by")
	}
}
