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
	g := newGroups()
	for _, j := range c.open(r) {
		f := flow(j)
		if f == nil || f.TLS == nil || j.Ordinal > 1 {
			continue
		}
		if a := fatal(f.TLS); a != nil {
			g.add(j.Server.String()+" "+a.Dir.String()+" "+a.Description, j)
		}
	}
	var out []Finding
	for _, group := range g.all {
		j := group.journeys[0]
		a := fatal(flow(j).TLS)
		f := Finding{Severity: Error, Confidence: High, Journeys: group.journeys}
		if a.Code < 0 {
			f.Confidence = Low
		}
		for _, j := range group.journeys {
			f.Lost += j.Total()
			f.Evidence = append(f.Evidence, frames(j.Points[0].Capture, flow(j).TLS.ClientHello.Frame, fatal(flow(j).TLS).Frame)...)
		}
		f.Evidence = merge(f.Evidence)
		side := lang.Text{EN: "the client", ES: "el cliente"}
		if a.Dir == pcapflow.Server {
			side = lang.Text{EN: "the server", ES: "el servidor"}
		}
		f.Text = c.say(lang.Text{
			EN: "In %d handshake{|s} with %s, %s refused: %s.",
			ES: "En %d establecimiento{|s} con %s, %s rechazó: %s.",
		}, len(group.journeys), j.Server, side.In(c.Lang), a.Description)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: "SSLKEYLOGFILE=keys.log curl …; flowcorr report --keylog keys.log …"}}
		if a.Code >= 0 {
			f.Refuters[0].Status, f.Refuters[0].Command = "not-found", ""
		}
		out = append(out, f)
	}
	return out
}
