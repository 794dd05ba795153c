package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var neighbourWait = Rule{
	Name: "neighbour-wait", Family: "path",
	Title: lang.Text{EN: "Waiting for a neighbour's address", ES: "Espera por la dirección de un vecino"},
	Doc: lang.Text{
		EN: "The first packet waited until ARP or neighbour discovery knew the link address of the gateway or the host, or nobody answered for it: the host is off, has another address, or is on another network. A server that so asks in vain for a resolver, a directory or a database keeps its own clients waiting meanwhile.",
		ES: "El primer paquete esperó a que ARP o el descubrimiento de vecinos supiera la dirección de enlace de la puerta de enlace o del equipo, o nadie respondió por él: el equipo está apagado, tiene otra dirección o está en otra red. Un servidor que así pregunta en vano por un servidor DNS, un directorio o una base de datos hace esperar entretanto a sus propios clientes.",
	},
	Source:     "RFC 826; RFC 4861, section 7.2.2",
	Needs:      lang.Text{EN: "a capture on the link with ARP or ICMPv6", ES: "una captura en el enlace con ARP o ICMPv6"},
	Wants:      []*Want{wantLink},
	Thresholds: with(weights, slowServer, mainShare),
	Refuters: []lang.Text{
		{EN: "the packet left before the answer came", ES: "el paquete salió antes de que llegara la respuesta"},
	},
	Check: checkNeighbourWait,
}

func checkNeighbourWait(c *Case, r *Rule) []Finding {
	var waited batches
	target := map[string]netip.Addr{}
	told := map[*pcapflow.Resolution]bool{}
	for _, j := range c.open(r) {
		p := phaseOf(j, pcapflow.L2Resolve)
		if p == nil || !p.Begin.Seen() || j.Neighbour == nil {
			continue
		}
		told[j.Neighbour] = true
		wait := j.Total()
		if p.End.Seen() {
			wait = time.Duration(p.End.Time - p.Begin.Time)
		}
		if wait < c.limit(r, felt) {
			continue
		}
		key := fmt.Sprint(j.Neighbour.Target, p.End.Seen())
		target[key] = j.Neighbour.Target
		waited.add(key, hit{journey: j, lost: wait, evidence: phaseFrames(j, string(pcapflow.L2Resolve))})
	}
	out := waited.telling(Note, High, func(b *batch, f *Finding) {
		w := b.worst()
		c.weighed(r, &waited, b, f, c.connections())
		if phaseOf(w.journey, pcapflow.L2Resolve).End.Seen() {
			f.Text = c.say(lang.Text{
				EN: "%d journey{|s} waited up to %s for the link address of %s.",
				ES: "%d recorrido{|s} esper{ó|aron} hasta %s por la dirección de enlace de %s.",
			}, len(b.hits), w.lost, target[b.key])
		} else {
			f.Severity = Error
			f.Text = c.say(lang.Text{
				EN: "%d journey{|s} never left: nobody answered for the link address of %s.",
				ES: "%d recorrido{|s} nunca sali{ó|eron}: nadie respondió por la dirección de enlace de %s.",
			}, len(b.hits), target[b.key])
		}
		f.Refuters = c.doubts(r, notFound)
	})
	return append(out, c.deadNeighbours(r, told)...)
}

// deadNeighbours are those that a host asked for again and again in vain,
// though no journey shows it: the packets never left.
func (c *Case) deadNeighbours(r *Rule, told map[*pcapflow.Resolution]bool) []Finding {
	var out []Finding
	said := map[[2]netip.Addr]bool{} // by another capture of the same link
	rejected := c.rejected()
	for _, k := range c.Incident.Captures {
		rounds := map[netip.Addr][]*pcapflow.Resolution{}
		var order []netip.Addr
		answered := map[netip.Addr]bool{} // at another time
		for _, n := range k.Neighbours {
			answered[n.Target] = answered[n.Target] || n.Reply.Seen()
		}
		for _, n := range k.Neighbours {
			if n.Gratuitous || told[n] || len(n.Requests) < 2 || !n.Asker.IsValid() || n.Asker.IsUnspecified() || answered[n.Target] {
				continue
			}
			if rounds[n.Target] == nil {
				order = append(order, n.Target)
			}
			rounds[n.Target] = append(rounds[n.Target], n)
		}
		for _, t := range order {
			pair := [2]netip.Addr{rounds[t][0].Asker, t}
			if said[pair] {
				continue
			}
			said[pair] = true
			f := Finding{Severity: Note, Confidence: High}
			var numbers []int
			for _, n := range rounds[t] {
				for _, s := range n.Requests {
					numbers = append(numbers, s.Frame)
				}
			}
			f.Evidence = frames(k, numbers...)
			f.Text = c.say(lang.Text{
				EN: "%s asked %d time{|s} for the link address of %s and nobody answered.",
				ES: "%s preguntó %d {vez|veces} por la dirección de enlace de %s y nadie respondió.",
			}, rounds[t][0].Asker, len(numbers), t)
			if c.wanted(t) && !rejected[t] {
				f.Severity = Warning
			}
			c.heldByAbsent(r, k, rounds[t], &f)
			f.Refuters = c.doubts(r, notFound)
			out = append(out, f)
		}
	}
	return out
}

