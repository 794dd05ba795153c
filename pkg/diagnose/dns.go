package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// misleading: dig counts its last attempt only.
var misleading = &Threshold{"misleading", 0.5, "s", lang.Text{EN: "how far a client's own figure must be from the packets to be called contradicted", ES: "cuánto debe distar la cifra del propio cliente de los paquetes para llamarse contradicha"}}

var dnsRetry = Rule{
	Name: "dns-retry", Family: "dns", Absence: true,
	Title: lang.Text{EN: "Lookup slow by retries", ES: "Resolución lenta por reintentos"},
	Doc: lang.Text{
		EN: "A query got no answer in time and was asked again after the resolver timer (1, 2 or 5 s, as the client is set). The time is the timer's, not the resolver's. Find where the packet was lost: the resolver's own capture or query log tells whether it arrived.",
		ES: "Una consulta no obtuvo respuesta a tiempo y se repitió al vencer el temporizador del cliente (1, 2 o 5 s, según cuál). El tiempo es del temporizador, no del servidor DNS. Busque dónde se perdió el paquete: la captura o el registro de consultas del propio servidor dice si llegó.",
	},
	Source:     "RFC 1035, section 4.2.1; resolv.conf(5), options timeout and attempts",
	Needs:      lang.Text{EN: "a capture that holds the client's queries", ES: "una captura con las consultas del cliente"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{retryWait, misleading, tooSoon},
	Refuters: []lang.Text{
		{EN: "the first query was answered, only late", ES: "la primera consulta sí tuvo respuesta, aunque tarde"},
		{EN: "the resolver received the queries and did not answer them", ES: "el servidor DNS recibió las consultas y no las respondió"},
	},
	Check: checkDNSRetry,
}

func checkDNSRetry(c *Case, r *Rule) []Finding {
	var found batches
	known := map[string]bool{}
	queries := map[string]int{}
	for _, l := range c.openLookups(r) {
		n, wait := c.retries(l)
		if n == 0 || wait < c.limit(r, retryWait) || failover(l) {
			continue // dns-slow-resolver where the answer came late, dns-failover
		}
		if inPart(l) {
			continue // dns-large-answer-lost
		}
		view := c.resolverView(l)
		if view.ignored(n) || c.aaaaSilent(l) {
			continue // dns-slow-resolver, dns-slow-aaaa
		}
		where := c.whereLost(view, repeatedQueries(l))
		key := names(l.Resolvers) + where
		known[key] = view.known
		queries[key] += n
		c.addLookup(&found, key, l, wait)
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		l := f.Journeys[0].Lookup
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "Looking up %s at %s took up to %s because %d quer{y|ies} got no answer: %s of it was the retry timer%s.",
			ES: "Resolver %s en %s tardó hasta %s porque %d consulta{|s} qued{ó|aron} sin respuesta: %s fue el temporizador de reintento%s.",
		}, c.list(b), names(l.Resolvers), lookupTime(w.journey.Lookup), queries[b.key], w.lost, strings.TrimPrefix(b.key, names(l.Resolvers)))
		arrived := notFound
		if !known[b.key] {
			arrived = notCollected(atResolver)
		}
		f.Refuters = c.doubts(r, notFound, arrived)
	})
}

// whereLost is the clause about the side the packets were lost on, of so many
// that were sent.
func (c *Case) whereLost(v resolverView, sent int) string {
	switch {
	case !v.known:
		return ""
	case v.queries >= sent && v.answers > v.heard:
		return c.say(lang.Text{EN: "; the resolver received the queries and answered: the answers were lost on the way back", ES: "; el servidor DNS recibió las consultas y respondió: las respuestas se perdieron a la vuelta"})
	case v.queries >= sent && v.silent:
		return c.say(lang.Text{EN: "; the resolver's log has all queries: its answers were lost, or it gave none", ES: "; el registro del servidor DNS tiene todas las consultas: sus respuestas se perdieron, o no dio ninguna"})
	case v.queries >= sent:
		return c.say(lang.Text{EN: "; the resolver received the queries and answered only some", ES: "; el servidor DNS recibió las consultas y respondió solo algunas"})
	}
	return c.say(lang.Text{EN: "; they never reached the resolver", ES: "; nunca llegaron al servidor DNS"})
}

