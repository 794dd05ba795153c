package diagnose

import (
	"fmt"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var ntpKiss = Rule{
	Name: "ntp-kiss-o-death", Family: "ntp",
	Title: lang.Text{EN: "The NTP server asks to go away", ES: "El servidor NTP pide que no se le pregunte"},
	Doc: lang.Text{
		EN: "The server answered with stratum 0 and a kiss code: RATE asks for fewer requests, DENY and RSTR refuse. Its stamps mean nothing and no clock may be set by them.",
		ES: "El servidor respondió con estrato 0 y un código: RATE pide menos peticiones, DENY y RSTR rechazan. Sus marcas no significan nada y no se debe poner ningún reloj con ellas.",
	},
	Source: "RFC 5905, section 7.4",
	Needs:  lang.Text{EN: "a capture with the answer", ES: "una captura con la respuesta"},
	Wants:  []*Want{wantNTP},
	Check: func(c *Case, r *Rule) []Finding {
		return c.ntpAnswers(lang.Text{
			EN: "%s answers %s with a kiss-o'-death (%s), %d time{|s}: it gives no time.",
			ES: "%s responde a %s con un «beso de la muerte» (%s), %d {vez|veces}: no da la hora.",
		}, func(s *pcapflow.NTPSample) (string, bool) { return s.Response.Kiss, s.Response.Kiss != "" })
	},
}

var ntpBadServer = Rule{
	Name: "ntp-bad-server", Family: "ntp",
	Title: lang.Text{EN: "The NTP server is not synchronised", ES: "El servidor NTP no está sincronizado"},
	Doc: lang.Text{
		EN: "The server says of itself that it has no time (leap indicator 3, stratum 0 or 16), or it disagrees with the majority: clients must not follow it.",
		ES: "El servidor dice de sí mismo que no tiene hora (indicador 3, estrato 0 o 16), o no concuerda con la mayoría: los clientes no deben seguirlo.",
	},
	Source: "RFC 5905, sections 7.3 and 11.2.1",
	Needs:  lang.Text{EN: "a capture with the answer", ES: "una captura con la respuesta"},
	Wants:  []*Want{wantNTP},
	Check: func(c *Case, r *Rule) []Finding {
		return c.ntpAnswers(lang.Text{
			EN: "%s answers %s as not synchronised (%s), %d time{|s}.",
			ES: "%s responde a %s como no sincronizado (%s), %d {vez|veces}.",
		}, func(s *pcapflow.NTPSample) (string, bool) {
			return fmt.Sprintf("LI %d, stratum %d", s.Response.LI, s.Response.Stratum), s.Response.Seen() && s.Response.Mode == 4 && s.Response.Kiss == "" && s.Response.Unsynchronised()
		})
	},
}

// ntpAnswers makes one finding for each pair of client and server whose answers
// fit.
func (c *Case) ntpAnswers(text lang.Text, fits func(*pcapflow.NTPSample) (string, bool)) []Finding {
	var found batches
	words := map[string]string{}
	for _, j := range c.Journeys {
		if j.NTP == nil {
			continue
		}
		if word, ok := fits(j.NTP); ok {
			key := j.Client.Addr().String() + " " + j.Server.String() + " " + word
			words[key] = word
			found.add(key, hit{journey: j, evidence: phaseFrames(j, string(pcapflow.NTPExchange))})
		}
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(text, j.Server, j.Client.Addr(), words[b.key], len(b.hits))
	})
}
