package diagnose

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var tlsLargeHelloDropped = Rule{
	Name: "tls-large-hello-dropped", Family: "tls", Absence: true,
	Title: lang.Text{EN: "Large ClientHello dropped", ES: "ClientHello grande descartado"},
	Doc: lang.Text{
		EN: "A ClientHello that takes two segments (a post-quantum key share) is repeated or reset and never answered, while small ones to the same server work: a device on the path reads only the first segment.",
		ES: "Un ClientHello que ocupa dos segmentos (clave poscuántica) se repite o se corta y nunca se responde, mientras los pequeños al mismo servidor funcionan: un equipo del camino solo lee el primer segmento.",
	},
	Source: "RFC 8446, section 4.1.2; draft-ietf-tls-hybrid-design",
	Needs:  lang.Text{EN: "a capture with a large and a small ClientHello to one server", ES: "una captura con un ClientHello grande y uno pequeño al mismo servidor"},
	Wants:  []*Want{wantTLS},
	Refuters: []lang.Text{
		{EN: "the server acknowledged both segments and stayed silent", ES: "el servidor confirmó ambos segmentos y calló"},
		{EN: "small ClientHellos are not answered either", ES: "los ClientHello pequeños tampoco se responden"},
	},
	Check: checkTLSLargeHelloDropped,
}

func checkTLSLargeHelloDropped(c *Case, r *Rule) []Finding {
	worked := map[string]bool{}
	for _, j := range c.Journeys {
		if f := flow(j); f != nil && f.TLS != nil && f.TLS.ServerHello.Seen() && f.Conn != nil && int64(f.TLS.ClientHelloBytes) <= fullSize(f.Conn, pcapflow.Client) {
			worked[j.Server.String()] = true
		}
	}
	var found batches
	acked := map[string]bool{}
	for _, j := range c.open(r) {
		f := flow(j)
		if f == nil || f.TLS == nil || f.Conn == nil || j.Ordinal > 1 || f.TLS.ServerHello.Seen() || int64(f.TLS.ClientHelloBytes) <= fullSize(f.Conn, pcapflow.Client) || !worked[j.Server.String()] {
			continue
		}
		if f.Conn.Count[pcapflow.Client].Retransmitted == 0 && len(f.Conn.RST) == 0 {
			continue
		}
		acked[j.Server.String()] = acked[j.Server.String()] || int(f.Conn.AckedTo[pcapflow.Client]) > f.TLS.ClientHelloBytes
		found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, f.TLS.ClientHelloFirst.Frame, f.TLS.ClientHello.Frame, f.End.Frame)})
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%d ClientHello{|s} of %d bytes to %s in two segments got no answer, while small ones do: a device on the path seems to read only the first segment.",
			ES: "%d ClientHello de %d bytes a %s en dos segmentos no {obtuvo|obtuvieron} respuesta, y los pequeños sí: un equipo del camino parece leer solo el primer segmento.",
		}, len(b.hits), flow(j).TLS.ClientHelloBytes, j.Server)
		f.Refuters = c.doubts(r, foundIf(acked[b.key]))
	})
}

var tlsClientValidation = Rule{
	Name: "tls-client-validation", Family: "tls",
	Title: lang.Text{EN: "The client stopped to validate the certificate", ES: "El cliente se detuvo a validar el certificado"},
	Doc: lang.Text{
		EN: "Between the server's flight and the client's Finished the client looked for revocation lists, OCSP answers or intermediate certificates. Staple the OCSP answer, and send the whole chain.",
		ES: "Entre la tanda del servidor y el Finished del cliente este buscó listas de revocación, respuestas OCSP o certificados intermedios. Adjunte la respuesta OCSP y envíe la cadena completa.",
	},
	Source:     "RFC 6960; RFC 5280, section 4.2.2.1",
	Needs:      lang.Text{EN: "a capture at the client with its DNS and HTTP", ES: "una captura en el cliente con su DNS y HTTP"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{slowServer},
	Refuters: []lang.Text{
		{EN: "no lookup or request of the client for such a service in the pause", ES: "ninguna resolución o petición del cliente a tal servicio durante la pausa"},
	},
	Check: checkTLSClientValidation,
}

func checkTLSClientValidation(c *Case, r *Rule) []Finding {
	services := validationLookups(c)
	var found batches
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.TLS == nil || j.Ordinal > 1 || !f.TLS.ServerFlightEnd.Seen() || !f.TLS.ClientFinished.Seen() {
			continue
		}
		pause := time.Duration(f.TLS.ClientFinished.Time - f.TLS.ServerFlightEnd.Time)
		if pause < c.limit(r, slowServer) {
			continue
		}
		if name, e := validated(services, j, f.TLS.ServerFlightEnd.Time, f.TLS.ClientFinished.Time); name != "" {
			e = append(frames(j.Points[0].Capture, f.TLS.ServerFlightEnd.Frame, f.TLS.ClientFinished.Frame), e...)
			found.add(name, hit{journey: j, lost: pause, evidence: e})
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%s spent %s in %d handshake{|s} with %s asking %s about the certificate.",
			ES: "%s dedicó %s en %d establecimiento{|s} con %s a preguntar a %s por el certificado.",
		}, j.Client.Addr(), c.upTo(r, b), len(b.hits), j.Server, b.key)
		f.Refuters = c.doubts(r, notFound)
	})
}

// validationLookups are the lookups of services that tell whether a certificate
// is good, by capture in order of start.
func validationLookups(c *Case) map[*incident.Capture][]*correlate.Lookup {
	found := map[*incident.Capture][]*correlate.Lookup{}
	for _, l := range c.Lookups {
		if slices.ContainsFunc(strings.Split(strings.ToLower(l.Name), "."), namesValidation) {
			found[l.Capture] = append(found[l.Capture], l)
		}
	}
	for _, list := range found {
		slices.SortStableFunc(list, func(a, b *correlate.Lookup) int { return cmp.Compare(a.Start.Time, b.Start.Time) })
	}
	return found
}

// namesValidation tells whether a label, such as ocsp, crl3 or pki-ocsp, names a
// service that validates certificates; a longer word that holds one does not.
func namesValidation(label string) bool {
	words := strings.FieldsFunc(label, func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains([]string{"ocsp", "crl", "crls", "pki", "aia"}, word)
	})
}

// validated finds, among lookups of validation services, one that the client of
// a journey made within an interval of the journey's capture.
func validated(services map[*incident.Capture][]*correlate.Lookup, j *correlate.Journey, from, to int64) (string, []Evidence) {
	k := j.Points[0].Capture
	list := services[k]
	first := sort.Search(len(list), func(i int) bool { return list[i].Start.Time >= from })
	for _, l := range list[first:] {
		if l.Start.Time > to {
			break
		}
		if l.Client == j.Client.Addr() || slices.Contains(k.Own, l.Client) && slices.Contains(k.Own, j.Client.Addr()) { // by its other address
			return l.Name, lookupFrames(l)
		}
	}
	return "", nil
}
