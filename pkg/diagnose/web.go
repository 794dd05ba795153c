package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// appSlow is the question the program exists for: is the bottleneck the
// application, and not DNS, TCP or TLS?
var appSlow = Rule{
	Name: "app-slow", Family: "web",
	Title: lang.Text{EN: "The application is the bottleneck", ES: "El cuello de botella es la aplicación"},
	Doc: lang.Text{
		EN: "Most of the journey passes between the last byte of the request and the first byte of the response, beyond the network's round trip, while resolution, connection and encryption are normal and nothing of the request was sent twice. Look at what the application did in that time: its own log, its upstreams, its database.",
		ES: "La mayor parte del recorrido pasa entre el último byte de la petición y el primer byte de la respuesta, más allá de la ida y vuelta de la red, mientras la resolución, el establecimiento TCP y el cifrado son normales y nada de la petición se envió dos veces. Mire qué hizo la aplicación en ese tiempo: su registro, sus servicios de detrás, su base de datos.",
	},
	Source:     "RFC 9112, section 9; nginx $request_time, Apache %D",
	Needs:      lang.Text{EN: "a capture with the request and its answer; better with the server's request time", ES: "una captura con la petición y su respuesta; mejor con el tiempo de petición del servidor"},
	Wants:      []*Want{wantResponses},
	Thresholds: with(bottlenecks, ownShare, timerShortest, timerLongest),
	Refuters: []lang.Text{
		{EN: "the request or its answer was retransmitted before the first byte", ES: "la petición o su respuesta se retransmitió antes del primer byte"},
		{EN: "the server's log gives a short request time", ES: "el registro del servidor da un tiempo de petición corto"},
		{EN: "the request body was still being sent", ES: "el cuerpo de la petición aún se estaba enviando"},
	},
	Check: checkAppSlow,
}

// think is the time between request and response that the network does not
// explain: the wait less the round trip between the capture and the server.
func think(j *correlate.Journey) (time.Duration, bool) {
	x := j.Exchange
	if x == nil || x.Undecided || !x.RequestLast.Seen() || !x.ResponseFirst.Seen() || outOfStep(j) {
		return 0, false
	}
	wait := x.ResponseFirst.Time - x.RequestLast.Time
	if conn := j.Points[0].Flow.Conn; conn != nil {
		wait -= conn.RTTServer
	}
	return time.Duration(max(wait, 0)), true
}

// outOfStep tells whether the answer may be another request's: the capture lacks
// bytes of the client, whole requests maybe, and those that came after them were
// paired by their order alone.
func outOfStep(j *correlate.Journey) bool {
	n := j.Points[0].Flow.Conn
	return n != nil && j.Ordinal > 1 && j.Exchange.StreamID == 0 && n.Count[pcapflow.Client].AckedUnseen > 0
}

// guessedRoles tells whether neither a handshake nor a readable request shows
// which side asked: then the wait may be the client's own.
func guessedRoles(j *correlate.Journey) bool {
	f := flow(j)
	return f.Guessed && j.Exchange.Estimated && (f.TLS == nil || !f.TLS.ClientHello.Seen())
}

