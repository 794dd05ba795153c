package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var dnsTransferRefused = Rule{
	Name: "dns-transfer-refused", Family: "dns",
	Title: lang.Text{EN: "A zone transfer was refused", ES: "Se rechazó una transferencia de zona"},
	Doc: lang.Text{
		EN: "A name server asked another one for a whole zone (AXFR, IXFR) and was turned away: the other does not allow transfers to this address or without a key (REFUSED), or does not serve the zone (NOTAUTH). Names are still resolved; a secondary server that goes without transfers serves old data, and none once the zone expires.",
		ES: "Un servidor de nombres pidió a otro una zona entera (AXFR, IXFR) y fue rechazado: el otro no permite transferencias a esta dirección o sin clave (REFUSED), o no sirve la zona (NOTAUTH). Los nombres se siguen resolviendo; un secundario que se queda sin transferencias da datos viejos, y ninguno cuando la zona caduca.",
	},
	Source: "RFC 5936, sections 2.2.1 and 5; RFC 1995",
	Needs:  lang.Text{EN: "a capture that holds the answer", ES: "una captura con la respuesta"},
	Wants:  []*Want{wantAnswers},
	Refuters: []lang.Text{
		{EN: "the same server gave the zone to this client", ES: "el mismo servidor dio la zona a este cliente"},
	},
	Check: checkDNSTransferRefused,
}

func checkDNSTransferRefused(c *Case, r *Rule) []Finding {
	var found batches
	tries, zones := map[string]*correlate.Try{}, map[string]string{} // by batch
	given := map[string]bool{}                                       // by zone
	for _, l := range c.userLookups() {
		for i := range l.Tries {
			t := &l.Tries[i]
			if !isTransfer(t) || !t.Answer.Seen() {
				continue
			}
			zone := l.Client.String() + " " + t.Resolver.String() + " " + l.Name
			if t.RCode == "NOERROR" {
				given[zone] = true
				continue
			}
			key := zone + " " + t.Type + " " + t.RCode
			tries[key], zones[key] = t, zone
			c.addLookup(&found, key, l, lookupTime(l))
		}
	}
	var open batches
	for _, b := range found.all {
		if !given[zones[b.key]] {
			open.all = append(open.all, b)
		}
	}
	return open.telling(Warning, High, func(b *batch, f *Finding) {
		l, t := f.Journeys[0].Lookup, tries[b.key]
		f.Text = c.say(lang.Text{
			EN: "%s refuses %s the transfer of the zone %s (%s, %s), %d time{|s}.",
			ES: "%s rechaza a %s la transferencia de la zona %s (%s, %s), %d {vez|veces}.",
		}, t.Resolver.Addr(), l.Client, l.Name, t.Type, t.RCode, len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

// isTransfer tells whether a query asks for a whole zone.
func isTransfer(t *correlate.Try) bool { return t.Type == "AXFR" || t.Type == "IXFR" }
