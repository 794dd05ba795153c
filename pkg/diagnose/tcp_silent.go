package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	fallenCalls = &Threshold{"calls", 3, "", lang.Text{EN: "segments sent again in vain that show that a peer is silent", ES: "segmentos repetidos en vano que muestran que el otro extremo calla"}}
	fallenFor   = &Threshold{"silence", 3, "s", lang.Text{EN: "shortest time from a peer's last packet to the last segment sent to it again", ES: "menor tiempo desde el último paquete del otro extremo hasta el último segmento que se le repite"}}
	fallenSure  = &Threshold{"sure", 10, "s", lang.Text{EN: "silence from which an outage that passes is unlikely", ES: "silencio desde el que un corte pasajero es improbable"}}
)

var fellSilent = Rule{
	Name: "fell-silent", Family: "tcp", Gated: true, Absence: true,
	Title: lang.Text{EN: "A peer fell silent for good", ES: "Un extremo calló para siempre"},
	Doc: lang.Text{
		EN: "In the middle of an open connection an address stopped sending: no packet of its own on any connection, no FIN, no RST, though segments to it were sent again until the capture's end or until the sender gave up. That is no loss of packets: the host was switched off, its link or its address went away, or the path to it broke.",
		ES: "En medio de una conexión abierta una dirección dejó de enviar: ningún paquete suyo en ninguna conexión, ni FIN ni RST, aunque se le repitieron segmentos hasta el fin de la captura o hasta que el emisor desistió. No es pérdida de paquetes: el equipo se apagó, su enlace o su dirección desapareció, o se cortó el camino hasta él.",
	},
	Source:     "RFC 9293, section 3.8.3; RFC 1122, section 4.2.3.5",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantConnections},
	Thresholds: []*Threshold{fallenCalls, fallenFor, fallenSure, everyday},
	Refuters: []lang.Text{
		{EN: "a capture holds a later packet of that address", ES: "una captura tiene un paquete posterior de esa dirección"},
		{EN: "at the address itself, packets went on leaving: the path lost them", ES: "en la propia dirección siguieron saliendo paquetes: los perdió el camino"},
	},
	Check: checkFellSilent,
}

// silence is the end of what an address sent, as one connection of it shows.
type silence struct {
	point  correlate.Point
	of     netip.Addr
	since  int64 // when it was last heard, by the capture's clock, ns
	called []pcapflow.Stamp
	first  pcapflow.Stamp // original of the first of these, where it was seen
}

func checkFellSilent(c *Case, r *Rule) []Finding {
	var all []silence
	var journeys []*correlate.Journey // one a silence
	for _, j := range c.open(r) {
		if s, ok := c.silenced(r, j); ok {
			all, journeys = append(all, s), append(journeys, j)
		}
	}
	fallen := fellTogether(all)
	var found batches
	for i, s := range all {
		numbers := []int{s.first.Frame}
		for _, x := range s.called {
			numbers = append(numbers, x.Frame)
		}
		last := s.called[len(s.called)-1]
		found.add(fallen.of[s.of].key(), hit{journey: journeys[i], lost: time.Duration(last.Time - s.since), evidence: append(frames(s.point.Capture, numbers...), journeyLines(journeys[i])...)})
	}
	for _, j := range c.open(r) {
		if g := fallen.of[j.Server.Addr()]; g != nil && g.unansweredSince(j) {
			g.later++
			found.add(g.key(), hit{journey: j, lost: j.Total(), evidence: phaseFrames(j, string(pcapflow.TCPConnect))})
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) { c.tellSilence(r, b, f, fallen.named(b.key)) })
}

// silenced finds the point at which a journey's connection shows that one of its
// sides fell silent for good.
func (c *Case) silenced(r *Rule, j *correlate.Journey) (silence, bool) {
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil || !n.ACK.Seen() && (p.Flow.Payload[pcapflow.Client] == 0 || p.Flow.Payload[pcapflow.Server] == 0) || len(n.RST) > 0 {
			continue
		}
		for d := pcapflow.Client; d <= pcapflow.Server; d++ {
			s := silence{point: p, of: side(p.Flow, d)}
			if n.FIN[d].Seen() || n.Heard[d] == 0 || p.Capture.VantageHost == s.of || !within(j, p, n.Heard[d]) && !lastOf(j, p) {
				continue
			}
			s.since = c.lastHeard(p.Capture)[s.of] // on any connection
			s.call(n, d)
			if len(s.called) < c.count(r, fallenCalls) || time.Duration(s.called[len(s.called)-1].Time-s.since) < c.limit(r, fallenFor) {
				continue
			}
			if !c.heardElsewhere(r, s) {
				return s, true
			}
		}
	}
	return silence{}, false
}

