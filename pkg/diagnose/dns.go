package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var dnsRetry = Rule{
	Name: "dns-retry", Family: "dns",
	Title: lang.Text{EN: "Lookup slow by retries", ES: "Resolución lenta por reintentos"},
	Doc: lang.Text{
		EN: "A query got no answer in time and was asked again after the resolver timer (1, 2 or 5 s, as the client is set). The time is the timer's, not the resolver's. Find where the packet was lost: the resolver's own capture or query log tells whether it arrived.",
		ES: "Una consulta no obtuvo respuesta a tiempo y se repitió al vencer el temporizador del resolutor (1, 2 o 5 s, según el cliente). El tiempo es del temporizador, no del servidor DNS. Busque dónde se perdió el paquete: la captura o el registro de consultas del propio servidor dice si llegó.",
	},
	Source: "RFC 1035, section 4.2.1; resolv.conf(5), options timeout and attempts",
	Needs:  lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Refuters: []lang.Text{
		{EN: "the first query was answered, only late", ES: "la primera consulta sí tuvo respuesta, aunque tarde"},
		{EN: "the resolver received the queries and did not answer them", ES: "el servidor DNS recibió las consultas y no las respondió"},
	},
	Check: checkDNSRetry,
}

func checkDNSRetry(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		n, wait := retries(l)
		if n == 0 || wait < 500*time.Millisecond || failover(l) {
			continue
		}
		view := c.resolverView(l)
		if view.ignored(n) || c.aaaaSilent(l) {
			continue // dns-slow-resolver, dns-slow-aaaa
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, High, wait
		f.Text = c.say(lang.Text{
			EN: "Looking up %s took %s because %d quer{y|ies} got no answer: %s of it was the retry timer%s.",
			ES: "Resolver %s tardó %s porque %d consulta{|s} qued{ó|aron} sin respuesta: %s fue el temporizador de reintento%s.",
		}, l.Name, lookupTime(l), n, wait, c.whereLost(view, n))
		f.Refuters = []Refuter{
			{Text: r.Refuters[0].In(c.Lang), Status: "not-found"},
			{Text: r.Refuters[1].In(c.Lang), Status: "not-found"},
		}
		if !view.known {
			f.Refuters[1].Status, f.Refuters[1].Command = "not-collected", resolverCommand(l)
		}
		if lateAnswer(l) {
			f.Refuters[0].Status, f.Confidence = "found", Medium
		}
		out = append(out, f)
	}
	return out
}

// whereLost is the clause about the side the packets were lost on.
func (c *Case) whereLost(v resolverView, unanswered int) string {
	switch {
	case !v.known:
		return ""
	case v.answers > 0 && v.queries >= unanswered:
		return c.say(lang.Text{EN: "; the resolver received them and answered: the answers were lost on the way back", ES: "; el servidor DNS las recibió y respondió: las respuestas se perdieron a la vuelta"})
	}
	return c.say(lang.Text{EN: "; they never reached the resolver", ES: "; nunca llegaron al servidor DNS"})
}

var dnsSlowResolver = Rule{
	Name: "dns-slow-resolver", Family: "dns",
	Title: lang.Text{EN: "The resolver is slow", ES: "El servidor DNS es lento"},
	Doc: lang.Text{
		EN: "The resolver answered, but long after one round trip to it, or received the queries and answered none in time: it was asking further servers, or was busy. Look at its own log of upstream timeouts, and at its cache.",
		ES: "El servidor DNS respondió, pero mucho después de una ida y vuelta hasta él, o recibió las consultas y no respondió ninguna a tiempo: preguntaba a otros servidores o estaba ocupado. Mire en su registro los tiempos vencidos hacia arriba, y su caché.",
	},
	Source: "RFC 1034, section 5.3.3",
	Needs:  lang.Text{EN: "a capture that holds query and answer", ES: "una captura con la consulta y la respuesta"},
	Refuters: []lang.Text{
		{EN: "the path to the resolver is as slow (TCP or ICMP round trip)", ES: "el camino hasta el servidor DNS es igual de lento (ida y vuelta TCP o ICMP)"},
	},
	Check: checkDNSSlowResolver,
}

