package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var lingering = &Threshold{"timer", 5, "s", lang.Text{EN: "the server's lingering_timeout", ES: "el lingering_timeout del servidor"}}

var lingeringNear = &Threshold{"near", 0.05, "share", lang.Text{EN: "how much of the timer the log's surplus may differ from a multiple of it", ES: "en qué parte del temporizador puede diferir el exceso del registro de un múltiplo"}}

var lingeringClose = Rule{
	Name: "lingering-close", Family: "web", Answers: true,
	Title: lang.Text{EN: "The log counts a lingering close", ES: "El registro cuenta un cierre demorado"},
	Doc: lang.Text{
		EN: "nginx counts into $request_time the seconds (lingering_timeout, 5 s) that it keeps reading after it answered. The user had the answer long before.",
		ES: "nginx cuenta en $request_time los segundos (lingering_timeout, 5 s) que sigue leyendo tras responder. El usuario tenía la respuesta mucho antes.",
	},
	Source:     "nginx, lingering_timeout",
	Needs:      lang.Text{EN: "a capture and the server's request time", ES: "una captura y el tiempo de petición del servidor"},
	Wants:      []*Want{wantRequestTimes},
	Thresholds: []*Threshold{lingering, lingeringNear},
	Refuters: []lang.Text{
		{EN: "bytes of the response still flowed", ES: "aún fluían bytes de la respuesta"},
	},
	Check: checkLingeringClose,
}

