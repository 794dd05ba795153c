package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var ntpKiss = Rule{
	Name: "ntp-kiss-o-death", Family: "ntp",
	Title: lang.Text{EN: "The NTP server asks to go away", ES: "El servidor NTP pide que no se le pregunte"},
	Doc: lang.Text{
		EN: "The server answered with stratum 0 and a kiss code: RATE asks for fewer requests, DENY and RSTR refuse. Its stamps mean nothing and no clock may be set by them.",
		ES: "El servidor respondió con estrato 0 y un código: RATE pide menos peticiones, DENY y RSTR rechazan. Sus marcas no significan nada y no se debe poner ningún reloj con ellas.",
	},
	Source: "RFC 5905, section 7.4",
	Needs:  lang.Text{EN: "a capture with the answer", ES: "una captura con la respuesta"},
	Wants:  []*Want{wantNTP},
	Refuters: []lang.Text{
		{EN: "the answer is of stratum 1 to 15", ES: "la respuesta es de estrato 1 a 15"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		return c.ntpAnswers(lang.Text{
			EN: "%s answers %s with a kiss-o'-death (%s), %d time{|s}: it gives no time.",
			ES: "%s responde a %s con un «beso de la muerte» (%s), %d {vez|veces}: no da la hora.",
		}, func(s *pcapflow.NTPSample) (string, bool) { return c.kiss(s.Response.Kiss), s.Response.Kiss != "" })
	},
}

// kiss is a kiss code with what it asks for (RFC 5905, section 7.4).
func (c *Case) kiss(code string) string {
	switch code {
	case "RATE":
		return code + c.say(lang.Text{EN: ": it is asked too often", ES: ": se le pregunta demasiado"})
	case "DENY", "RSTR":
		return code + c.say(lang.Text{EN: ": it does not serve this client", ES: ": no atiende a este cliente"})
	}
	return code
}

var ntpBadServer = Rule{
	Name: "ntp-bad-server", Family: "ntp",
	Title: lang.Text{EN: "The NTP server is not synchronised", ES: "El servidor NTP no está sincronizado"},
	Doc: lang.Text{
		EN: "The server says of itself that it has no time (leap indicator 3, stratum 0 or 16), or it disagrees with the majority: clients must not follow it.",
		ES: "El servidor dice de sí mismo que no tiene hora (indicador 3, estrato 0 o 16), o no concuerda con la mayoría: los clientes no deben seguirlo.",
	},
	Source:     "RFC 5905, sections 7.3 and 11.2.1",
	Needs:      lang.Text{EN: "a capture with the answer", ES: "una captura con la respuesta"},
	Wants:      []*Want{wantNTP},
	Thresholds: []*Threshold{smallest},
	Refuters: []lang.Text{
		{EN: "its time agrees with that of most servers asked", ES: "su hora concuerda con la de la mayoría de los servidores preguntados"},
	},
	Check: func(c *Case, r *Rule) []Finding {
		out := c.ntpAnswers(lang.Text{
			EN: "%s answers %s as not synchronised (%s), %d time{|s}.",
			ES: "%s responde a %s como no sincronizado (%s), %d {vez|veces}.",
		}, func(s *pcapflow.NTPSample) (string, bool) {
			return c.say(lang.Text{EN: "LI %d, stratum %d", ES: "LI %d, estrato %d"}, s.Response.LI, s.Response.Stratum), s.Response.Seen() && s.Response.Mode == 4 && s.Response.Kiss == "" && s.Response.Unsynchronised()
		})
		return append(out, c.falsetickers(r)...)
	},
}

// falsetickers compares the servers' clocks: those whose interval does not meet
// the one that most share are wrong (RFC 5905, section 11.2.1). Two that do not
// agree tell only that one of them is. One that says itself that it is not
// synchronised has no vote.
func (c *Case) falsetickers(r *Rule) []Finding {
	servers := c.votingServers()
	var out []Finding
	for _, k := range servers {
		other := c.outvoted(k, servers)
		if other == nil {
			continue
		}
		f := Finding{Severity: Warning, Confidence: High}
		of, _, _, _ := other.At(anchor(other))
		own, _, _, _ := k.At(anchor(k))
		f.Text = c.say(lang.Text{
			EN: "NTP server %s differs from %s by %s: it disagrees with most of the %d servers asked.",
			ES: "El servidor NTP %s difiere de %s en %s: no concuerda con la mayoría de los %d servidores preguntados.",
		}, k.Name, other.Name, c.exact(time.Duration(own-of)), len(servers))
		if len(servers) == 2 {
			f.Confidence = Medium
			f.Text = c.say(lang.Text{
				EN: "NTP servers %s and %s differ by %s: one of them is wrong, and two alone cannot tell which.",
				ES: "Los servidores NTP %s y %s difieren en %s: uno de los dos está mal, y dos solos no dicen cuál.",
			}, k.Name, other.Name, c.exact(time.Duration(own-of).Abs()))
		}
		for _, j := range c.Journeys {
			if j.NTP != nil && j.NTP.Response.Seen() && (j.Server.Addr().String() == k.Name || len(servers) == 2 && j.Server.Addr().String() == other.Name) {
				f.Journeys = append(f.Journeys, j)
				if len(f.Journeys) <= maxProven {
					f.Evidence = append(f.Evidence, phaseFrames(j, string(pcapflow.NTPExchange))...)
				}
			}
		}
		f.Evidence = merge(f.Evidence)
		out = append(out, f)
		if len(servers) == 2 {
			break
		}
	}
	return out
}

// votingServers are the NTP servers whose clock is known, and that do not say themselves
// that they are not synchronised.
func (c *Case) votingServers() (servers []*correlate.Clock) {
	for _, k := range c.Clocks {
		if k.Kind == "ntp-server" && (k.Status == clock.Measured || k.Status == clock.Reference) && !c.unsynchronised(k.Name) && !c.onlyAsks(k.Name) {
			servers = append(servers, k)
		}
	}
	return servers
}

// outvoted is one of the voting servers whose clock does not meet that of k, where no
// majority of them does; nil: k is one of the majority, or alone.
func (c *Case) outvoted(k *correlate.Clock, servers []*correlate.Clock) (other *correlate.Clock) {
	agree := 1
	for _, o := range servers {
		switch {
		case o == k:
		case c.meets(k, o):
			agree++
		default:
			other = o
		}
	}
	if 2*agree > len(servers) {
		return nil
	}
	return other
}

// onlyAsks tells whether a host asks servers for the time, and gives its own to its peers
// alone: it is the one whose servers are compared.
func (c *Case) onlyAsks(host string) bool {
	asks := false
	for _, j := range c.Journeys {
		if j.NTP == nil {
			continue
		}
		sides := [2]string{j.Client.Addr().String(), j.Server.Addr().String()}
		q, a := &j.NTP.Request, &j.NTP.Response
		asks = asks || q.Seen() && q.Asks() && sides[q.From] == host
		if a.Seen() && a.Serves() && sides[a.From] == host {
			return false
		}
	}
	return asks
}

// meets tells whether the bounds of two clocks share an instant, or are not known.
func (c *Case) meets(a, b *correlate.Clock) bool {
	at := int64(0)
	for _, k := range []*correlate.Clock{a, b} {
		if len(k.Segments) > 0 {
			at = max(at, k.Segments[0].From)
		}
	}
	_, lowA, highA, okA := a.At(at)
	_, lowB, highB, okB := b.At(at)
	gap := int64(c.limit(c.rules["ntp-bad-server"], smallest))
	return !okA || !okB || lowA <= highB+gap && lowB <= highA+gap
}

// unsynchronised tells whether a server said of itself that it is.
func (c *Case) unsynchronised(server string) bool {
	return slices.ContainsFunc(c.Journeys, func(j *correlate.Journey) bool {
		return j.NTP != nil && j.Server.Addr().String() == server && j.NTP.Response.Seen() && j.NTP.Response.Kiss == "" && j.NTP.Response.Unsynchronised()
	})
}

// ntpAnswers makes one finding for each pair of client and server whose answers
// fit.
func (c *Case) ntpAnswers(text lang.Text, fits func(*pcapflow.NTPSample) (string, bool)) []Finding {
	var found batches
	words := map[string]string{}
	for _, j := range c.Journeys {
		if j.NTP == nil {
			continue
		}
		if word, ok := fits(j.NTP); ok {
			key := j.Client.Addr().String() + " " + j.Server.String() + " " + word
			words[key] = word
			found.add(key, hit{journey: j, evidence: phaseFrames(j, string(pcapflow.NTPExchange))})
		}
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(text, j.Server, j.Client.Addr(), words[b.key], len(b.hits))
	})
}

// anchor is an instant of a clock's own at which its offset is known.
func anchor(k *correlate.Clock) int64 {
	if len(k.Segments) > 0 {
		return k.Segments[0].From
	}
	return 0
}
