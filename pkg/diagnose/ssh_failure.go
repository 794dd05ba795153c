package diagnose

import (
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var sshNoCommon = Rule{
	Name: "ssh-no-common-algorithm", Family: "ssh",
	Title: lang.Text{EN: "SSH sides share no algorithm", ES: "Los lados SSH no comparten algoritmo"},
	Doc: lang.Text{
		EN: "Client and server have no algorithm of one class in common (key exchange, host key, cipher, MAC), and the server closed. Update the older side, or allow the algorithm on purpose.",
		ES: "Cliente y servidor no tienen en común ningún algoritmo de una clase (intercambio de claves, clave de equipo, cifrado, MAC), y el servidor cerró. Actualice el lado más antiguo o permita el algoritmo a propósito.",
	},
	Source: "RFC 4253, section 7.1",
	Needs:  lang.Text{EN: "a capture with both KEXINIT, or sshd's log", ES: "una captura con ambos KEXINIT, o el registro de sshd"},
	Wants:  []*Want{wantSSHLogins, wantSSHLog},
	Refuters: []lang.Text{
		{EN: "NEWKEYS was seen", ES: "se vio NEWKEYS"},
	},
	Check: checkSSHNoCommon,
}

func checkSSHNoCommon(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		if j.SSH != nil && j.SSH.NoCommon != "" {
			key := j.Server.String() + " " + j.SSH.NoCommon
			found.add(key, hit{journey: j, lost: j.Total(), evidence: append(phaseFrames(j, string(pcapflow.SSHKex)), journeyLines(j)...)})
		}
	}
	if len(found.all) > 0 {
		return found.telling(Error, High, func(b *batch, f *Finding) {
			j := f.Journeys[0]
			f.Text = c.say(lang.Text{
				EN: "%s and %s share no %s algorithm (%d connection{|s}): the client offers %s, the server %s.",
				ES: "%s y %s no comparten algoritmo de %s (%d {conexión|conexiones}): el cliente ofrece %s, el servidor %s.",
			}, j.Client.Addr(), j.Server, j.SSH.NoCommon, len(b.hits), shorten(j.SSH.NoCommonOffers[0], 80), shorten(j.SSH.NoCommonOffers[1], 80))
			f.Refuters = c.doubts(r, notFound)
		})
	}
	return c.logFinding(r, lang.Text{
		EN: "%d SSH connection{|s} failed for want of a common algorithm; the log: %q",
		ES: "%d {conexión SSH falló|conexiones SSH fallaron} por falta de un algoritmo común; el registro: %q",
	}, func(e *logparse.Event) bool {
		return e.Kind == logparse.SSHNegotiation && strings.Contains(e.Text, "no matching")
	})
}

// logFinding speaks from log lines alone, one finding a log.
func (c *Case) logFinding(r *Rule, text lang.Text, fits func(*logparse.Event) bool) []Finding {
	var out []Finding
	for _, l := range c.Incident.Logs {
		var events []int
		for i := range l.Events {
			if fits(&l.Events[i]) {
				events = append(events, i)
			}
		}
		if len(events) == 0 {
			continue
		}
		f := Finding{Severity: Warning, Confidence: Medium, Evidence: []Evidence{lines(l, events...)}}
		f.Text = c.say(text, len(events), shorten(l.Events[events[0]].Text, 160))
		for _, x := range r.Refuters {
			f.Refuters = append(f.Refuters, Refuter{Text: x.In(c.Lang), Status: "not-collected", Command: "SERVER: tcpdump -ni any -s 0 -w ssh.pcap 'tcp port 22'"})
		}
		out = append(out, f)
	}
	return out
}

