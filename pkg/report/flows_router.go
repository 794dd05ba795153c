package report

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// AppendRouter writes a router that advertises itself as a line of JSON, with its
// final newline. Its address is the server.
func (l *FlowLines) AppendRouter(b []byte, evidence string, r *pcapflow.Router) []byte {
	o := object{b: append(b, l.beginning(evidence)...), lines: l}
	o.b = append(o.b, `router"`...)
	o.text("server", address(r.Address))
	o.text("encapsulation", r.Encapsulation)
	first, last := r.Advertised[0], r.LastAdvertised()
	o.instant("start", first.Time)
	o.instant("end", last.Time)
	o.number("first_frame", int64(first.Frame))
	o.number("last_frame", int64(last.Frame))
	o.nested("router")
	o.text("link_address", pcapflow.LinkAddress(r.MAC))
	o.number("advertisements", int64(r.Count))
	o.between("solicited_seconds", r.Solicited, first)
	o.number("lifetime_seconds", int64(r.Lifetime))
	if r.Withdrawn.Seen() {
		o.instant("withdrawn", r.Withdrawn.Time)
	}
	o.count("hop_limit", int(r.HopLimit))
	o.count("mtu", r.MTU)
	o.some("managed_addresses", r.Managed)
	if len(r.Prefixes) > 0 {
		o.list("prefixes", len(r.Prefixes), func(i int) { o.b = appendString(o.b, r.Prefixes[i].String()) })
	}
	o.instants(r.AppendInstants(o.lines.instants[:0]))
	o.close()
	o.close()
	return append(o.b, '\n')
}

// RowOfRouter is RowOf for a router.
func RowOfRouter(evidence string, r *pcapflow.Router) FlowRow {
	first := r.Advertised[0]
	return FlowRow{Evidence: evidence, Transport: "router", Client: pcapflow.LinkAddress(r.MAC), Server: address(r.Address), Frame: first.Frame, Stream: -1,
		Start: Instant(first.Time), Duration: Seconds(r.LastAdvertised().Time - first.Time), Packets: int64(r.Count)}
}

// WantsRouter is WantsFlow for a router.
func (s *Selection) WantsRouter(r *pcapflow.Router) bool {
	if !s.within(r.Advertised[0].Time, r.LastAdvertised().Time) || len(s.Names) > 0 || len(s.Clients) > 0 || s.MinTotal > 0 {
		return false
	}
	return (len(s.Services) == 0 || slices.Contains(s.Services, "router")) && anyHolds(s.Servers, netip.AddrPortFrom(r.Address, 0))
}
