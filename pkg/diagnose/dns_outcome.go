package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
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
	Source:     "resolv.conf(5), search and ndots",
	Needs:      lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{lookupCost},
	Refuters: []lang.Text{
		{EN: "the client used the full name with a final dot", ES: "el cliente usó el nombre completo con punto final"},
	},
	Check: checkDNSSearchList,
}

func checkDNSSearchList(c *Case, r *Rule) []Finding {
	var found batches
	tried := map[string][]string{}
	for _, l := range c.userLookups() {
		if l.Suffixes == 0 || !anyAnswer(l) {
			continue
		}
		key := l.Client.String()
		var vain time.Duration
		for i := range l.Tries {
			t := &l.Tries[i]
			if t.RCode == "NXDOMAIN" && timed(t) {
				vain += c.late.time(t)
				tried[key] = append(tried[key], t.Name)
			}
		}
		c.addLookup(&found, key, l, vain)
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		if b.worst().lost >= c.limit(r, lookupCost) {
			f.Severity = Warning
		}
		vain := tried[b.key]
		f.Text = c.say(lang.Text{
			EN: "%d useless quer{y|ies} (%s in all) of %s from its search list, for %s: %s.",
			ES: "%d consulta{|s} inútil{|es} (%s en total) de %s por su lista de búsqueda, por %s: %s.",
		}, len(vain), f.Lost, b.key, c.list(b), strings.Join(vain[:min(len(vain), maxNamed)], ", "))
		f.Refuters = c.doubts(r, notFound)
	})
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
	Wants:  []*Want{wantAnswers},
	Refuters: []lang.Text{
		{EN: "another resolver answers NOERROR for the name", ES: "otro servidor DNS responde NOERROR para el nombre"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		found := c.failedLookups(r, Note, func(l *correlate.Lookup) string {
			if l.RCode == "NXDOMAIN" && rcodeOfName(l) == "NXDOMAIN" && wantsAddress(l) {
				return l.Name + " " + names(l.Resolvers)
			}
			return ""
		}, lang.Text{
			EN: "%s does not exist for resolver %s (NXDOMAIN).",
			ES: "%s no existe para el servidor DNS %s (NXDOMAIN).",
		}, "CLIENT: dig ELSEWHERE NAME")
		for i := range found {
			if slices.ContainsFunc(found[i].Journeys, awaited) {
				found[i].Severity = Warning
			}
		}
		return found
	},
}

// refusals are the answers by which a resolver says that it cannot, or will not.
var refusals = []struct {
	rcode string
	text  lang.Text
}{
	{"SERVFAIL", lang.Text{
		EN: "%s cannot be resolved: resolver %s answers SERVFAIL (its upstream fails, or DNSSEC validation does).",
		ES: "%s no se puede resolver: el servidor DNS %s responde SERVFAIL (falla el servidor al que él pregunta, o la validación DNSSEC).",
	}},
	{"REFUSED", lang.Text{
		EN: "%s cannot be resolved: resolver %s answers REFUSED (its policy does not serve this client or zone).",
		ES: "%s no se puede resolver: el servidor DNS %s responde REFUSED (su política no atiende a este cliente o zona).",
	}},
}

var dnsServfail = Rule{
	Name: "dns-servfail", Family: "dns",
	Title: lang.Text{EN: "The resolver failed (SERVFAIL)", ES: "El servidor DNS falló (SERVFAIL)"},
	Doc: lang.Text{
		EN: "The resolver could not answer: its upstream is broken or silent, or DNSSEC validation failed, for which a clock hours off is enough. An extended error, where there is one, says which.",
		ES: "El servidor DNS no pudo responder: el servidor al que él pregunta está roto o calla, o falló la validación DNSSEC, para lo que basta un reloj desviado horas. Si hay un error extendido, dice cuál.",
	},
	Source:     "RFC 2308, section 7; RFC 8914",
	Needs:      lang.Text{EN: "a capture that holds the answer", ES: "una captura con la respuesta"},
	Wants:      []*Want{wantAnswers},
	Thresholds: []*Threshold{sameMoment},
	Refuters: []lang.Text{
		{EN: "the same question with checking disabled fails too", ES: "la misma pregunta con la comprobación desactivada también falla"},
	},
	Check: checkDNSServfail,
}

func checkDNSServfail(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, x := range refusals {
		out = append(out, c.failedLookups(r, Warning, func(l *correlate.Lookup) string {
			if slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return t.RCode == x.rcode && !isTransfer(&t) }) {
				return names(l.Resolvers)
			}
			return ""
		}, x.text, "CLIENT: dig +cd NAME; dig ELSEWHERE NAME")...)
	}
	deaf := map[*incident.Capture][]*pcapflow.Flow{}
	for i := range out {
		c.deafUpstream(r, &out[i], deaf)
	}
	return out
}

