package diagnose

import (
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
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
		switch {
		case a.Code < 0 && !t.ServerHello.Seen():
			// Of a side alone nobody knows whether the handshake was over: then it is
			// close_notify.
		case a.Code < 0, a.Code > 0 && a.Fatal:
			return a
		case a.Code > 0 && a.Code != 90 && a.Code != 100 && !wentOn(t, a):
			return a
		}
	}
	return nil
}

// wentOn tells whether the side that sent a warning went on with the handshake
// (RFC 5246, section 7.2.2; RFC 6066, section 3, of unrecognized_name).
func wentOn(t *pcapflow.TLS, a *pcapflow.Alert) bool {
	next := []pcapflow.Stamp{t.ServerHello, t.ServerFlightEnd, t.ServerFinished}
	if a.Dir == pcapflow.Client {
		next = []pcapflow.Stamp{t.ClientFinished, t.FirstClientData}
	}
	return slices.ContainsFunc(next, func(s pcapflow.Stamp) bool { return s.Seen() && s.Time >= a.Time })
}

// alertMeanings says in words what a side means by an alert (RFC 8446, section
// 6.2; RFC 5246, section 7.2.2; RFC 7301, section 3.2).
var alertMeanings = map[string]lang.Text{
	"unknown_ca":              {EN: "it does not trust who issued the certificate", ES: "no confía en quien emitió el certificado"},
	"protocol_version":        {EN: "no TLS version in common", ES: "ninguna versión de TLS en común"},
	"handshake_failure":       {EN: "nothing in common of what was offered, such as no cipher", ES: "nada en común de lo ofrecido, por ejemplo ningún cifrado"},
	"insufficient_security":   {EN: "what was offered is too weak for it", ES: "lo ofrecido es demasiado débil para él"},
	"unrecognized_name":       {EN: "it does not serve the name asked for", ES: "no atiende el nombre pedido"},
	"no_application_protocol": {EN: "no application protocol in common", ES: "ningún protocolo de aplicación en común"},
	"certificate_required":    {EN: "it wants a certificate of the client", ES: "quiere un certificado del cliente"},
	"certificate_expired":     {EN: "out of date by its clock", ES: "fuera de fecha según su reloj"},
	"certificate_revoked":     {EN: "the certificate was revoked", ES: "el certificado fue revocado"},
	"bad_certificate":         {EN: "the certificate does not hold", ES: "el certificado no vale"},
	"certificate_unknown":     {EN: "the certificate is not accepted, it does not say why", ES: "no acepta el certificado, sin decir por qué"},
	"access_denied":           {EN: "a valid certificate, but no right to enter", ES: "certificado válido, pero sin derecho a entrar"},
	"inappropriate_fallback":  {EN: "the client came back with an older TLS than both know", ES: "el cliente volvió con un TLS más viejo que el que ambos conocen"},
}

// whole tells whether the capture holds both sides of a flow without a gap: where
// records are encrypted, what follows the last one tells what it was.
func whole(f *pcapflow.Flow) bool {
	c := f.Conn
	return f.Packets[0] > 0 && f.Packets[1] > 0 && (c == nil || c.Count[0].AckedUnseen+c.Count[1].AckedUnseen == 0)
}

func checkTLSAlert(c *Case, r *Rule) []Finding {
	var found, told batches
	for _, j := range c.open(r) {
		f := flow(j)
		if f == nil || f.TLS == nil || j.Ordinal > 1 {
			continue
		}
		if fatal(f.TLS) == nil {
			if words, e := certificateRefused(j); words != "" {
				told.add(j.Server.String()+" "+words, hit{journey: j, lost: j.Total(), evidence: append(frames(j.Points[0].Capture, f.TLS.ClientHello.Frame, f.End.Frame), e)})
			}
			continue
		}
		if a := fatal(f.TLS); a != nil && (a.Code >= 0 || whole(f)) {
			key := j.Server.String() + " " + a.Dir.String() + " " + a.Description
			found.add(key, hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, f.TLS.ClientHello.Frame, a.Frame)})
		}
	}
	out := found.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		a := fatal(flow(j).TLS)
		meaning := ""
		if m, ok := alertMeanings[a.Description]; ok {
			meaning = " (" + m.In(c.Lang) + ")"
		}
		f.Text = c.say(lang.Text{
			EN: "In %d handshake{|s} with %s, the %s refused: %s%s.",
			ES: "En %d establecimiento{|s} con %s, el %s rechazó: %s%s.",
		}, len(b.hits), j.Server, c.side(a.Dir), a.Description, meaning)
		other := notFound
		if a.Code < 0 {
			f.Confidence = Low
			other = notCollected(collectKeys)
		}
		f.Refuters = c.doubts(r, other)
	})
	return append(out, told.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		words, _ := certificateRefused(j)
		f.Text = c.say(lang.Text{
			EN: "In %d handshake{|s} with %s, the client refused the certificate, as its program says: %q.",
			ES: "En %d establecimiento{|s} con %s, el cliente rechazó el certificado, como dice su programa: %q.",
		}, len(b.hits), j.Server, shorten(words, 120))
		f.Refuters = c.doubts(r, notCollected(collectKeys))
	})...)
}

// certificateRefused is what a client's program says of a certificate that it
// did not accept, where it is known to speak of this connection: it checks some of
// it itself, and closes without an alert.
func certificateRefused(j *correlate.Journey) (string, Evidence) {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status == "matched" && e.Timing != nil && e.Timing.Exit > 0 && strings.Contains(e.Timing.Error, "certificate") {
			return e.Timing.Error, lines(l.Log, l.Event)
		}
	}
	return "", Evidence{}
}
