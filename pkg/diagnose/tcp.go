package diagnose

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var synLost = Rule{
	Name: "syn-lost", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "SYN lost, then fine", ES: "SYN perdido, después todo bien"},
	Doc: lang.Text{
		EN: "The first SYN, or its answer, was lost and sent again when the timer expired (1 s on most systems). The connection then took one round trip. The network lost a packet; the server was not slow. Where a capture at the server holds every SYN, its host dropped them itself, and the finding says so.",
		ES: "El primer SYN, o su respuesta, se perdió y se repitió al vencer el temporizador (1 s en casi todos los sistemas). Después la conexión tardó una ida y vuelta. La red perdió un paquete; el servidor no fue lento. Si una captura en el servidor tiene todos los SYN, los descartó su propio equipo, y el hallazgo lo dice.",
	},
	Source:     "RFC 6298, section 2; RFC 9293, section 3.8.3",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TCP"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: with(weights, retryWait, together, atOnce),
	Refuters: []lang.Text{
		{EN: "a capture at the server shows the first SYN arriving and being ignored", ES: "una captura en el servidor muestra que el primer SYN llegó y fue ignorado"},
		{EN: "the SYNs were kept on the way and answered together", ES: "los SYN se retuvieron en el camino y se respondieron juntos"},
	},
	Check: checkSYNLost,
}

// connection returns the journey's own TCP connection for its first request
// only, so that nothing is told twice.
func connection(j *correlate.Journey) *pcapflow.Conn {
	f := flow(j)
	if f == nil || f.Conn == nil || j.Ordinal > 1 || j.Service == "dns" && f.Service != "dns" {
		return nil
	}
	return f.Conn
}

