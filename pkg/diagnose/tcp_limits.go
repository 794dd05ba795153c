package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var receiverLimited = Rule{
	Name: "receiver-limited", Family: "tcp",
	Title: lang.Text{EN: "The receiver stopped reading", ES: "El receptor dejó de leer"},
	Doc: lang.Text{
		EN: "One side advertised no room, or the other had used up what was advertised, and waited. The reader is slow (its processor, its disk, the application), not the network.",
		ES: "Un lado anunció que no tenía sitio, o el otro había agotado lo anunciado, y esperó. El lector es lento (su procesador, su disco, la aplicación), no la red.",
	},
	Source:     "RFC 9293, section 3.8.6",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantConnections},
	Thresholds: weights,
	Refuters: []lang.Text{
		{EN: "the window was open again before the sender had anything to send", ES: "la ventana se abrió de nuevo antes de que el emisor tuviera algo que enviar"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.stalls(r, []string{pcapflow.StallZeroWindow, pcapflow.StallWindowFull}, lang.Text{
			EN: "The %s stopped reading for up to %s on %d connection{|s} with %s (window closed).",
			ES: "El %s dejó de leer hasta %s en %d {conexión|conexiones} con %s (ventana cerrada).",
		})
	},
}

var nagleDelayedACK = Rule{
	Name: "nagle-delayed-ack", Family: "tcp",
	Title: lang.Text{EN: "Nagle's algorithm waits for delayed acknowledgements", ES: "El algoritmo de Nagle espera confirmaciones retrasadas"},
	Doc: lang.Text{
		EN: "A side wrote in small pieces and held the next one back until the other side's delayed acknowledgement (40 ms on Linux, 200 ms elsewhere). Write in one piece, or set TCP_NODELAY.",
		ES: "Un lado escribió en trozos pequeños y retuvo el siguiente hasta la confirmación retrasada del otro (40 ms en Linux, 200 ms en otros). Escriba de una vez o ponga TCP_NODELAY.",
	},
	Source: "RFC 9293, sections 3.7.4 and 3.8.6.3",
	Needs:  lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:  []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "the pauses are not those of a timer", ES: "las pausas no son las de un temporizador"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.stalls(r, []string{pcapflow.StallDelayedACK}, lang.Text{
			EN: "The %s's delayed acknowledgements held small writes back, up to %s on %d connection{|s} with %s.",
			ES: "Las confirmaciones retrasadas del %s retuvieron escrituras pequeñas, hasta %s en %d {conexión|conexiones} con %s.",
		})
	},
}

// stalls makes one note a server and side of the stalls with the causes given.
func (c *Case) stalls(r *Rule, causes []string, text lang.Text) []Finding {
	var found batches
	side := map[string]pcapflow.Dir{}
	all := 0
	for j, f := range connections(c.open(r)) {
		all++
		var wait [2]time.Duration
		var numbers [2][]int
		for _, s := range f.Conn.Stalls {
			for _, cause := range causes {
				if s.Cause == cause {
					wait[s.Waiting.Other()] += time.Duration(s.End.Time - s.Begin.Time)
					numbers[s.Waiting.Other()] = append(numbers[s.Waiting.Other()], s.Begin.Frame, s.End.Frame)
				}
			}
		}
		for d := range wait {
			if wait[d] > 0 {
				key := fmt.Sprint(j.Server, " ", d)
				side[key] = pcapflow.Dir(d)
				found.add(key, hit{journey: j, lost: min(wait[d], max(j.Total(), wait[d])), evidence: frames(j.Points[0].Capture, numbers[d]...)})
			}
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		if r.Name == "receiver-limited" {
			c.weighed(r, &found, b, f, all)
		}
		f.Text = c.say(text, c.side(side[b.key]), w.lost, len(b.hits), w.journey.Server)
		f.Refuters = c.doubts(r, notFound)
	})
}

var fullTimes = &Threshold{"full", 3, "", lang.Text{EN: "how often the window must have been full", ES: "cuántas veces debe haberse llenado la ventana"}}

var windowLimited = Rule{
	Name: "window-limited", Family: "tcp",
	Title: lang.Text{EN: "Throughput limited by the window", ES: "Caudal limitado por la ventana"},
	Doc: lang.Text{
		EN: "The sender had all that the receiver's window allows in flight again and again, without loss: the rate is window over round trip. Larger socket buffers, or window scaling where it is missing, raise it.",
		ES: "El emisor tuvo en vuelo una y otra vez todo lo que la ventana del receptor permite, sin pérdidas: el caudal es la ventana entre la ida y vuelta. Lo suben búferes mayores, o el escalado de ventana donde falta.",
	},
	Source:     "RFC 7323, section 2",
	Needs:      lang.Text{EN: "a capture with the handshake and the transfer", ES: "una captura con el establecimiento y la transferencia"},
	Wants:      []*Want{wantConnections},
	Thresholds: with(weights, fullTimes),
	Refuters: []lang.Text{
		{EN: "less than the window was in flight", ES: "en vuelo había menos que la ventana"},
	},
	Check: checkWindowLimited,
}