var sshWrongProtocol = Rule{
	Name: "ssh-wrong-protocol", Family: "ssh",
	Title: lang.Text{EN: "A client of the SSH port did not speak SSH", ES: "Un cliente del puerto SSH no habló SSH"},
	Doc: lang.Text{
		EN: "The connection's first bytes are no SSH identification, or none came: a scanner, a monitoring probe that only takes the banner, a browser, a wrong port.",
		ES: "Los primeros bytes de la conexión no son una identificación SSH, o no llegó ninguna: un escáner, una sonda que solo lee la identificación, un navegador, un puerto equivocado.",
	},
	Source: "RFC 4253, section 4.2",
	Needs:  lang.Text{EN: "a capture with the first bytes, or sshd's log", ES: "una captura con los primeros bytes, o el registro de sshd"},
	Wants:  []*Want{wantConnections, wantSSHLog},
	Refuters: []lang.Text{
		{EN: "the client sent an SSH identification string", ES: "el cliente envió una identificación SSH"},
	},
	Check: checkSSHWrongProtocol,
}

func checkSSHWrongProtocol(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.Conn == nil {
			continue
		}
		spoke := f.SSH != nil && f.SSH.ClientBanner.Seen()
		greeted := f.SSH != nil && f.SSH.ServerBanner.Seen()
		odd := f.SSH != nil && f.SSH.WrongProtocol != "" || j.Service == "http" && c.isSSHPort(j)
		bare := greeted && !spoke && (f.Conn.FIN[pcapflow.Client].Seen() || len(f.Conn.RST) > 0)
		if !spoke && (odd || bare) {
			e := frames(j.Points[0].Capture, f.FirstPayload[0].Frame, f.FirstPayload[1].Frame)
			found.add(j.Server.String(), hit{journey: j, evidence: append(e, journeyLines(j)...)})
		}
	}
	if len(found.all) > 0 {
		return found.telling(Note, High, func(b *batch, f *Finding) {
			f.Text = c.say(lang.Text{
				EN: "%d connection{|s} from %s to %s did not speak SSH.",
				ES: "%d {conexión|conexiones} desde %s a %s no habl{ó|aron} SSH.",
			}, len(b.hits), f.Journeys[0].Client.Addr(), b.key)
			f.Refuters = c.doubts(r, notFound)
		})
	}
	return c.logFinding(r, lang.Text{
		EN: "%d connection{|s} did not speak SSH; the log: %q",
		ES: "%d {conexión no habló|conexiones no hablaron} SSH; el registro: %q",
	}, func(e *logparse.Event) bool {
		return e.Kind == logparse.SSHNegotiation && (strings.Contains(e.Text, "identification") || strings.Contains(e.Text, "Bad protocol") || strings.Contains(e.Text, "banner exchange"))
	})
}

// isSSHPort tells whether other journeys spoke SSH with the same server port,
// or the port is SSH's own.
func (c *Case) isSSHPort(j *correlate.Journey) bool {
	return j.Server.Port() == sshPort || c.sshPorts[j.Server]
}

var reachedLate = &Threshold{"reached-late", 0.5, "s", lang.Text{EN: "how late sshd's own line must be for the attempt to have waited before it", ES: "cuánto debe tardar la línea del propio sshd para que el intento haya esperado ante él"}}

var lateBanner = &Threshold{"late", 1, "s", lang.Text{EN: "shortest wait for sshd's identification that is called late", ES: "menor espera por la identificación de sshd que se llama tardía"}}

var sshLateBanner = Rule{
	Name: "ssh-late-banner", Family: "ssh", Absence: true,
	Title: lang.Text{EN: "The SSH banner came late", ES: "La identificación SSH llegó tarde"},
	Doc: lang.Text{
		EN: "TCP was established, but sshd's identification took far longer than a round trip, or never came: the daemon was stopped or overloaded, waited for TCP wrappers, or the attempt waited in a queue before it.",
		ES: "TCP quedó establecido, pero la identificación de sshd tardó mucho más que una ida y vuelta, o no llegó: el demonio estaba parado o sobrecargado, esperaba a TCP wrappers, o el intento esperó en una cola antes de él.",
	},
	Source:     "RFC 4253, section 4.2; sshd_config(5), MaxStartups",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: []*Threshold{lateBanner, reachedLate, roundTrips},
	Refuters: []lang.Text{
		{EN: "the banner left in time and was lost (retransmitted)", ES: "la identificación salió a tiempo y se perdió (retransmitida)"},
	},
	Check: checkSSHLateBanner,
}

