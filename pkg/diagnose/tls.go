package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var tlsAlert = Rule{
	Name: "tls-alert", Family: "tls",
	Title: lang.Text{EN: "TLS handshake refused by an alert", ES: "Una alerta rechazó el establecimiento TLS"},
	Doc: lang.Text{
		EN: "One side ended the handshake with a fatal alert. Its name says why: no common version or cipher, an unknown authority, a certificate that does not fit, a certificate that was asked for and not given.",
		ES: "Un lado terminó el establecimiento con una alerta fatal. Su nombre dice por qué: sin versión o cifrado en común, autoridad desconocida, un certificado que no encaja, o uno que se pidió y no se dio.",
	},
	Source: "RFC 8446, section 6.2",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:  []*Want{wantTLS},
	Refuters: []lang.Text{
		{EN: "the decrypted alert says something else", ES: "la alerta descifrada dice otra cosa"},
	},
	Check: checkTLSAlert,
}

// fatal returns the alert that ended a handshake, or nil.
func fatal(t *pcapflow.TLS) *pcapflow.Alert {
	for i := range t.Alerts {
		a := &t.Alerts[i]
		if a.Code != 0 && (a.Fatal || a.Code > 0 && a.Code != 90 && a.Code != 100) {
			return a
		}
	}
	return nil
}

func checkTLSAlert(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		f := flow(j)
		if f == nil || f.TLS == nil || j.Ordinal > 1 {
			continue
		}
		if a := fatal(f.TLS); a != nil {
			key := j.Server.String() + " " + a.Dir.String() + " " + a.Description
			found.add(key, hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, f.TLS.ClientHello.Frame, a.Frame)})
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		a := fatal(flow(j).TLS)
		f.Text = c.say(lang.Text{
			EN: "In %d handshake{|s} with %s, the %s refused: %s.",
			ES: "En %d establecimiento{|s} con %s, el %s rechazó: %s.",
		}, len(b.hits), j.Server, c.side(a.Dir), a.Description)
		other := notFound
		if a.Code < 0 {
			f.Confidence = Low
			other = notCollected(collectKeys)
		}
		f.Refuters = c.doubts(r, other)
	})
}