func checkAppSlow(c *Case, r *Rule) []Finding {
	var found, held, reached, parallel, unread batches
	for _, j := range c.open(r) {
		if d, slow := c.slowUnread(r, j); slow {
			unread.add(j.Server.String(), hit{journey: j, lost: d, evidence: append(phaseFrames(j, string(pcapflow.TCPConnect)), journeyLines(j)...)})
			continue
		}
		d, logged := loggedDuration(j)
		e := append(phaseFrames(j, string(pcapflow.HTTPWait)), journeyLines(j)...)
		if x := j.Exchange; x != nil && x.Undecided && logged && c.bottleneck(r, j, d) {
			parallel.add(j.Server.String(), hit{journey: j, lost: d, evidence: e})
			continue
		}
		t, ok := think(j)
		if !ok || !c.bottleneck(r, j, t) || c.resentBetween(j, j.Exchange.RequestFirst, j.Exchange.ResponseFirst) {
			continue
		}
		if logged && !c.exceeds(r, ownShare, d, t) {
			continue // the server says it was quick: queue-before-app
		}
		if _, _, queued := c.inBalancer(r, j); queued {
			continue // it says itself that it was its queue: queue-before-app
		}
		into := &found
		if u := c.hardToReach(r, j, t); u != nil {
			reached.add(j.Server.String(), hit{journey: j, lost: t - reach(u), evidence: e})
			continue
		}
		if behind, known := upstreamTook(j); known && !c.exceeds(r, ownShare, behind, t) {
			into = &held
		}
		into.add(j.Server.String(), hit{journey: j, lost: t, evidence: e})
	}
	out := found.telling(Note, High, func(b *batch, f *Finding) { c.appSlow(r, b, f) })
	out = append(out, held.telling(Note, High, func(b *batch, f *Finding) { c.appSlow(r, b, f) })...)
	out = append(out, reached.telling(Note, High, func(b *batch, f *Finding) { c.slowToReach(r, b, f) })...)
	out = append(out, unread.telling(Note, High, func(b *batch, f *Finding) { c.slowByLog(r, b, f) })...)
	return append(out, parallel.telling(Note, High, func(b *batch, f *Finding) { c.slowInParallel(r, b, f) })...)
}

// upstreamTook is how long what is behind the server took for a request, in all, by
// the server's log: HAProxy tells it in two parts.
func upstreamTook(j *correlate.Journey) (time.Duration, bool) {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status != "matched" || e.Kind != logparse.HTTPRequest {
			continue
		}
		if e.Process == "haproxy" && len(e.UpstreamConnect) == 1 && len(e.UpstreamHeader) == 1 {
			return e.UpstreamConnect[0] + e.UpstreamHeader[0], true
		}
		if len(e.Upstream) == 0 {
			continue
		}
		sum := time.Duration(0)
		for _, d := range e.Upstream {
			if d < 0 {
				return 0, false
			}
			sum += d
		}
		return sum, true
	}
	return 0, false
}

// slowInParallel fills in the finding about requests that only the log shows to be
// slow: their answers are not told apart from those of other streams.
func (c *Case) slowInParallel(r *Rule, b *batch, f *Finding) {
	w := b.worst()
	f.Severity = c.loudness(r, len(b.hits), c.requests(w.journey))
	f.Text = c.say(lang.Text{
		EN: "%s took %s to answer, by its log (%d request{|s}); of the encrypted answers of parallel streams the packets show only that all were there after %s.",
		ES: "%s tardó %s en responder, según su registro (%d {petición|peticiones}); de las respuestas cifradas de flujos paralelos los paquetes solo muestran que estaban todas a los %s.",
	}, b.key, c.upTo(r, b), len(b.hits), w.journey.Total())
	f.Refuters = c.doubts(r, notFound, notFound, notFound)
}

// bottleneck tells whether a stretch of a journey is long by itself, the main
// part of it, and far more than the network's round trip.
func (c *Case) bottleneck(r *Rule, j *correlate.Journey, d time.Duration) bool {
	return d >= c.limit(r, slowServer) && c.exceeds(r, mainShare, d, j.Total()) && c.exceeds(r, roundTrips, d, roundTrip(j))
}

// bottlenecks are the thresholds of rules that ask for one.
var bottlenecks = []*Threshold{slowServer, mainShare, roundTrips, everyday}