func checkDNSSlowResolver(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		t := slowestAnswer(l)
		if n, wait := retries(l); n > 0 && c.resolverView(l).ignored(n) {
			out = append(out, c.ignoredFinding(r, l, n, wait))
			continue
		}
		if t == nil || l.End.Seen() && t.Query.Time > l.End.Time {
			continue
		}
		took := answerTime(t)
		rtt, known := c.roundTrips[t.Resolver.Addr()]
		if took < c.T.SlowLookup || known && took < 5*rtt || took < 3*c.usualAnswer || isAAAA(t) && c.aaaaSlow(l) {
			continue
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, High, took-rtt
		if !known || rtt >= took/2 {
			f.Confidence = Medium
		}
		f.Text = c.say(lang.Text{
			EN: "Resolver %s took %s to answer %s for %s: recursion or upstream, not the network (%s away).",
			ES: "El servidor DNS %s tardó %s en responder %s de %s: recursión o servidores de arriba, no la red (a %s).",
		}, t.Resolver.Addr(), took, t.Type, l.Name, rtt)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		if !known {
			f.Refuters[0].Status, f.Refuters[0].Command = "not-collected", "ping -c 5 "+t.Resolver.Addr().String()
		}
		out = append(out, f)
	}
	return out
}

// ignoredFinding is about queries that arrived and were not answered in time.
func (c *Case) ignoredFinding(r *Rule, l *correlate.Lookup, n int, wait time.Duration) Finding {
	f := c.lookupFinding(l)
	f.Severity, f.Confidence, f.Lost = Warning, High, wait
	f.Text = c.say(lang.Text{
		EN: "Resolver %s received %d quer{y|ies} for %s and answered none of them in time: its upstream is slow or silent; nothing was lost on the way to it.",
		ES: "El servidor DNS %s recibió %d consulta{|s} de %s y no respondió ninguna a tiempo: lo de arriba es lento o calla; nada se perdió en el camino hasta él.",
	}, names(l.Resolvers), n, l.Name)
	for _, o := range l.Others {
		f.Evidence = append(f.Evidence, lookupFrames(o)...)
	}
	f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
	return f
}

var dnsSlowAAAA = Rule{
	Name: "dns-slow-aaaa", Family: "dns",
	Title: lang.Text{EN: "AAAA is the slow half of the lookup", ES: "AAAA es la mitad lenta de la resolución"},
	Doc: lang.Text{
		EN: "A was answered at once, AAAA late or never, and the client waited for both. A server that ignores AAAA questions must be mended; until then clients may be told to ask for A alone.",
		ES: "A se respondió enseguida, AAAA tarde o nunca, y el cliente esperó ambas. Hay que arreglar el servidor que ignora AAAA; mientras tanto se puede pedir a los clientes que pregunten solo A.",
	},
	Source: "RFC 4074, section 4; RFC 8305, section 3",
	Needs:  lang.Text{EN: "a capture that holds both queries", ES: "una captura con ambas consultas"},
	Refuters: []lang.Text{
		{EN: "the SYN left before AAAA was answered", ES: "el SYN salió antes de que AAAA tuviera respuesta"},
	},
	Check: checkDNSSlowAAAA,
}

func checkDNSSlowAAAA(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		a, slow, ok := c.halves(l)
		if !ok || parallelLost(l) {
			continue
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, High, slow-a
		f.Text = c.say(lang.Text{
			EN: "The lookup of %s waited %s for AAAA; A was ready in %s.",
			ES: "La resolución de %s esperó %s por AAAA; A estaba lista en %s.",
		}, l.Name, slow, a)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		for _, j := range f.Journeys {
			if conn := connection(j); conn != nil && len(conn.SYN) > 0 && conn.SYN[0].Time < l.Start.Time+int64(slow) {
				f.Refuters[0].Status, f.Confidence = "found", Medium
			}
		}
		out = append(out, f)
	}
	return out
}

var dnsParallelLost = Rule{
	Name: "dns-parallel-query-lost", Family: "dns",
	Title: lang.Text{EN: "One of two parallel queries was lost", ES: "Se perdió una de dos consultas paralelas"},
	Doc: lang.Text{
		EN: "A and AAAA left from one socket within a millisecond; one was answered, the other only when it was asked again. Translation tables that race on the same port pair do this; the client option single-request avoids it.",
		ES: "A y AAAA salieron del mismo socket en menos de un milisegundo; una tuvo respuesta, la otra solo al repetirla. Lo hacen las tablas de traducción que compiten por el mismo par de puertos; la opción single-request del cliente lo evita.",
	},
	Source: "resolv.conf(5), option single-request",
	Needs:  lang.Text{EN: "a capture that holds both queries", ES: "una captura con ambas consultas"},
	Refuters: []lang.Text{
		{EN: "both queries reached the resolver", ES: "ambas consultas llegaron al servidor DNS"},
	},
	Check: checkDNSParallelLost,
}

