package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// ignored is the end of the key of those that the server's host had.
const ignored = " ignored"

// ignoredThere tells whether every SYN of a journey is in a capture at its server, and
// was repeated before that answered: the network lost none of them.
func ignoredThere(j *correlate.Journey) bool {
	sent := len(connection(j).SYN)
	return slices.ContainsFunc(j.Points, func(p correlate.Point) bool {
		n := p.Flow.Conn
		return n != nil && atServer(p) && len(n.SYN) >= sent && ignoredSYN(n)
	})
}

// synIgnored fills in the finding about SYNs that the server's host had and left without
// an answer.
func (c *Case) synIgnored(r *Rule, b *batch, f *Finding, attempts int) {
	w := b.worst()
	f.Text = c.say(lang.Text{
		EN: "%s had the SYN of %d connection{|s} and let {it|them} be repeated (%d attempts), which cost %s; the network lost none: its capture holds them. A firewall on that host that limits new connections, or a full queue of its kernel: nft list ruleset, ss -lnt and nstat -az there tell which. The longest took %s; answered at once: %s.",
		ES: "%s tenía el SYN de %d {conexión|conexiones} y dejó que se repitier{a|an} (%d intentos), lo que costó %s; la red no perdió ninguno: están en su captura. Un cortafuegos de ese equipo que limita las conexiones nuevas, o una cola llena de su núcleo: allí lo dicen nft list ruleset, ss -lnt y nstat -az. La más larga tardó %s; respondida enseguida: %s.",
	}, w.journey.Server, len(b.hits), attempts, c.upTo(r, b), w.journey.Total(), max(w.journey.Total()-w.lost, 0))
	q := &pressed{server: w.journey.Server}
	if c.listenState(q); q.quiet {
		f.Text += " " + c.say(lang.Text{EN: "Its counters show no full queue: a firewall, then.", ES: "Sus contadores no muestran ninguna cola llena: un cortafuegos, entonces."})
	}
}

// ignoredSYN tells whether a SYN that arrived was repeated before anybody
// answered it.
func ignoredSYN(n *pcapflow.Conn) bool {
	return len(n.SYN) > 1 && (len(n.SYNACK) == 0 || n.SYNACK[0].Time > n.SYN[1].Time)
}

// serverCaptureRefuter looks in captures at the server for what would overturn a
// finding about SYNs.
func (c *Case) serverCaptureRefuter(r *Rule, js []*correlate.Journey, overturns func(*pcapflow.Conn) bool) Refuter {
	known := false
	for _, j := range js {
		for _, p := range j.Points {
			if p.Flow.Conn == nil || !atServer(p) {
				continue
			}
			known = true
			if overturns(p.Flow.Conn) {
				return Refuter{Text: r.Refuters[0].In(c.Lang), Status: "found"}
			}
		}
	}
	if known || capturedAt(c.Case, js[0]) {
		return Refuter{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}
	}
	return Refuter{
		Text: r.Refuters[0].In(c.Lang), Status: "not-collected",
		Command: "SERVER: tcpdump -ni any -w server.pcap 'host PEER and tcp port PORT'",
	}
}
