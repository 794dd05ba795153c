package diagnose

import (
	"net/netip"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var slowKex = &Threshold{"slow", 0.5, "s", lang.Text{EN: "shortest computation of a key exchange that is called slow", ES: "menor cálculo de un intercambio de claves que se llama lento"}}

var sshSlowKex = Rule{
	Name: "ssh-slow-kex", Family: "ssh",
	Title: lang.Text{EN: "The SSH key exchange took long to compute", ES: "El intercambio de claves SSH tardó en calcularse"},
	Doc: lang.Text{
		EN: "From the client's key exchange request to the server's reply far more than a round trip passed, without retransmission: processor time of the server, or a busy machine.",
		ES: "De la petición de intercambio de claves a la respuesta del servidor pasó mucho más que una ida y vuelta, sin retransmisiones: cálculo del servidor o una máquina ocupada.",
	},
	Source:     "RFC 4253, section 8",
	Needs:      lang.Text{EN: "a capture with the login", ES: "una captura con el acceso"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: []*Threshold{slowKex, roundTrips, usualTimes, everyday},
	Refuters: []lang.Text{
		{EN: "the same algorithm was quick in other logins at this server", ES: "el mismo algoritmo fue rápido en otros accesos a este servidor"},
		{EN: "segments of the key exchange were lost and sent again", ES: "se perdieron y repitieron segmentos del intercambio de claves"},
	},
	Check: checkSSHSlowKex,
}

// kexTime is how long the server took over the key exchange, beyond the round
// trip between capture and server.
func kexTime(j *correlate.Journey) (time.Duration, bool) {
	if j.SSH == nil || !j.SSH.KexRequest.Seen() || !j.SSH.KexReply.Seen() || flow(j).Conn == nil {
		return 0, false
	}
	return time.Duration(j.SSH.KexReply.Time - j.SSH.KexRequest.Time - flow(j).Conn.RTTServer), true
}

func checkSSHSlowKex(c *Case, r *Rule) []Finding {
	var found batches
	quickest := map[string]time.Duration{}
	for _, j := range c.open(r) {
		t, ok := kexTime(j)
		if !ok {
			continue
		}
		key := j.Server.String() + " " + j.SSH.Kex
		if old, known := quickest[key]; !known || t < old {
			quickest[key] = t
		}
		if t >= c.limit(r, slowKex) && c.exceeds(r, roundTrips, t, roundTrip(j)) && !c.resentBetween(j, j.SSH.KexRequest, j.SSH.KexReply) {
			found.add(key, hit{journey: j, lost: t, evidence: phaseFrames(j, string(pcapflow.SSHKex))})
		}
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "%s took up to %s over the key exchange (%s, %d login{|s}): processor, not network.",
			ES: "%s tardó hasta %s en el intercambio de claves (%s, %d acceso{|s}): procesador, no red.",
		}, w.journey.Server, w.lost, w.journey.SSH.Kex, len(b.hits))
		f.Severity = c.loudness(r, len(b.hits), c.logins(w.journey))
		f.Refuters = c.doubts(r, foundIf(c.exceeds(r, usualTimes, w.lost, quickest[b.key])))
	})
}

// logins counts the SSH connections to the server of a journey.
func (c *Case) logins(j *correlate.Journey) int {
	if c.sshLogins == nil {
		c.sshLogins = map[netip.AddrPort]int{}
		for _, o := range c.Journeys {
			if o.SSH != nil {
				c.sshLogins[o.Server]++
			}
		}
	}
	return c.sshLogins[j.Server]
}

var sshAuthBackend = Rule{
	Name: "ssh-auth-backend", Family: "ssh",
	Title: lang.Text{EN: "SSH login waited for its authentication backend", ES: "El acceso SSH esperó a su autenticación"},
	Doc: lang.Text{
		EN: "The server was silent for seconds between an authentication request and its answer, and no reverse lookup explains it: PAM, LDAP, Kerberos (GSSAPI) or a second factor. Its log around that time names the module.",
		ES: "El servidor calló segundos entre una petición de autenticación y su respuesta, y ninguna resolución inversa lo explica: PAM, LDAP, Kerberos (GSSAPI) o un segundo factor. Su registro de ese momento nombra el módulo.",
	},
	Source:     "RFC 4252; pam(8)",
	Needs:      lang.Text{EN: "a capture with the login; better with the server's log", ES: "una captura con el acceso; mejor con el registro del servidor"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: []*Threshold{longPause},
	Refuters: []lang.Text{
		{EN: "the pause came before any authentication method", ES: "la pausa fue antes de todo método de autenticación"},
		{EN: "the pause is that of a reverse lookup (then ssh-reverse-dns)", ES: "la pausa es la de una resolución inversa (entonces ssh-reverse-dns)"},
	},
	Check: checkSSHAuthBackend,
}

func checkSSHAuthBackend(c *Case, r *Rule) []Finding {
	var found batches
	before := map[string]bool{} // any method was tried
	for _, j := range c.open(r) {
		if j.SSH == nil {
			continue
		}
		for _, x := range j.SSH.Rounds {
			wait := time.Duration(x.Reply.Time - x.Request.Time)
			// After a wrong password sshd itself waits some two seconds.
			if !x.Request.Seen() || !x.Reply.Seen() || x.Result == "failure" && !x.None || wait < c.limit(r, longPause) || c.resentBetween(j, x.Request, x.Reply) {
				continue
			}
			key := j.Server.String() + backendWords(j)
			before[key] = before[key] || x.None
			found.add(key, hit{journey: j, lost: wait, evidence: append(frames(j.Points[0].Capture, x.Request.Frame, x.Reply.Frame), journeyLines(j)...)})
			break
		}
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%d login{|s} at %s waited %s for the server's authentication%s.",
			ES: "%d acceso{|s} a %s esper{ó|aron} %s a la autenticación del servidor%s.",
		}, len(b.hits), j.Server, c.upTo(r, b), backendWords(j))
		if before[b.key] {
			// Before any method it may be anything of the server's; twice, it is no chance.
			f.Severity, f.answers = Note, len(b.hits) > 1
		}
		f.Refuters = c.doubts(r, foundIf(before[b.key]))
	})
}

