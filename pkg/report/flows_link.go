package report

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// AppendResolution writes a neighbour resolution as a line of JSON, with its
// final newline. It has the members of a flow's line that mean something for it:
// the host that asked is the client, the address asked for the server. beyond tells
// whether a router answered in that address's name; nil: it is not known.
func (l *FlowLines) AppendResolution(b []byte, evidence string, r *pcapflow.Resolution, beyond correlate.Beyond) []byte {
	o := object{b: append(b, l.beginning(evidence)...), lines: l}
	o.b = append(append(o.b, r.Protocol...), '"') // "arp" or "nd"
	if r.Asker.IsValid() {
		o.text("client", address(r.Asker))
	}
	o.text("server", address(r.Target))
	o.text("encapsulation", r.Encapsulation)
	begin, last := r.Begin(), r.Last()
	o.instant("start", begin.Time)
	o.instant("end", last.Time)
	o.seconds("duration_seconds", last.Time-begin.Time)
	o.number("first_frame", int64(begin.Frame))
	o.number("last_frame", int64(last.Frame))
	o.nested("neighbour")
	o.number("attempts", int64(len(r.Requests)))
	o.count("unicast_attempts", r.Unicast)
	if r.AskerMAC != ([6]byte{}) {
		o.text("asker_link_address", pcapflow.LinkAddress(r.AskerMAC))
	}
	if r.MAC != ([6]byte{}) {
		o.text("link_address", pcapflow.LinkAddress(r.MAC))
	}
	o.strings("other_link_addresses", linkAddresses(r.Others))
	o.some("duplicate_address", len(r.Others) > 0)
	o.some("announcement", r.Gratuitous)
	o.some("proxy", beyond.Proxied(r))
	o.some("probe", r.Asker.IsUnspecified() && r.Asker.IsValid())
	o.some("unasked_answer", len(r.Requests) == 0 && !r.Gratuitous)
	o.some("unanswered", !r.Reply.Seen() && !r.Gratuitous)
	if w := &r.Released; w.Seen() {
		o.nested("released")
		o.instant("time", w.Time)
		o.seconds("held_seconds", w.Time-begin.Time)
		o.seconds("answer_seconds", w.Time-r.Reply.Time)
		if w.Transport != 0 {
			o.text("transport", w.Transport.String())
			o.number("stream", int64(w.Stream))
			o.number("packet_of_flow", w.Place)
		}
		o.frames(w.Frame)
		o.close()
	}
	if !r.Gratuitous {
		o.instants(r.AppendInstants(o.lines.instants[:0]))
	}
	o.close()
	if len(r.Requests) > 0 && !r.Gratuitous {
		p := r.Phase()
		o.array("phases")
		o.phase(&p)
		o.endArray()
	}
	o.close()
	return append(o.b, '\n')
}

// RowOfResolution is RowOf for a neighbour resolution.
func RowOfResolution(evidence string, r *pcapflow.Resolution) FlowRow {
	begin := r.Begin()
	row := FlowRow{Evidence: evidence, Transport: r.Protocol, Client: address(r.Asker), Server: address(r.Target), Frame: begin.Frame, Stream: -1,
		Start: Instant(begin.Time), Duration: Seconds(r.Last().Time - begin.Time), Packets: int64(len(r.Requests))}
	if r.Reply.Seen() {
		row.Packets++
	}
	if len(r.Requests) > 0 && !r.Gratuitous {
		row.add(r.Phase())
	}
	return row
}
