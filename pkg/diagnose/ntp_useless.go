package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var ntpUselessAnswer = Rule{
	Name: "ntp-useless-answer", Family: "ntp",
	Title: lang.Text{EN: "NTP answers that no client takes", ES: "Respuestas NTP que ningún cliente acepta"},
	Doc: lang.Text{
		EN: "A request for the time drew an answer that its client drops: it does not repeat the time stamp of the request (a device between that changes NTP, a forger, a broken server), or it comes from another address or port than was asked (a server with several addresses, a translator). The client goes without the time though packets come back.",
		ES: "Una petición de hora recibió una respuesta que su cliente descarta: no repite la marca de la petición (un equipo intermedio que altera NTP, un falsificador, un servidor roto), o llega de una dirección o un puerto distintos del preguntado (un servidor con varias direcciones, un traductor). El cliente se queda sin hora aunque vuelvan paquetes.",
	},
	Source: "RFC 5905, sections 8 and 9.2",
	Needs:  lang.Text{EN: "a capture with request and answer", ES: "una captura con la petición y la respuesta"},
	Wants:  []*Want{wantNTP},
	Refuters: []lang.Text{
		{EN: "the request was answered as it should be as well", ES: "la petición también tuvo la respuesta debida"},
	},
	Check: checkNTPUselessAnswer,
}

func checkNTPUselessAnswer(c *Case, r *Rule) []Finding {
	var found batches
	asked, from := map[string]int{}, map[string]string{}
	for _, j := range c.Journeys {
		if j.NTP == nil || !j.NTP.Request.Seen() {
			continue
		}
		pair := j.Client.Addr().String() + " " + j.Server.String()
		asked[pair]++
		if !useless(j.NTP) {
			continue
		}
		key, at := pair, j.NTP.Mistaken
		if j.NTP.ElsewhereAt.Seen() {
			at = j.NTP.ElsewhereAt
			key += " " + j.NTP.Elsewhere.String()
			from[key] = j.NTP.Elsewhere.String()
		}
		found.add(key, hit{journey: j, evidence: append(phaseFrames(j, string(pcapflow.NTPExchange)), frames(j.Points[0].Capture, at.Frame)...)})
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		all := asked[j.Client.Addr().String()+" "+j.Server.String()]
		f.Text = c.say(lang.Text{
			EN: "%d of %d NTP request{|s} from %s to %s drew only an answer that does not repeat the time stamp of the request: the client drops it.",
			ES: "%d de %d {petición NTP|peticiones NTP} de %s a %s solo recibi{ó|eron} una respuesta que no repite la marca de la petición: el cliente la descarta.",
		}, len(b.hits), all, j.Client.Addr(), j.Server)
		if other := from[b.key]; other != "" {
			f.Text = c.say(lang.Text{
				EN: "%d of %d NTP request{|s} from %s to %s {was|were} answered from %s instead: the client drops such answers.",
				ES: "%d de %d {petición NTP|peticiones NTP} de %s a %s se respondi{ó|eron} desde %s en su lugar: el cliente descarta tales respuestas.",
			}, len(b.hits), all, j.Client.Addr(), j.Server, other)
		}
		f.Refuters = c.doubts(r, notFound)
	})
}

// useless tells whether all that a request drew is an answer that its client drops.
func useless(x *pcapflow.NTPSample) bool {
	return x.Request.Seen() && !x.Response.Seen() && (x.Mistaken.Seen() || x.ElsewhereAt.Seen())
}
