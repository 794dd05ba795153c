package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var ntpRefused = Rule{
	Name: "ntp-refused", Family: "ntp",
	Title: lang.Text{EN: "Nothing listens for NTP", ES: "Nada escucha NTP"},
	Doc: lang.Text{
		EN: "The host that was asked for the time answered with ICMP that its UDP port 123 is closed: it is there, and no time service runs on it, or its firewall refuses. The client's clock runs free.",
		ES: "El equipo al que se pidió la hora respondió por ICMP que su puerto UDP 123 está cerrado: está ahí y en él no corre ningún servicio de hora, o su cortafuegos lo rechaza. El reloj del cliente va por libre.",
	},
	Source: "RFC 1122, section 4.1.3.1; RFC 4443, section 3.1",
	Needs:  lang.Text{EN: "a capture that holds the ICMP error", ES: "una captura que tenga el error ICMP"},
	Wants:  []*Want{wantNTP},
	Refuters: []lang.Text{
		{EN: "the request was answered all the same", ES: "la petición tuvo respuesta a pesar de todo"},
	},
	Check: checkNTPRefused,
}

func checkNTPRefused(c *Case, r *Rule) []Finding {
	var found batches
	asked := map[string]int{}
	for _, j := range c.Journeys {
		if j.NTP == nil || !j.NTP.Request.Seen() {
			continue
		}
		key := j.Client.Addr().String() + " " + j.Server.String()
		asked[key]++
		if closedPort(j) {
			found.add(key, hit{journey: j, lost: j.Total(), evidence: phaseFrames(j, string(pcapflow.NTPExchange))})
		}
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%s refuses NTP: ICMP says to %d of %d request{|s} of %s that nothing listens on its port %d.",
			ES: "%s rechaza NTP: ICMP dice a %d de %d {petición|peticiones} de %s que nada escucha en su puerto %d.",
		}, j.Server.Addr(), len(b.hits), asked[b.key], j.Client.Addr(), j.Server.Port())
		f.Refuters = c.doubts(r, notFound)
	})
}

// closedPort tells whether the host that an NTP request went to said itself that the
// port is closed. What a router says of it is refused-by-network.
func closedPort(j *correlate.Journey) bool {
	p := phaseOf(j, pcapflow.NTPExchange)
	if p == nil || p.Outcome != pcapflow.Refused {
		return false
	}
	return slices.ContainsFunc(p.Flow.ICMP, func(x pcapflow.ICMPError) bool {
		return x.Frame == p.End.Frame && x.From == j.Server.Addr()
	})
}