func checkSSHLateBanner(c *Case, r *Rule) []Finding {
	var late, silent batches
	for _, j := range c.open(r) {
		conn, f := connection(j), flow(j)
		if conn == nil || !conn.ACK.Seen() || !(j.SSH != nil || j.Server.Port() == sshPort) || j.Service == "http" {
			continue
		}
		into, wait := &silent, time.Duration(f.End.Time-conn.ACK.Time)
		switch banner := j.SSH != nil && j.SSH.ServerBanner.Seen(); {
		case banner && c.resentBetween(j, conn.ACK, j.SSH.ServerBanner):
			continue // it was lost, not late
		case banner:
			into, wait = &late, time.Duration(j.SSH.ServerBanner.Time-conn.ACK.Time)
		case f.FirstPayload[pcapflow.Server].Seen() || f.Packets[pcapflow.Server] == 0 || len(conn.SYNACK) == 0:
			continue // it spoke something else, or the capture lacks its side: not evaluable
		default:
			wait = max(wait, time.Duration(f.End.Time-f.Start.Time))
		}
		if wait >= c.limit(r, lateBanner) && c.exceeds(r, roundTrips, wait, roundTrip(j)) {
			e := phaseFrames(j, string(pcapflow.TCPConnect), string(pcapflow.SSHBanner))
			into.add(j.Server.String(), hit{journey: j, lost: wait, evidence: append(e, journeyLines(j)...)})
		}
	}
	out := late.telling(Warning, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%s took %d connection{|s} at once, but sshd's identification came after %s (round trip %s)%s.",
			ES: "%s tomó %d {conexión|conexiones} enseguida, pero la identificación de sshd llegó tras %s (ida y vuelta %s)%s.",
		}, b.key, len(b.hits), c.upTo(r, b), roundTrip(b.worst().journey), c.reachedClause(b.worst().journey))
		f.Refuters = c.doubts(r, notFound)
	})
	return append(out, silent.telling(Error, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%s took %d connection{|s}, but sshd never said a word in %s.",
			ES: "%s tomó %d {conexión|conexiones}, pero sshd no dijo nada en %s.",
		}, b.key, len(b.hits), c.upTo(r, b))
		f.Refuters = c.doubts(r, notFound)
	})...)
}

var atTheDoor = &Threshold{"within", 1, "s", lang.Text{EN: "how soon after the handshake, beyond two round trips, the server must have closed", ES: "cuánto después del establecimiento, más allá de dos idas y vueltas, debe haber cerrado el servidor"}}

var (
	crowdLeast = &Threshold{"crowd", 5, "", lang.Text{EN: "how many logins of one address must be under way for it to be named", ES: "cuántos accesos de una dirección deben estar en curso para nombrarla"}}
	crowdShare = &Threshold{"crowd-share", 0.5, "share", lang.Text{EN: "which share of all under way they must be", ES: "qué parte de todos los que están en curso deben ser"}}
)

var sshShed = Rule{
	Name: "ssh-shed", Family: "ssh",
	Title: lang.Text{EN: "sshd shed connections", ES: "sshd descartó conexiones"},
	Doc: lang.Text{
		EN: "sshd closed connections before any identification because too many were not authenticated yet (MaxStartups) or the address had earned a penalty (PerSourcePenalties).",
		ES: "sshd cerró conexiones antes de toda identificación porque había demasiadas sin autenticar (MaxStartups) o la dirección tenía una penalización (PerSourcePenalties).",
	},
	Source:     "sshd_config(5), MaxStartups, PerSourcePenalties",
	Thresholds: []*Threshold{atTheDoor, crowdLeast, crowdShare},
	Needs:      lang.Text{EN: "sshd's log, or a capture with the connection", ES: "el registro de sshd, o una captura con la conexión"},
	Wants:      []*Want{wantHandshakes, wantSSHLog},
	Refuters: []lang.Text{
		{EN: "the banner was sent", ES: "la identificación se envió"},
	},
	Check: checkSSHShed,
}

