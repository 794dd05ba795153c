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
	Source: "RFC 8446, section 2",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
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
	if !hello.Seen() || !f.TLS.ServerHello.Seen() || f.TLS.ServerHello.Time < hello.Time {
		return 0, false
	}
	return time.Duration(f.TLS.ServerHello.Time - hello.Time - f.Conn.RTTServer), true
}

func checkTLSSlowServer(c *Case, r *Rule) []Finding {
	var all []time.Duration
	for _, j := range c.open(r) {
		if d, ok := helloDelay(j); ok {
			all = append(all, d)
		}
	}
	usual := normal(all).P50
	g := newGroups()
	for _, j := range c.open(r) {
		d, ok := helloDelay(j)
		if !ok || d < 200*time.Millisecond || d < 4*usual || 5*d < j.Total() || resentBetween(j, flow(j).TLS.ClientHelloFirst, flow(j).TLS.ServerHello) {
			continue
		}
		g.add(j.Server.String(), j)
	}
	var out []Finding
	for _, group := range g.all {
		f := Finding{Severity: c.loudness(len(group.journeys), len(all)), Confidence: High, Journeys: group.journeys}
		var most time.Duration
		for _, j := range group.journeys {
			d, _ := helloDelay(j)
			f.Lost += d
			most = max(most, d)
			f.Evidence = append(f.Evidence, frames(j.Points[0].Capture, flow(j).TLS.ClientHello.Frame, flow(j).TLS.ServerHello.Frame)...)
		}
		f.Evidence = merge(f.Evidence)
		f.Text = c.say(lang.Text{
			EN: "%s needed up to %s to answer the ClientHello (%d handshake{|s}): processor or queue, not distance.",
			ES: "%s necesitó hasta %s para responder al ClientHello (%d establecimiento{|s}): procesador o cola, no distancia.",
		}, group.journeys[0].Server, most, len(group.journeys))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var tlsHelloRetry = Rule{
	Name: "tls-hello-retry", Family: "tls",
	Title: lang.Text{EN: "HelloRetryRequest costs a round trip", ES: "El HelloRetryRequest cuesta una ida y vuelta"},
	Doc: lang.Text{
		EN: "The client offered key shares for groups the server does not take, and had to say hello again. Aligning the preferred groups saves one round trip a connection.",
		ES: "El cliente ofreció claves de grupos que el servidor no toma, y tuvo que saludar de nuevo. Alinear los grupos preferidos ahorra una ida y vuelta por conexión.",
	},
	Source: "RFC 8446, section 4.1.4",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
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
	Source: "RFC 6928",
	Needs:  lang.Text{EN: "a capture with the certificate in the clear, or decrypted", ES: "una captura con el certificado en claro, o descifrada"},
	Check: func(c *Case, r *Rule) []Finding {
		return c.tlsNote(lang.Text{
			EN: "%d handshakes with %s carry a certificate chain too large for the first window (%s of round trip).",
			ES: "%d establecimientos con %s llevan una cadena de certificados demasiado grande para la primera ventana (%s de ida y vuelta).",
		}, func(t *pcapflow.TLS, _ *correlate.Journey) bool { return t.CertificateBytes > 14000 })
	},
}

var tlsDistance = Rule{
	Name: "tls-distance", Family: "tls",
	Title: lang.Text{EN: "TLS is long because the server is far", ES: "TLS es largo porque el servidor está lejos"},
	Doc: lang.Text{
		EN: "Most of the journey is the TLS handshake, and most of that is distance: round trips times the round-trip time. TLS 1.3, resumption, or a server nearer by saves them.",
		ES: "La mayor parte del recorrido es el establecimiento TLS, y la mayor parte de este es distancia: idas y vueltas por su duración. TLS 1.3, la reanudación o un servidor más cercano las ahorran.",
	},
	Source: "RFC 8446, section 2",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Check: func(c *Case, r *Rule) []Finding {
		return c.tlsNote(lang.Text{
			EN: "%d handshakes with %s are long because of distance: each round trip takes %s.",
			ES: "%d establecimientos con %s son largos por la distancia: cada ida y vuelta dura %s.",
		}, func(t *pcapflow.TLS, j *correlate.Journey) bool {
			d, ok := phaseTime(j, pcapflow.TLSHandshake)
			rtt := roundTrip(j)
			delay, known := helloDelay(j)
			return ok && known && rtt >= 100*time.Millisecond && 2*d >= j.Total() && 10*delay < d && d < 3*rtt
		})
	},
}

// tlsNote makes one note a server of the handshakes that fit, with their round
// trip as the third word of the sentence.
func (c *Case) tlsNote(text lang.Text, fits func(*pcapflow.TLS, *correlate.Journey) bool) []Finding {
	g := newGroups()
	for _, j := range c.Journeys {
		if f := flow(j); f != nil && f.TLS != nil && f.Conn != nil && j.Ordinal <= 1 && fits(f.TLS, j) {
			g.add(j.Server.String(), j)
		}
	}
	var out []Finding
	for _, group := range g.all {
		f := Finding{Severity: Note, Confidence: High, Journeys: group.journeys}
		for _, j := range group.journeys {
			f.Lost += roundTrip(j)
			f.Evidence = append(f.Evidence, phaseFrames(j, string(pcapflow.TLSHandshake))...)
		}
		f.Evidence = merge(f.Evidence)
		j := group.journeys[0]
		f.Text = c.say(text, len(group.journeys), j.Server, roundTrip(j))
		out = append(out, f)
	}
	return out
}
