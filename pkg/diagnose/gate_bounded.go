package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var searchBounded = Rule{
	Name: "capture-search-bounded", Family: "gate",
	Title: lang.Text{EN: "Not everything was searched", ES: "No se buscó en todo"},
	Doc: lang.Text{
		EN: "So that an analysis ends, some searches look at the nearest candidates alone: the lookups before a connection, the hosts and the journeys that what a client printed may be of. What lies beyond is not seen. Fewer hosts or a shorter time in one report leave more room.",
		ES: "Para que un análisis termine, algunas búsquedas miran solo los candidatos más cercanos: las resoluciones anteriores a una conexión, los equipos y los recorridos de los que puede hablar lo que imprimió un cliente. Lo que queda más allá no se ve. Menos equipos o menos tiempo en un informe dejan más margen.",
	},
	Source: "flowcorr",
	Needs:  lang.Text{EN: "a capture", ES: "una captura"},
	Wants:  []*Want{wantCapture},
	Refuters: []lang.Text{
		{EN: "a report of a shorter time finds the same", ES: "un informe de menos tiempo halla lo mismo"},
	},
	Check: checkSearchBounded,
}

var searchTexts = map[correlate.Search]lang.Text{
	correlate.SearchLookups: {
		EN: "The lookup of a name was sought among the %[1]d lookups before a connection and no further, %[2]d time{|s}.",
		ES: "La resolución de un nombre se buscó entre las %[1]d anteriores a una conexión y no más allá, %[2]d {vez|veces}.",
	},
	correlate.SearchHosts: {
		EN: "What clients printed was held against the %[1]d hosts that fit best alone, and not against %[2]d other{|s}.",
		ES: "Lo que imprimieron los clientes se comparó solo con los %[1]d equipos que mejor encajan, y no con {otro|otros} %[2]d.",
	},
	correlate.SearchJourneys: {
		EN: "What clients printed was held against the %[1]d nearest journeys each, though more would fit, %[2]d time{|s}.",
		ES: "Lo que imprimieron los clientes se comparó solo con los %[1]d recorridos más cercanos, aunque encajarían más, %[2]d {vez|veces}.",
	},
}

func checkSearchBounded(c *Case, _ *Rule) []Finding {
	var where []Evidence
	for _, k := range c.Incident.Captures {
		where = append(where, captureFiles(k)...)
	}
	if len(where) == 0 {
		return nil
	}
	var out []Finding
	for _, b := range c.Bounded {
		out = append(out, Finding{Severity: Info, Confidence: High, Evidence: where, Text: c.say(searchTexts[b.Search], b.Limit, b.Times)})
	}
	return out
}
