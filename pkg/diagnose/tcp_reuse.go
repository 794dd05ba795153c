package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var justWhen = &Threshold{"near", 0.05, "s", lang.Text{EN: "how near to the request, beyond two round trips, the close must be", ES: "cómo de cerca de la petición, más allá de dos idas y vueltas, debe estar el cierre"}}

var wasIdle = &Threshold{"idle", 0.2, "s", lang.Text{EN: "shortest silence before the request after which a connection was idle", ES: "menor silencio antes de la petición tras el que una conexión estaba inactiva"}}

var staleKeepalive = Rule{
	Name: "stale-keepalive", Family: "tcp",
	Title: lang.Text{EN: "The server closed an idle connection that was reused", ES: "El servidor cerró una conexión inactiva que se reutilizó"},
	Doc: lang.Text{
		EN: "A request went out on a connection that had been idle, and was answered by a close instead of a response: both sides' timers for idle connections are too close. Let the client's be shorter than the server's (keepalive_timeout).",
		ES: "Una petición salió por una conexión inactiva y la respuesta fue un cierre: los temporizadores de inactividad de ambos lados están demasiado cerca. Que el del cliente sea menor que el del servidor (keepalive_timeout).",
	},
	Source:     "RFC 9112, section 9.3.1",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{justWhen, wasIdle},
	Refuters: []lang.Text{
		{EN: "the server's close came long before the request", ES: "el cierre del servidor llegó mucho antes que la petición"},
	},
	Check: checkStaleKeepalive,
}

func checkStaleKeepalive(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		x, f := j.Exchange, flow(j)
		if x == nil || f == nil || f.Conn == nil || x.Ordinal <= 1 || x.ResponseFirst.Seen() || !x.RequestFirst.Seen() {
			continue
		}
		if said := f.LastPayload[pcapflow.Server]; said.Seen() && time.Duration(x.RequestFirst.Time-said.Time) < c.limit(r, wasIdle) {
			continue // the rest of a body that the server answered before it had all
		}
		end := endOf(f.Conn, pcapflow.Server)
		near := 2*roundTrip(j) + c.limit(r, justWhen)
		if !end.Seen() || time.Duration(end.Time-x.RequestFirst.Time).Abs() > near {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, x.RequestFirst.Frame, end.Frame)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		if slices.ContainsFunc(b.hits, func(h hit) bool { return notRepeated(h.journey) }) {
			f.Severity = Warning
		}
		f.Text = c.say(lang.Text{
			EN: "%s closed %d idle connection{|s} just as a client reused {it|them}.",
			ES: "%s cerró %d {conexión inactiva|conexiones inactivas} justo cuando un cliente {la|las} reutilizaba.",
		}, f.Journeys[0].Server, len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

// endOf is the first packet by which a side ended a connection: its FIN or a RST.
func endOf(n *pcapflow.Conn, side pcapflow.Dir) pcapflow.Stamp {
	end := n.FIN[side]
	for _, t := range n.RST {
		if t.Dir == side && (!end.Seen() || t.Time < end.Time) {
			end = t.Stamp
		}
	}
	return end
}

// notRepeated tells whether a request is of a kind that no client sends again by
// itself when it goes unanswered (RFC 9110, section 9.2.2): it was lost.
func notRepeated(j *correlate.Journey) bool {
	return j.Exchange != nil && (j.Exchange.Method == "POST" || j.Exchange.Method == "PATCH")
}

var forgotten = &Threshold{"idle", 60, "s", lang.Text{EN: "silence of a connection after which a state may be forgotten on the way", ES: "silencio de una conexión tras el que un estado puede olvidarse en el camino"}}

var (
	brokenSoon  = &Threshold{"within", 1, "s", lang.Text{EN: "how soon after the silence a RST must come", ES: "cuánto después del silencio debe llegar un RST"}}
	brokenTimes = &Threshold{"repetitions", 3, "", lang.Text{EN: "repetitions in vain that show that nobody hears any more", ES: "repeticiones en vano que muestran que ya nadie oye"}}
)

var natStateLost = Rule{
	Name: "nat-state-lost", Family: "tcp",
	Title: lang.Text{EN: "A device forgot the connection", ES: "Un equipo olvidó la conexión"},
	Doc: lang.Text{
		EN: "After a long silence the connection's packets were answered by RST or by nothing: a NAT or a firewall had dropped its state. Keep-alives shorter than its timeout, or a longer timeout, mend it.",
		ES: "Tras un largo silencio los paquetes de la conexión obtuvieron RST o nada: un NAT o un cortafuegos había borrado su estado. Lo arreglan keep-alives más cortos que su tiempo, o un tiempo mayor.",
	},
	Source:     "RFC 5382, section 5",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantConnections},
	Thresholds: []*Threshold{forgotten, brokenSoon, brokenTimes},
	Refuters: []lang.Text{
		{EN: "keep-alives flowed during the silence", ES: "hubo keep-alives durante el silencio"},
	},
	Check: checkNATStateLost,
}

func checkNATStateLost(c *Case, r *Rule) []Finding {
	var found batches
	idle := map[string]time.Duration{}
	for j := range connections(c.open(r)) {
		// Only the side of the device that spoke up after the silence shows it.
		for _, p := range j.Points {
			n := p.Flow.Conn
			end, broken := c.forgotten(r, p.Flow)
			if !broken {
				continue
			}
			idle[j.Server.String()] = max(idle[j.Server.String()], time.Duration(n.Idle[1].Time-n.Idle[0].Time))
			found.add(j.Server.String(), hit{journey: j, lost: time.Duration(max(p.Flow.End.Time-n.Idle[1].Time, 0)), evidence: frames(p.Capture, n.Idle[0].Frame, n.Idle[1].Frame, end.Frame)})
			break
		}
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%d connection{|s} with %s {was|were} dead after a silence of %s: a device on the way had forgotten {it|them}.",
			ES: "%d {conexión|conexiones} con %s estaba{|n} muerta{|s} tras un silencio de %s: un equipo intermedio {la|las} había olvidado.",
		}, len(b.hits), f.Journeys[0].Server, idle[b.key])
		f.Refuters = c.doubts(r, notFound)
	})
}