func checkSYNLost(c *Case, r *Rule) []Finding {
	var found batches
	attempts := map[string]int{}
	for _, j := range c.open(r) {
		conn := connection(j)
		if conn == nil || len(conn.SYN) < 2 || !conn.ACK.Seen() || len(conn.SYNACK) == 0 || oneHost(j) {
			continue
		}
		wait := time.Duration(conn.SYN[len(conn.SYN)-1].Time - conn.SYN[0].Time)
		if first := conn.SYNACK[0]; first.Time < conn.SYN[len(conn.SYN)-1].Time {
			wait = time.Duration(first.Time - conn.SYN[0].Time) // answered before the last repeat
		}
		if wait < c.limit(r, retryWait) || c.held(r, j) {
			continue
		}
		key := j.Server.String()
		if ignoredThere(j) {
			key += ignored
		}
		attempts[key] += len(conn.SYN)
		found.add(key, hit{journey: j, lost: wait, evidence: append(phaseFrames(j, string(pcapflow.TCPConnect)), journeyLines(j)...), gone: lossesOf(j, correlate.LostSYNs, correlate.LostSYNACKs)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		c.weighed(r, &found, b, f, c.connections())
		if strings.HasSuffix(b.key, ignored) {
			c.synIgnored(r, b, f, attempts[b.key])
			return
		}
		f.Refuters = []Refuter{c.serverCaptureRefuter(r, f.Journeys, ignoredSYN)}
		trip := ""
		if rtt := roundTrip(w.journey); rtt > 0 && rtt < c.limit(r, retryWait) { // else a timer is in it
			trip = c.say(lang.Text{EN: "; the network's round trip is only %s", ES: "; la ida y vuelta de la red es solo %s"}, rtt)
		}
		f.Text = c.say(lang.Text{
			EN: "A lost SYN to %s and its retry timer cost %s on %d connection{|s} (%d attempts)%s. The longest took %s; without the loss: %s.",
			ES: "Un SYN perdido hacia %s y su temporizador costaron %s en %d {conexión|conexiones} (%d intentos)%s. La más larga tardó %s; sin la pérdida: %s.",
		}, w.journey.Server, c.upTo(r, b), len(b.hits), attempts[b.key], trip, w.journey.Total(), max(w.journey.Total()-w.lost, 0)) + c.lostBetween(b)
		if c.misplaced(fromServer, f.Journeys) {
			f.Text += " " + c.say(lang.Text{
				EN: "From here, a server that ignores SYNs because a queue of its is full looks the same.",
				ES: "Desde aquí, un servidor que ignora los SYN porque una cola suya está llena se ve igual.",
			})
		}
	})
}

var (
	together = &Threshold{"together", 0.1, "s", lang.Text{EN: "SYNs that reach another point within this were kept on the way, not lost", ES: "los SYN que llegan a otro punto en menos de esto fueron retenidos en el camino, no perdidos"}}
	atOnce   = &Threshold{"at-once", 0.02, "s", lang.Text{EN: "SYN-ACKs within this answer SYNs that came together; an answer so much later than two round trips is no answer to the last SYN", ES: "los SYN-ACK en menos de esto responden a SYN que llegaron juntos; una respuesta tanto más tardía que dos idas y vueltas no responde al último SYN"}}
)

// held tells whether the first SYN was kept on the way rather than lost, most
// often by a router that resolved its neighbour: all SYNs arrived together at
// another point, were answered together, or the answer came at no round trip
// after the last one, or too soon to be its answer.
func (c *Case) held(r *Rule, j *correlate.Journey) bool {
	n := j.Points[0].Flow.Conn
	if kept, _ := c.keptBetween(r, j); kept != nil {
		return true
	}
	if len(n.SYNACK) > 1 && time.Duration(n.SYNACK[1].Time-n.SYNACK[0].Time) < c.limit(r, atOnce) {
		return true
	}
	if answersEarlier(n) {
		return true
	}
	answer := n.SYNACK[0].Time - n.SYN[len(n.SYN)-1].Time
	trip := n.Samples[pcapflow.Server]
	return answer > 0 && trip.N > 0 && answer > 2*trip.Min+int64(c.limit(r, atOnce)) && answer > trip.P95
}

// answersEarlier tells whether a SYN-ACK came too soon to answer the SYN before it.
func answersEarlier(n *pcapflow.Conn) bool {
	if len(n.SYN) < 2 || len(n.SYNACK) == 0 {
		return false
	}
	answer := n.SYNACK[0].Time - n.SYN[len(n.SYN)-1].Time
	return answer > 0 && n.RTTServer > answer
}

// scanTargets tells a scan from requests that failed.
var scanTargets = &Threshold{"scan", 16, "", lang.Text{EN: "ports or hosts that one client tries in vain before it is called a scan", ES: "puertos o equipos que un cliente prueba en vano antes de llamarlo barrido"}}

// due: timers of 1 s are not exact.
var due = &Threshold{"due", 0.9, "s", lang.Text{EN: "how long after the first SYN a repetition shows that an answer was due", ES: "cuánto después del primer SYN una repetición muestra que la respuesta ya tocaba"}}

var synUnanswered = Rule{
	Name: "syn-unanswered", Family: "tcp", Gated: true, Absence: true,
	Title: lang.Text{EN: "SYN never answered", ES: "SYN sin respuesta"},
	Doc: lang.Text{
		EN: "Every SYN stayed without SYN-ACK, RST or ICMP error: a firewall drops it, the host is down, or there is no route. Nothing reached the application.",
		ES: "Ningún SYN obtuvo SYN-ACK, RST ni error ICMP: un cortafuegos lo descarta, el equipo está caído o no hay ruta. Nada llegó a la aplicación.",
	},
	Source:     "RFC 9293, section 3.8.3",
	Needs:      lang.Text{EN: "a capture with the SYNs", ES: "una captura con los SYN"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: []*Threshold{quiet, due, scanTargets},
	Refuters: []lang.Text{
		{EN: "a capture at the server shows a SYN-ACK leaving (lost on the way back)", ES: "una captura en el servidor muestra un SYN-ACK saliendo (perdido a la vuelta)"},
	},
	Check: checkSYNUnanswered,
}

func checkSYNUnanswered(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		conn := connection(j)
		if conn == nil || len(conn.SYN) == 0 || len(conn.RST) > 0 || len(flow(j).ICMP) > 0 || conn.ACK.Seen() {
			continue
		}
		if len(conn.SYNACK) > 0 && (len(conn.SYN) < 2 || len(conn.SYNACK) < 2 || flow(j).Payload[pcapflow.Client] > 0) {
			continue // answered; that the answers never arrived shows in both sides' repetitions
		}
		if time.Duration(conn.SYN[len(conn.SYN)-1].Time-conn.SYN[0].Time) < c.limit(r, due) && !quietFor(j, c.limit(r, quiet)) {
			continue // the capture ended before an answer was due
		}
		found.add(j.Server.String(), hit{journey: j, lost: time.Duration(flow(j).End.Time - conn.SYN[0].Time), evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
	}
	silent, scans := c.scans(r, &found)
	out := scans.telling(Note, High, func(b *batch, f *Finding) {
		c.scanners[b.key] = true
		f.Text = c.say(lang.Text{
			EN: "%s tried %d connection{|s} to many ports or hosts without any answer: a scan, not a request that somebody waited for.",
			ES: "%s intentó %d {conexión|conexiones} a muchos puertos o equipos sin ninguna respuesta: un barrido, no una petición que alguien esperara.",
		}, b.key, len(b.hits))
		f.Refuters = []Refuter{c.serverCaptureRefuter(r, f.Journeys, func(n *pcapflow.Conn) bool { return len(n.SYNACK) > 0 })}
	})
	return append(out, silent.telling(Error, High, func(b *batch, f *Finding) { c.silent(r, b, f) })...)
}

// silent fills in the finding about a server that answered no SYN.
func (c *Case) silent(r *Rule, b *batch, f *Finding) {
	attempts := 0
	for _, j := range f.Journeys {
		attempts += len(connection(j).SYN)
	}
	server := f.Journeys[0].Server
	f.Text = c.say(lang.Text{
		EN: "%s never answered: %d SYN{|s} of %d connection{|s} without SYN-ACK, RST or ICMP (silent drop, host down, or no route).",
		ES: "%s nunca respondió: %d SYN de %d {conexión|conexiones} sin SYN-ACK, RST ni ICMP (descarte silencioso, equipo caído o sin ruta).",
	}, server, attempts, len(b.hits))
	if before, after := c.tookBeside(f.Journeys); before+after > 0 {
		f.Text = c.say(lang.Text{
			EN: "%s did not answer %d SYN{|s} of %d connection{|s}, neither with SYN-ACK nor with RST or ICMP (silent drop, host down, or no route); of the same client it took %d before them and %d after.",
			ES: "%s no respondió a %d SYN de %d {conexión|conexiones}, ni con SYN-ACK ni con RST ni ICMP (descarte silencioso, equipo caído o sin ruta); del mismo cliente aceptó %d antes y %d después.",
		}, server, attempts, len(b.hits), before, after)
	}
	f.Refuters = []Refuter{c.serverCaptureRefuter(r, f.Journeys, func(n *pcapflow.Conn) bool { return len(n.SYNACK) > 0 })}
	switch {
	case !slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return !missedAtServer(c.Case, j) }):
		f.Text += " " + c.say(lang.Text{EN: "The server's own capture holds none of them: they were lost on the way there.", ES: "La captura del propio servidor no tiene ninguno: se perdieron de camino a él."})
	case slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return slices.ContainsFunc(j.Points, atServer) }):
		f.Text += " " + c.say(lang.Text{EN: "They arrived at the server's host, which did not answer: its own filter, or nobody there.", ES: "Llegaron al equipo del servidor, que no respondió: su propio filtro, o nadie ahí."})
	}
	if e, n := synAcksSent(f.Journeys); n > 0 {
		f.Refuters[0].Status, f.Refuters[0].Command, f.restated = "found", "", true
		f.Evidence = merge(append(f.Evidence, e...))
		f.Text = c.say(lang.Text{
			EN: "The client never got an answer of %s: %d SYN{|s} of %d connection{|s} arrived and %d SYN-ACK{|s} left, which were lost on the way back.",
			ES: "El cliente nunca recibió respuesta de %s: llegaron %d SYN de %d {conexión|conexiones} y salieron %d SYN-ACK, que se perdieron a la vuelta.",
		}, server, attempts, len(b.hits), n)
	}
}

