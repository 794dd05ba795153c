package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var patience = &Threshold{"patience", 0.3, "s", lang.Text{EN: "shortest wait before a close that is called giving up", ES: "menor espera antes de un cierre que se llama desistir"}}

var clientGaveUp = Rule{
	Name: "client-gave-up", Family: "web",
	Title: lang.Text{EN: "The client gave up", ES: "El cliente desistió"},
	Doc: lang.Text{
		EN: "The client closed the connection before the answer came; nginx logs 499 at that instant. The server's work was in vain: look at why it took longer than the client's patience.",
		ES: "El cliente cerró la conexión antes de que llegara la respuesta; nginx anota 499 en ese instante. El trabajo del servidor fue en vano: mire por qué tardó más que la paciencia del cliente.",
	},
	Source:     "RFC 9110, section 9.2; nginx, status 499",
	Needs:      lang.Text{EN: "a capture with the close, or a log with 499 or 408", ES: "una captura con el cierre, o un registro con 499 o 408"},
	Wants:      []*Want{wantResponses, wantAccessLog},
	Thresholds: []*Threshold{patience, everyday},
	Refuters: []lang.Text{
		{EN: "the server closed first", ES: "el servidor cerró primero"},
	},
	Check: checkClientGaveUp,
}

// abandoned tells whether the client ended the connection while it waited for
// the answer of the journey's request.
func (c *Case) abandoned(r *Rule, j *correlate.Journey) (at pcapflow.Stamp, ok bool) {
	x, f := j.Exchange, flow(j)
	if x == nil || f == nil || f.Conn == nil || !x.RequestFirst.Seen() || x.ResponseFirst.Seen() || answeredUnread(f, x) {
		return at, false
	}
	at = endOf(f.Conn, pcapflow.Client)
	if own := f.Conn.FIN[pcapflow.Server]; own.Seen() && own.Time < at.Time {
		return at, false
	}
	return at, at.Seen() && at.Time-x.RequestFirst.Time >= int64(c.limit(r, patience))
}

// answeredUnread tells whether an answer may have come that the capture does not
// show as one: it lacks bytes of the server that the client acknowledged, or the
// server's whole direction; or the server spoke in the clear after the
// request, in a form that is no answer of the protocol, or on another stream.
func answeredUnread(f *pcapflow.Flow, x *pcapflow.Exchange) bool {
	spoke := f.LastPayload[pcapflow.Server]
	return serverUnseen(f, x.RequestFirst.Time) || !x.Estimated && spoke.Seen() && spoke.Time >= x.RequestLast.Time
}

// serverUnseen tells whether a capture lacks what the server sent: all of it, or
// bytes that the client acknowledged after an instant.
func serverUnseen(f *pcapflow.Flow, since int64) bool {
	if f.Packets[pcapflow.Server] == 0 {
		return true
	}
	return f.Conn != nil && f.Conn.Unseen[pcapflow.Server].Seen() && f.Conn.Unseen[pcapflow.Server].Time >= since
}

func checkClientGaveUp(c *Case, r *Rule) []Finding {
	var found batches
	inFront := false // upstream-error tells of some
	for _, j := range c.open(r) {
		at, gone := c.abandoned(r, j)
		if s := statusOf(j); !(gone && s < 500 && s != 400 || s == 499 || s == 408) {
			continue
		}
		if c.toldInFront(j) {
			inFront = true
			continue
		}
		e := journeyLines(j)
		if gone {
			e = append(frames(j.Points[0].Capture, j.Exchange.RequestFirst.Frame, at.Frame), e...)
		}
		found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: e})
	}
	if len(found.all) > 0 {
		return found.telling(Note, High, func(b *batch, f *Finding) {
			f.Severity = c.loudness(r, len(b.hits), c.requests(f.Journeys[0]))
			f.Text = c.say(lang.Text{
				EN: "%d request{|s} to %s {was|were} given up by the client before an answer, after %s.",
				ES: "El cliente abandonó %d {petición|peticiones} a %s antes de la respuesta, tras %s.",
			}, len(b.hits), b.key, c.upTo(r, b))
			f.Refuters = c.doubts(r, notFound)
		})
	}
	if inFront {
		return nil
	}
	return c.statusLines(r, Warning, collectWeb, func(s int) bool { return s == 499 || s == 408 }, lang.Text{
		EN: "%d log line{ says|s say} that the client gave up, or never sent its request (%s).",
		ES: "%d {línea del registro dice|líneas del registro dicen} que el cliente desistió, o nunca envió su petición (%s).",
	})
}

