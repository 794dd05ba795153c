package diagnose

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// slowLookup is the shortest answer time of a resolver that is called slow when
// no round trip to it is known.
const slowLookup = 100 * time.Millisecond

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
		{EN: "the resolver's log shows the answer being sent", ES: "el registro del servidor DNS muestra que la respuesta salió"},
	},
	Check: checkDNSRetry,
}

// failover tells whether the lookup moved on to another resolver.
func failover(l *correlate.Lookup) bool { return len(l.Resolvers) > 1 }

// lateAnswer returns the first try that was answered only after it had been
// asked again.
func lateAnswer(l *correlate.Lookup) *correlate.Try {
	for i := range l.Tries {
		if l.Tries[i].Late {
			return &l.Tries[i]
		}
	}
	return nil
}

func checkDNSRetry(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.Lookups {
		if l.Attempts < 2 || l.RetryWait < 500*time.Millisecond || lateAnswer(l) != nil || failover(l) {
			continue
		}
		total := lookupTime(l)
		f := c.lookupFinding(l)
		f.Severity, f.Confidence, f.Lost = Warning, High, l.RetryWait
		f.Text = c.say(lang.Text{
			EN: "Looking up %s took %s because %d queries got no answer: %s of it was the retry timer.",
			ES: "Resolver %s tardó %s porque %d consultas quedaron sin respuesta: %s fue el temporizador de reintento.",
		}, l.Name, total, l.Attempts-1, l.RetryWait)
		f.Refuters = []Refuter{
			{Text: r.Refuters[0].In(c.Lang), Status: "not-found"},
			{Text: r.Refuters[1].In(c.Lang), Status: "not-collected", Command: resolverCommand(l)},
		}
		out = append(out, f)
	}
	return out
}

// resolverCommand captures at the resolver what the client asked.
func resolverCommand(l *correlate.Lookup) string {
	if len(l.Resolvers) == 0 {
		return ""
	}
	return fmt.Sprintf("tcpdump -ni any -w resolver.pcap 'host %s and port 53' (%s)", l.Client, l.Resolvers[0])
}

// lookupTime is how long the client waited: to the answer it needed, or to its
// last attempt where none came.
func lookupTime(l *correlate.Lookup) time.Duration {
	if l.End.Seen() {
		return time.Duration(l.End.Time - l.Start.Time)
	}
	last := l.Start.Time
	for _, t := range l.Tries {
		last = max(last, t.Query.Time)
		for _, r := range t.Repeats {
			last = max(last, r.Time)
		}
	}
	return time.Duration(last - l.Start.Time)
}

// lookupFinding begins a finding about one lookup: its frames and the journeys
// that waited for it.
func (c *Case) lookupFinding(l *correlate.Lookup) Finding {
	f := Finding{Evidence: lookupFrames(l)}
	for _, j := range c.Journeys {
		if j.Lookup == l {
			f.Journeys = append(f.Journeys, j)
		}
	}
	return f
}

var dnsSlowResolver = Rule{
	Name: "dns-slow-resolver", Family: "dns",
	Title: lang.Text{EN: "The resolver is slow", ES: "El servidor DNS es lento"},
	Doc: lang.Text{
		EN: "The resolver answered, but long after one round trip to it: it was asking further servers, or was busy. Look at its own log of upstream timeouts, and at its cache.",
		ES: "El servidor DNS respondió, pero mucho después de una ida y vuelta hasta él: preguntaba a otros servidores o estaba ocupado. Mire en su registro los tiempos vencidos hacia arriba, y su caché.",
	},
	Source: "RFC 1034, section 5.3.3",
	Needs:  lang.Text{EN: "a capture that holds query and answer", ES: "una captura con la consulta y la respuesta"},
	Refuters: []lang.Text{
		{EN: "the path to the resolver is as slow (TCP or ICMP round trip)", ES: "el camino hasta el servidor DNS es igual de lento (ida y vuelta TCP o ICMP)"},
	},
	Check: checkDNSSlowResolver,
}

func checkDNSSlowResolver(c *Case, r *Rule) []Finding {
	quickest := c.resolverRoundTrips()
	var out []Finding
	for _, l := range c.Lookups {
		t := slowestAnswer(l)
		if t == nil {
			continue
		}
		took := time.Duration(t.Answer.Time - t.Query.Time)
		rtt, known := quickest[t.Resolver.Addr()]
		if took < slowLookup || known && took < 5*rtt {
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
		status := "not-collected"
		if known {
			status = "not-found"
		}
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: status}}
		if !known {
			f.Refuters[0].Command = "ping -c 5 " + t.Resolver.Addr().String()
		}
		out = append(out, f)
	}
	return out
}

// slowestAnswer is the try of a lookup that took longest to be answered.
func slowestAnswer(l *correlate.Lookup) *correlate.Try {
	var worst *correlate.Try
	for i := range l.Tries {
		t := &l.Tries[i]
		if t.Answer.Seen() && (worst == nil || t.Answer.Time-t.Query.Time > worst.Answer.Time-worst.Query.Time) {
			worst = t
		}
	}
	return worst
}

// resolverRoundTrips takes the quickest answer of each resolver as the best
// bound of the round trip to it; TCP and echo round trips are sharper.
func (c *Case) resolverRoundTrips() map[netip.Addr]time.Duration {
	out := map[netip.Addr]time.Duration{}
	note := func(a netip.Addr, d time.Duration) {
		if old, ok := out[a]; d > 0 && (!ok || d < old) {
			out[a] = d
		}
	}
	for _, k := range c.Incident.Captures {
		for _, f := range k.Flows {
			if f.Conn != nil && f.Conn.RTTServer > 0 {
				note(f.Server.Addr(), time.Duration(f.Conn.RTTServer))
			}
			for i := range f.DNS {
				if t := &f.DNS[i]; t.Query.Seen() && t.Answer.Seen() {
					note(f.Server.Addr(), time.Duration(t.Answer.Time-t.Query.Time))
				}
			}
		}
		for _, e := range k.Echoes {
			if e.Request.Seen() && e.Reply.Seen() {
				note(e.Target, time.Duration(e.Reply.Time-e.Request.Time))
			}
		}
	}
	return out
}

// lookupFrames points to every packet of a lookup.
func lookupFrames(l *correlate.Lookup) []Evidence {
	var numbers []int
	for _, t := range l.Tries {
		numbers = append(numbers, t.Query.Frame, t.Answer.Frame)
		for _, r := range t.Repeats {
			numbers = append(numbers, r.Frame)
		}
	}
	return frames(l.Capture, numbers...)
}
