package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var dnsFailover = Rule{
	Name: "dns-failover", Family: "dns", Absence: true,
	Title: lang.Text{EN: "Every lookup pays for a dead resolver", ES: "Cada resolución paga por un servidor DNS muerto"},
	Doc: lang.Text{
		EN: "The first resolver of the list is silent; the client waits for its timer before it asks the next one. Remove the dead one, or put it last.",
		ES: "El primer servidor DNS de la lista calla; el cliente espera su temporizador antes de preguntar al siguiente. Quite el muerto o póngalo el último.",
	},
	Source:     "resolv.conf(5), nameserver",
	Thresholds: []*Threshold{nearAnswer, retryWait},
	Needs:      lang.Text{EN: "a capture that holds the queries to both", ES: "una captura con las consultas a ambos"},
	Wants:      []*Want{wantQueries},
	Refuters: []lang.Text{
		{EN: "the first resolver answers in the same minute", ES: "el primer servidor DNS responde en el mismo minuto"},
		{EN: "the second resolver is silent too (then dns-unreachable)", ES: "el segundo servidor DNS calla también (entonces dns-unreachable)"},
	},
	Check: checkDNSFailover,
}

func checkDNSFailover(c *Case, r *Rule) []Finding {
	var found batches
	next := map[string]netip.Addr{}
	for _, l := range c.userLookups() {
		if !failover(l) || l.Tries[0].Answer.Seen() || !anyAnswer(l) {
			continue
		}
		_, wait := c.retries(l)
		if wait < c.limit(r, retryWait) {
			continue // both were asked at once
		}
		key := l.Resolvers[0].String()
		next[key] = l.Resolvers[1]
		c.addLookup(&found, key, l, wait)
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "Resolver %s is silent: %d lookup{|s} (%s) waited %s before %s was asked.",
			ES: "El servidor DNS %s calla: %d {resolución|resoluciones} (%s) esper{ó|aron} %s antes de preguntar a %s.",
		}, b.key, b.times, c.list(b), c.upTo(r, b), next[b.key])
		answers := c.answersNear(r, f.Journeys[0].Lookup)
		f.Refuters = c.doubts(r, foundIf(answers))
	})
}

var noAnswer = &Threshold{"quiet", 2, "s", lang.Text{EN: "how long the capture must go on without an answer", ES: "cuánto debe seguir la captura sin respuesta"}}

var dnsUnreachable = Rule{
	Name: "dns-unreachable", Family: "dns", Absence: true,
	Title: lang.Text{EN: "No resolver answered", ES: "Ningún servidor DNS respondió"},
	Doc: lang.Text{
		EN: "All queries of a lookup stayed without answer and no other resolver was asked: the resolver is down, the path or a firewall drops the packets, or ICMP says so.",
		ES: "Todas las consultas de una resolución quedaron sin respuesta y no se preguntó a otro servidor DNS: está caído, el camino o un cortafuegos descarta los paquetes, o ICMP lo dice.",
	},
	Source:     "RFC 1035, section 4.2.1",
	Needs:      lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{noAnswer, nearAnswer},
	Refuters: []lang.Text{
		{EN: "the resolver's own capture shows answers leaving", ES: "la captura del propio servidor DNS muestra respuestas saliendo"},
	},
	Check: checkDNSUnreachable,
}

