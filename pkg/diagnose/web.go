package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
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
	Source: "RFC 9112, section 9; nginx $request_time, Apache %D",
	Needs:  lang.Text{EN: "a capture with the request and its answer; better with the server's request time", ES: "una captura con la petición y su respuesta; mejor con el tiempo de petición del servidor"},
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
	if x == nil || !x.RequestLast.Seen() || !x.ResponseFirst.Seen() {
		return 0, false
	}
	wait := x.ResponseFirst.Time - x.RequestLast.Time
	if conn := j.Points[0].Flow.Conn; conn != nil {
		wait -= conn.RTTServer
	}
	return time.Duration(max(wait, 0)), true
}

func checkAppSlow(c *Case, r *Rule) []Finding {
	groups := newGroups()
	for _, j := range c.open(r) {
		t, ok := think(j)
		if !ok || t < c.T.SlowApplication || 2*t < j.Total() || t < 5*roundTrip(j) || resentBetween(j, j.Exchange.RequestFirst, j.Exchange.ResponseFirst) {
			continue
		}
		if d, ok := loggedDuration(j); ok && d < t/2 {
			continue // the server says it was quick: queue-before-app
		}
		groups.add(j.Server.String(), j)
	}
	var out []Finding
	for _, g := range groups.all {
		out = append(out, appSlowFinding(c, r, g.journeys))
	}
	return out
}

func appSlowFinding(c *Case, r *Rule, js []*correlate.Journey) Finding {
	f := Finding{Severity: c.loudness(len(js), c.requests(js[0])), Confidence: Medium, Journeys: js}
	var total time.Duration
	worst, most := js[0], time.Duration(0)
	logged := false
	for _, j := range js {
		t, _ := think(j)
		f.Lost += t
		total += j.Total()
		if t > most {
			worst, most = j, t
		}
		_, ok := loggedDuration(j)
		logged = logged || ok
		f.Evidence = append(f.Evidence, phaseFrames(j, "http.wait")...)
		f.Evidence = append(f.Evidence, journeyLines(j)...)
	}
	f.Evidence = merge(f.Evidence)
	f.Share = float64(f.Lost) / float64(total)
	f.Text = c.say(lang.Text{
		EN: "%s of %s is the application: %s from the last request byte to the first response byte, beyond a round trip of %s%s; %s.",
		ES: "El %s de %s es la aplicación: %s desde el último byte de la petición hasta el primero de la respuesta, más allá de una ida y vuelta de %s%s; %s.",
	}, percent(most, worst.Total()), worst.Total(), most, roundTrip(worst), logSays(c, worst), others(c, worst))
	status := "not-collected"
	if logged {
		f.Confidence, status = High, "not-found"
	}
	f.Refuters = []Refuter{
		{Text: r.Refuters[0].In(c.Lang), Status: "not-found"},
		{Text: r.Refuters[1].In(c.Lang), Status: status},
		{Text: r.Refuters[2].In(c.Lang), Status: "not-found"},
	}
	if !logged {
		f.Refuters[1].Command = `log_format timing '$remote_addr:$remote_port $msec $request_time $upstream_response_time "$request" $status $bytes_sent'; (Apache: %{remote}p %D %^FB)`
	}
	return f
}

// logSays is the clause about the server's own figure.
func logSays(c *Case, j *correlate.Journey) string {
	d, ok := loggedDuration(j)
	if !ok {
		return ""
	}
	return c.say(lang.Text{EN: ", as the log's request time %s confirms", ES: ", como confirma el tiempo de petición %s del registro"}, d)
}

// others is the clause about the phases that are normal.
func others(c *Case, j *correlate.Journey) string {
	names := []struct {
		phase pcapflow.PhaseName
		text  string
	}{{pcapflow.DNSLookup, "DNS"}, {pcapflow.TCPConnect, "TCP"}, {pcapflow.TLSHandshake, "TLS"}}
	text := ""
	for _, n := range names {
		if d, ok := phaseTime(j, n.phase); ok {
			if text != "" {
				text += ", "
			}
			text += n.text + " " + span(d)
		}
	}
	if text == "" {
		return c.say(lang.Text{EN: "the connection was already open", ES: "la conexión ya estaba abierta"})
	}
	return c.say(lang.Text{EN: "%s are normal", ES: "%s son normales"}, text)
}