// tookBeside counts the connections of the same client that the server took before the
// first of some journeys to it and after the last, as their capture shows.
func (c *Case) tookBeside(js []*correlate.Journey) (before, after int) {
	first, last := js[0], js[len(js)-1]
	for _, j := range c.Journeys {
		n := connection(j)
		switch {
		case n == nil || !n.ACK.Seen() || j.Server != first.Server || j.Client.Addr() != first.Client.Addr() || j.Points[0].Capture != first.Points[0].Capture:
		case n.ACK.Time < first.Start.Time:
			before++
		case j.Start.Time > last.Start.Time:
			after++
		}
	}
	return before, after
}

// scans takes out of unanswered connections those of a scan: one client that
// tried many ports or hosts in vain. It is nobody's request.
func (c *Case) scans(r *Rule, all *batches) (rest, scans batches) {
	targets := map[netip.Addr]int{}
	for _, b := range all.all {
		targets[b.hits[0].journey.Client.Addr()]++
	}
	for _, b := range all.all {
		client := b.hits[0].journey.Client.Addr()
		into, key := &rest, b.key
		if targets[client] >= c.count(r, scanTargets) {
			into, key = &scans, client.String()
		}
		for _, h := range b.hits {
			into.add(key, h)
		}
	}
	return rest, scans
}

// synAcksSent counts the SYN-ACKs of journeys that some capture saw leave.
func synAcksSent(js []*correlate.Journey) (all []Evidence, n int) {
	for _, j := range js {
		for _, p := range j.Points {
			if p.Flow.Conn == nil || len(p.Flow.Conn.SYNACK) == 0 {
				continue
			}
			n += len(p.Flow.Conn.SYNACK)
			var numbers []int
			for _, s := range p.Flow.Conn.SYNACK {
				numbers = append(numbers, s.Frame)
			}
			all = append(all, frames(p.Capture, numbers...)...)
			break
		}
	}
	return all, n
}