func checkDNSUnreachable(c *Case, r *Rule) []Finding {
	refused := c.failedLookups(r, Error, func(l *correlate.Lookup) string {
		if x := turnedAway(l); x != nil {
			return names(l.Resolvers) + " " + x.Text
		}
		return ""
	}, lang.Text{
		EN: "The lookup of %s failed: resolver %s is not there, as ICMP says (nothing listens on its port, or the way to it is closed).",
		ES: "La resolución de %s falló: el servidor DNS %s no está ahí, como dice ICMP (nada escucha en su puerto, o el camino está cerrado).",
	}, "RESOLVER: ss -lnu 'sport = :53'")
	for i := range refused {
		for _, j := range refused[i].Journeys {
			refused[i].Evidence = append(refused[i].Evidence, frames(j.Lookup.Capture, turnedAway(j.Lookup).Frame)...)
		}
		refused[i].Evidence = merge(refused[i].Evidence)
	}
	return append(refused, c.failedLookups(r, Error, func(l *correlate.Lookup) string {
		if !c.deaf(l) || c.answersNear(r, l) || turnedAway(l) != nil {
			return "" // dns-retry: it answers, these queries or their answers were lost
		}
		return names(l.Resolvers)
	}, lang.Text{
		EN: "No resolver answered for %s: all queries to %s were in vain.",
		ES: "Ningún servidor DNS respondió por %s: todas las consultas a %s fueron en vano.",
	}, atResolver)...)
}

// turnedAway is an ICMP error that answered a query of a lookup in vain; nil:
// none, or somebody answered.
func turnedAway(l *correlate.Lookup) *pcapflow.ICMPError {
	if anyAnswer(l) {
		return nil
	}
	for i := range l.Tries {
		if f := l.Tries[i].Flow; f != nil {
			if x := unreachable(f); x != nil && x.Source.Addr() != f.Server.Addr() {
				return x
			}
		}
	}
	return nil
}

// deaf tells that nothing at all came back to a lookup, though the capture went
// on for long enough, and that the resolver is not known to have ignored it.
func (c *Case) deaf(l *correlate.Lookup) bool {
	waited := time.Duration(l.Capture.Last.Time-l.Start.Time) > c.limit(c.rules["dns-unreachable"], noAnswer)
	return l.Outcome == pcapflow.Unanswered && !anyAnswer(l) && (l.Attempts > 1 || waited) && !c.resolverView(l).ignored(l.Attempts)
}

var dnsNeverReached = Rule{
	Name: "dns-never-reached-resolver", Family: "dns", Absence: true,
	Title: lang.Text{EN: "The query never reached the resolver", ES: "La consulta nunca llegó al servidor DNS"},
	Doc: lang.Text{
		EN: "The client's capture holds more queries for the name than the resolver's capture or log: those were lost on the way.",
		ES: "La captura del cliente tiene más consultas del nombre que la captura o el registro del servidor DNS: esas se perdieron en el camino.",
	},
	Source:     "RFC 1035, section 4.2.1",
	Needs:      lang.Text{EN: "captures at the client and at the resolver, or its query log", ES: "capturas en el cliente y en el servidor DNS, o su registro de consultas"},
	Wants:      []*Want{wantResolver},
	Thresholds: []*Threshold{retryWait},
	Refuters: []lang.Text{
		{EN: "the line is in the resolver's log after all, or the log is rate-limited or rotated", ES: "la línea sí está en el registro, o el registro está limitado o rotado"},
	},
	Check: checkDNSNeverReached,
}

func checkDNSNeverReached(c *Case, r *Rule) []Finding {
	var found batches
	sent, lost := map[string]int{}, map[string]int{}
	for _, l := range c.openLookups(r) {
		n, wait := c.retries(l)
		v := c.resolverView(l)
		asked := repeatedQueries(l)
		if n == 0 || !v.known || v.queries >= asked || wait < c.limit(r, retryWait) || failover(l) {
			continue
		}
		key := names(l.Resolvers)
		sent[key] += asked
		lost[key] += asked - v.queries
		c.addLookup(&found, key, l, wait)
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%d of %d quer{y|ies} for %s never reached resolver %s: lost on the way; the retry timer cost %s.",
			ES: "%d de %d consultas de %s nunca llegaron al servidor DNS %s: se perdieron en el camino; el temporizador costó %s.",
		}, lost[b.key], sent[b.key], c.list(b), b.key, c.upTo(r, b))
		f.Refuters = c.doubts(r, notFound)
	})
}