var (
	slowAnswer   = &Threshold{"slow", 0.18, "s", lang.Text{EN: "shortest answer time of a resolver that is called slow", ES: "menor tiempo de respuesta de un servidor DNS que se llama lento"}}
	longAnswer   = &Threshold{"long", 1, "s", lang.Text{EN: "answer time that is worth a warning though nobody is known to have waited", ES: "tiempo de respuesta que merece un aviso aunque no se sepa que alguien esperara"}}
	nearTimes    = &Threshold{"near", 2, "times", lang.Text{EN: "how many times the best known round trip to it the answer must have taken for the path to be innocent", ES: "cuántas veces la mejor ida y vuelta conocida hasta él debe haber tardado la respuesta para que el camino sea inocente"}}
	pathNear     = &Threshold{"path-near", 2, "s", lang.Text{EN: "how near to a connection that the path made slow a slow answer is the path's", ES: "cómo de cerca de una conexión lenta por el camino una respuesta lenta se debe al camino"}}
	pathShare    = &Threshold{"path-share", 0.5, "share", lang.Text{EN: "how much of a slow answer a round trip of that connection must be", ES: "qué parte de una respuesta lenta debe ser una ida y vuelta de esa conexión"}}
	usualAnswers = &Threshold{"usual", 3, "times", lang.Text{EN: "how many times the median answer of this incident it must exceed", ES: "cuántas veces la respuesta mediana de esta incidencia debe superar"}}
)

var dnsSlowResolver = Rule{
	Name: "dns-slow-resolver", Family: "dns",
	Title: lang.Text{EN: "The resolver is slow", ES: "El servidor DNS es lento"},
	Doc: lang.Text{
		EN: "The resolver answered, but long after one round trip to it, or received the queries and answered none in time: it was asking further servers, or was busy. Look at its own log of upstream timeouts, and at its cache.",
		ES: "El servidor DNS respondió, pero mucho después de una ida y vuelta hasta él, o recibió las consultas y no respondió ninguna a tiempo: preguntaba a otros servidores o estaba ocupado. Mire en su registro los tiempos vencidos hacia arriba, y su caché.",
	},
	Source:     "RFC 1034, section 5.3.3",
	Needs:      lang.Text{EN: "a capture that holds query and answer", ES: "una captura con la consulta y la respuesta"},
	Wants:      []*Want{wantAnswers},
	Thresholds: []*Threshold{slowAnswer, longAnswer, roundTrips, nearTimes, usualAnswers, pathNear, pathShare, everyday},
	Refuters: []lang.Text{
		{EN: "the path to the resolver is as slow (TCP or ICMP round trip)", ES: "el camino hasta el servidor DNS es igual de lento (ida y vuelta TCP o ICMP)"},
	},
	Check: checkDNSSlowResolver,
}

