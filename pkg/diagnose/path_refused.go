package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var refusedByNetwork = Rule{
	Name: "refused-by-network", Family: "path",
	Title: lang.Text{EN: "Refused by the network", ES: "Rechazado por la red"},
	Doc: lang.Text{
		EN: "A router or a firewall answered with ICMP that the target cannot be reached, or may not be: no route, no such host, prohibited by a rule. The server never saw the packet. The address the ICMP came from says where to look.",
		ES: "Un router o un cortafuegos respondió por ICMP que el destino no se alcanza o no está permitido: sin ruta, sin ese equipo, prohibido por una regla. El servidor nunca vio el paquete. La dirección de la que vino el ICMP dice dónde mirar.",
	},
	Source: "RFC 792; RFC 1812, section 5.2.7.1; RFC 4443, section 3.1",
	Needs:  lang.Text{EN: "a capture that holds the ICMP error", ES: "una captura que tenga el error ICMP"},
	Wants:  []*Want{wantCapture},
	Refuters: []lang.Text{
		{EN: "the ICMP error quotes another connection", ES: "el error ICMP cita otra conexión"},
	},
	Check: checkRefusedByNetwork,
}

// unreachable is the first ICMP error of a flow that says that its target
// cannot be reached.
func unreachable(f *pcapflow.Flow) *pcapflow.ICMPError {
	for i := range f.ICMP {
		x := &f.ICMP[i]
		if !x.V6 && x.Type == 3 && x.Code != 4 || x.V6 && x.Type == 1 {
			return x
		}
	}
	return nil
}

func checkRefusedByNetwork(c *Case, r *Rule) []Finding {
	var found batches
	said := map[string]*pcapflow.ICMPError{}
	for _, j := range c.open(r) {
		for _, p := range j.Points {
			x := unreachable(p.Flow)
			if x == nil || !refuses(p.Flow, x) {
				continue
			}
			key := fmt.Sprint(x.From, " ", j.Server, " ", x.Type, " ", x.Code)
			var numbers []int
			for i := range p.Flow.ICMP {
				numbers = append(numbers, p.Flow.ICMP[i].Frame)
			}
			if p.Flow.Conn != nil {
				numbers = append(numbers, synFrames(p.Flow)...)
			}
			found.add(key, hit{journey: j, lost: max(j.Total(), time.Duration(x.Time-p.Flow.Start.Time)), evidence: frames(p.Capture, numbers...)})
			if said[key] == nil {
				said[key] = x
			}
			break
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		x, w := said[b.key], b.worst()
		if w.journey.Lookup != nil && !slices.ContainsFunc(f.Journeys, awaited) {
			f.Severity = Note // a machine's own queries, which nobody waited for
		}
		f.Text = c.say(lang.Text{
			EN: "%s rejects %s: ICMP %q (type %d, code %d) to %d attempt{|s} of %s, after up to %s; nothing reached the server.",
			ES: "%s rechaza %s: ICMP %q (tipo %d, código %d) a %d intento{|s} de %s, tras hasta %s; nada llegó al servidor.",
		}, x.From, w.journey.Server, x.Text, int(x.Type), int(x.Code), len(b.hits), w.journey.Client.Addr(), w.lost)
		f.Refuters = c.doubts(r, notFound)
	})
}

// refuses tells whether an ICMP error ended what the flow wanted: nothing came
// back before it, and it came from somebody else than the server, or speaks of
// a connection.
func refuses(f *pcapflow.Flow, x *pcapflow.ICMPError) bool {
	if x.Source.IsValid() && x.Source.Addr() != f.Client.Addr() {
		return false // an answer that came back too late, to a port already closed
	}
	if f.Conn != nil {
		return !f.Conn.ACK.Seen() && len(f.Conn.SYN) > 0
	}
	return f.Packets[pcapflow.Server] == 0 && x.From != f.Server.Addr()
}

var duplicateAddress = Rule{
	Name: "duplicate-address", Family: "path",
	Title: lang.Text{EN: "Two machines claim one address", ES: "Dos máquinas reclaman una dirección"},
	Doc: lang.Text{
		EN: "Different link addresses answered for one IP address, or one announced itself unasked and took over the packets of another: two machines with the same address, a forged answer, or a failover. Connections break now and then. Find the second one by its link address in the switch's table.",
		ES: "Respondieron direcciones de enlace distintas por una misma dirección IP, o una se anunció sin que nadie preguntara y se quedó con los paquetes de otra: dos máquinas con la misma dirección, una respuesta falsificada o una conmutación. Las conexiones se rompen a ratos. Busque la segunda por su dirección de enlace en la tabla del conmutador.",
	},
	Source: "RFC 5227; RFC 4862, section 5.4",
	Needs:  lang.Text{EN: "a capture on the link with ARP or ICMPv6", ES: "una captura en el enlace con ARP o ICMPv6"},
	Wants:  []*Want{wantLink},
	Refuters: []lang.Text{
		{EN: "one of them is a virtual address of VRRP or HSRP", ES: "una de ellas es una dirección virtual de VRRP o HSRP"},
		{EN: "all answers come from one link address", ES: "todas las respuestas vienen de una dirección de enlace"},
	},
	Check: checkDuplicateAddress,
}

