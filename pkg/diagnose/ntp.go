package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var oneOf = &Threshold{"one-of", 40, "", lang.Text{EN: "one request without answer of fewer than so many is one lost packet", ES: "una petición sin respuesta de menos de tantas es un paquete perdido"}}

var manyLost = &Threshold{"many", 0.1, "share", lang.Text{EN: "share of unanswered requests that is worth a warning though the others were answered", ES: "parte de peticiones sin respuesta que merece un aviso aunque las demás la tuvieran"}}

var ntpUnanswered = Rule{
	Name: "ntp-unanswered", Family: "ntp", Absence: true,
	Title: lang.Text{EN: "NTP requests without answer", ES: "Peticiones NTP sin respuesta"},
	Doc: lang.Text{
		EN: "A client asked for the time and got nothing: UDP port 123 is filtered, or the server is down. Its clock runs free.",
		ES: "Un cliente pidió la hora y no obtuvo nada: el puerto UDP 123 está filtrado o el servidor está caído. Su reloj va por libre.",
	},
	Source:     "RFC 5905, section 13",
	Needs:      lang.Text{EN: "a capture with the requests", ES: "una captura con las peticiones"},
	Wants:      []*Want{wantNTP},
	Thresholds: []*Threshold{mainShare, manyLost, fewest, seldom, oneOf, quiet},
	Refuters: []lang.Text{
		{EN: "a capture at the server shows the answers leaving (lost on the way back)", ES: "una captura en el servidor muestra las respuestas saliendo (perdidas a la vuelta)"},
	},
	Check: checkNTPUnanswered,
}

func checkNTPUnanswered(c *Case, r *Rule) []Finding {
	var found batches
	asked := map[string]int{}
	answers := map[netip.AddrPort]bool{} // servers that answered somebody
	oneWay := map[*incident.Capture]bool{}
	for _, k := range c.Incident.Captures {
		oneWay[k] = correlate.OneWay(k)
	}
	for _, j := range c.Journeys {
		if j.Service != "ntp" || j.NTP == nil || oneWay[j.Points[0].Capture] {
			continue // answers that passed in the other direction do not show
		}
		if phase := phaseOf(j, pcapflow.NTPExchange); phase != nil && phase.Outcome == pcapflow.Refused {
			continue // ntp-refused, or refused-by-network
		}
		if useless(j.NTP) {
			continue // ntp-useless-answer
		}
		unanswered := j.NTP.Request.Seen() && !j.NTP.Response.Seen()
		if unanswered && time.Duration(j.Points[0].Capture.Last.Time-j.NTP.Request.Time) < c.limit(r, quiet) {
			continue // the capture ended before an answer was due
		}
		key := j.Client.Addr().String() + " " + j.Server.String()
		asked[key]++
		answers[j.Server] = answers[j.Server] || j.NTP.Response.Seen()
		if unanswered {
			found.add(key, hit{journey: j, evidence: phaseFrames(j, string(pcapflow.NTPExchange))})
		}
	}
	var out []Finding
	for _, b := range found.all {
		all, lost := asked[b.key], len(b.hits)
		if lost <= 1 && all > 1 && all < c.count(r, oneOf) {
			continue // one lost packet
		}
		f := b.finding(Note, High)
		j := f.Journeys[0]
		if float64(lost) < c.number(r, mainShare)*float64(all) {
			if lost >= c.count(r, fewest) && float64(lost) >= c.number(r, manyLost)*float64(all) {
				f.Severity = Warning
			}
			f.answers, f.restated = c.count(r, seldom)*lost >= all, true
			f.Text = c.say(lang.Text{
				EN: "%d of %d NTP requests from %s to %s got no answer, the others did: packets are lost on the way, one way or the other.",
				ES: "%d de %d peticiones NTP de %s a %s quedaron sin respuesta y las demás no: se pierden paquetes en el camino, a la ida o a la vuelta.",
			}, lost, all, j.Client.Addr(), j.Server)
			f.Refuters = []Refuter{answeredElsewhere(c, r, f.Journeys)}
			out = append(out, f)
			continue
		}
		f.Severity = Warning
		why := c.say(lang.Text{EN: "UDP/123 is filtered or the server is down", ES: "UDP/123 está filtrado o el servidor está caído"})
		if lost == all && answers[j.Server] { // another client
			why = c.say(lang.Text{
				EN: "the server answers others, so that UDP/123 is filtered on this client's way, or the server turns it away",
				ES: "el servidor responde a otros, de modo que UDP/123 está filtrado en el camino de este cliente, o el servidor no lo atiende",
			})
		}
		f.Text = c.say(lang.Text{
			EN: "%d of %d NTP requests from %s to %s (in %s) got no answer: %s.",
			ES: "%d de %d peticiones NTP de %s a %s (en %s) quedaron sin respuesta: %s.",
		}, lost, all, j.Client.Addr(), j.Server, j.Points[0].Capture.Files[0].Path, why)
		f.Refuters = []Refuter{answeredElsewhere(c, r, f.Journeys)}
		out = append(out, f)
	}
	return out
}

// answeredElsewhere looks for the answers in the other captures of the flows.
func answeredElsewhere(c *Case, r *Rule, js []*correlate.Journey) Refuter {
	status := "not-collected"
	for _, j := range js {
		for _, p := range j.Points[1:] {
			status = "not-found"
			for i := range p.Flow.NTP {
				if p.Flow.NTP[i].Response.Seen() {
					return Refuter{Text: r.Refuters[0].In(c.Lang), Status: "found"}
				}
			}
		}
	}
	x := Refuter{Text: r.Refuters[0].In(c.Lang), Status: status}
	if status == "not-collected" {
		x.Command = "SERVER: tcpdump -ni any -w ntp.pcap 'host PEER and udp port 123'"
	}
	return x
}
