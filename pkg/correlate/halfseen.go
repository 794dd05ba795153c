package correlate

import (
	"math"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// oneWay tells a flow of which the capture holds the packets of one side alone.
func oneWay(f *pcapflow.Flow) bool {
	return f.Packets[pcapflow.Client] == 0 || f.Packets[pcapflow.Server] == 0
}

// OneWay tells a capture of one direction alone: connections that carried data,
// and of each the packets of one side. Who answered, it cannot show.
func OneWay(c *incident.Capture) bool {
	carried := false
	for _, f := range c.Flows {
		if f.Transport != pcapflow.TCP {
			continue
		}
		if !oneWay(f) {
			return false
		}
		carried = carried || f.Payload[pcapflow.Client]+f.Payload[pcapflow.Server] > 0
	}
	return carried
}

// contentless tells a connection to a web server whose requests the capture
// cannot show, though it shows it from its beginning on, and when data passed: it
// holds one direction alone, or little more than headers.
func contentless(c *incident.Capture, f *pcapflow.Flow) bool {
	if f.Transport != pcapflow.TCP || f.Conn == nil || len(f.HTTP) > 0 || f.SSH != nil || !webPort(f.Server.Port()) || len(f.Conn.SYN)+len(f.Conn.SYNACK) == 0 {
		return false
	}
	sent, answered := f.Payload[pcapflow.Client] > 0, f.Payload[pcapflow.Server] > 0
	if oneWay(f) {
		return (sent || answered) && (f.Service == "" || f.TLS != nil || f.Service == "http")
	}
	return c.Snapped > 0 && sent && answered && (f.Service == "" && f.TLS == nil || f.TLS != nil && handshakeCut(f.TLS))
}

// handshakeCut tells a TLS handshake of which the capture holds neither the end nor
// a failure.
func handshakeCut(t *pcapflow.TLS) bool {
	return !t.HandshakeEnd.Seen() && len(t.Alerts) == 0 && t.PlainAnswer == ""
}

// Contentless tells a journey of a connection that carried data which no capture
// holds.
func (j *Journey) Contentless() bool {
	for _, p := range j.Points {
		if !contentless(p.Capture, p.Flow) {
			return false
		}
	}
	return len(j.Points) > 0
}

// webPort tells the ports on which what cannot be read is taken for the web's.
func webPort(port uint16) bool { return port == 80 || port == 443 || port >= 8000 && port < 9000 }

// requestsIn is how many requests a flow is seen to carry: of a contentless one
// at least one.
func requestsIn(c *incident.Capture, f *pcapflow.Flow) int {
	if contentless(c, f) {
		return 1
	}
	return len(f.HTTP)
}

// carriedFrom and carriedUntil are when a flow's data began to pass and when its
// server can have said its last, as far as the capture shows.
func carriedFrom(f *pcapflow.Flow) pcapflow.Stamp {
	for _, s := range []pcapflow.Stamp{f.FirstPayload[pcapflow.Client], f.FirstPayload[pcapflow.Server]} {
		if s.Seen() {
			return s
		}
	}
	return f.Start
}

func carriedUntil(f *pcapflow.Flow) pcapflow.Stamp {
	if s := f.LastPayload[pcapflow.Server]; s.Seen() {
		return s
	}
	return f.End
}

// contentlessWindow is where the instants of the lines lie that tell of a
// contentless connection.
func contentlessWindow(f *pcapflow.Flow) (window, bool) {
	w := window{carriedFrom(f).Time - turn, carriedUntil(f).Time + afterwards}
	return w, w.low <= w.high
}

// halfWindow is the same of a request whose answer passed in the direction that
// the capture lacks: its client had it before it asked for more, or left.
func halfWindow(f *pcapflow.Flow, x *pcapflow.Exchange) (window, bool) {
	if !halfExchange(f, x) {
		return window{}, false
	}
	return window{x.RequestFirst.Time - turn, answeredBy(f, x).Time + afterwards}, true
}

func halfExchange(f *pcapflow.Flow, x *pcapflow.Exchange) bool {
	return f.Packets[pcapflow.Server] == 0 && x.RequestFirst.Seen() && !x.ResponseFirst.Seen()
}

// answeredBy is when the client of such a request asked for more, or left.
func answeredBy(f *pcapflow.Flow, x *pcapflow.Exchange) pcapflow.Stamp {
	next := pcapflow.Stamp{Time: math.MaxInt64}
	for i := range f.HTTP {
		if s := f.HTTP[i].RequestFirst; s.Seen() && s.Time > x.RequestLast.Time && s.Time < next.Time {
			next = s
		}
	}
	if next.Time == math.MaxInt64 || x.Multiplexed {
		return f.End
	}
	return next
}
