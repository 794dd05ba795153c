package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var clockError = &Threshold{"clock", 3600, "s", lang.Text{EN: "smallest error of a client's clock that matters to a certificate", ES: "menor error del reloj de un cliente que importa a un certificado"}}

var tlsCertificateTime = Rule{
	Name: "tls-certificate-time", Family: "tls",
	Title: lang.Text{EN: "Certificate and clock disagree", ES: "El certificado y el reloj no concuerdan"},
	Doc: lang.Text{
		EN: "The client turned the certificate down for its dates. Either it has really expired (or is not yet valid), or the client's clock is wrong: then the certificate is valid at the reference time, and the cure is NTP.",
		ES: "El cliente rechazó el certificado por sus fechas. O de verdad caducó (o aún no vale), o el reloj del cliente está mal: entonces el certificado vale a la hora de referencia y el remedio es NTP.",
	},
	Source:     "RFC 5280, section 4.1.2.5; RFC 8446, section 6.2",
	Needs:      lang.Text{EN: "the alert, and the client's clock or the certificate", ES: "la alerta, y el reloj del cliente o el certificado"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{clockError},
	Refuters: []lang.Text{
		{EN: "the client's clock is nearer to the reference than to an edge of the validity", ES: "el reloj del cliente está más cerca de la referencia que de un borde de la validez"},
	},
	Check: checkTLSCertificateTime,
}

// alerts a client sends when it dislikes a certificate's dates: openssl-based
// clients say bad_certificate for one that is not valid yet.
const (
	alertBadCertificate     = 42
	alertCertificateExpired = 45
	alertCertificateUnknown = 46
)

func checkTLSCertificateTime(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.TLS == nil || j.Ordinal > 1 {
			continue
		}
		a := fatal(f.TLS)
		if a == nil || a.Dir != pcapflow.Client {
			continue
		}
		wrong := c.wrongClock(r, j)
		unclear := a.Code < 0 || a.Code == alertBadCertificate || a.Code == alertCertificateUnknown
		dates := a.Code == alertCertificateExpired || unclear && datesTold(j) || unclear && a.Code > 0 && (wrong || outsideValidity(f) != nil)
		if dates {
			key := fmt.Sprint(j.Client.Addr(), " ", j.Server, " ", wrong)
			found.add(key, hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, f.TLS.ClientHello.Frame, a.Frame)})
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) { c.certificate(r, f) })
}

// wrongClock tells whether the clock of the journey's client is known to be far
// off.
func (c *Case) wrongClock(r *Rule, j *correlate.Journey) bool {
	off, known := c.clientOffset(j)
	return known && off.Abs() >= c.limit(r, clockError)
}

// certificate fills in the finding about certificates that one client turned
// down for their dates.
func (c *Case) certificate(r *Rule, f *Finding) {
	j := f.Journeys[0]
	off, known := c.clientOffset(j)
	nearer := notFound
	if c.wrongClock(r, j) {
		f.Text = c.say(lang.Text{
			EN: "%s turned down the certificate of %s (%s) because its own clock is %s: at the reference time the certificate is not the problem. Set the clock (NTP).",
			ES: "%s rechazó el certificado de %s (%s) porque su propio reloj va %s: a la hora de referencia el certificado no es el problema. Ponga en hora el reloj (NTP).",
		}, j.Client.Addr(), j.Server, j.Name, c.amiss(off))
	} else if at, leaf, before := clientsDay(f.Journeys); !known && leaf != nil {
		edge := leaf.NotAfter
		if before {
			edge = leaf.NotBefore
		}
		f.Text = c.say(lang.Text{
			EN: "%s turned down the certificate of %s (%s) for its dates: by its own capture it was %s, and the certificate %s %s. Its clock is wrong, or the certificate is; set the clock (NTP) first.",
			ES: "%s rechazó el certificado de %s (%s) por sus fechas: según su propia captura era el %s, y el certificado %s %s. Su reloj está mal, o lo está el certificado; ponga primero en hora el reloj (NTP).",
		}, j.Client.Addr(), j.Server, j.Name, day(at), c.edgeWord(before), day(edge))
		f.Confidence, nearer = Medium, notCollected("CLIENT: date -u; chronyc -n tracking")
	} else {
		f.Text = c.say(lang.Text{
			EN: "%s turned down the certificate of %s (%s) as out of date; its clock is right as far as known%s.",
			ES: "%s rechazó el certificado de %s (%s) por sus fechas; su reloj es correcto, hasta donde se sabe%s.",
		}, j.Client.Addr(), j.Server, j.Name, c.validity(f.Journeys))
		if !known {
			f.Confidence, nearer = Medium, notCollected("CLIENT: date -u; chronyc -n tracking")
		}
	}
	f.Refuters = c.doubts(r, nearer)
}