func checkDNSSlowResolver(c *Case, r *Rule) []Finding {
	var found, ignored batches
	worst := map[string]*correlate.Try{}
	queries := map[string]int{}
	for _, l := range c.openLookups(r) {
		if turnedAway(l) != nil || c.aaaaSilent(l) {
			continue // dns-unreachable, dns-slow-aaaa
		}
		if n, wait := c.retries(l); n > 0 && c.resolverView(l).ignored(n) {
			var more []Evidence
			for _, o := range l.Others {
				more = append(more, lookupFrames(o)...)
			}
			key := names(l.Resolvers)
			queries[key] += n
			c.addLookup(&ignored, key, l, wait, more...)
			continue
		}
		t := c.late.slowest(l)
		if t == nil || l.End.Seen() && t.Query.Time > l.End.Time || isAAAA(t) && c.aaaaSlow(l) {
			continue
		}
		took, rtt := c.late.time(t), c.roundTrips[away{l.Capture, t.Resolver.Addr()}]
		if took < c.limit(r, slowAnswer) || rtt > 0 && !c.exceeds(r, roundTrips, took, rtt) || !c.exceeds(r, usualAnswers, took, c.usualAnswer) {
			continue
		}
		if c.pathSlow(l.Capture, l.Client, t.Query.Time, took) {
			continue // bufferbloat
		}
		key := t.Resolver.Addr().String()
		if worst[key] == nil || c.late.time(worst[key]) < took {
			worst[key] = t
		}
		c.addLookup(&found, key, l, took-rtt)
	}
	out := found.telling(Note, High, func(b *batch, f *Finding) { c.slowResolver(r, worst[b.key], b, f) })
	return append(out, ignored.telling(Warning, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "Resolver %s received %d quer{y|ies} for %s and answered none of them in time: its upstream is slow or silent; nothing was lost on the way to it.",
			ES: "El servidor DNS %s recibió %d consulta{|s} de %s y no respondió ninguna a tiempo: el servidor al que él pregunta es lento o calla; nada se perdió en el camino hasta él.",
		}, b.key, queries[b.key], c.list(b))
		f.Refuters = c.doubts(r, notFound)
	})...)
}

// slowResolver fills in the finding about a resolver that answered late.
func (c *Case) slowResolver(r *Rule, t *correlate.Try, b *batch, f *Finding) {
	l := b.worst().journey.Lookup
	rtt := c.roundTrips[away{l.Capture, t.Resolver.Addr()}]
	near := notFound
	if rtt == 0 || !c.exceeds(r, nearTimes, c.late.time(t), rtt) {
		f.Confidence, near = Medium, notCollected("CLIENT: ping -c 5 "+b.key)
	}
	if slices.ContainsFunc(f.Journeys, awaited) || c.late.time(t) >= c.limit(r, longAnswer) {
		f.Severity = c.loudness(r, b.times, c.lookupsAt(t.Resolver.Addr()))
	}
	f.Text = c.say(lang.Text{
		EN: "Resolver %s took up to %s to answer (%d lookup{|s}: %s): recursion or upstream, not the network (%s away)%s.",
		ES: "El servidor DNS %s tardó hasta %s en responder (%d {resolución|resoluciones}: %s): recursión o los servidores a los que él pregunta, no la red (a %s)%s.",
	}, b.key, c.late.time(t), b.times, c.list(b), rtt, c.askedAgain(b))
	f.Refuters = c.doubts(r, near)
}

// askedAgain is the clause about clients that did not wait for the answer.
func (c *Case) askedAgain(b *batch) string {
	n := 0
	seen := map[*correlate.Lookup]bool{}
	for _, h := range b.hits {
		l := h.journey.Lookup
		if seen[l] {
			continue
		}
		seen[l] = true
		for i := range l.Tries {
			if t := &l.Tries[i]; c.late.has(t) {
				n += lastBefore(t) - c.late.query(t)
			}
		}
	}
	if n == 0 {
		return ""
	}
	return c.say(lang.Text{
		EN: "; the client asked again %d time{|s} meanwhile, though nothing was lost",
		ES: "; el cliente volvió a preguntar %d {vez|veces} entretanto, aunque nada se perdió",
	}, n)
}

// lookupsAt counts the lookups that somebody waited for at a resolver.
func (c *Case) lookupsAt(resolver netip.Addr) int {
	n := 0
	for _, l := range c.userLookups() {
		if slices.Contains(l.Resolvers, resolver) {
			n++
		}
	}
	return n
}