// side is the address of a side of a flow.
func side(f *pcapflow.Flow, d pcapflow.Dir) netip.Addr {
	if d == pcapflow.Client {
		return f.Client.Addr()
	}
	return f.Server.Addr()
}

// lastOf tells whether a journey is the last that its connection carried.
func lastOf(j *correlate.Journey, p correlate.Point) bool {
	return p.Exchange == nil || p.Exchange.Ordinal == len(p.Flow.HTTP)
}

// call notes the segments that were sent again to side d after it was last heard.
// Those larger than any that it ever acknowledged may be lost for their size.
func (s *silence) call(n *pcapflow.Conn, d pcapflow.Dir) {
	from := d.Other()
	for _, t := range n.Retransmissions {
		if t.Dir != from || t.Time <= s.since || int64(t.Len) > n.Count[from].LargestAcked {
			continue
		}
		if len(s.called) == 0 {
			s.first = t.Original
		}
		s.called = append(s.called, t.Stamp)
	}
}

// lastHeard tells when a capture last heard each address. Of flows that do not tell
// their sides apart the end counts for both that sent anything.
func (c *Case) lastHeard(k *incident.Capture) map[netip.Addr]int64 {
	if m := c.latest[k]; m != nil {
		return m
	}
	m := map[netip.Addr]int64{}
	hear := func(a netip.Addr, at int64) { m[a] = max(m[a], at) }
	for _, f := range k.Flows {
		for d := pcapflow.Client; d <= pcapflow.Server; d++ {
			switch {
			case f.Conn != nil:
				hear(side(f, d), f.Conn.Heard[d])
			case f.Packets[d] > 0:
				hear(side(f, d), f.End.Time)
			}
		}
		for i := range f.ICMP {
			hear(f.ICMP[i].From, f.ICMP[i].Time)
		}
	}
	for _, x := range k.Neighbours {
		if len(x.Requests) > 0 {
			hear(x.Asker, x.Requests[len(x.Requests)-1].Time)
		}
		if x.Reply.Seen() {
			hear(x.Target, x.Reply.Time)
		}
	}
	for _, x := range k.Echoes {
		hear(x.Asker, x.Request.Time)
		if x.Reply.Seen() {
			hear(x.Target, x.Reply.Time)
		}
	}
	for i := range k.ICMP {
		hear(k.ICMP[i].From, k.ICMP[i].Time)
	}
	if c.latest == nil {
		c.latest = map[*incident.Capture]map[netip.Addr]int64{}
	}
	c.latest[k] = m
	return m
}

// heardElsewhere tells whether another capture holds a later packet of the address,
// or may: its clock is not known.
func (c *Case) heardElsewhere(r *Rule, s silence) bool {
	return slices.ContainsFunc(c.Incident.Captures, func(k *incident.Capture) bool {
		at, heard := c.lastHeard(k)[s.of]
		if k == s.point.Capture || !heard {
			return false
		}
		mine, other := c.clockOf(s.point.Capture.Files[0]), c.clockOf(k.Files[0])
		if mine == nil || other == nil {
			return true
		}
		_, _, high, known := mine.Correct(s.since)
		low, _, _, also := other.Correct(at)
		return !known || !also || low > high+int64(c.limit(r, fallenFor))
	})
}

// stillHeard counts the addresses beside that of a silence that its capture heard after the
// first call, and that were not the ones who called.
func (c *Case) stillHeard(all []silence) (n int) {
	callers := map[netip.Addr]bool{}
	for _, s := range all {
		callers[s.point.Flow.Client.Addr()], callers[s.point.Flow.Server.Addr()] = true, true
	}
	s := all[0]
	for a, at := range c.lastHeard(s.point.Capture) {
		if at > s.called[0].Time && !callers[a] && !slices.Contains(s.point.Capture.Own, a) && a != s.point.Capture.VantageHost {
			n++
		}
	}
	return n
}