// backendWords names the module of a matched PAM line.
func backendWords(j *correlate.Journey) string {
	for _, l := range j.Lines {
		e := &l.Log.Events[l.Event]
		for _, word := range []string{"pam_sss", "pam_ldap", "pam_krb5", "pam_duo", "pam_radius", "gssapi"} {
			if e.Kind == logparse.PAM && strings.Contains(e.Text, word) {
				return " (" + word + ")"
			}
		}
	}
	return ""
}

var slowSession = &Threshold{"slow", 1, "s", lang.Text{EN: "shortest time from login to the first output that is called slow", ES: "menor tiempo del acceso a la primera salida que se llama lento"}}

var sshSlowSession = Rule{
	Name: "ssh-slow-session", Family: "ssh",
	Title: lang.Text{EN: "The session started late after the login", ES: "La sesión empezó tarde tras el acceso"},
	Doc: lang.Text{
		EN: "Authentication was done, and the first output came much later: pam_systemd, a message of the day, an automounted home, the shell's own start.",
		ES: "La autenticación había terminado y la primera salida llegó mucho después: pam_systemd, un mensaje del día, un directorio que se monta, el arranque de la propia shell.",
	},
	Source:     "RFC 4254, section 6",
	Needs:      lang.Text{EN: "a capture with the login", ES: "una captura con el acceso"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: []*Threshold{slowSession, roundTrips},
	Refuters: []lang.Text{
		{EN: "the first output was lost and sent again", ES: "la primera salida se perdió y se envió de nuevo"},
	},
	Check: checkSSHSlowSession,
}

func checkSSHSlowSession(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		if j.SSH == nil || !j.SSH.AuthEnd.Seen() || !j.SSH.SessionStart.Seen() {
			continue
		}
		wait := time.Duration(j.SSH.SessionStart.Time - j.SSH.AuthEnd.Time)
		if wait < c.limit(r, slowSession) || !c.exceeds(r, roundTrips, wait, roundTrip(j)) || c.resentBetween(j, j.SSH.AuthEnd, j.SSH.SessionStart) {
			continue
		}
		found.add(j.Server.String(), hit{journey: j, lost: wait, evidence: frames(j.Points[0].Capture, j.SSH.AuthEnd.Frame, j.SSH.SessionStart.Frame)})
	}
	return found.telling(Note, Medium, func(b *batch, f *Finding) {
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "%d login{|s} at %s {was|were} authenticated, and the session took up to %s more to start.",
			ES: "%d acceso{|s} a %s qued{ó|aron} autenticado{|s}, y la sesión tardó hasta %s más en empezar.",
		}, len(b.hits), w.journey.Server, w.lost)
	})
}

var sshSlowDelivery = Rule{
	Name: "ssh-slow-delivery", Family: "ssh",
	Title: lang.Text{EN: "sshd was done; the network was not", ES: "sshd había terminado; la red no"},
	Doc: lang.Text{
		EN: "Segments of the login were repeated on their way to the client while its authentication was running: the wait is the network's, not sshd's.",
		ES: "Segmentos del acceso se repitieron camino del cliente durante la autenticación: la espera es de la red, no de sshd.",
	},
	Source:     "RFC 6298",
	Needs:      lang.Text{EN: "a capture with the login", ES: "una captura con el acceso"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: weights,
	Refuters: []lang.Text{
		{EN: "nothing was lost and the reply reached the client in time", ES: "nada se perdió y la respuesta llegó a tiempo al cliente"},
	},
	Check: checkSSHSlowDelivery,
}

func checkSSHSlowDelivery(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		if j.SSH == nil || !j.SSH.NewKeys[pcapflow.Server].Seen() {
			continue
		}
		lost := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			s := p.Flow.SSH
			// Where the server was captured, its last answer left before it was lost.
			sent := t.Time
			if t.Original.Seen() {
				sent = t.Original.Time
			}
			return s != nil && t.Dir == pcapflow.Server && t.Time > s.NewKeys[pcapflow.Server].Time && (!s.AuthEnd.Seen() || sent <= s.AuthEnd.Time)
		})
		if wait := lost.wait(); wait >= c.limit(r, felt) {
			found.add(j.Server.String(), hit{journey: j, lost: min(wait, j.Total()), evidence: append(lost.evidence(), journeyLines(j)...)})
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		c.weighed(r, &found, b, f, c.connections())
		f.Text = c.say(lang.Text{
			EN: "%d login{|s} at %s waited up to %s for repeated segments, not for sshd.",
			ES: "%d acceso{|s} a %s esper{ó|aron} hasta %s por segmentos repetidos, no por sshd.",
		}, len(b.hits), w.journey.Server, w.lost)
		f.Refuters = c.doubts(r, notFound)
	})
}
