package report

import (
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

func (o *object) icmp(e *pcapflow.ICMPError) {
	o.open()
	o.text("from", address(e.From))
	o.number("type", int64(e.Type))
	o.number("code", int64(e.Code))
	o.text("text", e.Text)
	if e.MTU > 0 {
		o.number("mtu", int64(e.MTU))
	}
	if e.Better.IsValid() {
		o.text("better", address(e.Better))
	}
	o.count("possible_flows", e.Possible)
	o.instant("time", e.Time)
	o.frames(e.Frame)
	o.close()
}

// AppendICMP writes an ICMP error about a packet of no flow that the capture holds as a
// line of JSON, with its final newline: who sent that packet is the client, whom it was for
// the server.
func (l *FlowLines) AppendICMP(b []byte, evidence string, e *pcapflow.ICMPError) []byte {
	o := object{b: append(b, l.beginning(evidence)...), lines: l}
	o.b = append(o.b, `icmp"`...)
	client, server := aboutOf(e)
	o.endpoint("client", client)
	o.endpoint("server", server)
	o.text("service", quotedService(e))
	o.instant("start", e.Time)
	o.number("first_frame", int64(e.Frame))
	o.list("icmp", 1, func(int) { o.icmp(e) })
	o.close()
	return append(o.b, '\n')
}

// aboutOf are the ends of the packet that an error is about; where it quotes none, the
// error's own.
func aboutOf(e *pcapflow.ICMPError) (client, server netip.AddrPort) {
	client, server = e.Source, e.Target
	if !client.Addr().IsValid() {
		client = netip.AddrPortFrom(e.To, 0)
	}
	if !server.Addr().IsValid() {
		server = netip.AddrPortFrom(e.From, 0)
	}
	return client, server
}

// quotedService is the transport of the packet that an error is about; "": not known.
func quotedService(e *pcapflow.ICMPError) string {
	if e.Transport == pcapflow.OtherTransport {
		return ""
	}
	return e.Transport.String()
}

// RowOfICMP is RowOf for an error about a packet of no flow.
func RowOfICMP(evidence string, e *pcapflow.ICMPError) FlowRow {
	client, server := aboutOf(e)
	return FlowRow{Evidence: evidence, Transport: "icmp", Service: quotedService(e), Client: endpoint(client), Server: endpoint(server), State: e.Text,
		Frame: e.Frame, Stream: -1, Start: Instant(e.Time), Packets: 1}
}

// WantsICMP is WantsFlow for an error about a packet of no flow.
func (s *Selection) WantsICMP(e *pcapflow.ICMPError) bool {
	if !s.within(e.Time, e.Time) || len(s.Names) > 0 || s.MinTotal > 0 || len(s.Services) > 0 && !slices.Contains(s.Services, quotedService(e)) {
		return false
	}
	client, server := aboutOf(e)
	return anyHolds(s.Clients, client) && anyHolds(s.Servers, server)
}