// quietFor tells whether the journey's capture went on for at least d after the
// flow's last packet.
func quietFor(j *correlate.Journey, d time.Duration) bool {
	p := j.Points[0]
	return p.Capture.Last.Time-p.Flow.End.Time >= int64(d)
}

var sameMoment = &Threshold{"near", 1, "s", lang.Text{EN: "how near in time another client's connection says the opposite", ES: "cómo de cerca en el tiempo otra conexión dice lo contrario"}}

var connectionRefused = Rule{
	Name: "connection-refused", Family: "tcp",
	Title: lang.Text{EN: "Connection refused", ES: "Conexión rechazada"},
	Doc: lang.Text{
		EN: "The SYN was answered with RST: nothing listens on that port, or a device on the way refuses in the server's name. The same TTL as the host's other packets speaks for the host.",
		ES: "Al SYN se respondió con RST: nada escucha en ese puerto, o un dispositivo en el camino rechaza en nombre del servidor. Un TTL igual al de los demás paquetes del equipo apunta al equipo.",
	},
	Source:     "RFC 9293, section 3.10.7.1",
	Needs:      lang.Text{EN: "a capture with SYN and RST", ES: "una captura con SYN y RST"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: []*Threshold{sameMoment},
	Refuters: []lang.Text{
		{EN: "another client got a SYN-ACK from the same port in the same second", ES: "otro cliente obtuvo un SYN-ACK del mismo puerto en el mismo segundo"},
		{EN: "the connection was accepted before the RST", ES: "la conexión se aceptó antes del RST"},
	},
	Check: checkConnectionRefused,
}

// refused tells whether a RST was the answer to the SYN.
func refused(n *pcapflow.Conn) bool {
	return len(n.SYN) > 0 && len(n.SYNACK) == 0 && len(n.RST) > 0 && n.RST[0].Dir == pcapflow.Server
}

func checkConnectionRefused(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		conn := connection(j)
		if conn == nil || !refused(conn) {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%s refused %d connection{|s} with RST (TTL %d): nothing listens on port %d.",
			ES: "%s rechazó %d {conexión|conexiones} con RST (TTL %d): nada escucha en el puerto %d.",
		}, j.Server.Addr(), len(b.hits), connection(j).RST[0].TTL, j.Server.Port())
		if c.scanners[j.Client.Addr().String()] {
			f.Severity = Note // part of a scan
		}
		before, between, after := c.acceptedBeside(f.Journeys)
		down := len(f.Journeys) > 1 && !between // one time without a listener, not a port that answers now so, now so
		if down && before && after {
			f.Text += " " + c.say(lang.Text{EN: "It took connections before and after, and none between: it was stopped and started again.", ES: "Aceptó conexiones antes y después, y ninguna entretanto: se detuvo y volvió a arrancar."})
		} else if down && before {
			f.Text += " " + c.say(lang.Text{EN: "It took connections before, and none since: it was stopped.", ES: "Aceptó conexiones antes, y ninguna desde entonces: se detuvo."})
		}
		f.Refuters = c.doubts(r, foundIf(!down && c.accepted(r, j)))
	})
}

// acceptedBeside tells whether the server of some refused connections took others
// before the first of them, between them, and after the last, in the same capture.
func (c *Case) acceptedBeside(js []*correlate.Journey) (before, between, after bool) {
	first, last := js[0].Start.Time, js[0].Start.Time
	for _, j := range js {
		first, last = min(first, j.Start.Time), max(last, j.Start.Time)
	}
	for _, at := range c.taken(js[0]) {
		switch {
		case at < first:
			before = true
		case at > last:
			after = true
		default:
			between = true
		}
	}
	return before, between, after
}

// taken is when the server of a journey took connections, in order, as its capture shows.
func (c *Case) taken(j *correlate.Journey) []int64 {
	if c.took == nil {
		c.took = map[taker][]int64{}
		for _, o := range c.Journeys {
			if conn := connection(o); conn != nil && len(conn.SYNACK) > 0 && len(o.Points) > 0 {
				k := taker{o.Server, o.Points[0].Capture}
				c.took[k] = append(c.took[k], conn.SYNACK[0].Time)
			}
		}
		for _, list := range c.took {
			slices.Sort(list)
		}
	}
	return c.took[taker{j.Server, j.Points[0].Capture}]
}

// accepted tells whether the server took another connection at the moment it
// refused this one.
func (c *Case) accepted(r *Rule, j *correlate.Journey) bool {
	list := c.taken(j)
	moment := int64(c.limit(r, sameMoment))
	i := sort.Search(len(list), func(i int) bool { return list[i] > j.Start.Time-moment })
	return i < len(list) && list[i] < j.Start.Time+moment
}

// taker is a server as one capture saw it.
type taker struct {
	server  netip.AddrPort
	capture *incident.Capture
}