func checkWindowLimited(c *Case, r *Rule) []Finding {
	var found batches
	most := map[string]int64{}
	for j, f := range connections(c.open(r)) {
		for d := range f.Conn.Count {
			p := nearest(j, pcapflow.Dir(d))
			n := p.Flow.Conn.Count[d]
			if n.WindowFull < int64(c.count(r, fullTimes)) || n.Retransmitted > 0 || p.Flow.Conn.Count[1-d].ZeroWindow > 0 {
				continue
			}
			lost := c.beyondSlowStart(j, pcapflow.Dir(d))
			if j.Exchange != nil && lost < c.limit(r, felt) {
				continue // full while it grew, and no hindrance
			}
			key := j.Server.String() + " " + j.Client.Addr().String()
			most[key] = max(most[key], n.MaxInFlight)
			found.add(key, hit{journey: j, lost: lost, evidence: frames(p.Capture, p.Flow.FirstPayload[d].Frame, p.Flow.LastPayload[d].Frame)})
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		j := b.worst().journey
		c.weighed(r, &found, b, f, c.connections())
		f.Text = c.say(lang.Text{
			EN: "%d connection{|s} of %s with %s sent no faster than the window allows: %d bytes each round trip of %s.",
			ES: "%d {conexión|conexiones} de %s con %s no envi{ó|aron} más deprisa de lo que la ventana permite: %d bytes por cada ida y vuelta de %s.",
		}, len(b.hits), j.Client.Addr(), j.Server, most[b.key], roundTrip(j))
		f.Refuters = c.doubts(r, notFound)
	})
}

// beyondSlowStart is what a download took beyond the rounds of a growing window;
// 0 where that does not apply.
func (c *Case) beyondSlowStart(j *correlate.Journey, d pcapflow.Dir) time.Duration {
	took, ok := phaseTime(j, pcapflow.HTTPReceive)
	if !ok || j.Exchange == nil || d != pcapflow.Server {
		return 0
	}
	return max(took-c.rounds(j.Exchange.ResponseBytes)*roundTrip(j), 0)
}

var (
	bloatTimes  = &Threshold{"times", 4, "times", lang.Text{EN: "p95 of the round trip against its minimum", ES: "p95 de la ida y vuelta frente a su mínimo"}}
	bloatDelay  = &Threshold{"delay", 0.1, "s", lang.Text{EN: "shortest extra round trip that is told", ES: "menor ida y vuelta de más que se cuenta"}}
	bloatFlight = &Threshold{"in-flight", 29200, "bytes", lang.Text{EN: "how much must have been in flight", ES: "cuánto debe haber habido en vuelo"}}
	bloatSeen   = &Threshold{"connections", 2, "", lang.Text{EN: "how many connections must show it to be worth a warning", ES: "cuántas conexiones deben mostrarlo para merecer un aviso"}}
	bloatAlone  = &Threshold{"connections-alone", 3, "", lang.Text{EN: "how many connections must be slow from beginning to end where none of them carried much", ES: "cuántas conexiones deben ser lentas de principio a fin donde ninguna llevó mucho"}}
	bloatProbes = &Threshold{"samples", 20, "", lang.Text{EN: "how many samples of the round trip are needed", ES: "cuántas muestras de la ida y vuelta hacen falta"}}
)

var bufferbloat = Rule{
	Name: "bufferbloat", Family: "path",
	Title: lang.Text{EN: "A queue in the path adds delay under load", ES: "Una cola en el camino añade retardo con carga"},
	Doc: lang.Text{
		EN: "The round trip grew to a multiple of its minimum while much was in flight, or for whole connections that carried little: a device queues packets, of this transfer or of another, instead of dropping early. An active queue management (fq_codel, CAKE) at the narrow link mends it.",
		ES: "La ida y vuelta creció a un múltiplo de su mínimo con mucho en vuelo, o durante conexiones enteras que llevaban poco: un equipo encola los paquetes, de esta transferencia o de otra, en vez de descartar pronto. Lo arregla una gestión activa de colas (fq_codel, CAKE) en el enlace estrecho.",
	},
	Source:     "RFC 7567; RFC 8290",
	Needs:      lang.Text{EN: "a capture with a transfer of many segments", ES: "una captura con una transferencia de muchos segmentos"},
	Wants:      []*Want{wantConnections},
	Thresholds: []*Threshold{bloatTimes, bloatDelay, bloatFlight, bloatProbes, bloatSeen, bloatAlone, everyday},
	Refuters: []lang.Text{
		{EN: "the round trip is as long without load", ES: "la ida y vuelta es igual de larga sin carga"},
	},
	Check: checkBufferbloat,
}

