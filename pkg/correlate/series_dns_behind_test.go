package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// behindTry is what a resolver asked a server of a zone in one capture.
func behindTry(server byte, ms int, change func(t *pcapflow.Transaction)) *pcapflow.Flow {
	begin := pcapflow.Stamp{Time: ntpBegin + int64(ms)*1e6, Frame: ms + 1}
	end := pcapflow.Stamp{Time: begin.Time + 2e6, Frame: ms + 3}
	x := pcapflow.Transaction{ID: uint16(ms), Name: "www.example", Type: "A", Query: begin, Answer: end, RCode: "NOERROR", EDNS: 1232, EDE: -1, Flags: [2]uint16{0, 1<<15 | 1<<10}, Records: 1}
	change(&x)
	return &pcapflow.Flow{Transport: pcapflow.UDP, Service: "dns", Client: netip.AddrPortFrom(behindResolver, 40000+uint16(ms)), Server: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, server}), 53),
		Start: begin, End: end, DNS: []pcapflow.Transaction{x}}
}

var behindResolver = netip.MustParseAddr("192.0.2.53")

// TestResolverReasons: an outlier of a resolver is told by what it asked meanwhile.
func TestResolverReasons(t *testing.T) {
	const ra = 1 << 7
	for _, c := range []struct {
		name   string
		behind []*pcapflow.Flow
		want   DNSCause
	}{
		{"a server asked", []*pcapflow.Flow{behindTry(1, 900, func(*pcapflow.Transaction) {})}, DNSUpstream},
		{"a referral", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.Records, x.Flags[1] = 0, 1<<15 }),
			behindTry(2, 910, func(*pcapflow.Transaction) {})}, DNSUpstream},
		{"EDNS answered by FORMERR", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.RCode, x.Records = "FORMERR", 0 }),
			behindTry(1, 910, func(x *pcapflow.Transaction) { x.EDNS = 0 })}, DNSEDNS},
		{"FORMERR with and without EDNS", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.RCode = "FORMERR" }),
			behindTry(1, 910, func(x *pcapflow.Transaction) { x.EDNS, x.RCode = 0, "FORMERR" })}, DNSUpstream},
		{"silence, then without EDNS", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.Answer, x.RCode = pcapflow.Stamp{}, "" }),
			behindTry(1, 910, func(x *pcapflow.Transaction) { x.EDNS = 0 })}, DNSUpstream},
		{"refused, then another server", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.RCode, x.Records = "REFUSED", 0 }),
			behindTry(2, 910, func(*pcapflow.Transaction) {})}, DNSLame},
		{"from a cache, then another server", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.Flags[1] = 1<<15 | ra }),
			behindTry(2, 910, func(*pcapflow.Transaction) {})}, DNSLame},
		{"a forwarder that refuses", []*pcapflow.Flow{
			behindTry(1, 900, func(x *pcapflow.Transaction) { x.RCode, x.Flags[0] = "REFUSED", 1<<8 }),
			behindTry(2, 910, func(x *pcapflow.Transaction) { x.Flags[0] = 1 << 8 })}, DNSUpstream},
		{"fragments, repeated", []*pcapflow.Flow{behindTry(1, 900, func(x *pcapflow.Transaction) { x.Pieces, x.Repeats = 2, []pcapflow.Stamp{x.Query} })}, DNSPieces},
		{"fragments, at once", []*pcapflow.Flow{behindTry(1, 900, func(x *pcapflow.Transaction) { x.Pieces = 2 })}, DNSUpstream},
	} {
		t.Run(c.name, func(t *testing.T) {
			var flows []*pcapflow.Flow
			ask := func(ms, took int) {
				f := behindTry(0, ms, func(x *pcapflow.Transaction) {
					x.Name, x.Answer.Time = "own.example", x.Query.Time+int64(took)*1e6
				})
				f.Client, f.Server = netip.MustParseAddrPort("192.0.2.1:50000"), netip.AddrPortFrom(behindResolver, 53)
				flows = append(flows, f)
			}
			for i := range 12 {
				ask(10*i, 1+i%2)
			}
			ask(890, 400)
			flows = append(flows, c.behind...)
			inc := &incident.Incident{Captures: []*incident.Capture{{Result: pcapflow.Result{Flows: flows}}}}
			for _, s := range resolverSeries(inc, historiesOf(inc)) {
				if s.Resolver.Addr() != behindResolver {
					continue
				}
				if len(s.Outliers) != 1 || s.Outliers[0].Cause != c.want || s.Outliers[0].Took != 400*time.Millisecond {
					t.Errorf("%+v", s.Outliers)
				}
			}
		})
	}
}