// clientOffset is how far the clock of the journey's client is from the
// reference, where the capture it is told by was taken on the client.
func (c *Case) clientOffset(j *correlate.Journey) (time.Duration, bool) {
	p := j.Points[0]
	if p.Capture.Vantage != pcapflow.VantageClient && (p.Flow.Conn == nil || p.Flow.Conn.Vantage != pcapflow.VantageClient) {
		return 0, false
	}
	for _, k := range c.Clocks {
		for _, f := range k.Files {
			if f == p.Capture.Files[0] {
				off, _, _, ok := k.At(p.Flow.Start.Time)
				return time.Duration(off), ok
			}
		}
	}
	return 0, false
}

// clientsDay is the time of the first handshake, by a capture on its client, at
// which the server's own certificate was not valid, that certificate, and whether
// its first day had yet to come.
func clientsDay(js []*correlate.Journey) (at int64, leaf *pcapflow.Certificate, before bool) {
	for _, j := range js {
		p := j.Points[0]
		if p.Capture.Vantage != pcapflow.VantageClient && (p.Flow.Conn == nil || p.Flow.Conn.Vantage != pcapflow.VantageClient) {
			continue
		}
		if bad := outsideValidity(p.Flow); bad != nil && bad == &p.Flow.TLS.Certificates[0] {
			at = p.Flow.Start.Time / int64(time.Second)
			return at, bad, at < bad.NotBefore
		}
	}
	return 0, nil, false
}

func (c *Case) edgeWord(before bool) string {
	if before {
		return c.say(lang.Text{EN: "is valid from", ES: "vale desde el"})
	}
	return c.say(lang.Text{EN: "was valid until", ES: "valía hasta el"})
}

// datesTold tells whether the client's program said that it was the
// certificate's dates.
func datesTold(j *correlate.Journey) bool {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		if l.Status == "matched" && e.Kind == logparse.ClientHTTP && strings.Contains(e.Text, "certificate") &&
			(strings.Contains(e.Text, "expired") || strings.Contains(e.Text, "not yet valid")) {
			return true
		}
	}
	return false
}

// outsideValidity is the first certificate of the chain, where it was in the
// clear, that is not valid at the capture's time; nil: none.
func outsideValidity(f *pcapflow.Flow) *pcapflow.Certificate {
	at := f.Start.Time / int64(time.Second)
	for i := range f.TLS.Certificates {
		x := &f.TLS.Certificates[i]
		if dated := x.NotBefore != 0 || x.NotAfter != 0; dated && (at < x.NotBefore || at > x.NotAfter) {
			return x
		}
	}
	return nil
}

func day(s int64) string { return time.Unix(s, 0).UTC().Format(time.DateOnly) }

// validity is the clause about the dates of the chain: of the certificate that
// is out of date, or of the server's own.
func (c *Case) validity(js []*correlate.Journey) string {
	for _, j := range js {
		f := flow(j)
		if len(f.TLS.Certificates) == 0 || f.TLS.Certificates[0].NotAfter == 0 {
			continue
		}
		leaf := &f.TLS.Certificates[0]
		if bad := outsideValidity(f); bad != nil && bad != leaf {
			return c.say(lang.Text{
				EN: "; it is that of %q in the chain, valid from %s to %s", ES: "; es el de %q en la cadena, que vale del %s al %s",
			}, bad.Subject, day(bad.NotBefore), day(bad.NotAfter))
		}
		return c.say(lang.Text{EN: "; it is valid from %s to %s", ES: "; vale del %s al %s"}, day(leaf.NotBefore), day(leaf.NotAfter))
	}
	return ""
}

// amiss says how far a clock is off, in hours or days, and which way.
func (c *Case) amiss(d time.Duration) string {
	text := lang.Text{EN: "%.1f %s ahead", ES: "%.1f %s adelantado"}
	if d < 0 {
		text = lang.Text{EN: "%.1f %s behind", ES: "%.1f %s atrasado"}
	}
	if d.Abs() < 48*time.Hour {
		return c.say(text, d.Abs().Hours(), c.say(lang.Text{EN: "hours", ES: "horas"}))
	}
	return c.say(text, d.Abs().Hours()/24, c.say(lang.Text{EN: "days", ES: "días"}))
}

