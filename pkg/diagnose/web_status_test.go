package diagnose

import (
	"net/netip"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestOwnHealthChecks: what a server asks itself thins no error out; what the proxy
// before it asks of it is its users'.
func TestOwnHealthChecks(t *testing.T) {
	proxy := netip.MustParseAddrPort("10.2.0.9:33000")
	for _, x := range []struct {
		name         string
		logged, asks netip.AddrPort // whom the log says of the users' requests, and of the many others
		want         Severity
	}{
		{"of itself", client, netip.AddrPortFrom(server.Addr(), 41000), Warning},
		{"by loopback", client, netip.MustParseAddrPort("127.0.0.1:41000"), Warning},
		{"of another one", client, netip.MustParseAddrPort("10.1.0.77:41000"), Note},
		{"of a proxy", proxy, proxy, Note},
	} {
		w := newWorld()
		var events []logparse.Event
		for range 3 {
			events = append(events, logparse.Event{Kind: logparse.HTTPRequest, Status: 500, Path: "/a", Client: x.logged})
		}
		for range 80 {
			events = append(events, logparse.Event{Kind: logparse.HTTPRequest, Status: 200, Path: "/health", Client: x.asks})
		}
		l := w.log("nginx-access", events...)
		j, _ := w.request(1130, 1131)
		if x.logged == proxy {
			j.Server = netip.AddrPortFrom(proxy.Addr(), 443) // it stood in front
		}
		j.Lines = []correlate.Line{{Log: l, Event: 0, Status: "matched"}}
		if f := of(w.run(), "http-error"); len(f) != 1 || f[0].Severity != x.want {
			t.Errorf("%s: %+v, want %s", x.name, f, x.want)
		}
	}
}
