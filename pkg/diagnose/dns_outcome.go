package diagnose

import (
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var dnsSearchList = Rule{
	Name: "dns-search-list", Family: "dns",
	Title: lang.Text{EN: "Useless queries from the search list", ES: "Consultas inútiles por la lista de búsqueda"},
	Doc: lang.Text{
		EN: "The client tried the name with one or more suffixes that do not exist before, or after, the name that was meant. A lower ndots, a shorter search list, or the name with a final dot saves them.",
		ES: "El cliente probó el nombre con uno o varios sufijos que no existen antes, o después, del nombre deseado. Se ahorran con un ndots menor, una lista de búsqueda más corta o el nombre con punto final.",
	},
	Source: "resolv.conf(5), search and ndots",
	Needs:  lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Refuters: []lang.Text{
		{EN: "the client used the full name with a final dot", ES: "el cliente usó el nombre completo con punto final"},
	},
	Check: checkDNSSearchList,
}

func checkDNSSearchList(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		if l.Suffixes == 0 {
			continue
		}
		var vain time.Duration
		var tried []string
		for i := range l.Tries {
			t := &l.Tries[i]
			if t.RCode == "NXDOMAIN" && t.Answer.Seen() {
				vain += answerTime(t)
				tried = append(tried, t.Name)
			}
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Note, High, vain
		if vain >= c.T.LookupCost {
			f.Severity = Warning
		}
		f.Text = c.say(lang.Text{
			EN: "%d useless quer{y|ies} (%s) for %s from the search list: %s.",
			ES: "%d consulta{|s} inútil{|es} (%s) de %s por la lista de búsqueda: %s.",
		}, len(tried), vain, l.Name, strings.Join(tried, ", "))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var dnsNXDomain = Rule{
	Name: "dns-nxdomain", Family: "dns",
	Title: lang.Text{EN: "The name does not exist", ES: "El nombre no existe"},
	Doc: lang.Text{
		EN: "The resolver says that the name does not exist, after any search list. A misspelt name, a zone that is not served here, or another resolver's answer differs.",
		ES: "El servidor DNS dice que el nombre no existe, tras toda lista de búsqueda. Un nombre mal escrito, una zona que aquí no se sirve, o un servidor DNS distinto que responde otra cosa.",
	},
	Source: "RFC 8020",
	Needs:  lang.Text{EN: "a capture that holds the answer", ES: "una captura con la respuesta"},
	Refuters: []lang.Text{
		{EN: "another resolver answers NOERROR for the name", ES: "otro servidor DNS responde NOERROR para el nombre"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.failedLookups(r, Warning, lang.Text{
			EN: "%s does not exist for resolver %s (NXDOMAIN).",
			ES: "%s no existe para el servidor DNS %s (NXDOMAIN).",
		}, func(l *correlate.Lookup) bool {
			return l.RCode == "NXDOMAIN" && rcodeOfName(l) == "NXDOMAIN" && !reverseName(l.Name)
		})
	},
}

var dnsServfail = Rule{
	Name: "dns-servfail", Family: "dns",
	Title: lang.Text{EN: "The resolver failed (SERVFAIL)", ES: "El servidor DNS falló (SERVFAIL)"},
	Doc: lang.Text{
		EN: "The resolver could not answer: its upstream is broken or silent, or DNSSEC validation failed, for which a clock hours off is enough. An extended error, where there is one, says which.",
		ES: "El servidor DNS no pudo responder: lo de arriba está roto o calla, o falló la validación DNSSEC, para lo que basta un reloj desviado horas. Si hay un error extendido, dice cuál.",
	},
	Source: "RFC 2308, section 7; RFC 8914",
	Needs:  lang.Text{EN: "a capture that holds the answer", ES: "una captura con la respuesta"},
	Refuters: []lang.Text{
		{EN: "the same question with checking disabled fails too", ES: "la misma pregunta con la comprobación desactivada también falla"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.failedLookups(r, Warning, lang.Text{
			EN: "%s cannot be resolved: resolver %s answers SERVFAIL (its upstream fails, or DNSSEC validation does).",
			ES: "%s no se puede resolver: el servidor DNS %s responde SERVFAIL (falla lo de arriba, o la validación DNSSEC).",
		}, func(l *correlate.Lookup) bool {
			for _, t := range l.Tries {
				if t.RCode == "SERVFAIL" || t.RCode == "REFUSED" {
					return true
				}
			}
			return false
		})
	},
}

// failedLookups makes one finding a name and resolver of the lookups that fit.
func (c *Case) failedLookups(r *Rule, severity Severity, text lang.Text, fits func(*correlate.Lookup) bool) []Finding {
	var out []Finding
	index := map[string]int{}
	for _, l := range c.userLookups() {
		if !fits(l) {
			continue
		}
		f := c.lookupFinding(l)
		key := l.Name + " " + names(l.Resolvers)
		if i, ok := index[key]; ok {
			out[i].Journeys = append(out[i].Journeys, f.Journeys...)
			out[i].Evidence = merge(append(out[i].Evidence, f.Evidence...))
			out[i].Lost += lookupTime(l)
			continue
		}
		index[key] = len(out)
		f.Severity, f.Confidence, f.Lost = severity, High, lookupTime(l)
		f.Text = c.say(text, l.Name, names(l.Resolvers))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: "dig +cd " + l.Name + "; dig @OTHER-RESOLVER " + l.Name}}
		out = append(out, f)
	}
	return out
}

var dnsFailover = Rule{
	Name: "dns-failover", Family: "dns",
	Title: lang.Text{EN: "Every lookup pays for a dead resolver", ES: "Cada resolución paga por un servidor DNS muerto"},
	Doc: lang.Text{
		EN: "The first resolver of the list is silent; the client waits for its timer before it asks the next one. Remove the dead one, or put it last.",
		ES: "El primer servidor DNS de la lista calla; el cliente espera su temporizador antes de preguntar al siguiente. Quite el muerto o póngalo el último.",
	},
	Source: "resolv.conf(5), nameserver",
	Needs:  lang.Text{EN: "a capture that holds the queries to both", ES: "una captura con las consultas a ambos"},
	Refuters: []lang.Text{
		{EN: "the first resolver answers in the same minute", ES: "el primer servidor DNS responde en el mismo minuto"},
	},
	Check: checkDNSFailover,
}

func checkDNSFailover(c *Case, r *Rule) []Finding {
	var out []Finding
	index := map[string]int{}
	for _, l := range c.userLookups() {
		if !failover(l) || l.Tries[0].Answer.Seen() {
			continue
		}
		first := l.Resolvers[0]
		_, wait := retries(l)
		f := c.lookupFinding(l)
		if i, ok := index[first.String()]; ok {
			out[i].Journeys = append(out[i].Journeys, f.Journeys...)
			out[i].Evidence = merge(append(out[i].Evidence, f.Evidence...))
			out[i].Lost += wait
			continue
		}
		index[first.String()] = len(out)
		f.Severity, f.Confidence, f.Lost = Warning, High, wait
		f.Text = c.say(lang.Text{
			EN: "Resolver %s is silent: each lookup pays %s before it asks %s.",
			ES: "El servidor DNS %s calla: cada resolución paga %s antes de preguntar a %s.",
		}, first, wait, l.Resolvers[1])
		status := "not-found"
		if c.answersSomebody(first) {
			status, f.Confidence = "found", Medium
		}
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: status}}
		out = append(out, f)
	}
	return out
}

var dnsUnreachable = Rule{
	Name: "dns-unreachable", Family: "dns",
	Title: lang.Text{EN: "No resolver answered", ES: "Ningún servidor DNS respondió"},
	Doc: lang.Text{
		EN: "All queries of a lookup stayed without answer and no other resolver was asked: the resolver is down, the path or a firewall drops the packets, or ICMP says so.",
		ES: "Todas las consultas de una resolución quedaron sin respuesta y no se preguntó a otro servidor DNS: está caído, el camino o un cortafuegos descarta los paquetes, o ICMP lo dice.",
	},
	Source: "RFC 1035, section 4.2.1",
	Needs:  lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Refuters: []lang.Text{
		{EN: "the resolver's own capture shows answers leaving", ES: "la captura del propio servidor DNS muestra respuestas saliendo"},
	},
	Check: checkDNSUnreachable,
}

func checkDNSUnreachable(c *Case, r *Rule) []Finding {
	return c.unansweredBy(r, lang.Text{
		EN: "No resolver answered for %s: all queries to %s were in vain.",
		ES: "Ningún servidor DNS respondió por %s: todas las consultas a %s fueron en vano.",
	})
}

func (c *Case) unansweredBy(r *Rule, text lang.Text) []Finding {
	found := c.failedLookups(r, Error, text, func(l *correlate.Lookup) bool {
		return l.Outcome == pcapflow.Unanswered && !anyAnswer(l) && (l.Attempts > 1 || l.Capture.Last.Time-l.Start.Time > int64(2*time.Second)) && !c.resolverView(l).ignored(l.Attempts)
	})
	for i := range found {
		found[i].Refuters[0].Command = "tcpdump -ni any -w resolver.pcap 'port 53'"
	}
	return found
}

var dnsNeverReached = Rule{
	Name: "dns-never-reached-resolver", Family: "dns",
	Title: lang.Text{EN: "The query never reached the resolver", ES: "La consulta nunca llegó al servidor DNS"},
	Doc: lang.Text{
		EN: "The client's capture holds more queries for the name than the resolver's capture or log: those were lost on the way.",
		ES: "La captura del cliente tiene más consultas del nombre que la captura o el registro del servidor DNS: esas se perdieron en el camino.",
	},
	Source: "RFC 1035, section 4.2.1",
	Needs:  lang.Text{EN: "captures at the client and at the resolver, or its query log", ES: "capturas en el cliente y en el servidor DNS, o su registro de consultas"},
	Refuters: []lang.Text{
		{EN: "the line is in the resolver's log after all, or the log is rate-limited or rotated", ES: "la línea sí está en el registro, o el registro está limitado o rotado"},
	},
	Check: checkDNSNeverReached,
}

func checkDNSNeverReached(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		n, wait := retries(l)
		v := c.resolverView(l)
		sent := repeatedQueries(l)
		if n == 0 || !v.known || v.queries >= sent || wait < 500*time.Millisecond || failover(l) {
			continue
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, High, wait
		f.Text = c.say(lang.Text{
			EN: "%d of %d quer{y|ies} for %s never reached resolver %s: lost on the way.",
			ES: "%d de %d consultas de %s nunca llegaron al servidor DNS %s: se perdieron en el camino.",
		}, sent-v.queries, sent, l.Name, names(l.Resolvers))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var dnsLargeAnswerLost = Rule{
	Name: "dns-large-answer-lost", Family: "dns",
	Title: lang.Text{EN: "Large answers vanish", ES: "Las respuestas grandes desaparecen"},
	Doc: lang.Text{
		EN: "Queries that offer a large EDNS size stay unanswered while the same question with a small one is answered: fragments or large datagrams are dropped on the path. An EDNS size of 1232 avoids it.",
		ES: "Las consultas que ofrecen un tamaño EDNS grande quedan sin respuesta y la misma pregunta con uno pequeño sí la tiene: los fragmentos o datagramas grandes se descartan en el camino. Un tamaño EDNS de 1232 lo evita.",
	},
	Source: "RFC 6891, section 6.2.5",
	Needs:  lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Refuters: []lang.Text{
		{EN: "large answers arrive on the same path", ES: "por el mismo camino llegan respuestas grandes"},
	},
	Check: checkDNSLargeAnswerLost,
}

func checkDNSLargeAnswerLost(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		large, small := 0, 0
		for _, t := range l.Tries {
			if t.EDNS > 1232 && !t.Answer.Seen() {
				large++
			}
			if t.EDNS <= 1232 && t.Answer.Seen() {
				small++
			}
		}
		if large == 0 || small == 0 {
			continue
		}
		_, wait := retries(l)
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, Medium, wait
		f.Text = c.say(lang.Text{
			EN: "For %s, %d queries with a large EDNS size got no answer and %d with a small one did: large answers are dropped on the path.",
			ES: "Para %s, %d consultas con un tamaño EDNS grande quedaron sin respuesta y %d con uno pequeño la tuvieron: las respuestas grandes se descartan en el camino.",
		}, l.Name, large, small)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var dnsNotObserved = Rule{
	Name: "dns-not-observed", Family: "dns",
	Title: lang.Text{EN: "No lookup before the connection", ES: "Sin resolución antes de la conexión"},
	Doc: lang.Text{
		EN: "No capture holds a query for the name of these journeys: it came from a cache, a hosts file, DNS over TLS or HTTPS, or was asked where no capture was taken. How long the lookup took is not evaluable.",
		ES: "Ninguna captura tiene una consulta del nombre de estos recorridos: salió de una caché, de un archivo hosts, de DNS sobre TLS o HTTPS, o se preguntó donde no se capturó. Cuánto tardó la resolución no es evaluable.",
	},
	Source: "RFC 1034, section 5.3.1",
	Needs:  lang.Text{EN: "a capture at the client that includes port 53", ES: "una captura en el cliente que incluya el puerto 53"},
	Refuters: []lang.Text{
		{EN: "a query for the name in another capture", ES: "una consulta del nombre en otra captura"},
	},
	Check: checkDNSNotObserved,
}

func checkDNSNotObserved(c *Case, r *Rule) []Finding {
	f := Finding{Severity: Info, Confidence: NotEvaluable}
	for _, j := range c.Journeys {
		if j.Name != "" && j.Lookup == nil && j.Ordinal <= 1 && (j.Service == "https" || j.Service == "http" || j.Service == "tls") {
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