// forgotten tells whether a flow was silent for long, without keep-alives and
// without an end, and dead afterwards; and the packet that shows it.
func (c *Case) forgotten(r *Rule, f *pcapflow.Flow) (pcapflow.Stamp, bool) {
	n := f.Conn
	if n == nil || time.Duration(n.Idle[1].Time-n.Idle[0].Time) < c.limit(r, forgotten) || n.Count[0].KeepAlives+n.Count[1].KeepAlives > 0 || ended(n, n.Idle[1].Time) {
		return pcapflow.Stamp{}, false
	}
	return c.brokenAfter(r, f, n.Idle[1])
}

var (
	headStart = &Threshold{"head-start", 0.1, "s", lang.Text{EN: "shortest head start that a client gives IPv6", ES: "menor ventaja que un cliente da a IPv6"}}
	lastStart = &Threshold{"head-start-most", 0.5, "s", lang.Text{EN: "longest head start that a client gives IPv6", ES: "mayor ventaja que un cliente da a IPv6"}}
)

// brokenAfter tells whether what was sent at an instant was repeated in vain or
// answered by RST.
func (c *Case) brokenAfter(r *Rule, f *pcapflow.Flow, at pcapflow.Stamp) (pcapflow.Stamp, bool) {
	for _, x := range f.Conn.RST {
		if wait := time.Duration(x.Time - at.Time); x.Frame > at.Frame && wait < c.limit(r, brokenSoon) {
			return x.Stamp, true
		}
	}
	times := 0
	var last pcapflow.Stamp
	for _, t := range f.Conn.Retransmissions {
		if t.Time > at.Time && t.Kind == pcapflow.RetransmitTimeout && t.Seq >= f.Conn.AckedTo[t.Dir] {
			times++
			last = t.Stamp
		}
	}
	return last, times >= c.count(r, brokenTimes)
}

var happyEyeballs = Rule{
	Name: "happy-eyeballs", Family: "tcp",
	Title: lang.Text{EN: "IPv6 is broken and costs every connection", ES: "IPv6 no funciona y cuesta en cada conexión"},
	Doc: lang.Text{
		EN: "The client tried IPv6 first, got no answer, and went on with IPv4 after its short timer: each new connection pays that. Mend IPv6, or withdraw the AAAA record.",
		ES: "El cliente probó primero IPv6, no obtuvo respuesta y siguió con IPv4 tras su breve temporizador: lo paga cada conexión nueva. Arregle IPv6 o retire el registro AAAA.",
	},
	Source:     "RFC 8305, section 5",
	Needs:      lang.Text{EN: "a capture at the client", ES: "una captura en el cliente"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: with(weights, headStart, lastStart),
	Refuters: []lang.Text{
		{EN: "IPv6 was answered within a round trip", ES: "IPv6 obtuvo respuesta en una ida y vuelta"},
	},
	Check: checkHappyEyeballs,
}

func checkHappyEyeballs(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		n := connection(j)
		if n == nil || len(n.SYN) == 0 || !j.Server.Addr().Is4() {
			continue
		}
		for _, l := range j.Links {
			first := connection(l.Journey)
			if l.Kind != "address" || first == nil || !l.Journey.Server.Addr().Is6() || len(first.SYN) == 0 || len(first.SYNACK) > 0 {
				continue
			}
			wait := time.Duration(n.SYN[0].Time - first.SYN[0].Time)
			if wait < c.limit(r, headStart) || wait > c.limit(r, lastStart) {
				continue
			}
			e := append(c.synEvidence(l.Journey), c.synEvidence(j)...)
			found.add(l.Journey.Server.String(), hit{journey: l.Journey, lost: wait, evidence: e})
			found.add(l.Journey.Server.String(), hit{journey: j, evidence: e})
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		c.weighed(r, &found, b, f, c.connections())
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "IPv6 to %s is not answered: up to %s more on each new connection until IPv4 is tried.",
			ES: "IPv6 a %s no obtiene respuesta: hasta %s más en cada conexión nueva hasta probar IPv4.",
		}, w.journey.Server, w.lost)
		f.Refuters = c.doubts(r, notFound)
	})
}

// synEvidence are the SYNs of a journey.
func (c *Case) synEvidence(j *correlate.Journey) []Evidence {
	return frames(j.Points[0].Capture, synFrames(flow(j))...)
}