func checkLingeringClose(c *Case, r *Rule) []Finding {
	var found batches
	timer := c.limit(r, lingering)
	for _, j := range c.Journeys {
		x := j.Exchange
		d, logged := loggedDuration(j)
		if x == nil || !logged || !x.RequestFirst.Seen() || !x.ResponseLast.Seen() || x.Undecided || x.EndOpen {
			continue
		}
		// Seen from afar, the way may count or not.
		extra := d - time.Duration(x.ResponseLast.Time-x.RequestFirst.Time)
		if n := (extra + timer/2) / max(timer, 1); n < 1 || float64((extra-n*timer).Abs()) > c.number(r, lingeringNear)*float64(timer)+float64(roundTrip(j)) {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, evidence: append(phaseFrames(j, string(pcapflow.HTTPReceive)), journeyLines(j)...)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		d, _ := loggedDuration(j)
		f.Text = c.say(lang.Text{
			EN: "The log of %s counts %s for an answer that was complete after %s: the rest is the lingering close (%d request{|s}).",
			ES: "El registro de %s cuenta %s por una respuesta completa a los %s: el resto es el cierre demorado (%d {petición|peticiones}).",
		}, b.key, d, time.Duration(j.Exchange.ResponseLast.Time-j.Exchange.RequestFirst.Time), len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

var slowDelivery = Rule{
	Name: "slow-delivery", Family: "web",
	Title: lang.Text{EN: "The server answered in time; delivery was slow", ES: "El servidor respondió a tiempo; la entrega fue lenta"},
	Doc: lang.Text{
		EN: "The server's own log or capture shows the answer in time, and the client got it late, with repeated segments in between: the delay is in the network after the application.",
		ES: "El registro o la captura del propio servidor muestra la respuesta a tiempo, y el cliente la recibió tarde, con segmentos repetidos entre medias: el retraso está en la red, después de la aplicación.",
	},
	Source:     "RFC 6298; nginx $request_time",
	Needs:      lang.Text{EN: "a capture and the server's request time, or captures at both sides", ES: "una captura y el tiempo de petición del servidor, o capturas a ambos lados"},
	Wants:      []*Want{wantRequestTimes},
	Thresholds: with(weights, slowServer, mainShare, roundTrips),
	Refuters: []lang.Text{
		{EN: "the server's capture shows the first byte leaving late", ES: "la captura del servidor muestra que el primer byte salió tarde"},
	},
	Check: checkSlowDelivery,
}

func checkSlowDelivery(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		x := j.Exchange
		d, logged := loggedDuration(j)
		if x == nil || !logged || !x.RequestLast.Seen() || !x.ResponseLast.Seen() || x.Undecided || x.EndOpen {
			continue
		}
		late := time.Duration(x.ResponseLast.Time-x.RequestLast.Time) - d - roundTrip(j)
		if !c.bottleneck(r, j, late) || !c.resentBetween(j, x.RequestLast, x.ResponseLast) {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, lost: late, evidence: append(phaseFrames(j, string(pcapflow.HTTPReceive)), journeyLines(j)...)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		d, _ := loggedDuration(w.journey)
		c.weighed(r, &found, b, f, c.requests(w.journey))
		f.Text = c.say(lang.Text{
			EN: "%s was done after %s; delivery with repeated segments took %s more (%d request{|s}).",
			ES: "%s había terminado a los %s; la entrega, con segmentos repetidos, tardó %s más (%d {petición|peticiones}).",
		}, b.key, d, w.lost, len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

var redirects = Rule{
	Name: "redirects", Family: "web",
	Title: lang.Text{EN: "Redirects cost round trips", ES: "Las redirecciones cuestan idas y vueltas"},
	Doc: lang.Text{
		EN: "An answer pointed elsewhere (3xx), or asked for credentials (401), and the client asked again. Give clients the final address.",
		ES: "Una respuesta remitió a otro sitio (3xx), o pidió credenciales (401), y el cliente preguntó de nuevo. Dé a los clientes la dirección final.",
	},
	Source: "RFC 9110, section 15.4",
	Needs:  lang.Text{EN: "a clear or decrypted capture", ES: "una captura en claro o descifrada"},
	Wants:  []*Want{wantResponses},
	Refuters: []lang.Text{
		{EN: "no later request follows from the answer", ES: "ninguna petición posterior sale de la respuesta"},
	},
	Check: checkRedirects,
}

func checkRedirects(c *Case, r *Rule) []Finding {
	var found batches
	circling := map[*correlate.Journey]bool{} // redirect-loop tells of them
	for _, chain := range c.redirectChains() {
		for _, j := range chain {
			circling[j] = circleOf(chain) != nil
		}
	}
	for _, j := range c.Journeys {
		for _, l := range j.Links {
			if l.Kind == "redirect" && !circling[j] {
				found.add(l.Journey.Server.String(), hit{journey: l.Journey, lost: l.Journey.Total(), evidence: phaseFrames(l.Journey, string(pcapflow.HTTPSend), string(pcapflow.HTTPWait))})
			}
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%d request{|s} to %s only pointed elsewhere: %s before the real one.",
			ES: "%d {petición|peticiones} a %s solo remiti{ó|eron} a otro sitio: %s antes de la verdadera.",
		}, len(b.hits), b.key, c.upTo(r, b))
	})
}

var (
	warmed    = &Threshold{"later", 3, "", lang.Text{EN: "how many later requests must have been quick", ES: "cuántas peticiones posteriores deben haber sido rápidas"}}
	warmTimes = &Threshold{"times", 5, "times", lang.Text{EN: "how many times the slowest later request it must exceed", ES: "cuántas veces la petición posterior más lenta debe superar"}}
)

var coldStart = Rule{
	Name: "cold-start", Family: "web",
	Title: lang.Text{EN: "Only the first request was slow", ES: "Solo la primera petición fue lenta"},
	Doc: lang.Text{
		EN: "The first request of a path was much slower than the later ones: caches, connections behind, or code were not warm yet.",
		ES: "La primera petición de una ruta fue mucho más lenta que las siguientes: cachés, conexiones de detrás o código aún no estaban calientes.",
	},
	Source:     "RFC 9111",
	Needs:      lang.Text{EN: "a capture with several requests of one path", ES: "una captura con varias peticiones de una ruta"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{slowServer, warmed, warmTimes},
	Refuters: []lang.Text{
		{EN: "later requests are slow now and then as well", ES: "las siguientes también son lentas a ratos"},
	},
	Check: checkColdStart,
}

func checkColdStart(c *Case, r *Rule) []Finding {
	var paths, found batches
	for _, j := range c.Journeys {
		if t, ok := think(j); ok && j.Exchange.Path != "" {
			paths.add(fmt.Sprint(j.Server, " ", j.Exchange.Path), hit{journey: j, lost: t})
		}
	}
	slowest := map[string]time.Duration{}
	for _, b := range paths.all {
		first, rest := b.hits[0], b.hits[1:]
		if len(rest) < c.count(r, warmed) {
			continue
		}
		for _, h := range rest {
			slowest[b.key] = max(slowest[b.key], h.lost)
		}
		if first.lost >= c.limit(r, slowServer) && c.exceeds(r, warmTimes, first.lost, slowest[b.key]) {
			found.add(b.key, hit{journey: first.journey, lost: first.lost - slowest[b.key], evidence: phaseFrames(first.journey, string(pcapflow.HTTPWait))}).times = len(rest)
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "Cold start of %s: the first request took %s, the %d after it at most %s.",
			ES: "Arranque en frío de %s: la primera petición tardó %s, las %d siguientes como mucho %s.",
		}, shorten(f.Journeys[0].Exchange.Path, 60), f.Lost+slowest[b.key], b.times, slowest[b.key])
		f.Refuters = c.doubts(r, notFound)
	})
}

var http2HeadOfLine = Rule{
	Name: "http2-head-of-line", Family: "web",
	Title: lang.Text{EN: "One lost segment stopped several streams", ES: "Un segmento perdido paró varios flujos"},
	Doc: lang.Text{
		EN: "Several HTTP/2 streams shared one TCP connection; a lost segment held all of them up until it was sent again. HTTP/3 keeps streams apart.",
		ES: "Varios flujos HTTP/2 compartían una conexión TCP; un segmento perdido los retuvo a todos hasta su reenvío. HTTP/3 separa los flujos.",
	},
	Source:     "RFC 9114, section 2",
	Needs:      lang.Text{EN: "a decrypted capture with HTTP/2", ES: "una captura descifrada con HTTP/2"},
	Wants:      []*Want{wantStreams},
	Thresholds: weights,
	Refuters: []lang.Text{
		{EN: "the streams stalled at different times", ES: "los flujos se pararon en momentos distintos"},
	},
	Check: checkHTTP2HeadOfLine,
}

func checkHTTP2HeadOfLine(c *Case, r *Rule) []Finding {
	byFlow := map[*pcapflow.Flow][]*correlate.Journey{}
	var order []*pcapflow.Flow
	for _, j := range c.open(r) {
		if x := j.Exchange; x != nil && x.StreamID > 0 && flow(j).Conn != nil {
			f := flow(j)
			if byFlow[f] == nil {
				order = append(order, f)
			}
			byFlow[f] = append(byFlow[f], j)
		}
	}
	var found batches
	segments := map[string]int{}
	for _, f := range order {
		for _, t := range f.Conn.Retransmissions {
			if t.Dir != pcapflow.Server || t.Kind == pcapflow.RetransmitSpurious || time.Duration(t.Wait) < c.limit(r, felt) {
				continue
			}
			var held []*correlate.Journey
			for _, j := range byFlow[f] {
				x := j.Exchange
				if x.RequestLast.Seen() && x.ResponseLast.Seen() && x.RequestLast.Time < t.Time-t.Wait && x.ResponseLast.Time > t.Time {
					held = append(held, j)
				}
			}
			if len(held) < 2 {
				continue
			}
			segments[held[0].Server.String()]++
			for _, j := range held {
				found.add(j.Server.String(), hit{journey: j, lost: time.Duration(t.Wait), evidence: frames(j.Points[0].Capture, t.Original.Frame, t.Frame)})
			}
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		c.weighed(r, &found, b, f, c.requests(f.Journeys[0]))
		f.Text = c.say(lang.Text{
			EN: "%d lost segment{|s} of shared connections with %s stopped %d stream{|s} at once, each for %s.",
			ES: "%d segmento{|s} perdido{|s} de conexiones compartidas con %s par{ó|aron} %d flujo{|s} a la vez, cada uno %s.",
		}, segments[b.key], b.key, len(b.hits), c.upTo(r, b))
		f.Refuters = c.doubts(r, notFound)
	})
}
