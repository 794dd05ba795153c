package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var injectedReset = Rule{
	Name: "injected-reset", Family: "tcp",
	Title: lang.Text{EN: "Reset by a device on the way", ES: "Reinicio por un equipo intermedio"},
	Doc: lang.Text{
		EN: "A RST that ended the connection does not look like its supposed sender: another TTL than all its other packets, or its own capture never saw it leave. A firewall, an IPS or a proxy broke the connection in the name of the other side.",
		ES: "Un RST que terminó la conexión no se parece a su supuesto emisor: otro TTL que todos sus demás paquetes, o la captura de este nunca lo vio salir. Un cortafuegos, un IPS o un proxy rompió la conexión en nombre del otro lado.",
	},
	Source: "RFC 9293, section 3.5.2; RFC 3360",
	Needs:  lang.Text{EN: "a capture with the RST; better one on each side", ES: "una captura con el RST; mejor una a cada lado"},
	Wants:  []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "the supposed sender's own capture or log shows the close at the same instant", ES: "la captura o el registro del supuesto emisor muestra el cierre en el mismo instante"},
	},
	Check: checkInjectedReset,
}

// forged is a RST that its supposed sender did not send.
type forged struct {
	point    correlate.Point
	reset    pcapflow.Reset
	usual    uint8 // TTL of the supposed sender's packets
	contrary bool  // that side's own capture holds the connection without it
	asked    bool  // that side was captured at all
}

func checkInjectedReset(c *Case, r *Rule) []Finding {
	var found batches
	worst := map[string]forged{}
	seen := map[*pcapflow.Flow]bool{}
	for _, j := range c.open(r) {
		if len(j.Points) == 0 || seen[flow(j)] {
			continue
		}
		x, ok := forgedReset(j)
		if !ok {
			continue
		}
		seen[flow(j)] = true
		key := fmt.Sprint(j.Server, " ", x.reset.Dir)
		if _, known := worst[key]; !known || x.contrary {
			worst[key] = x
		}
		found.add(key, hit{journey: j, lost: time.Duration(max(x.reset.Time-x.point.Flow.Start.Time, 0)), evidence: frames(x.point.Capture, x.reset.Frame)})
	}
	out := found.telling(Error, Medium, func(b *batch, f *Finding) {
		x := worst[b.key]
		if x.contrary {
			f.Confidence = High
		}
		f.Text = c.say(lang.Text{
			EN: "%d connection{|s} with %s {was|were} reset by a device on the way, not by the %s: the RST has TTL %d, its other packets %d%s.",
			ES: "%d {conexión|conexiones} con %s {fue reiniciada|fueron reiniciadas} por un equipo intermedio, no por el %s: el RST tiene TTL %d, sus demás paquetes %d%s.",
		}, len(b.hits), f.Journeys[0].Server, c.side(x.reset.Dir), int(x.reset.TTL), int(x.usual), c.contraryClause(x))
		state := notCollected("SERVER: tcpdump -ni any -w server.pcap 'host PEER and tcp[tcpflags] & tcp-rst != 0'")
		if x.asked {
			state = foundIf(!x.contrary)
		}
		f.Refuters = c.doubts(r, state)
	})
	return append(out, c.refusedByAnother(r)...)
}

func (c *Case) contraryClause(x forged) string {
	if !x.contrary {
		return ""
	}
	return c.say(lang.Text{EN: ", and its own capture never saw it leave", ES: ", y su propia captura nunca lo vio salir"})
}

// side names a side in the report's language.
func (c *Case) side(d pcapflow.Dir) string {
	if d == pcapflow.Client {
		return c.say(lang.Text{EN: "client", ES: "cliente"})
	}
	return c.say(lang.Text{EN: "server", ES: "servidor"})
}

// forgedReset looks for a RST that ended a living connection and is unlike its
// sender.
func forgedReset(j *correlate.Journey) (forged, bool) {
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil || !n.ACK.Seen() {
			continue
		}
		for _, r := range n.RST {
			if closedBefore(n, r.Time) || r.Answer {
				continue
			}
			x := forged{point: p, reset: r, usual: p.Flow.TTL[r.Dir]}
			x.asked, x.contrary = neverSent(j, p, r.Dir)
			if r.TTL != x.usual && r.Odd || x.contrary && r.TTL != x.usual {
				return x, true
			}
		}
	}
	return forged{}, false
}

// closedBefore tells whether both sides had ended the connection.
func closedBefore(n *pcapflow.Conn, at int64) bool {
	for d := range n.FIN {
		if !n.FIN[d].Seen() || n.FIN[d].Time > at {
			return false
		}
	}
	return true
}

// neverSent looks at a capture taken at the supposed sender of a RST.
func neverSent(j *correlate.Journey, seen correlate.Point, d pcapflow.Dir) (asked, contrary bool) {
	want := pcapflow.VantageServer
	if d == pcapflow.Client {
		want = pcapflow.VantageClient
	}
	for _, p := range j.Points {
		if p.Flow == seen.Flow || p.Flow.Conn == nil || p.Flow.Conn.Vantage != want {
			continue
		}
		asked = true
		contrary = true
		for _, r := range p.Flow.Conn.RST {
			if r.Dir == d {
				contrary = false
			}
		}
	}
	return asked, contrary
}

// refusedByAnother notes RSTs to SYNs whose TTL is unlike that of the server's
// other connections in the same capture.
func (c *Case) refusedByAnother(r *Rule) []Finding {
	var found batches
	ttl := map[string][2]uint8{}
	for _, j := range c.Journeys {
		n := connection(j)
		if n == nil || len(n.SYNACK) > 0 || len(n.RST) == 0 || !n.RST[0].Answer {
			continue
		}
		if usual, ok := c.serverTTL(j); ok && usual != n.RST[0].TTL {
			ttl[j.Server.String()] = [2]uint8{n.RST[0].TTL, usual}
			found.add(j.Server.String(), hit{journey: j, evidence: frames(j.Points[0].Capture, n.RST[0].Frame)})
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		t := ttl[b.key]
		f.Text = c.say(lang.Text{
			EN: "The RST that refuses %d connection{|s} to %s has TTL %d, the server's other packets %d: a device on the way refuses, not the server.",
			ES: "El RST que rechaza %d {conexión|conexiones} a %s tiene TTL %d, los demás paquetes del servidor %d: rechaza un equipo intermedio, no el servidor.",
		}, len(b.hits), f.Journeys[0].Server, int(t[0]), int(t[1]))
		f.Refuters = c.doubts(r, notCollected("SERVER: tcpdump -ni any -w server.pcap 'tcp[tcpflags] & tcp-rst != 0'"))
	})
}

// serverTTL is the TTL of the server's packets in other connections of the same
// capture.
func (c *Case) serverTTL(j *correlate.Journey) (uint8, bool) {
	if c.serverTTLs == nil {
		c.serverTTLs = map[away]uint8{}
		for _, k := range c.Incident.Captures {
			for _, f := range k.Flows {
				at := away{k, f.Server.Addr()}
				if c.serverTTLs[at] == 0 && f.Conn != nil && len(f.Conn.SYNACK) > 0 {
					c.serverTTLs[at] = f.TTL[pcapflow.Server]
				}
			}
		}
	}
	ttl := c.serverTTLs[away{j.Points[0].Capture, j.Server.Addr()}]
	return ttl, ttl != 0
}
