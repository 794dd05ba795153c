package correlate

import (
	"net/netip"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestRepeatHandshakes: full handshakes that a ticket or another connection may have
// made unnecessary, and those that only look like it.
func TestRepeatHandshakes(t *testing.T) {
	capture := &incident.Capture{}
	begin := func(from, to, tickets int, change func(*Journey)) *Journey {
		at := func(n int) pcapflow.Stamp { return pcapflow.Stamp{Time: int64(n) * 1e6, Frame: n} }
		f := &pcapflow.Flow{TLS: &pcapflow.TLS{SNI: "a.example", JA4: "t13d", ClientHelloFirst: at(from), HandshakeEnd: at(to), Tickets: tickets}}
		j := &Journey{Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.MustParseAddrPort("192.0.2.2:443"), Ordinal: 1, Points: []Point{{Capture: capture, Flow: f}}}
		if change != nil {
			change(j)
		}
		return j
	}
	for _, c := range []struct {
		name           string
		second         *Journey
		ticket, beside bool
	}{
		{"full again", begin(20, 30, 1, nil), true, false},
		{"beside", begin(5, 12, 1, nil), false, true},
		{"resumed", begin(20, 30, 1, func(j *Journey) { j.Points[0].Flow.TLS.Resumed = true }), false, false},
		{"another program", begin(20, 30, 1, func(j *Journey) { j.Points[0].Flow.TLS.JA4 = "t12d" }), false, false},
		{"another name", begin(20, 30, 1, func(j *Journey) { j.Points[0].Flow.TLS.SNI = "b.example" }), false, false},
		{"another client", begin(20, 30, 1, func(j *Journey) { j.Client = netip.MustParseAddrPort("192.0.2.9:40000") }), false, false},
		{"another capture", begin(20, 30, 1, func(j *Journey) { j.Points[0].Capture = &incident.Capture{} }), false, false},
		{"a further request", begin(20, 30, 1, func(j *Journey) { j.Ordinal = 2 }), false, false},
		{"never finished", begin(20, 0, 1, func(j *Journey) { j.Points[0].Flow.TLS.HandshakeEnd = pcapflow.Stamp{} }), false, false},
	} {
		first := begin(1, 10, 2, nil)
		repeatHandshakes([]*Journey{c.second, first})
		if r := c.second.Repeats; (r.Ticket == first) != c.ticket || (r.Beside == first) != c.beside || first.Repeats != (TLSRepeat{}) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	first, second := begin(1, 10, 0, nil), begin(20, 30, 0, nil)
	if repeatHandshakes([]*Journey{first, second}); second.Repeats != (TLSRepeat{}) {
		t.Errorf("no ticket was given: %+v", second.Repeats)
	}
}
