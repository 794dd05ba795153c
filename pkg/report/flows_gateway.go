package report

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// AppendGateway writes a gateway of one capture as a line of JSON, with its final
// newline. The names are those of a report's series and of a flow's line: its own
// address is the server.
func (l *FlowLines) AppendGateway(b []byte, evidence string, g *correlate.Gateway) []byte {
	o := object{b: append(b, l.beginning(evidence)...), lines: l}
	o.b = append(o.b, `gateway"`...)
	if len(g.Addresses) > 0 {
		o.text("server", address(g.Addresses[0]))
	}
	o.instant("start", g.First.Time)
	o.number("first_frame", int64(g.First.Frame))
	o.nested("gateway")
	o.text("link_address", pcapflow.LinkAddress(g.MAC))
	o.strings("addresses", addresses(g.Addresses))
	o.strings("by", g.By())
	o.strings("hosts", addresses(g.Hosts))
	o.strings("behind", addresses(g.Behind[:min(len(g.Behind), mostBehind)]))
	if g.Before != nil {
		o.text("replaces", pcapflow.LinkAddress(g.Before.MAC))
	}
	o.frames(g.Shown(mostShown)...)
	o.close()
	o.close()
	return append(o.b, '\n')
}

// RowOfGateway is RowOf for a gateway.
func RowOfGateway(evidence string, g *correlate.Gateway) FlowRow {
	row := FlowRow{Evidence: evidence, Transport: "gateway", Client: pcapflow.LinkAddress(g.MAC), Frame: g.First.Frame, Stream: -1, Start: Instant(g.First.Time)}
	if len(g.Addresses) > 0 {
		row.Server = address(g.Addresses[0])
	}
	return row
}

// WantsGateway is WantsFlow for a gateway: of an address that it has or brought,
// or of a host that asked for it.
func (s *Selection) WantsGateway(g *correlate.Gateway) bool {
	if !s.within(g.First.Time, g.Last.Time) || len(s.Names) > 0 || s.MinTotal > 0 || len(s.Services) > 0 && !slices.Contains(s.Services, "gateway") {
		return false
	}
	some := func(asked []Endpoint, lists ...[]netip.Addr) bool {
		return len(asked) == 0 || slices.ContainsFunc(slices.Concat(lists...), func(a netip.Addr) bool { return anyHolds(asked, netip.AddrPortFrom(a, 0)) })
	}
	return some(s.Clients, g.Hosts, g.Behind, g.Addresses) && some(s.Servers, g.Addresses, g.Behind)
}
