package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var tlsSlowServer = Rule{
	Name: "tls-slow-server", Family: "tls",
	Title: lang.Text{EN: "The server is slow to answer the ClientHello", ES: "El servidor tarda en responder al ClientHello"},
	Doc: lang.Text{
		EN: "From the last byte of the ClientHello to the ServerHello far more than a round trip passed, without retransmission: computing, or a queue in front of the process.",
		ES: "Del último byte del ClientHello al ServerHello pasó mucho más que una ida y vuelta, sin retransmisiones: cálculo, o una cola ante el proceso.",
	},
	Source:     "RFC 8446, section 2",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{slowServer, usualTimes, feltShare, everyday, timerShortest, timerLongest},
	Refuters: []lang.Text{
		{EN: "the ServerHello came at once and a later flight was slow", ES: "el ServerHello llegó enseguida y lo lento fue una tanda posterior"},
	},
	Check: checkTLSSlowServer,
}

// helloDelay is the time from ClientHello to ServerHello beyond the round trip
// between capture and server.
func helloDelay(j *correlate.Journey) (time.Duration, bool) {
	f := flow(j)
	if f == nil || f.TLS == nil || f.Conn == nil || j.Ordinal > 1 || f.Conn.RTTServer == 0 {
		return 0, false
	}
	hello := f.TLS.ClientHello
	if f.TLS.HelloRetry && f.TLS.SecondHello.Seen() {
		hello = f.TLS.SecondHello
	}
	if !hello.Seen() || !f.TLS.ServerHelloFirst.Seen() || f.TLS.ServerHelloFirst.Time < hello.Time {
		return 0, false
	}
	return time.Duration(f.TLS.ServerHelloFirst.Time - hello.Time - f.Conn.RTTServer), true
}

func checkTLSSlowServer(c *Case, r *Rule) []Finding {
	var all []time.Duration
	for _, j := range c.open(r) {
		if d, ok := helloDelay(j); ok {
			all = append(all, d)
		}
	}
	usual := normal(all).P50
	var found batches
	for _, j := range c.open(r) {
		d, ok := helloDelay(j)
		if !ok || d < c.limit(r, slowServer) || !c.exceeds(r, usualTimes, d, usual) || !c.exceeds(r, feltShare, d, j.Total()) || c.resentBetween(j, flow(j).TLS.ClientHelloFirst, flow(j).TLS.ServerHello) {
			continue
		}
		e := frames(j.Points[0].Capture, flow(j).TLS.ClientHello.Frame, flow(j).TLS.ServerHello.Frame)
		found.add(j.Server.String(), hit{journey: j, lost: d, evidence: e})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Severity = c.loudness(r, len(b.hits), len(all))
		f.Text = c.say(lang.Text{
			EN: "%s needed %s to answer the ClientHello (%d handshake{|s}, usually %s): processor or queue, not distance.",
			ES: "%s necesitó %s para responder al ClientHello (%d establecimiento{|s}, lo habitual es %s): procesador o cola, no distancia.",
		}, b.key, c.upTo(r, b), len(b.hits), usual)
		f.Refuters = c.doubts(r, notFound)
		c.hidden(r, b, f)
	})
}

var (
	largeChain     = &Threshold{"chain", 14000, "bytes", lang.Text{EN: "largest chain that fits the first window", ES: "mayor cadena que cabe en la primera ventana"}}
	serverShare    = &Threshold{"server", 0.1, "share", lang.Text{EN: "share of the handshake that the server itself may take", ES: "parte del establecimiento que puede tomar el propio servidor"}}
	handshakeTrips = &Threshold{"round-trips", 3, "times", lang.Text{EN: "round trips that a handshake stays below by itself", ES: "idas y vueltas por debajo de las que queda un establecimiento por sí solo"}}
	distance       = &Threshold{"round-trip", 0.1, "s", lang.Text{EN: "shortest round trip that is called far", ES: "menor ida y vuelta que se llama lejana"}}
)

