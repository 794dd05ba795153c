package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var stopNear = &Threshold{"near", 5, "s", lang.Text{EN: "how soon after the close a refused connection shows that the server was stopped", ES: "cuánto después del cierre una conexión rechazada muestra que el servidor se detuvo"}}

var serverHungUp = Rule{
	Name: "server-hung-up", Family: "web",
	Title: lang.Text{EN: "The server closed the connection instead of answering", ES: "El servidor cerró la conexión en vez de responder"},
	Doc: lang.Text{
		EN: "The server had the request and ended the connection before its answer was there, or before it was whole: its process was stopped, restarted or killed, it broke off at an error, or a time limit of its own ran out. The server's log of that instant tells which. Whether an encrypted answer was whole shows only in what the client's program printed.",
		ES: "El servidor tenía la petición y terminó la conexión antes de que llegara su respuesta, o antes de que estuviera completa: su proceso se detuvo, se reinició o murió, se interrumpió por un error, o venció un límite de tiempo propio. El registro del servidor en ese instante dice cuál. Que una respuesta cifrada estuviera completa solo se ve en lo que imprimió el programa del cliente.",
	},
	Source:     "RFC 9112, sections 8 and 9.5",
	Needs:      lang.Text{EN: "a capture with the request and the close", ES: "una captura con la petición y el cierre"},
	Wants:      []*Want{wantResponses},
	Thresholds: []*Threshold{wasIdle, stopNear, everyday},
	Refuters: []lang.Text{
		{EN: "the client closed first", ES: "el cliente cerró primero"},
		{EN: "the server's log has an answer to the request", ES: "el registro del servidor tiene una respuesta a la petición"},
	},
	Check: checkServerHungUp,
}

func checkServerHungUp(c *Case, r *Rule) []Finding {
	var silent, cut batches
	for _, j := range c.open(r) {
		end, ok := c.hungUp(r, j)
		if !ok {
			continue
		}
		x := j.Exchange
		h := hit{journey: j, lost: time.Duration(end.Time - x.RequestFirst.Time), evidence: append(frames(j.Points[0].Capture, x.RequestFirst.Frame, end.Frame), journeyLines(j)...)}
		if x.ResponseFirst.Seen() {
			cut.add(j.Server.String(), h)
		} else {
			silent.add(j.Server.String(), h)
		}
	}
	say := func(all *batches, text lang.Text) []Finding {
		return all.telling(Error, High, func(b *batch, f *Finding) {
			if c.loudness(r, len(b.hits), c.requests(b.hits[0].journey)) < Warning {
				f.Severity = Note
			}
			f.Text = c.say(text, b.key, len(b.hits), c.upTo(r, b)) + c.stopped(r, b)
			f.Refuters = c.doubts(r, notFound, notCollected("SERVER: LOGGING"))
			c.unlikeRequests(f)
		})
	}
	return append(
		say(&silent, lang.Text{
			EN: "%s closed %d connection{|s} instead of answering the request, after %s",
			ES: "%s cerró %d {conexión|conexiones} en vez de responder a la petición, a los %s",
		}),
		say(&cut, lang.Text{
			EN: "%s broke off %d answer{|s} before the end, after %s",
			ES: "%s interrumpió %d respuesta{|s} antes del final, a los %s",
		})...)
}

// hungUp tells whether the server ended the connection of a journey before its
// answer was there, or before it was whole, and when.
func (c *Case) hungUp(r *Rule, j *correlate.Journey) (end pcapflow.Stamp, ok bool) {
	x, f := j.Exchange, flow(j)
	if x == nil || f == nil || f.Conn == nil || !x.RequestLast.Seen() || x.Unsent || x.Undecided || x.Multiplexed {
		return end, false
	}
	if x.ResponseFirst.Seen() {
		if x.Gap || !x.Truncated || x.Aborted != pcapflow.Server {
			return end, false
		}
		if x.Estimated {
			return cutAt(f, x), true // as the client's program said
		}
	} else if answeredUnread(f, x) || statusOf(j) > 0 {
		return end, false
	}
	said := f.LastPayload[pcapflow.Server]
	if x.Ordinal > 1 && x.Estimated && said.Seen() && time.Duration(x.RequestFirst.Time-said.Time) < c.limit(r, wasIdle) {
		return end, false // the rest of a body that the server answered before it had all
	}
	end = endOf(f.Conn, pcapflow.Server)
	if !end.Seen() || end.Time < x.RequestLast.Time {
		return end, false
	}
	own := endOf(f.Conn, pcapflow.Client)
	return end, !own.Seen() || own.Time > end.Time
}

// cutAt is when the server ended an encrypted answer before it was whole, as far as that
// shows; else the last that came of it.
func cutAt(f *pcapflow.Flow, x *pcapflow.Exchange) pcapflow.Stamp {
	end := endOf(f.Conn, pcapflow.Server)
	if f.TLS != nil {
		if s := f.TLS.CloseNotify[pcapflow.Server]; s.Seen() && (!end.Seen() || s.Time < end.Time) {
			end = s
		}
	}
	if !end.Seen() || end.Time < x.ResponseLast.Time || x.Ordinal < len(f.HTTP) {
		return x.ResponseLast
	}
	return end
}

// stopped is the end of the sentence: whether the server refused connections right
// after it hung up.
func (c *Case) stopped(r *Rule, b *batch) string {
	for _, f := range c.found {
		if f.Rule != "connection-refused" {
			continue
		}
		for _, h := range b.hits {
			closed := h.journey.Exchange.RequestFirst.Time + int64(h.lost)
			if slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool {
				later := time.Duration(j.Start.Time - closed)
				return j.Server == h.journey.Server && later >= 0 && later <= c.limit(r, stopNear)
			}) {
				return c.say(lang.Text{EN: ", and refused connections right after: it was stopped or restarted.", ES: ", y rechazó conexiones justo después: se detuvo o se reinició."})
			}
		}
	}
	return "."
}
