package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	c := &collector{b: b}
	c.lookup(j.Lookup)
	if n := j.Neighbour; n != nil {
		if p := phase(j, pcapflow.L2Resolve); p != nil && p.Capture != nil {
			c.neighbour(p.Capture, n)
		}
	}
	if len(j.Points) > 0 {
		k, f := j.Points[0].Capture, j.Points[0].Flow
		if j.Ordinal <= 1 {
			c.conn(k, f.Conn)
			c.tls(k, f.TLS)
			c.ssh(k, f.SSH)
			c.icmp(k, f.ICMP)
		}
		c.exchange(k, j.Exchange)
		c.resent(k, f.Conn, j)
		c.ntp(k, j.NTP)
	}
	slices.SortStableFunc(c.out, func(a, b Moment) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Frame, b.Frame))
	})
	return c.out
}

func phase(j *correlate.Journey, name pcapflow.PhaseName) *correlate.Phase {
	for i := range j.Phases {
		if j.Phases[i].Name == name {
			return &j.Phases[i]
		}
	}
	return nil
}

// add notes one instant; one that was not seen is left out.
func (c *collector) add(k *incident.Capture, name string, s pcapflow.Stamp, detail string) {
	if !s.Seen() {
		return
	}
	file, frame := c.b.file(k, s.Frame)
	c.out = append(c.out, Moment{Name: name, Time: Instant(s.Time), Corrected: c.b.corrected(file, s.Time), Evidence: c.b.files[file], Frame: frame, Detail: detail})
}

func (c *collector) lookup(l *correlate.Lookup) {
	if l == nil {
		return
	}
	for _, t := range l.Tries {
		question := fmt.Sprintf("%s %s → %s", t.Type, t.Name, endpoint(t.Resolver))
		c.add(l.Capture, "dns.query", t.Query, question)
		for _, r := range t.Repeats {
			c.add(l.Capture, "dns.retry", r, question)
		}
		answer := t.RCode
		for _, a := range t.Addresses {
			answer += " " + a.String()
		}
		c.add(l.Capture, "dns.answer", t.Answer, strings.TrimSpace(fmt.Sprintf("%s %s: %s", t.Type, t.Name, answer)))
	}
}

func (c *collector) neighbour(k *incident.Capture, n *pcapflow.Resolution) {
	for _, r := range n.Requests {
		c.add(k, n.Protocol+".request", r, address(n.Target))
	}
	c.add(k, n.Protocol+".reply", n.Reply, fmt.Sprintf("%s is at %x", address(n.Target), n.MAC))
}

func (c *collector) conn(k *incident.Capture, conn *pcapflow.Conn) {
	if conn == nil {
		return
	}
	for i, s := range conn.SYN {
		name := "tcp.syn"
		if i > 0 {
			name = "tcp.syn-retry"
		}
		c.add(k, name, s, "")
	}
	for i, s := range conn.SYNACK {
		name := "tcp.syn-ack"
		if i > 0 {
			name = "tcp.syn-ack-retry"
		}
		c.add(k, name, s, "")
	}
	c.add(k, "tcp.established", conn.ACK, "")
	for _, r := range conn.RST {
		c.add(k, "tcp.reset", r.Stamp, r.Dir.String())
	}
}

func (c *collector) tls(k *incident.Capture, t *pcapflow.TLS) {
	if t == nil {
		return
	}
	c.add(k, "tls.client-hello", t.ClientHello, t.SNI)
	c.add(k, "tls.second-client-hello", t.SecondHello, "")
	c.add(k, "tls.server-hello", t.ServerHello, strings.TrimSpace(t.Version+" "+t.Cipher))
	c.add(k, "tls.established", t.HandshakeEnd, "")
	for _, a := range t.Alerts {
		c.add(k, "tls.alert", a.Stamp, a.Dir.String()+": "+a.Description)
	}
}

func (c *collector) ssh(k *incident.Capture, s *pcapflow.SSH) {
	if s == nil {
		return
	}
	c.add(k, "ssh.banner", s.ServerBanner, s.ServerSoftware)
	c.add(k, "ssh.client-banner", s.ClientBanner, s.ClientSoftware)
	c.add(k, "ssh.newkeys", s.NewKeys[pcapflow.Server], s.Kex)
	for _, r := range s.Rounds {
		c.add(k, "ssh.auth-request", r.Request, "")
		c.add(k, "ssh.auth-reply", r.Reply, r.Result)
	}
	c.add(k, "ssh.session", s.SessionStart, "")
}

func (c *collector) icmp(k *incident.Capture, errors []pcapflow.ICMPError) {
	for _, e := range errors {
		c.add(k, "icmp.error", e.Stamp, fmt.Sprintf("%s: %s", address(e.From), e.Text))
	}
}

func (c *collector) exchange(k *incident.Capture, x *pcapflow.Exchange) {
	if x == nil {
		return
	}
	c.add(k, "http.request", x.RequestFirst, strings.TrimSpace(x.Method+" "+x.Path))
	if x.RequestLast.Frame != x.RequestFirst.Frame {
		c.add(k, "http.request-end", x.RequestLast, "")
	}
	status := ""
	if x.Status > 0 {
		status = fmt.Sprint(x.Status)
	}
	c.add(k, "http.response", x.ResponseFirst, status)
	if x.ResponseLast.Frame != x.ResponseFirst.Frame {
		c.add(k, "http.response-end", x.ResponseLast, "")
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
		c.add(k, "tcp.retransmission", r.Stamp, fmt.Sprintf("%s, %s, seq %d, %d B", r.Dir, r.Kind, r.Seq, r.Len))
	}
}

func (c *collector) ntp(k *incident.Capture, s *pcapflow.NTPSample) {
	if s == nil {
		return
	}
	c.add(k, "ntp.request", s.Request.Stamp, "")
	for _, r := range s.Repeats {
		c.add(k, "ntp.request", r, "")
	}
	c.add(k, "ntp.response", s.Response.Stamp, fmt.Sprintf("stratum %d %s", s.Response.Stratum, s.Response.Kiss))
}