func checkDNSParallelLost(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		if !parallelLost(l) {
			continue
		}
		_, wait := retries(l)
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, Medium, wait
		f.Text = c.say(lang.Text{
			EN: "For %s, A and AAAA left together and one of them got no answer until it was repeated: %s of waiting.",
			ES: "Para %s, A y AAAA salieron juntas y una no tuvo respuesta hasta repetirla: %s de espera.",
		}, l.Name, wait)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: resolverCommand(l)}}
		out = append(out, f)
	}
	return out
}

var dnsTCPFallback = Rule{
	Name: "dns-tcp-fallback", Family: "dns",
	Title: lang.Text{EN: "Answer did not fit UDP", ES: "La respuesta no cabía en UDP"},
	Doc: lang.Text{
		EN: "The answer came truncated, and the client asked again over TCP: a connection more. If TCP port 53 is filtered the name cannot be resolved at all. A larger EDNS size, fewer records, or an open TCP port 53 mends it.",
		ES: "La respuesta llegó truncada y el cliente repitió por TCP: una conexión más. Si el puerto TCP 53 está filtrado el nombre no se puede resolver. Lo arregla un tamaño EDNS mayor, menos registros o abrir el puerto TCP 53.",
	},
	Source: "RFC 7766, section 5",
	Needs:  lang.Text{EN: "a capture of UDP and TCP port 53", ES: "una captura de los puertos 53 UDP y TCP"},
	Refuters: []lang.Text{
		{EN: "a second UDP answer with a larger EDNS size", ES: "una segunda respuesta UDP con un tamaño EDNS mayor"},
	},
	Check: checkDNSTCPFallback,
}

func checkDNSTCPFallback(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.userLookups() {
		blocked := tcpBlocked(l)
		if !l.TCP && len(blocked) == 0 {
			continue
		}
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Note, High, l.TCPCost
		f.Text = c.say(lang.Text{
			EN: "The answer for %s did not fit UDP: falling back to TCP cost %s.",
			ES: "La respuesta de %s no cabía en UDP: pasar a TCP costó %s.",
		}, l.Name, l.TCPCost)
		if l.TCPCost >= c.T.LookupCost {
			f.Severity = Warning
		}
		if len(blocked) > 0 {
			f.Severity = Error
			for _, b := range blocked {
				f.Lost += time.Duration(b.End.Time - b.Start.Time)
				f.Evidence = append(f.Evidence, frames(l.Capture, synFrames(b)...)...)
			}
			f.Evidence = merge(f.Evidence)
			f.Text = c.say(lang.Text{
				EN: "The answer for %s did not fit UDP, and TCP port 53 of %s does not answer: %d connection attempt{|s} in vain.",
				ES: "La respuesta de %s no cabía en UDP, y el puerto TCP 53 de %s no responde: %d intento{|s} de conexión en vano.",
			}, l.Name, blocked[0].Server.Addr(), len(blocked))
		}
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

func synFrames(f *pcapflow.Flow) []int {
	var out []int
	for _, s := range f.Conn.SYN {
		out = append(out, s.Frame)
	}
	return out
}

// tcpBlocked lists connections to the resolver that came to nothing after a
// truncated answer.
func tcpBlocked(l *correlate.Lookup) []*pcapflow.Flow {
	var out []*pcapflow.Flow
	for _, f := range l.TCPFlows {
		if f.Conn != nil && len(f.Conn.SYN) > 0 && !f.Conn.ACK.Seen() {
			out = append(out, f)
		}
	}
	return out
}

// resolverCommand captures at the resolver what the client asked.
func resolverCommand(l *correlate.Lookup) string {
	if len(l.Resolvers) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: tcpdump -ni any -w resolver.pcap 'host %s and port 53'", l.Resolvers[0], l.Client)
}