// statusLines speaks from access-log lines that belong to no journey.
func (c *Case) statusLines(r *Rule, severity Severity, command string, fits func(int) bool, text lang.Text) []Finding {
	var out []Finding
	for _, l := range c.Incident.Logs {
		var events []int
		codes := ""
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPRequest && fits(e.Status) {
				events = append(events, i)
				if len(events) <= 5 {
					if codes != "" {
						codes += ", "
					}
					codes += fmt.Sprintf("%d %s", e.Status, shorten(e.Path, 40))
				}
			}
		}
		if len(events) == 0 {
			continue
		}
		f := Finding{Severity: severity, Confidence: Medium, Evidence: []Evidence{lines(l, events...)}}
		f.Text = c.say(text, len(events), codes)
		for _, x := range r.Refuters {
			f.Refuters = append(f.Refuters, Refuter{Text: x.In(c.Lang), Status: "not-collected", Command: command})
		}
		out = append(out, f)
	}
	return out
}

var slowBody = Rule{
	Name: "slow-body", Family: "web",
	Title: lang.Text{EN: "The response trickles", ES: "La respuesta llega a gotas"},
	Doc: lang.Text{
		EN: "The first byte came in time, but the body's segments have pauses that neither loss nor the window explains: the server produces the body slowly.",
		ES: "El primer byte llegó a tiempo, pero entre los segmentos del cuerpo hay pausas que ni las pérdidas ni la ventana explican: el servidor produce el cuerpo despacio.",
	},
	Source:     "RFC 9112, section 7.1",
	Needs:      lang.Text{EN: "a capture with the response", ES: "una captura con la respuesta"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{slowServer, bodyShare, roundTrips, everyday, usualDelivery, firstWindow, delayedACK, smallPieces, bodyPause},
	Refuters: []lang.Text{
		{EN: "the sender was limited by the window or by loss", ES: "el emisor estaba limitado por la ventana o por pérdidas"},
	},
	Check: checkSlowBody,
}

func checkSlowBody(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		took, ok := phaseTime(j, pcapflow.HTTPReceive)
		if !ok || !c.bottleneck(r, j, took) || limited(j) || j.Exchange.Multiplexed || !c.exceeds(r, usualDelivery, took, c.delivery(r, j)) || !c.trickles(r, j) {
			continue
		}
		e := append(phaseFrames(j, string(pcapflow.HTTPReceive)), journeyLines(j)...)
		found.add(j.Server.String(), hit{journey: j, lost: took, evidence: e})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Severity = c.loudness(r, len(b.hits), c.requests(f.Journeys[0]))
		f.Text = c.say(lang.Text{
			EN: "%s produced the body slowly: %s between the first and the last byte of %d answer{|s}, without loss and with the window open.",
			ES: "%s produjo el cuerpo despacio: %s entre el primer y el último byte de %d respuesta{|s}, sin pérdidas y con la ventana abierta.",
		}, b.key, c.upTo(r, b), len(b.hits))
		if !slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return !j.Exchange.Estimated || serverFigure(c, j) || twoPoints(c, j) }) {
			f.Confidence = Low // where one answer ends and another message begins is not to be read
		}
		c.unlikeRequests(f)
		f.Refuters = c.doubts(r, notFound)
	})
}

// bodyShare: of a trickling body less than of other bottlenecks, for what comes
// before it grows with the same cause.
var (
	bodyShare     = &Threshold{"share", 0.4, "share", mainShare.Means}
	usualDelivery = &Threshold{"delivery", 3, "times", lang.Text{EN: "how many times what its bytes need through a growing window", ES: "cuántas veces lo que sus bytes necesitan por una ventana creciente"}}
	firstWindow   = &Threshold{"first-window", 2920, "bytes", lang.Text{EN: "first window that those bytes are given", ES: "primera ventana que se concede a esos bytes"}}
	smallPieces   = &Threshold{"pieces", 0.5, "share", lang.Text{EN: "largest mean segment, of a full one, that a trickle is made of", ES: "mayor segmento medio, de uno completo, de que se compone un goteo"}}
	bodyPause     = &Threshold{"pause", 2, "times", lang.Text{EN: "how many round trips a pause between larger pieces must exceed", ES: "cuántas idas y vueltas debe superar una pausa entre trozos mayores"}}
	delayedACK    = &Threshold{"delayed-ack", 0.04, "s", lang.Text{EN: "how late each acknowledgement of them may come", ES: "cuánto puede tardar cada confirmación de ellos"}}
)