func checkSSHShed(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		if end, ok := c.shed(j); ok {
			e := append(frames(j.Points[0].Capture, connection(j).ACK.Frame, end.Frame), journeyLines(j)...)
			found.add(j.Server.String(), hit{journey: j, lost: j.Total(), evidence: e})
		}
	}
	said := c.logFinding(r, lang.Text{
		EN: "sshd shed %d connection{|s}: %q",
		ES: "sshd descartó %d {conexión|conexiones}: %q",
	}, func(e *logparse.Event) bool { return e.Kind == logparse.SSHDropped })
	if len(found.all) == 0 {
		return said
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%s took %d connection{|s} and closed {it|them} before any identification: too many not authenticated yet (MaxStartups), a penalty, or a filter of addresses.",
			ES: "%s tomó %d {conexión|conexiones} y {la|las} cerró antes de toda identificación: demasiadas sin autenticar (MaxStartups), una penalización o un filtro de direcciones.",
		}, b.key, len(b.hits)) + c.crowdedBy(r, b)
		for _, s := range said {
			f.Confidence = High
			f.Evidence = merge(append(f.Evidence, s.Evidence...))
		}
		f.Refuters = c.doubts(r, notFound)
	})
}

// crowdedBy names the address that held most of the logins under way, not yet
// authenticated, when connections were shed: one that guesses passwords, or a
// job that opens too many at a time.
func (c *Case) crowdedBy(r *Rule, b *batch) string {
	var most string
	var held, all int
	for _, h := range b.hits[:min(len(b.hits), maxProven)] {
		for _, p := range h.journey.Points {
			of, n := map[string]int{}, 0
			for _, j := range c.Journeys {
				if j != h.journey && j.Server == h.journey.Server && loggingIn(j, p) {
					of[j.Client.Addr().String()]++
					n++
				}
			}
			for who, k := range of {
				if k > held || k == held && who < most {
					most, held, all = who, k, n
				}
			}
		}
	}
	if held < c.count(r, crowdLeast) || float64(held) < c.number(r, crowdShare)*float64(all) {
		return ""
	}
	return " " + c.say(lang.Text{
		EN: "%d of the %d logins under way meanwhile were from %s.",
		ES: "%d de los %d accesos en curso mientras tanto eran de %s.",
	}, held, all, most)
}

// loggingIn tells whether a login was under way, not yet authenticated, when
// another connection in the same capture had been established.
func loggingIn(j *correlate.Journey, other correlate.Point) bool {
	for _, p := range j.Points {
		if s := p.Flow.SSH; p.Capture == other.Capture && s != nil && s.ServerBanner.Seen() && other.Flow.Conn != nil {
			at, end := other.Flow.Conn.ACK.Time, p.Flow.End.Time
			if s.AuthEnd.Seen() {
				end = s.AuthEnd.Time
			}
			return p.Flow.Start.Time < at && at < end
		}
	}
	return false
}

// shed tells that an SSH server closed a connection right after the handshake
// without its identification, and when.
func (c *Case) shed(j *correlate.Journey) (end pcapflow.Stamp, ok bool) {
	n := connection(j)
	if n == nil || !n.ACK.Seen() || len(n.SYN) == 0 || !(j.SSH != nil || c.isSSHPort(j)) || j.SSH != nil && j.SSH.ServerBanner.Seen() || j.Service == "http" {
		return end, false
	}
	if p := j.Points[0]; p.Capture.Snapped > 0 && p.Flow.FirstPayload[pcapflow.Server].Seen() {
		return end, false // what it said was cut off
	}
	end = n.FIN[pcapflow.Server]
	for _, x := range n.RST {
		if x.Dir == pcapflow.Server && !x.Odd && (!end.Seen() || x.Time < end.Time) {
			end = x.Stamp
		}
	}
	if own := n.FIN[pcapflow.Client]; own.Seen() && own.Time < end.Time {
		return end, false
	}
	return end, end.Seen() && end.Time-n.ACK.Time < int64(c.limit(c.rules["ssh-shed"], atTheDoor))+2*n.RTT
}