func checkDuplicateAddress(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Incident.Captures {
		type owner struct {
			mac    [6]byte
			frames []int
		}
		owners := map[netip.Addr][]owner{}
		var order []netip.Addr
		for _, n := range k.Neighbours {
			if n.Protocol != "arp" || n.MAC == [6]byte{} {
				continue
			}
			for i, mac := range append([][6]byte{n.MAC}, n.Others...) {
				at := n.Reply.Frame
				if at == 0 && len(n.Requests) > 0 {
					at = n.Requests[0].Frame
				}
				if i > 0 {
					at = 0
				}
				known := false
				for o := range owners[n.Target] {
					if owners[n.Target][o].mac == mac {
						owners[n.Target][o].frames = append(owners[n.Target][o].frames, at)
						known = true
					}
				}
				if !known {
					if owners[n.Target] == nil {
						order = append(order, n.Target)
					}
					owners[n.Target] = append(owners[n.Target], owner{mac, []int{at}})
				}
			}
		}
		for _, a := range order {
			list := owners[a]
			if len(list) < 2 {
				continue
			}
			f := Finding{Severity: Note, Confidence: Medium}
			virtual := false
			for _, o := range list {
				f.Evidence = append(f.Evidence, frames(k, o.frames...)...)
				virtual = virtual || virtualMAC(o.mac)
			}
			f.Evidence = merge(f.Evidence)
			if c.wanted(a) && !virtual {
				f.Severity = Warning
			}
			f.Text = c.say(lang.Text{
				EN: "%d link addresses answer for %s (%s and %s): resets and timeouts now and then are to be expected.",
				ES: "%d direcciones de enlace responden por %s (%s y %s): cabe esperar reinicios y tiempos vencidos a ratos.",
			}, len(list), a, pcapflow.LinkAddress(list[0].mac), pcapflow.LinkAddress(list[1].mac))
			f.Refuters = c.doubts(r, foundIf(virtual))
			c.brokenBy(&f, a)
			out = append(out, f)
		}
		out = append(out, c.takenOver(r, k)...)
	}
	return out
}

// virtualMAC: those of VRRP (RFC 9568 section 7.3) and HSRP.
func virtualMAC(m [6]byte) bool {
	return m[0] == 0 && m[1] == 0 && (m[2] == 0x5e && m[3] == 0 || m[2] == 0x0c && m[3] == 0x07 && m[4] == 0xac || m[2] == 0x0c && m[3] == 0x9f)
}

var changes = &Threshold{"changes", 2, "", lang.Text{EN: "more changes than this are several devices that take turns", ES: "más cambios que estos son varios equipos que se turnan"}}

var pathChanged = Rule{
	Name: "path-changed", Family: "path",
	Title: lang.Text{EN: "The path changed", ES: "El camino cambió"},
	Doc: lang.Text{
		EN: "The TTL of one side's packets changed within a connection: they came another way, or another device answered in its name. A change of the round trip at the same instant tells what it cost.",
		ES: "El TTL de los paquetes de un lado cambió dentro de una conexión: vinieron por otro camino, u otro equipo respondió en su nombre. Un cambio de la ida y vuelta en el mismo instante dice qué costó.",
	},
	Source:     "RFC 1812, section 5.3.1",
	Thresholds: []*Threshold{changes},
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "the TTL changes back and forth: several devices answer (load balancing)", ES: "el TTL cambia una y otra vez: responden varios equipos (reparto de carga)"},
		{EN: "the TTL stays the same", ES: "el TTL sigue igual"},
	},
	Check: checkPathChanged,
}

func checkPathChanged(c *Case, r *Rule) []Finding {
	var found batches
	change := map[string]pcapflow.Reroute{}
	seen := map[*pcapflow.Flow]bool{}
	for _, j := range c.Journeys {
		for _, p := range j.Points {
			if p.Flow.Conn == nil || seen[p.Flow] {
				continue
			}
			seen[p.Flow] = true
			for d := range p.Flow.Conn.Rerouted {
				w := p.Flow.Conn.Rerouted[d]
				if !w.Seen() {
					continue
				}
				key := fmt.Sprint(j.Server.Addr(), w.From, w.To)
				change[key] = w
				found.add(key, hit{journey: j, evidence: frames(p.Capture, w.Frame)})
			}
		}
	}
	return found.telling(Note, Low, func(b *batch, f *Finding) {
		w, j := change[b.key], f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "The path between %s and %s changed within %d connection{|s}: TTL %d, then %d.",
			ES: "El camino entre %s y %s cambió dentro de %d {conexión|conexiones}: TTL %d, después %d.",
		}, j.Client.Addr(), j.Server.Addr(), len(b.hits), int(w.From), int(w.To))
		f.Refuters = c.doubts(r, foundIf(w.Changes > c.count(r, changes)))
	})
}

// brokenBy names the connections that one of an address's machines refused: who
// claims it with whom is the answer then, and two kinds of evidence agree.
func (c *Case) brokenBy(f *Finding, a netip.Addr) {
	for _, j := range c.Journeys {
		if n := connection(j); n != nil && j.Server.Addr() == a && refused(n) {
			f.Journeys = append(f.Journeys, j)
			f.Lost += j.Total()
		}
	}
	if len(f.Journeys) > 0 && f.Severity == Warning {
		f.Severity, f.Confidence = Error, High
	}
}