var tlsWrongProtocol = Rule{
	Name: "tls-wrong-protocol", Family: "tls",
	Title: lang.Text{EN: "Clear HTTP where TLS is expected, or the reverse", ES: "HTTP en claro donde se espera TLS, o al revés"},
	Doc: lang.Text{
		EN: "The first bytes do not fit the port: a clear request to a TLS port, or a ClientHello to a clear one. A wrong scheme in a URL, or a proxy that speaks the wrong one upstream.",
		ES: "Los primeros bytes no encajan con el puerto: una petición en claro a un puerto TLS, o un ClientHello a uno en claro. Un esquema equivocado en la URL o un proxy que habla el que no es.",
	},
	Source: "RFC 8446, section 5.1; RFC 9112",
	Needs:  lang.Text{EN: "a capture with the first bytes", ES: "una captura con los primeros bytes"},
	Wants:  []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "the port answers in the protocol it was asked in", ES: "el puerto responde en el protocolo en que se le habló"},
	},
	Check: checkTLSWrongProtocol,
}

func checkTLSWrongProtocol(c *Case, r *Rule) []Finding {
	var clear, encrypted batches
	for _, j := range c.Journeys {
		f := flow(j)
		into := &clear
		switch {
		case f == nil || j.Ordinal > 1:
			continue
		case f.TLS != nil && f.TLS.ClearRequest || j.Exchange != nil && j.Exchange.PortWantsTLS:
		case f.TLS != nil && f.TLS.PlainAnswer != "":
			into = &encrypted
		default:
			continue
		}
		e := append(frames(j.Points[0].Capture, f.FirstPayload[0].Frame, f.FirstPayload[1].Frame), journeyLines(j)...)
		into.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: e})
	}
	say := func(all *batches, text lang.Text) []Finding {
		return all.telling(Error, High, func(b *batch, f *Finding) {
			f.Text = c.say(text, len(b.hits), b.key)
			f.Refuters = c.doubts(r, notFound)
		})
	}
	return append(
		say(&clear, lang.Text{EN: "%d connection{|s} spoke clear HTTP to %s, which expects TLS.", ES: "%d {conexión habló|conexiones hablaron} HTTP en claro a %s, que espera TLS."}),
		say(&encrypted, lang.Text{EN: "%d connection{|s} spoke TLS to %s, which does not.", ES: "%d {conexión habló|conexiones hablaron} TLS a %s, que no lo habla."})...)
}

var tlsSilent = Rule{
	Name: "tls-silent", Family: "tls", Absence: true,
	Title: lang.Text{EN: "Silence after the ClientHello", ES: "Silencio tras el ClientHello"},
	Doc: lang.Text{
		EN: "The server's kernel took the connection and acknowledged the ClientHello, but no TLS answer came: the process is stuck or its queue is full, or nothing there speaks TLS.",
		ES: "El núcleo del servidor tomó la conexión y confirmó el ClientHello, pero no llegó respuesta TLS: el proceso está atascado o su cola llena, o nada ahí habla TLS.",
	},
	Source:     "RFC 8446, section 4.1.3",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento TLS"},
	Wants:      []*Want{wantTLS},
	Thresholds: []*Threshold{quiet},
	Refuters: []lang.Text{
		{EN: "a ServerHello in another capture (lost on the way back)", ES: "un ServerHello en otra captura (perdido a la vuelta)"},
	},
	Check: checkTLSSilent,
}

func checkTLSSilent(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		f := flow(j)
		if f == nil || f.TLS == nil || f.Conn == nil || j.Ordinal > 1 || !f.TLS.ClientHello.Seen() || f.TLS.ServerHello.Seen() || f.TLS.PlainAnswer != "" || len(f.TLS.Alerts) > 0 || f.FirstPayload[pcapflow.Server].Seen() {
			continue
		}
		if int(f.Conn.AckedTo[pcapflow.Client]) <= f.TLS.ClientHelloBytes {
			continue // nothing shows that it arrived: lost, or a capture of one direction
		}
		due := c.limit(r, quiet)
		if time.Duration(f.End.Time-f.TLS.ClientHello.Time) >= due || quietFor(j, due) {
			found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: frames(j.Points[0].Capture, f.TLS.ClientHello.Frame, f.End.Frame)})
		}
	}
	return found.telling(Error, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%s accepted TCP %d time{|s} but never answered the ClientHello.",
			ES: "%s aceptó TCP %d {vez|veces} pero nunca respondió al ClientHello.",
		}, b.key, len(b.hits))
		f.Refuters = c.doubts(r, helloSeen(f.Journeys))
	})
}

// helloSeen looks for a ServerHello in the other captures of the connections.
func helloSeen(js []*correlate.Journey) doubt {
	state := notCollected("SERVER: tcpdump -ni any -w server.pcap 'tcp port PORT'; ss -lnt 'sport = :PORT'; nstat -az TcpExtListenOverflows TcpExtListenDrops")
	for _, j := range js {
		for _, p := range j.Points[1:] {
			if p.Flow.TLS != nil && p.Flow.TLS.ServerHello.Seen() {
				return isFound
			}
			state = notFound
		}
	}
	return state
}