// tellSilence fills in the finding about addresses that fell silent together, mostly one.
func (c *Case) tellSilence(r *Rule, b *batch, f *Finding, g *fallen) {
	all := g.silences
	j, s := b.hits[0].journey, all[0]
	calls, last, clients := 0, s.called[0].Time, true
	for _, x := range all {
		calls += len(x.called)
		last = max(last, x.called[len(x.called)-1].Time)
		clients = clients && x.of != x.point.Flow.Server.Addr()
	}
	silent := time.Duration(last - g.since)
	if clients {
		f.Severity = c.loudness(r, len(all), len(c.Journeys)) // clients leave without a word
	}
	if silent < c.limit(r, fallenSure) {
		f.Confidence = Medium
	}
	f.Text = c.say(lang.Text{
		EN: "%s fell silent at %s, in the middle of %d connection{|s}: not one packet of its own on any connection any more, though %d segments were sent to it again during %s. Its host, its link or its address went away, or the path to it; that is more than loss.",
		ES: "%s calló a las %s, en medio de %d {conexión|conexiones}: ni un paquete suyo más en ninguna conexión, aunque se le repitieron %d segmentos durante %s. Desapareció su equipo, su enlace o su dirección, o se cortó el camino hasta ella; es más que pérdida.",
	}, s.of, c.clockTime(s.point.Capture, g.since), len(all), calls, silent)
	if n := len(g.addresses); n > 1 {
		f.Text = c.say(lang.Text{
			EN: "%d addresses (%s) fell silent together, the last at %s, in the middle of %d connections: not one packet of theirs on any connection any more, though %d segments were sent to them again during %s. What they have in common went away: their network, a router or a link on the way to them; that is more than loss.",
			ES: "%d direcciones (%s) callaron a la vez, la última a las %s, en medio de %d conexiones: ni un paquete suyo más en ninguna conexión, aunque se les repitieron %d segmentos durante %s. Desapareció lo que tienen en común: su red, un router o un enlace del camino hasta ellas; es más que pérdida.",
		}, n, g.some(), c.clockTime(s.point.Capture, g.since), len(all), calls, silent)
	}
	if later := g.later; later > 0 {
		f.Text += " " + c.say(lang.Text{
			EN: "%d later connection{|s} there got no answer.",
			ES: "%d {conexión posterior|conexiones posteriores} hacia allí no obtuv{o|ieron} respuesta.",
		}, later)
	}
	if n := c.stillHeard(all); n > 0 {
		f.Text += " " + c.say(lang.Text{
			EN: "%s went on hearing %d other address{|es}: its own link worked.",
			ES: "%s siguió oyendo %d {dirección más|direcciones más}: su propio enlace funcionaba.",
		}, s.point.Capture.Files[0].Path, n)
	} else {
		f.Confidence = min(f.Confidence, Medium)
		f.Text += " " + c.say(lang.Text{
			EN: "%s heard nobody else meanwhile either: the link there may as well be what broke.",
			ES: "%s tampoco oyó a nadie más mientras tanto: también puede ser el enlace de ahí el que se cortó.",
		}, s.point.Capture.Files[0].Path)
	}
	f.Refuters = c.doubts(r, notFound, notCollected(strings.ReplaceAll("ADDRESS: journalctl -o export WINDOW; ip -s link; tcpdump -ni any -w own.pcap 'host ADDRESS'", "ADDRESS", addr(s.of))))
	if slices.ContainsFunc(c.Incident.Captures, func(k *incident.Capture) bool { return k.VantageHost == s.of && len(k.Own) > 0 && shares(j, k) }) {
		f.Refuters[1] = Refuter{Text: f.Refuters[1].Text, Status: notFound.status}
	}
}

// shares tells whether a capture is one of those that tell a journey.
func shares(j *correlate.Journey, k *incident.Capture) bool {
	return slices.ContainsFunc(j.Points, func(p correlate.Point) bool { return p.Capture == k })
}

// clockTime writes an instant of a capture by the reference clock, where its own is
// known, in UTC.
func (c *Case) clockTime(k *incident.Capture, at int64) string {
	if own := c.clockOf(k.Files[0]); own != nil {
		if t, _, _, known := own.Correct(at); known {
			at = t
		}
	}
	return time.Unix(0, at).UTC().Format("15:04:05.000")
}
