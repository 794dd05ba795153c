package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// collector gathers the instants of one journey.
type collector struct {
	b   *builder
	out []Moment
}

// instants lists what happened in a journey, in order of time.
func (b *builder) instants(j *correlate.Journey) []Moment {
	c := &collector{b: b, out: b.room[:0]}
	if j.Lookup != nil {
		c.lookup(j.Lookup)
	}
	if n := j.Neighbour; n != nil {
		if p := phase(j, pcapflow.L2Resolve); p != nil && p.Capture != nil {
			c.neighbour(p.Capture, n)
		}
	}
	if len(j.Points) > 0 {
		c.flow(j, &j.Points[0])
		c.resent(j.Points[0].Capture, j.Points[0].Flow.Conn, j)
		c.ntp(j.Points[0].Capture, j.NTP)
	}
	b.room = b.elsewhere(j, c.out)
	out := slices.Clone(b.room) // no more than it needs: there are many
	clear(b.room)
	slices.SortStableFunc(out, func(a, b Moment) int {
		return cmp.Or(cmp.Compare(a.At(), b.At()), cmp.Compare(a.Frame, b.Frame))
	})
	return out
}

// flow notes what one capture saw of the journey's flow.
func (c *collector) flow(j *correlate.Journey, p *correlate.Point) {
	k, f := p.Capture, p.Flow
	if j.Ordinal <= 1 {
		c.conn(k, f.Conn, "")
		c.handshakes(k, f)
		c.icmp(k, f.ICMP)
	}
	c.exchange(k, p.Exchange)
}

func phase(j *correlate.Journey, name pcapflow.PhaseName) *correlate.Phase {
	for i := range j.Phases {
		if j.Phases[i].Name == name {
			return &j.Phases[i]
		}
	}
	return nil
}

// Senders of a packet, in the words of the report.
const (
	fromClient    = "client"
	fromServer    = "server"
	fromResolver  = "resolver"
	fromNeighbour = "neighbour"
	fromPath      = "path"
)

// add notes one instant; one that was not seen is left out. An unknown sender
// is "".
func (c *collector) add(k *incident.Capture, name, from string, s pcapflow.Stamp, detail string) {
	if !s.Seen() {
		return
	}
	file, frame := c.b.file(k, s.Frame)
	c.out = append(c.out, Moment{Name: name, Time: Instant(s.Time), Corrected: c.b.corrected(file, s.Time), Evidence: c.b.files[file], Frame: frame, Detail: detail, From: from})
}

func (c *collector) lookup(l *correlate.Lookup) {
	for _, t := range l.Tries {
		question := fmt.Sprintf("%s %s → %s", t.Type, t.Name, endpoint(t.Resolver))
		c.add(l.Capture, "dns.query", fromClient, t.Query, question)
		for _, r := range t.Repeats {
			c.add(l.Capture, "dns.retry", fromClient, r, question)
		}
		answer := t.RCode
		for _, a := range t.Addresses {
			answer += " " + a.String()
		}
		if t.Truncated {
			answer += " TC"
		}
		c.add(l.Capture, "dns.answer", fromResolver, t.Answer, strings.TrimSpace(fmt.Sprintf("%s %s: %s", t.Type, t.Name, answer)))
		for _, x := range t.Extra {
			c.add(l.Capture, "dns.further-answer", fromResolver, x, t.Type+" "+t.Name)
		}
	}
	for _, f := range l.TCPFlows {
		c.conn(l.Capture, f.Conn, endpoint(f.Server))
	}
}

func (c *collector) neighbour(k *incident.Capture, n *pcapflow.Resolution) {
	for _, x := range n.AppendInstants(nil) {
		detail := address(n.Target)
		if x.From == fromNeighbour {
			detail += " = " + pcapflow.LinkAddress(n.MAC)
		}
		c.add(k, x.Name, x.From, x.Stamp, detail)
	}
}

// conn notes how a connection was made and ended; its SYNs say where to, unless
// that is the journey's own server, "".
func (c *collector) conn(k *incident.Capture, conn *pcapflow.Conn, to string) {
	if conn == nil {
		return
	}
	if to != "" {
		to = "→ " + to
	}
	for _, x := range conn.AppendInstants(nil, to) {
		c.add(k, x.Name, x.From, x.Stamp, x.Detail)
	}
	for _, r := range conn.RST {
		c.add(k, "tcp.reset", r.Dir.String(), r.Stamp, r.Dir.String())
	}
}

// handshakes notes what a protocol's own messages tell.
func (c *collector) handshakes(k *incident.Capture, f *pcapflow.Flow) {
	var list []pcapflow.Instant
	if f.TLS != nil {
		list = f.TLS.AppendInstants(list)
	}
	if f.SSH != nil {
		list = f.SSH.AppendInstants(list)
	}
	if f.QUIC != nil {
		list = f.QUIC.AppendInstants(list)
	}
	for _, x := range list {
		switch x.Name {
		case "tls.server-hello":
			x.Detail = strings.TrimSpace(x.Detail + " " + f.TLS.Cipher)
		case "tls.alert":
			x.Detail = x.From + ": " + x.Detail
		}
		c.add(k, x.Name, x.From, x.Stamp, x.Detail)
	}
}

func (c *collector) icmp(k *incident.Capture, errors []pcapflow.ICMPError) {
	for _, e := range errors {
		c.add(k, "icmp.error", fromPath, e.Stamp, fmt.Sprintf("%s: %s", address(e.From), e.Text))
	}
}

func (c *collector) exchange(k *incident.Capture, x *pcapflow.Exchange) {
	if x == nil {
		return
	}
	for _, i := range x.AppendInstants(nil) {
		switch {
		case i.Name == "http.request":
			i.Detail = strings.TrimSpace(x.Method + " " + conceal.Secrets(x.Path))
		case i.Name == "http.response" && x.Status > 0:
			i.Detail = fmt.Sprint(x.Status)
		}
		c.add(k, i.Name, i.From, i.Stamp, i.Detail)
	}
}

// resent lists the repeated segments within the journey's own time.
func (c *collector) resent(k *incident.Capture, conn *pcapflow.Conn, j *correlate.Journey) {
	if conn == nil {
		return
	}
	for _, r := range conn.Retransmissions {
		outside := r.Time < j.Start.Time || j.End.Seen() && r.Time > j.End.Time
		if outside || r.Kind == pcapflow.RetransmitSYN || r.Kind == pcapflow.RetransmitSYNACK {
			continue
		}
		c.add(k, "tcp.retransmission", r.Dir.String(), r.Stamp, fmt.Sprintf("%s, %s, seq %d, %d B", r.Dir, r.Kind, r.Seq, r.Len))
	}
}

func (c *collector) ntp(k *incident.Capture, s *pcapflow.NTPSample) {
	if s == nil {
		return
	}
	c.add(k, "ntp.request", fromClient, s.Request.Stamp, "")
	for _, r := range s.Repeats {
		c.add(k, "ntp.request", fromClient, r, "")
	}
	c.add(k, "ntp.response", fromServer, s.Response.Stamp, fmt.Sprintf("stratum %d %s", s.Response.Stratum, s.Response.Kiss))
}
