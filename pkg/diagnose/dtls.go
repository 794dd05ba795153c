package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var dtlsUnanswered = Rule{
	Name: "dtls-unanswered", Family: "tls",
	Title: lang.Text{EN: "No answer to DTLS", ES: "Sin respuesta a DTLS"},
	Doc: lang.Text{
		EN: "The client said hello over DTLS, as VPNs, CoAP and RADIUS do, and nobody answered, or the server's host said by ICMP that nothing listens at that UDP port: UDP is filtered on the way, or the service is down. What somebody on the way rejects is told by refused-by-network.",
		ES: "El cliente saludó por DTLS, como hacen las VPN, CoAP y RADIUS, y nadie respondió, o el equipo del servidor dijo por ICMP que nada escucha en ese puerto UDP: UDP se filtra en el camino, o el servicio está caído. De lo que rechaza alguien en el camino habla refused-by-network.",
	},
	Source:     "RFC 6347, section 4.2.4; RFC 9147, section 5.8",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{quiet},
	Refuters: []lang.Text{
		{EN: "a capture nearer to the server shows its answers leaving: they are lost on the way back", ES: "una captura más cerca del servidor muestra salir sus respuestas: se pierden a la vuelta"},
	},
	Check: checkDTLSUnanswered,
}

func checkDTLSUnanswered(c *Case, r *Rule) []Finding {
	var found batches
	hellos := map[string]int{}
	for _, j := range c.open(r) {
		f, p := flow(j), phaseOf(j, pcapflow.TLSHandshake)
		if f == nil || p == nil || f.TLS == nil || f.TLS.DTLS == nil || f.TLS.DTLS.Turned {
			continue
		}
		key, numbers := j.Server.String(), []int{f.TLS.ClientHello.Frame}
		switch x := refusal(j); {
		case p.Outcome == pcapflow.Refused && x != nil && x.From == j.Server.Addr():
			key += fmt.Sprint(" ", x.Text)
			numbers = append(numbers, x.Frame)
		case p.Outcome != pcapflow.Unanswered || !c.dueDTLS(r, j):
			continue
		}
		for _, again := range f.TLS.DTLS.Resent {
			numbers = append(numbers, again.Frame)
		}
		hellos[key] += max(1, f.TLS.DTLS.Hellos)
		found.add(key, hit{journey: j, lost: time.Duration(f.End.Time - f.Start.Time), evidence: frames(j.Points[0].Capture, numbers...)})
	}
	return found.telling(Error, High, func(b *batch, f *Finding) { c.noDTLS(r, f, hellos[b.key]) })
}

// dueDTLS tells whether an answer to a ClientHello would be in the capture, had there
// been one: the client said it again, or the capture holds what comes back to it; and
// there was time for it.
func (c *Case) dueDTLS(r *Rule, j *correlate.Journey) bool {
	f, due := flow(j), c.limit(r, quiet)
	if len(f.TLS.DTLS.Resent) == 0 && !c.answeredAny(j) {
		return false
	}
	return quietFor(j, due) || time.Duration(f.End.Time-f.Start.Time) >= due
}

// noDTLS fills in the finding about hellos to one server that came to nothing.
func (c *Case) noDTLS(r *Rule, f *Finding, hellos int) {
	j := f.Journeys[0]
	sent := dtlsSent(f.Journeys)
	switch x := refusal(j); {
	case x != nil && x.From == j.Server.Addr():
		f.Text = c.say(lang.Text{
			EN: "%s refuses DTLS: ICMP %q to %d ClientHello{|s}; nothing listens on that UDP port.",
			ES: "%s rechaza DTLS: ICMP %q a %d ClientHello; nada escucha en ese puerto UDP.",
		}, j.Server, x.Text, hellos)
	case sent == isFound:
		f.Confidence, f.restated = Medium, true
		f.Text = c.say(lang.Text{
			EN: "The answers of %[2]s to DTLS never came back to %[1]s: they left it after %[3]d ClientHello{|s} and were lost on the way.",
			ES: "Las respuestas de %[2]s por DTLS nunca volvieron a %[1]s: salieron tras %[3]d ClientHello y se perdieron en el camino.",
		}, j.Client.Addr(), j.Server, hellos)
	default:
		f.Confidence = Medium
		f.Text = c.say(lang.Text{
			EN: "DTLS of %s to %s was never answered: %d ClientHello{|s} without answer or ICMP (UDP port %d filtered in silence, or nobody there).",
			ES: "El DTLS de %s a %s nunca obtuvo respuesta: %d ClientHello sin respuesta ni ICMP (el puerto UDP %d filtrado en silencio, o nadie ahí).",
		}, j.Client.Addr(), j.Server, hellos, int(j.Server.Port()))
		if !c.answeredAny(j) {
			f.Confidence, f.Severity = Low, Note // the capture may show one direction alone
		}
	}
	f.Refuters = c.doubts(r, sent)
}

// dtlsSent looks for answers of the server in captures of the same journeys that are
// nearer to it.
func dtlsSent(js []*correlate.Journey) doubt {
	state := notCollected("SERVER: tcpdump -ni any -w server.pcap 'host PEER and udp port PORT'; ss -lnu 'sport = :PORT'")
	for _, j := range js {
		for i, p := range j.Points {
			switch {
			case i == 0 && !atServer(p):
			case p.Flow.Packets[pcapflow.Server] > 0:
				return isFound
			default:
				state = notFound
			}
		}
	}
	return state
}
