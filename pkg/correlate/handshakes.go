package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// oneProgram is who makes handshakes with whom, as far as packets tell: programs of a
// kind say the same hello, and hosts behind one translation have one address, so that
// two of these may still be one to us.
type oneProgram struct {
	capture   *incident.Capture
	client    netip.Addr
	server    netip.AddrPort
	name, ja4 string
}

// repeatHandshakes finds full TLS handshakes of which the packets tell that they
// repeat one before (TLSRepeat).
func repeatHandshakes(journeys []*Journey) {
	of := map[oneProgram][]*Journey{}
	for _, j := range journeys {
		if j.Ordinal > 1 || len(j.Points) == 0 {
			continue
		}
		p := j.Points[0]
		if t := p.Flow.TLS; t != nil && t.JA4 != "" && t.ClientHelloFirst.Seen() && t.HandshakeEnd.Seen() {
			key := oneProgram{p.Capture, j.Client.Addr(), j.Server, t.SNI, t.JA4}
			of[key] = append(of[key], j)
		}
	}
	for _, list := range of {
		slices.SortStableFunc(list, func(a, b *Journey) int { return cmp.Compare(hello(a), hello(b)) })
		for i, j := range list {
			if j.Points[0].Flow.TLS.Resumed {
				continue
			}
			j.Repeats.of(j, list[:i])
		}
	}
}

func hello(j *Journey) int64 { return j.Points[0].Flow.TLS.ClientHelloFirst.Time }

// mostBefore handshakes are looked back at for each.
const mostBefore = 16

// of fills in what a full handshake repeats of those before it, in order of time.
func (r *TLSRepeat) of(j *Journey, before []*Journey) {
	begin := hello(j)
	for i := len(before) - 1; i >= max(0, len(before)-mostBefore); i-- {
		t := before[i].Points[0].Flow.TLS
		if r.Beside == nil && t.HandshakeEnd.Time > begin {
			r.Beside = before[i]
		}
		if r.Ticket == nil && t.Tickets > 0 && ticketed(t) < begin {
			r.Ticket = before[i]
		}
	}
}

// ticketed is when the client had a ticket, ns; of one that could not be read, the end
// of the handshake stands for it.
func ticketed(t *pcapflow.TLS) int64 {
	if t.Ticket.Seen() {
		return t.Ticket.Time
	}
	return t.HandshakeEnd.Time
}