var dnsSlowAAAA = Rule{
	Name: "dns-slow-aaaa", Family: "dns",
	Title: lang.Text{EN: "AAAA is the slow half of the lookup", ES: "AAAA es la mitad lenta de la resolución"},
	Doc: lang.Text{
		EN: "A was answered at once, AAAA late or never, and the client waited for both. A server that ignores AAAA questions must be mended; until then clients may be told to ask for A alone.",
		ES: "A se respondió enseguida, AAAA tarde o nunca, y el cliente esperó ambas. Hay que arreglar el servidor que ignora AAAA; mientras tanto se puede pedir a los clientes que pregunten solo A.",
	},
	Source:     "RFC 4074, section 4; RFC 8305, section 3",
	Needs:      lang.Text{EN: "a capture that holds both queries", ES: "una captura con ambas consultas"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{lookupCost, roundTrips},
	Refuters: []lang.Text{
		{EN: "the SYN left before AAAA was answered", ES: "el SYN salió antes de que AAAA tuviera respuesta"},
		{EN: "A took as long", ES: "A tardó lo mismo"},
	},
	Check: checkDNSSlowAAAA,
}

func checkDNSSlowAAAA(c *Case, r *Rule) []Finding {
	var found batches
	went := map[string]bool{} // on without waiting
	ready := map[string]time.Duration{}
	for _, l := range c.openLookups(r) {
		a, slow, ok := c.halves(l)
		if !ok || c.parallelLost(l) {
			continue
		}
		key := names(l.Resolvers)
		ready[key] = max(ready[key], a)
		for _, j := range c.waiting[l] {
			if conn := connection(j); conn != nil && len(conn.SYN) > 0 && conn.SYN[0].Time < l.Start.Time+int64(slow) {
				went[key] = true
			}
		}
		c.addLookup(&found, key, l, slow-a)
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "Looking up %s waited up to %s more for AAAA; A was ready in %s.",
			ES: "La resolución de %s esperó hasta %s más por AAAA; A estaba lista en %s.",
		}, c.list(b), b.worst().lost, ready[b.key])
		f.Refuters = c.doubts(r, foundIf(went[b.key]))
	})
}

var oneSocket = &Threshold{"together", 0.001, "s", lang.Text{EN: "how near to each other two queries of one socket must leave to be parallel", ES: "cómo de cerca deben salir dos consultas de un socket para ser paralelas"}}

var pattern = &Threshold{"lookups", 2, "", lang.Text{EN: "how many lookups must show it before it is more than one lost packet", ES: "cuántas resoluciones deben mostrarlo para ser más que un paquete perdido"}}

var dnsParallelLost = Rule{
	Name: "dns-parallel-query-lost", Family: "dns", Absence: true,
	Title: lang.Text{EN: "One of two parallel queries was lost", ES: "Se perdió una de dos consultas paralelas"},
	Doc: lang.Text{
		EN: "A and AAAA left from one socket within a millisecond; one was answered, the other only when it was asked again. Translation tables that race on the same port pair do this; the client option single-request avoids it.",
		ES: "A y AAAA salieron del mismo socket en menos de un milisegundo; una tuvo respuesta, la otra solo al repetirla. Lo hacen las tablas de traducción que compiten por el mismo par de puertos; la opción single-request del cliente lo evita.",
	},
	Source:     "resolv.conf(5), option single-request",
	Needs:      lang.Text{EN: "a capture that holds both queries", ES: "una captura con ambas consultas"},
	Wants:      []*Want{wantQueries},
	Thresholds: []*Threshold{pattern, oneSocket},
	Refuters: []lang.Text{
		{EN: "both queries reached the resolver", ES: "ambas consultas llegaron al servidor DNS"},
	},
	Check: checkDNSParallelLost,
}