func checkBufferbloat(c *Case, r *Rule) []Finding {
	var found batches
	worst := map[string]pcapflow.RTTStats{}
	for j, f := range connections(c.Journeys) {
		for d := range f.Conn.Samples {
			// The round trip under load is that of the bytes: it shows where they were sent.
			p := nearest(j, pcapflow.Dir(1-d))
			s, flight := p.Flow.Conn.Samples[d], p.Flow.Conn.Count[1-d].MaxInFlight
			grown := time.Duration(s.P95 - s.Min)
			if s.N < c.count(r, bloatProbes) || s.Min <= 0 || !c.exceeds(r, bloatTimes, time.Duration(s.P95), time.Duration(s.Min)) || grown < c.limit(r, bloatDelay) || flight < int64(c.count(r, bloatFlight)) {
				continue
			}
			if s.P95 > worst[j.Server.String()].P95 {
				worst[j.Server.String()] = s
			}
			found.add(j.Server.String(), hit{journey: j, lost: min(grown, length(j)), evidence: frames(p.Capture, p.Flow.Start.Frame, p.Flow.End.Frame)})
		}
	}
	out := found.telling(Note, Medium, func(b *batch, f *Finding) {
		s, server := worst[b.key], f.Journeys[0].Server
		if len(b.hits) >= c.count(r, bloatSeen) {
			f.Severity = c.loudness(r, len(b.hits), c.connections())
		}
		f.Text = c.say(lang.Text{
			EN: "A queue on the path to %s adds up to %s under load: the round trip grows from %s to %s (%d connection{|s}).",
			ES: "Una cola en el camino a %s añade hasta %s con carga: la ida y vuelta crece de %s a %s (%d {conexión|conexiones}).",
		}, server, time.Duration(s.P95-s.Min), time.Duration(s.Min), time.Duration(s.P95), len(b.hits))
		f.Refuters = c.doubts(r, notCollected("CLIENT: ping -i 0.2 SERVER"))
	})
	if len(out) > 0 {
		return out
	}
	return c.swollenPath(r)
}

var (
	farServer = &Threshold{"round-trip", 0.01, "s", lang.Text{EN: "shortest round trip for which it matters", ES: "menor ida y vuelta para la que importa"}}
	// RFC 6928: ten segments of 1460 bytes.
	initialWindow = &Threshold{"first-window", 14600, "bytes", lang.Text{EN: "what a server sends before the first acknowledgement", ES: "lo que un servidor envía antes de la primera confirmación"}}
	fewerRounds   = &Threshold{"rounds-fewer", 2, "", lang.Text{EN: "how many round trips fewer than computed the response may have needed", ES: "cuántas idas y vueltas menos de las calculadas puede haber necesitado la respuesta"}}
	moreRounds    = &Threshold{"rounds-more", 1, "", lang.Text{EN: "how many more", ES: "cuántas más"}}
	growth        = &Threshold{"rounds", 3, "", lang.Text{EN: "how many round trips the response must need", ES: "cuántas idas y vueltas debe necesitar la respuesta"}}
)

var slowStart = Rule{
	Name: "slow-start", Family: "tcp",
	Title: lang.Text{EN: "The response grew through slow start", ES: "La respuesta pasó por el arranque lento"},
	Doc: lang.Text{
		EN: "A response larger than the first window takes several round trips even without loss. A warm connection, a larger initial window, or a server nearer by shortens it.",
		ES: "Una respuesta mayor que la primera ventana tarda varias idas y vueltas aun sin pérdidas. La acortan una conexión ya caliente, una ventana inicial mayor o un servidor más cercano.",
	},
	Source:     "RFC 5681, section 3.1; RFC 6928",
	Needs:      lang.Text{EN: "a capture with the response", ES: "una captura con la respuesta"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{farServer, growth, initialWindow, fewerRounds, moreRounds, mainShare},
	Refuters: []lang.Text{
		{EN: "the whole response came in one round trip", ES: "toda la respuesta llegó en una ida y vuelta"},
	},
	Check: checkSlowStart,
}

// rounds is how many round trips so many bytes take from the first window on,
// which doubles with each.
func (c *Case) rounds(bytes int64) time.Duration {
	n := time.Duration(1)
	for window := max(c.number(c.rules["slow-start"], initialWindow), 1); window < float64(bytes); window *= 2 {
		n++
	}
	return n
}

func checkSlowStart(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		took, ok := phaseTime(j, pcapflow.HTTPReceive)
		rtt := roundTrip(j)
		if !ok || j.Ordinal > 1 || rtt < c.limit(r, farServer) || j.Exchange == nil || j.Exchange.Multiplexed || limited(j) {
			continue
		}
		rounds := c.rounds(j.Exchange.ResponseBytes)
		least, most := rounds-time.Duration(c.count(r, fewerRounds)), rounds+time.Duration(c.count(r, moreRounds))
		if rounds < time.Duration(c.count(r, growth)) || took < least*rtt || took > most*rtt || !c.exceeds(r, mainShare, took, j.Total()) {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, lost: took, evidence: phaseFrames(j, string(pcapflow.HTTPReceive))})
	}
	return found.telling(Info, Medium, func(b *batch, f *Finding) {
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "%d response{|s} of %s took several round trips of slow start, up to %s (round trip %s).",
			ES: "%d respuesta{|s} de %s tard{ó|aron} varias idas y vueltas de arranque lento, hasta %s (ida y vuelta %s).",
		}, len(b.hits), w.journey.Server, w.lost, roundTrip(w.journey))
		f.Refuters = c.doubts(r, notFound)
	})
}