// appSlow fills in the finding about one server's slow requests.
func (c *Case) appSlow(r *Rule, b *batch, f *Finding) {
	w := b.worst()
	f.Severity = c.loudness(r, len(b.hits), c.requests(w.journey))
	who := c.say(lang.Text{EN: "the server, its application or a queue before it (no log tells which)", ES: "el servidor, su aplicación o una cola delante (ningún registro dice cuál)"})
	if _, logged := loggedDuration(w.journey); logged {
		who = c.say(lang.Text{EN: "the application", ES: "la aplicación"})
	}
	if behind, known := upstreamTook(w.journey); known && !c.exceeds(r, ownShare, behind, w.lost) {
		who = c.say(lang.Text{
			EN: "the server itself, not what is behind it (which took %s, by the log): a limit of requests, a queue, its disk",
			ES: "el propio servidor, no lo que hay detrás (que tardó %s, según el registro): un límite de peticiones, una cola, su disco",
		}, behind)
	}
	f.Text = c.say(lang.Text{
		EN: "%s of %s is %s: %s from the last request byte to the first response byte, beyond a round trip of %s%s%s; %s%s.",
		ES: "El %s de %s es %s: %s desde el último byte de la petición hasta el primero de la respuesta, más allá de una ida y vuelta de %s%s%s; %s%s.",
	}, percent(w.lost, w.journey.Total()), w.journey.Total(), who, w.lost, roundTrip(w.journey), logSays(c, w.journey), c.waitedBehind(r, w.journey, w.lost), c.others(w.journey)+c.unrepeated(w.journey), c.alike(b))
	short := notCollected("SERVER: LOGGING")
	if slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return serverFigure(c, j) }) {
		short = notFound
	}
	f.Refuters = c.doubts(r, notFound, short, notFound)
	if !slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return !guessedRoles(j) || serverFigure(c, j) }) {
		f.Confidence = Low
	}
	c.hidden(r, b, f)
	c.unlikeRequests(f)
}

// unrepeated is the clause that nothing of the connection had to be sent twice.
func (c *Case) unrepeated(j *correlate.Journey) string {
	if n := flow(j).Conn; n == nil || n.Count[0].Retransmitted+n.Count[1].Retransmitted > 0 {
		return ""
	}
	return c.say(lang.Text{EN: "; no retransmission", ES: "; ninguna retransmisión"})
}

// alike is the clause about the other requests with the same trouble.
func (c *Case) alike(b *batch) string {
	if len(b.hits) < 2 {
		return ""
	}
	return c.say(lang.Text{EN: "; %d more request{|s} to %s likewise", ES: "; {otra|otras} %d {petición|peticiones} a %s igual"}, len(b.hits)-1, b.hits[0].journey.Server)
}

// logSays is the clause about the server's own figure.
func logSays(c *Case, j *correlate.Journey) string {
	d, ok := loggedDuration(j)
	if !ok {
		return ""
	}
	return c.say(lang.Text{EN: ", as the log's request time %s confirms", ES: ", como confirma el tiempo de petición %s del registro"}, d)
}

// others is the clause about the other phases, and how they stand against what
// is normal.
func (c *Case) others(j *correlate.Journey) string {
	names := []struct {
		phase pcapflow.PhaseName
		text  string
	}{{pcapflow.DNSLookup, "DNS"}, {pcapflow.TCPConnect, "TCP"}, {pcapflow.TLSHandshake, "TLS"}}
	var usual, slow, other []string
	for _, n := range names {
		d, ok := phaseTime(j, n.phase)
		if !ok {
			continue
		}
		text := n.text + " " + span(d)
		switch v := c.judge(j, string(n.phase), d); {
		case v.Against == "":
			other = append(other, text)
		case v.Slow:
			slow = append(slow, fmt.Sprintf("%s (> %s)", text, span(v.Limit)))
		default:
			usual = append(usual, text)
		}
	}
	var out []string
	for _, part := range []struct {
		list []string
		text lang.Text
	}{
		{usual, lang.Text{EN: "%s: normal", ES: "%s: normal"}},
		{slow, lang.Text{EN: "%s: longer than normal", ES: "%s: más de lo normal"}},
		{other, lang.Text{EN: "%s took the rest", ES: "%s fueron el resto"}},
	} {
		if len(part.list) > 0 {
			out = append(out, c.say(part.text, strings.Join(part.list, ", ")))
		}
	}
	if len(out) == 0 {
		return c.say(lang.Text{EN: "the connection was already open", ES: "la conexión ya estaba abierta"})
	}
	return strings.Join(out, "; ")
}