func checkDNSParallelLost(c *Case, r *Rule) []Finding {
	var found batches
	missed := map[string]bool{} // by the resolver, as it shows itself
	for _, l := range c.userLookups() {
		v := c.resolverView(l)
		if !c.parallelLost(l) || v.known && v.queries >= repeatedQueries(l) {
			continue // both reached it
		}
		_, wait := c.retries(l)
		c.addLookup(&found, names(l.Resolvers), l, wait)
		missed[names(l.Resolvers)] = missed[names(l.Resolvers)] || v.known
	}
	// One such lookup is one lost packet; where the resolver shows it, that is
	// dns-never-reached-resolver.
	found.all = slices.DeleteFunc(found.all, func(b *batch) bool { return missed[b.key] && b.times < c.count(r, pattern) })
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "For %s, A and AAAA left together and one of them got no answer until it was repeated: %s of waiting.",
			ES: "Para %s, A y AAAA salieron juntas y una no tuvo respuesta hasta repetirla: %s de espera.",
		}, c.list(b), c.upTo(r, b))
		reached := notCollected(atResolver)
		if missed[b.key] {
			f.Confidence, reached = High, notFound
		}
		if b.times < c.count(r, pattern) {
			f.Severity, f.Confidence = Note, Low // one lost packet, as any other
		}
		f.Refuters = c.doubts(r, reached)
	})
}

var dnsTCPFallback = Rule{
	Name: "dns-tcp-fallback", Family: "dns",
	Title: lang.Text{EN: "Answer did not fit UDP", ES: "La respuesta no cabía en UDP"},
	Doc: lang.Text{
		EN: "The answer came truncated, and the client asked again over TCP: a connection more. If TCP port 53 is filtered the name cannot be resolved at all. A larger EDNS size, fewer records, or an open TCP port 53 mends it.",
		ES: "La respuesta llegó truncada y el cliente repitió por TCP: una conexión más. Si el puerto TCP 53 está filtrado el nombre no se puede resolver. Lo arregla un tamaño EDNS mayor, menos registros o abrir el puerto TCP 53.",
	},
	Source:     "RFC 7766, section 5",
	Needs:      lang.Text{EN: "a capture of UDP and TCP port 53", ES: "una captura de los puertos 53 UDP y TCP"},
	Wants:      []*Want{wantAnswers},
	Thresholds: []*Threshold{lookupCost},
	Refuters: []lang.Text{
		{EN: "a second UDP answer with a larger EDNS size", ES: "una segunda respuesta UDP con un tamaño EDNS mayor"},
	},
	Check: checkDNSTCPFallback,
}

func checkDNSTCPFallback(c *Case, r *Rule) []Finding {
	var found, vain batches
	tries, syns := map[string]int{}, map[string]int{}
	for _, l := range c.userLookups() {
		blocked := tcpBlocked(l)
		switch {
		case len(blocked) > 0:
			key := blocked[0].Server.Addr().String()
			var e []Evidence
			lost := l.TCPCost
			for _, b := range blocked {
				lost += time.Duration(b.End.Time - b.Start.Time)
				e = append(e, frames(l.Capture, synFrames(b)...)...)
				syns[key] += len(b.Conn.SYN)
			}
			tries[key] += len(blocked)
			c.addLookup(&vain, key, l, lost, e...)
		case l.TCP:
			c.addLookup(&found, names(l.Resolvers), l, l.TCPCost)
		}
	}
	out := found.telling(Note, High, func(b *batch, f *Finding) {
		if b.worst().lost >= c.limit(r, lookupCost) {
			f.Severity = Warning
		}
		f.Text = c.say(lang.Text{
			EN: "%d answer{|s} of %s (%s) did not fit UDP: falling back to TCP cost up to %s.",
			ES: "%d respuesta{|s} de %s (%s) no {cabía|cabían} en UDP: pasar a TCP costó hasta %s.",
		}, b.times, b.key, c.list(b), b.worst().lost)
		f.Refuters = c.doubts(r, notFound)
	})
	return append(out, vain.telling(Error, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "The answer for %s did not fit UDP, and TCP port 53 of %s does not answer: %d connection{|s} tried in vain (%d SYN{|s}).",
			ES: "La respuesta de %s no cabía en UDP, y el puerto TCP 53 de %s no responde: %d {conexión intentada|conexiones intentadas} en vano (%d SYN).",
		}, c.list(b), b.key, tries[b.key], syns[b.key])
		f.Refuters = c.doubts(r, notFound)
	})...)
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

// atResolver captures at the resolver what the client asked.
const atResolver = "RESOLVER: tcpdump -ni any -w resolver.pcap 'host PEER and port 53'"