// deafUpstream adds whom the resolver itself asked in vain when it failed: a
// connection to another server's DNS port, or a query to it, that nobody
// answered as far as the capture goes. deaf holds such flows of the captures that
// were asked for.
func (c *Case) deafUpstream(r *Rule, f *Finding, deaf map[*incident.Capture][]*pcapflow.Flow) {
	for _, j := range f.Journeys {
		l := j.Lookup
		flows, known := deaf[l.Capture]
		if !known {
			flows = unansweredDNS(l.Capture)
			deaf[l.Capture] = flows
		}
		for _, flow := range flows {
			if !slices.Contains(l.Resolvers, flow.Client.Addr()) || time.Duration(flow.Start.Time-l.Start.Time).Abs() > c.limit(r, sameMoment) {
				continue
			}
			f.Evidence = merge(append(f.Evidence, frames(l.Capture, flow.Start.Frame, flow.End.Frame)...))
			f.Text += " " + c.say(lang.Text{
				EN: "At that moment %s itself asked %s (%s), and the capture holds no answer.",
				ES: "En ese momento %s preguntó a su vez a %s (%s), y la captura no tiene respuesta.",
			}, flow.Client.Addr(), flow.Server, flow.Transport)
			return
		}
	}
}

// unansweredDNS are the flows to a DNS port from which nothing came back.
func unansweredDNS(k *incident.Capture) (flows []*pcapflow.Flow) {
	for _, f := range k.Flows {
		if f.Server.Port() == dnsPort && f.Start.Seen() && f.Packets[pcapflow.Server] == 0 {
			flows = append(flows, f)
		}
	}
	return flows
}

// failedLookups gathers the lookups that fit by a cause, and what each name
// lost. A lookup nobody waited for is not told.
func (c *Case) failedLookups(r *Rule, severity Severity, key func(*correlate.Lookup) string, text lang.Text, command string) []Finding {
	var found batches
	for _, l := range c.openLookups(r) {
		if k := key(l); k != "" {
			c.addLookup(&found, k, l, lookupTime(l))
		}
	}
	return found.telling(severity, High, func(b *batch, f *Finding) {
		f.Text = c.say(text, c.list(b), names(f.Journeys[0].Lookup.Resolvers))
		f.Refuters = c.doubts(r, notCollected(command))
	})
}

var largeEDNS = &Threshold{"size", 1232, "bytes", lang.Text{EN: "largest answer that fits any path", ES: "mayor respuesta que cabe por cualquier camino"}}

var dnsLargeAnswerLost = Rule{
	Name: "dns-large-answer-lost", Family: "dns",
	Title: lang.Text{EN: "Large answers vanish", ES: "Las respuestas grandes desaparecen"},
	Doc: lang.Text{
		EN: "Queries that offer a large EDNS size stay unanswered while the same question with a small one is answered: fragments or large datagrams are dropped on the path; or of an answer not all fragments arrive. An EDNS size of 1232 avoids it.",
		ES: "Las consultas que ofrecen un tamaño EDNS grande quedan sin respuesta y la misma pregunta con uno pequeño sí la tiene: los fragmentos o datagramas grandes se descartan en el camino; o no llegan todos los fragmentos de una respuesta. Un tamaño EDNS de 1232 lo evita.",
	},
	Source:     "RFC 6891, section 6.2.5",
	Needs:      lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{largeEDNS},
	Refuters: []lang.Text{
		{EN: "large answers arrive on the same path", ES: "por el mismo camino llegan respuestas grandes"},
		{EN: "the same question is answered at the large size as well", ES: "la misma pregunta también tiene respuesta con el tamaño grande"},
	},
	Check: checkDNSLargeAnswerLost,
}

func checkDNSLargeAnswerLost(c *Case, r *Rule) []Finding {
	var found batches
	size := c.count(r, largeEDNS)
	large, small := map[string]int{}, map[string]int{}
	for _, l := range c.userLookups() {
		unheard, heard := 0, 0
		for _, t := range l.Tries {
			if t.EDNS > size && !t.Answer.Seen() {
				unheard++
			}
			if t.EDNS <= size && t.Answer.Seen() {
				heard++
			}
		}
		if unheard == 0 || heard == 0 {
			continue
		}
		if inPart(l) {
			continue
		}
		_, wait := c.retries(l)
		key := names(l.Resolvers)
		large[key] += unheard
		small[key] += heard
		c.addLookup(&found, key, l, wait)
	}
	return append(c.piecesLost(r), found.telling(Warning, Medium, func(b *batch, f *Finding) {
		arrives := c.largeArrives(size)
		if arrives {
			f.Severity = Note
		}
		f.Text = c.say(lang.Text{
			EN: "For %s, %d quer{y|ies} with a large EDNS size got no answer and %d with a small one did: large answers are dropped on the path.",
			ES: "Para %s, %d consulta{|s} con un tamaño EDNS grande qued{ó|aron} sin respuesta y %d con uno pequeño la tuvieron: las respuestas grandes se descartan en el camino.",
		}, c.list(b), large[b.key], small[b.key])
		f.Refuters = c.doubts(r, foundIf(arrives))
	})...)
}

// largeArrives tells whether any answer larger than size came by UDP.
func (c *Case) largeArrives(size int) bool {
	for _, l := range c.Lookups {
		for i := range l.Tries {
			if t := &l.Tries[i]; t.Answer.Seen() && t.Bytes[1] > size && t.Flow.Transport == pcapflow.UDP {
				return true
			}
		}
	}
	return false
}
