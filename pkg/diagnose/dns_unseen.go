package diagnose

import (
	"net/netip"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

var dnsNotObserved = Rule{
	Name: "dns-not-observed", Family: "dns",
	Title: lang.Text{EN: "No lookup before the connection", ES: "Sin resolución antes de la conexión"},
	Doc: lang.Text{
		EN: "No capture holds a query for the name of these journeys: it came from a cache, a hosts file, DNS over TLS or HTTPS, or was asked where no capture was taken. How long the lookup took is not evaluable.",
		ES: "Ninguna captura tiene una consulta del nombre de estos recorridos: salió de una caché, de un archivo hosts, de DNS sobre TLS o HTTPS, o se preguntó donde no se capturó. Cuánto tardó la resolución no es evaluable.",
	},
	Source: "RFC 1034, section 5.3.1",
	Needs:  lang.Text{EN: "a capture at the client that includes port 53", ES: "una captura en el cliente que incluya el puerto 53"},
	Wants:  []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "a query for the name in another capture", ES: "una consulta del nombre en otra captura"},
	},
	Check: checkDNSNotObserved,
}

func checkDNSNotObserved(c *Case, r *Rule) []Finding {
	f := Finding{Severity: Info, Confidence: NotEvaluable}
	for _, j := range c.Journeys {
		if j.Name != "" && !isAddress(j.Name) && j.Lookup == nil && j.Ordinal <= 1 && (j.Service == "https" || j.Service == "http" || j.Service == "tls") {
			f.Journeys = append(f.Journeys, j)
		}
	}
	if len(f.Journeys) == 0 {
		return nil
	}
	f.Text = c.say(lang.Text{
		EN: "%d connection{ was|s were} made without a lookup in any capture: name from a cache or a hosts file, or asked elsewhere; the lookup's time is not evaluable.",
		ES: "%d {conexión se hizo|conexiones se hicieron} sin resolución en ninguna captura: nombre en caché o en un archivo hosts, o preguntado en otro sitio; el tiempo de resolución no es evaluable.",
	}, len(f.Journeys))
	f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
	return []Finding{f}
}

// isAddress tells whether a client names the server by its address, so that there was
// nothing to look up; in a URL that of IPv6 stands in brackets (RFC 3986, section 3.2.2).
func isAddress(name string) bool {
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}
