package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// maybeTunnel tells whether nothing shows that an encrypted connection carries
// requests and their answers: its client offered no protocol of HTTP, which tunnels
// do not and some HTTP clients neither, and no log has a line of the journey.
func maybeTunnel(j *correlate.Journey) bool {
	f := flow(j)
	if j.Exchange == nil || !j.Exchange.Estimated || f == nil || f.TLS == nil || !f.TLS.ClientHello.Seen() || len(j.Lines) > 0 {
		return false
	}
	http := func(name string) bool { return name == "h2" || name == "http/1.1" || name == "http/1.0" }
	return !slices.ContainsFunc(f.TLS.Offered, http) && !http(f.TLS.ALPN)
}

// unlikeRequests makes no more than a note of a finding about waits for answers
// where all of its journeys may be a tunnel's: there what comes next is no answer to
// what was sent last.
func (c *Case) unlikeRequests(f *Finding) {
	if len(f.Journeys) == 0 || slices.ContainsFunc(f.Journeys, func(j *correlate.Journey) bool { return !maybeTunnel(j) }) {
		return
	}
	f.Severity, f.Confidence = Note, Low
	f.Text += " " + c.say(lang.Text{
		EN: "Nothing shows that this connection carries requests: in a tunnel what comes next need not be an answer.",
		ES: "Nada muestra que esta conexión lleve peticiones: en un túnel lo que llega después no tiene por qué ser una respuesta.",
	})
}