// heldByAbsent adds to a finding about a host that asked in vain for a neighbour the
// journeys whose server it is, where it did so for most of a wait of theirs.
func (c *Case) heldByAbsent(r *Rule, k *incident.Capture, rounds []*pcapflow.Resolution, f *Finding) {
	var kept batches
	for _, j := range c.servedBy(rounds[0].Asker) {
		for _, p := range j.Points {
			if p.Capture != k {
				continue
			}
			if wait, numbers := c.waitedMeanwhile(r, p, rounds); wait > 0 {
				kept.add("", hit{journey: j, lost: wait, evidence: frames(k, numbers...)})
				break
			}
		}
	}
	for _, x := range kept.telling(Warning, High, func(b *batch, x *Finding) {
		x.Text = c.say(lang.Text{
			EN: "%s Meanwhile it kept %d journey{|s} to it waiting, %s.",
			ES: "%s Entretanto hizo esperar a %d recorrido{|s} hacia él, %s.",
		}, f.Text, len(b.hits), c.upTo(r, b))
	}) {
		x.Evidence = merge(append(f.Evidence, x.Evidence...))
		*f = x
	}
}

// servedBy are the journeys whose server has an address: asked once for each neighbour
// that is asked for, of which a scan asks for thousands.
func (c *Case) servedBy(a netip.Addr) []*correlate.Journey {
	if c.byServer == nil {
		c.byServer = map[netip.Addr][]*correlate.Journey{}
		for _, j := range c.Journeys {
			c.byServer[j.Server.Addr()] = append(c.byServer[j.Server.Addr()], j)
		}
	}
	return c.byServer[a]
}

// waitedMeanwhile is the longest wait for a server, as one point of a journey shows it, most of
// which passed while that asked in vain for a neighbour, and the frames it lies between.
func (c *Case) waitedMeanwhile(r *Rule, p correlate.Point, rounds []*pcapflow.Resolution) (longest time.Duration, numbers []int) {
	for _, w := range serverMoves(p) {
		wait := time.Duration(w[1].Time - w[0].Time)
		if wait < c.limit(r, slowServer) || wait <= longest {
			continue
		}
		for _, n := range rounds {
			begun := slices.IndexFunc(n.Requests, func(s pcapflow.Stamp) bool { return s.Time >= w[0].Time && s.Time < w[1].Time })
			if begun >= 0 && n.Clock == p.Flow.Clock && c.exceeds(r, mainShare, time.Duration(w[1].Time-n.Requests[begun].Time), wait) {
				longest, numbers = wait, []int{w[0].Frame, w[1].Frame}
			}
		}
	}
	return longest, numbers
}

// serverMoves are the stretches in which it was the server's turn, as a point shows them:
// between a request and its answer, before sshd's banner, and in each round of a login
// but those that it answers late on purpose, after a wrong password.
func serverMoves(p correlate.Point) (moves [][2]pcapflow.Stamp) {
	add := func(from, to pcapflow.Stamp) {
		if from.Seen() && to.Seen() && to.Time > from.Time {
			moves = append(moves, [2]pcapflow.Stamp{from, to})
		}
	}
	if x := p.Exchange; x != nil && !x.Undecided {
		add(x.RequestLast, x.ResponseFirst)
	}
	if s := p.Flow.SSH; s != nil && p.Flow.Conn != nil {
		add(p.Flow.Conn.ACK, s.ServerBanner)
		for _, x := range s.Rounds {
			if x.Result != "failure" || x.None {
				add(x.Request, x.Reply)
			}
		}
	}
	return moves
}

// rejected are the addresses to which the network has already been found to reject
// what goes there.
func (c *Case) rejected() map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for _, j := range c.Journeys {
		if c.explained[j]["refused-by-network"] {
			out[j.Server.Addr()] = true
		}
	}
	return out
}

// wanted tells whether an address is one that some journey, lookup or client
// program wanted to reach.
func (c *Case) wanted(a netip.Addr) bool {
	if c.goals == nil {
		c.goals = map[netip.Addr]bool{}
		for _, j := range c.Journeys {
			c.goals[j.Server.Addr()] = true
			if j.Neighbour != nil {
				c.goals[j.Neighbour.Target] = true
			}
		}
		for _, l := range c.Lookups {
			for _, x := range l.Addresses {
				c.goals[x] = true
			}
		}
	}
	return c.goals[a]
}
