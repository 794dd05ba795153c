package diagnose

import (
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// swollen is a connection all of whose round trips were far longer than others
// with its server needed: not what it carried, but the path was slow.
type swollen struct {
	journey *correlate.Journey
	usual   time.Duration // the least of the connections with the server
	trip    time.Duration // of its own handshake
}

// trips are the round trip of a handshake in which nothing was sent twice, and
// the least of the acknowledgements after it: a device near by may shake hands for
// the server.
func trips(n *pcapflow.Conn) (handshake, least time.Duration, ok bool) {
	least = time.Duration(max(n.Samples[0].Min, n.Samples[1].Min))
	return time.Duration(n.RTT), least, len(n.SYN) == 1 && len(n.SYNACK) == 1 && n.RTT > 0
}

// swollenConnections are those whose handshake, and every acknowledgement after
// it, took a multiple of the usual.
func (c *Case) swollenConnections() []swollen {
	if c.swellings != nil {
		return *c.swellings
	}
	r := c.rules["bufferbloat"]
	type ends struct {
		capture *incident.Capture
		server  netip.Addr
	}
	least := map[ends]time.Duration{}
	at := func(j *correlate.Journey) ends { return ends{j.Points[0].Capture, j.Server.Addr()} }
	for j, f := range connections(c.Journeys) {
		d, far, ok := trips(f.Conn)
		if d = max(d, far); ok && (least[at(j)] == 0 || d < least[at(j)]) {
			least[at(j)] = d
		}
	}
	var all []swollen
	for j, f := range connections(c.Journeys) {
		d, far, ok := trips(f.Conn)
		usual := least[at(j)]
		if ok && d-usual >= c.limit(r, bloatDelay) && c.exceeds(r, bloatTimes, d, usual) && c.exceeds(r, bloatTimes, far, usual) {
			all = append(all, swollen{j, usual, d})
		}
	}
	c.swellings = &all
	return all
}

// swollenPath tells of servers to which the path was slow for several
// connections, whatever they carried.
func (c *Case) swollenPath(r *Rule) []Finding {
	var found batches
	worst := map[string]swollen{}
	for _, s := range c.swollenConnections() {
		j := s.journey
		key := j.Server.Addr().String()
		if s.trip > worst[key].trip {
			worst[key] = s
		}
		found.add(key, hit{journey: j, lost: s.trip - s.usual, evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
	}
	told := found.telling(Note, Medium, func(b *batch, f *Finding) {
		f.Severity = c.loudness(r, len(b.hits), c.connections())
		w := worst[b.key]
		f.Text = c.say(lang.Text{
			EN: "The round trip to %s grew from %s to %s on %d connection{|s}, though little was sent on {it|them}: a queue on the path that others fill, not the server.",
			ES: "La ida y vuelta hasta %s creció de %s a %s en %d {conexión|conexiones}, aunque {llevaba|llevaban} poco: una cola en el camino que llenan otros, no el servidor.",
		}, b.key, w.usual, w.trip, len(b.hits))
		f.Refuters = c.doubts(r, notCollected("CLIENT: ping -i 0.2 SERVER"))
	})
	var out []Finding
	for _, f := range told {
		if len(f.Journeys) >= c.count(r, bloatAlone) {
			out = append(out, f)
		}
	}
	return out
}

// pathSlow tells whether the path of a client was as slow, about an instant of a
// capture, as most of a wait.
func (c *Case) pathSlow(k *incident.Capture, client netip.Addr, at int64, wait time.Duration) bool {
	r := c.rules["dns-slow-resolver"]
	near := int64(c.limit(r, pathNear))
	for _, s := range c.swollenConnections() {
		p := s.journey.Points[0]
		if p.Capture == k && s.journey.Client.Addr() == client && c.exceeds(r, pathShare, s.trip, wait) && at >= p.Flow.Start.Time-near && at <= p.Flow.End.Time+near {
			return true
		}
	}
	return false
}