var tlsHelloRetry = Rule{
	Name: "tls-hello-retry", Family: "tls",
	Title: lang.Text{EN: "HelloRetryRequest costs a round trip", ES: "El HelloRetryRequest cuesta una ida y vuelta"},
	Doc: lang.Text{
		EN: "The client offered key shares for groups the server does not take, and had to say hello again. Aligning the preferred groups saves one round trip a connection.",
		ES: "El cliente ofreció claves de grupos que el servidor no toma, y tuvo que saludar de nuevo. Alinear los grupos preferidos ahorra una ida y vuelta por conexión.",
	},
	Source: "RFC 8446, section 4.1.4",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:  []*Want{wantTLS},
	Refuters: []lang.Text{
		{EN: "the server took the first ClientHello", ES: "el servidor aceptó el primer ClientHello"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.tlsNote(lang.Text{
			EN: "%d handshake{|s} with %s paid one more round trip for a HelloRetryRequest (%s).",
			ES: "%d establecimiento{|s} con %s pag{ó|aron} una ida y vuelta más por un HelloRetryRequest (%s).",
		}, func(t *pcapflow.TLS, _ *correlate.Journey) bool { return t.HelloRetry })
	},
}

var tlsLongChain = Rule{
	Name: "tls-long-chain", Family: "tls",
	Title: lang.Text{EN: "Certificate chain overflows the first window", ES: "La cadena de certificados no cabe en la primera ventana"},
	Doc: lang.Text{
		EN: "The server's flight is larger than what may be sent before the first acknowledgement (about 14 kB), so the handshake takes one more round trip. A shorter chain saves it.",
		ES: "La tanda del servidor es mayor de lo que puede enviarse antes de la primera confirmación (unos 14 kB), así que el establecimiento tarda una ida y vuelta más. Una cadena más corta la ahorra.",
	},
	Source:     "RFC 6928",
	Needs:      lang.Text{EN: "a capture with the certificate in the clear, or decrypted", ES: "una captura con el certificado en claro, o descifrada"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{largeChain},
	Refuters: []lang.Text{
		{EN: "the server's flight fits the first window", ES: "la tanda del servidor cabe en la primera ventana"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.tlsNote(lang.Text{
			EN: "%d handshake{|s} with %s carr{ies|y} a certificate chain too large for the first window (%s of round trip).",
			ES: "%d establecimiento{|s} con %s lleva{|n} una cadena de certificados demasiado grande para la primera ventana (%s de ida y vuelta).",
		}, func(t *pcapflow.TLS, _ *correlate.Journey) bool { return t.CertificateBytes > c.count(r, largeChain) })
	},
}

var tlsDistance = Rule{
	Name: "tls-distance", Family: "tls",
	Title: lang.Text{EN: "TLS is long because the server is far", ES: "TLS es largo porque el servidor está lejos"},
	Doc: lang.Text{
		EN: "Most of the journey is the TLS handshake, and most of that is distance: round trips times the round-trip time. TLS 1.3, resumption, or a server nearer by saves them.",
		ES: "La mayor parte del recorrido es el establecimiento TLS, y la mayor parte de este es distancia: idas y vueltas por su duración. TLS 1.3, la reanudación o un servidor más cercano las ahorran.",
	},
	Source:     "RFC 8446, section 2",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{distance, mainShare, serverShare, handshakeTrips},
	Refuters: []lang.Text{
		{EN: "the server's own share of the handshake is noticeable", ES: "la parte del propio servidor en el establecimiento es notable"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.tlsNote(lang.Text{
			EN: "%d handshake{|s} with %s {is|are} long because of distance: each round trip takes %s.",
			ES: "%d establecimiento{|s} con %s {es largo|son largos} por la distancia: cada ida y vuelta dura %s.",
		}, func(t *pcapflow.TLS, j *correlate.Journey) bool {
			d, ok := phaseTime(j, pcapflow.TLSHandshake)
			rtt := roundTrip(j)
			delay, known := helloDelay(j)
			return ok && known && rtt >= c.limit(r, distance) && c.exceeds(r, mainShare, d, j.Total()) && float64(delay) < c.number(r, serverShare)*float64(d) && !c.exceeds(r, handshakeTrips, d, rtt)
		})
	},
}

// tlsNote makes one note a server of the handshakes that fit, with their round
// trip as the third word of the sentence.
func (c *Case) tlsNote(text lang.Text, fits func(*pcapflow.TLS, *correlate.Journey) bool) []Finding {
	var found batches
	for _, j := range c.Journeys {
		if f := flow(j); f != nil && f.TLS != nil && f.Conn != nil && j.Ordinal <= 1 && fits(f.TLS, j) {
			found.add(j.Server.String(), hit{journey: j, lost: roundTrip(j), evidence: phaseFrames(j, string(pcapflow.TLSHandshake))})
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Text = c.say(text, len(b.hits), b.key, roundTrip(f.Journeys[0]))
	})
}