// delivery is about what the bytes of a response take through a window that
// doubles each round trip, from two segments on as older systems begin
// (RFC 5681, section 3.1), with an acknowledgement delayed in each.
func (c *Case) delivery(r *Rule, j *correlate.Journey) time.Duration {
	rounds := time.Duration(1)
	for window := max(c.number(r, firstWindow), 1); window < float64(j.Exchange.ResponseBytes); window *= 2 {
		rounds++
	}
	return rounds * (roundTrip(j) + c.limit(r, delayedACK))
}

// trickles tells whether a response came in small pieces, or with pauses longer
// than round trips: full segments without a pause are as quick as the path or the
// window lets them be.
func (c *Case) trickles(r *Rule, j *correlate.Journey) bool {
	f := flow(j)
	mean := f.Payload[pcapflow.Server] / max(f.Packets[pcapflow.Server], 1)
	if float64(mean) < c.number(r, smallPieces)*float64(fullSize(f.Conn, pcapflow.Server)) {
		return true
	}
	from, to := f.Conn.Idle[0], f.Conn.Idle[1]
	within := from.Seen() && from.Time >= j.Exchange.ResponseFirst.Time && to.Time <= j.Exchange.ResponseLast.Time
	return within && c.exceeds(r, bodyPause, time.Duration(to.Time-from.Time), roundTrip(j))
}

// limited tells whether loss or the client's window held the response up.
func limited(j *correlate.Journey) bool {
	f, x := flow(j), j.Exchange
	if f == nil || f.Conn == nil || x == nil {
		return true
	}
	if f.Conn.Count[pcapflow.Client].ZeroWindow > 0 || f.Conn.Count[pcapflow.Server].WindowFull > 0 {
		return true
	}
	lost := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool { return within(j, p, t.Time) })
	return len(lost.all) > 0
}

var (
	slowSend    = &Threshold{"slow", 0.5, "s", lang.Text{EN: "shortest upload that is called slow", ES: "menor subida que se llama lenta"}}
	severalFull = &Threshold{"full", 4, "times", lang.Text{EN: "how many full segments an encrypted request must fill to be one upload", ES: "cuántos segmentos completos debe llenar una petición cifrada para ser una sola subida"}}
)

var slowUpload = Rule{
	Name: "slow-upload", Family: "web",
	Title: lang.Text{EN: "The request arrives slowly", ES: "La petición llega despacio"},
	Doc: lang.Text{
		EN: "The time is in sending the request: its bytes are spread over a long time. The server's request time counts that as well; its upstream time does not.",
		ES: "El tiempo está en enviar la petición: sus bytes se reparten a lo largo de mucho tiempo. El tiempo de petición del servidor también lo cuenta; el de detrás no.",
	},
	Source:     "nginx $request_time; RFC 9112, section 6",
	Needs:      lang.Text{EN: "a capture with the request", ES: "una captura con la petición"},
	Wants:      []*Want{wantResponses},
	Thresholds: with(bottlenecks, slowSend, severalFull),
	Refuters: []lang.Text{
		{EN: "the upstream time is as long as the request time", ES: "el tiempo de detrás es tan largo como el de la petición"},
	},
	Check: checkSlowUpload,
}

// severalSends tells whether what looks like one long request may be several: the
// capture lacks answers between them, or they are encrypted and so small, or of
// unknown size, that nothing shows them to be one.
func (c *Case) severalSends(r *Rule, j *correlate.Journey) bool {
	f := flow(j)
	if f == nil || f.Conn == nil || j.Exchange == nil {
		return false
	}
	return serverUnseen(f, f.Start.Time) || j.Exchange.Estimated && float64(j.Exchange.RequestBytes) < c.number(r, severalFull)*float64(fullSize(f.Conn, pcapflow.Client))
}

func checkSlowUpload(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		if took, ok := phaseTime(j, pcapflow.HTTPSend); ok && c.bottleneck(r, j, took) && !c.severalSends(r, j) {
			e := append(phaseFrames(j, string(pcapflow.HTTPSend)), journeyLines(j)...)
			found.add(j.Server.String(), hit{journey: j, lost: took, evidence: e})
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Severity = c.loudness(r, len(b.hits), c.requests(f.Journeys[0]))
		f.Text = c.say(lang.Text{
			EN: "%d request{|s} to %s took %s just to be sent: the time is the client's upload, not the application.",
			ES: "%d {petición|peticiones} a %s tard{ó|aron} %s solo en enviarse: el tiempo es la subida del cliente, no la aplicación.",
		}, len(b.hits), b.key, c.upTo(r, b))
		f.Refuters = c.doubts(r, notCollected("SERVER: LOGGING"))
	})
}
