package diagnose

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	timerEarly = &Threshold{"timer-early", 0.02, "share", lang.Text{EN: "how much of the timer the pause may be shorter than a multiple of it", ES: "en qué parte del temporizador puede la pausa quedarse corta de un múltiplo"}}
	timerLate  = &Threshold{"timer-late", 0.08, "share", lang.Text{EN: "how much of the timer it may be longer", ES: "en qué parte del temporizador puede excederlo"}}
)

var resolverTimer = &Threshold{"timer", 5, "s", lang.Text{EN: "the resolver timer of which the pause must be a multiple where no query is seen", ES: "el temporizador de las consultas DNS del que la pausa debe ser múltiplo si no se ve ninguna consulta"}}

var sshReverseDNS = Rule{
	Name: "ssh-reverse-dns", Family: "ssh",
	Title: lang.Text{EN: "SSH login waited for a reverse lookup", ES: "El acceso SSH esperó una resolución inversa"},
	Doc: lang.Text{
		EN: "After the first authentication request the server was silent for as long as a resolver takes to give up: with UseDNS yes (or a name in AllowUsers, from=, PAM) sshd looks up the client's address. The proof is the server's own PTR query in that interval.",
		ES: "Tras la primera petición de autenticación el servidor calló tanto como se espera una respuesta DNS antes de desistir: con UseDNS yes (o un nombre en AllowUsers, from=, PAM) sshd busca el nombre de la dirección del cliente. La prueba es la consulta PTR del propio servidor en ese intervalo.",
	},
	Source:     "sshd_config(5), UseDNS",
	Needs:      lang.Text{EN: "a capture with the login; better with the server's DNS", ES: "una captura con el acceso; mejor con el DNS del servidor"},
	Wants:      []*Want{wantSSHLogins},
	Thresholds: []*Threshold{longPause, resolverTimer, timerEarly, timerLate, ownShare},
	Refuters: []lang.Text{
		{EN: "no PTR query of the server in the pause", ES: "ninguna consulta PTR del servidor durante la pausa"},
		{EN: "clients whose address has a name wait as long", ES: "los clientes cuya dirección tiene nombre esperan lo mismo"},
	},
	Check: checkSSHReverseDNS,
}

// pause finds the longest silence of the server during a login: before its
// banner, or between an encrypted request and its answer.
func (c *Case) pause(r *Rule, j *correlate.Journey) (from, to pcapflow.Stamp) {
	s, conn := j.SSH, connection(j)
	longest := int64(c.limit(r, longPause))
	consider := func(a, b pcapflow.Stamp) {
		if a.Seen() && b.Seen() && b.Time-a.Time >= longest {
			longest, from, to = b.Time-a.Time, a, b
		}
	}
	if conn != nil {
		consider(conn.ACK, s.ServerBanner)
	}
	for _, x := range s.Rounds {
		if x.Result != "failure" || x.None { // sshd itself waits some seconds after a wrong password
			consider(x.Request, x.Reply)
		}
	}
	consider(s.ServiceRequest, s.ServiceAccept)
	return from, to
}

func checkSSHReverseDNS(c *Case, r *Rule) []Finding {
	type silence struct {
		journey  *correlate.Journey
		from, to pcapflow.Stamp
	}
	var silences []silence
	asked := map[string]*correlate.Lookup{} // by client and server: the server's query in such a silence
	client := func(j *correlate.Journey) string { return j.Client.Addr().String() + " " + j.Server.String() }
	for _, j := range c.Journeys {
		if j.SSH == nil {
			continue
		}
		from, to := c.pause(r, j)
		if !from.Seen() {
			continue
		}
		silences = append(silences, silence{j, from, to})
		if ptr := reverseLookup(j); ptr != nil {
			asked[client(j)] = ptr
		}
	}
	var found batches
	for _, s := range silences {
		key, wait := client(s.journey), time.Duration(s.to.Time-s.from.Time)
		if asked[key] == nil && !c.timerLike(r, wait) {
			continue
		}
		e := frames(s.journey.Points[0].Capture, s.from.Frame, s.to.Frame)
		if ptr := reverseLookup(s.journey); ptr != nil {
			e = append(e, lookupFrames(ptr)...)
		}
		found.add(key, hit{journey: s.journey, lost: wait, evidence: e})
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		j, ptr := f.Journeys[0], asked[b.key]
		f.Text = c.say(lang.Text{
			EN: "%d login{|s} from %s to %s waited %s for the server during authentication, as long as a reverse lookup of %s that nobody answers.",
			ES: "%d acceso{|s} de %s a %s esper{ó|aron} %s al servidor durante la autenticación, lo que dura una resolución inversa de %s que nadie responde.",
		}, len(b.hits), j.Client.Addr(), j.Server, c.upTo(r, b), j.Client.Addr())
		seen := notCollected("SERVER: tcpdump -ni any -w dns.pcap 'port 53'")
		if ptr != nil {
			seen = notFound
			if !anyAnswer(ptr) || c.exceeds(r, ownShare, lookupTime(ptr), b.worst().lost) {
				f.Confidence = High // else something behind this query waited, if a lookup did
			}
			f.Text += " " + c.say(lang.Text{EN: "Its PTR query for %s is in the capture.", ES: "Su consulta PTR de %s está en la captura."}, ptr.Name)
		}
		f.Refuters = c.doubts(r, seen, c.namedWait(r, j))
	})
}

// namedWait tells whether logins at the same server from other addresses, that
// have a name, wait as well.
func (c *Case) namedWait(r *Rule, waited *correlate.Journey) doubt {
	state := notCollected("SERVER: time getent hosts PEER")
	for _, j := range c.Journeys {
		if j.SSH == nil || j.Server != waited.Server || j.Client.Addr() == waited.Client.Addr() || !c.named(j.Client.Addr()) {
			continue
		}
		if from, _ := c.pause(r, j); from.Seen() {
			return isFound
		}
		state = notFound
	}
	return state
}

// named tells whether any lookup of an address was answered with a name.
func (c *Case) named(a netip.Addr) bool {
	return slices.ContainsFunc(c.Lookups, func(l *correlate.Lookup) bool {
		return slices.ContainsFunc(l.Tries, func(t correlate.Try) bool {
			return t.Type == "PTR" && t.Answer.Seen() && t.RCode == "NOERROR" && strings.EqualFold(strings.TrimSuffix(t.Name, "."), reverseName(a))
		})
	})
}

// reverseName is what a reverse lookup of an address asks for (RFC 1035, section
// 3.5; RFC 3596, section 2.5).
func reverseName(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0])
	}
	var name strings.Builder
	b := a.As16()
	for i := len(b) - 1; i >= 0; i-- {
		fmt.Fprintf(&name, "%x.%x.", b[i]&0xf, b[i]>>4)
	}
	return name.String() + "ip6.arpa"
}

// timerLike tells whether a pause looks like resolver timers: a multiple of
// one, and a little more.
func (c *Case) timerLike(r *Rule, d time.Duration) bool {
	timer := float64(c.limit(r, resolverTimer))
	short, long := c.number(r, timerEarly)*timer, c.number(r, timerLate)*timer
	n := math.Floor((float64(d) + short) / max(timer, 1))
	return n > 0 && float64(d)-n*timer < long
}

// reverseLookup finds a PTR lookup that the server made during the login.
func reverseLookup(j *correlate.Journey) *correlate.Lookup {
	for _, l := range j.SideLookups {
		for _, t := range l.Tries {
			if t.Type == "PTR" {
				return l
			}
		}
	}
	return nil
}
