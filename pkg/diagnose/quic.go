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

var quicBlocked = Rule{
	Name: "quic-blocked", Family: "quic",
	Title: lang.Text{EN: "QUIC does not get through", ES: "QUIC no pasa"},
	Doc: lang.Text{
		EN: "The client's QUIC packets (HTTP/3, DNS over QUIC) were refused by ICMP, or nobody answered them: UDP is filtered on the way, or nothing listens at that port. Clients go on over TCP where they can; what is told as the price is the time from the first QUIC packet to the SYN that replaced it. Let UDP through, or stop announcing HTTP/3 (Alt-Svc, HTTPS records).",
		ES: "Los paquetes QUIC del cliente (HTTP/3, DNS sobre QUIC) fueron rechazados por ICMP, o nadie les respondió: UDP se filtra en el camino, o nada escucha en ese puerto. Los clientes siguen por TCP donde pueden; el precio que se cuenta es el tiempo del primer paquete QUIC al SYN que lo sustituyó. Deje pasar UDP, o deje de anunciar HTTP/3 (Alt-Svc, registros HTTPS).",
	},
	Source:     "RFC 9000, section 21.1; RFC 9114, section 3.1; RFC 9308, section 2",
	Needs:      lang.Text{EN: "a capture with QUIC, UDP port 443", ES: "una captura con QUIC, el puerto UDP 443"},
	Wants:      []*Want{wantQUIC},
	Thresholds: with(weights, quiet),
	Refuters: []lang.Text{
		{EN: "the server's answers arrive, or a capture nearer to it shows them leaving: they are lost on the way back", ES: "las respuestas del servidor llegan, o una captura más cerca de él las muestra salir: se pierden a la vuelta"},
		{EN: "the server takes QUIC of others, or took it at another time", ES: "el servidor acepta QUIC de otros, o lo aceptó en otro momento"},
	},
	Check: checkQUICBlocked,
}

// quicOf is the QUIC of a journey and its handshake, nil where it has none.
func quicOf(j *correlate.Journey) (*pcapflow.QUIC, *correlate.Phase) {
	f := flow(j)
	if f == nil || f.QUIC == nil {
		return nil, nil
	}
	return f.QUIC, phaseOf(j, pcapflow.QUICHandshake)
}

// replacement is what a client did about QUIC that came to nothing.
type replacement struct {
	journey *correlate.Journey // over TCP; nil: none
	beside  bool               // it had begun before
	price   time.Duration      // until it began
}

// replaced finds the journey over TCP that took the place of a QUIC one.
func (c *Case) replaced(q *correlate.Journey) replacement {
	for _, j := range c.insteadOf()[q] {
		price, ok := c.apart(q, j)
		if ok && price >= 0 {
			return replacement{journey: j, price: price}
		}
	}
	for _, j := range c.tcpAt(seenAt{q.Points[0].Capture, q.Client.Addr()}) {
		if f := flow(j); j.SameService(q) && f.Start.Time <= q.Start.Time && f.End.Time >= q.Start.Time {
			return replacement{journey: j, beside: true}
		}
	}
	return replacement{}
}

// seenAt is a client as one capture shows it.
type seenAt struct {
	capture *incident.Capture
	client  netip.Addr
}

// tcpAt lists the journeys over TCP of a client that a capture tells.
func (c *Case) tcpAt(at seenAt) []*correlate.Journey {
	if c.overTCP == nil {
		c.overTCP = map[seenAt][]*correlate.Journey{}
		for _, j := range c.Journeys {
			if f := flow(j); f != nil && f.Conn != nil {
				own := seenAt{j.Points[0].Capture, j.Client.Addr()}
				c.overTCP[own] = append(c.overTCP[own], j)
			}
		}
	}
	return c.overTCP[at]
}

// hit is the QUIC journey that came to nothing: the time it took is lost where nothing
// took its place.
func (w replacement) hit(c *Case, j *correlate.Journey, frame ...int) hit {
	h := hit{journey: j, evidence: frames(j.Points[0].Capture, frame...)}
	if w.journey == nil {
		h.lost = j.Total()
	} else if !w.beside {
		h.evidence = merge(append(h.evidence, c.synEvidence(w.journey)...))
	}
	return h
}

// answered tells whether what took its place was answered: by then QUIC would have
// been.
func (w replacement) answered() bool {
	if w.journey == nil || w.beside {
		return false
	}
	n := connection(w.journey)
	return n != nil && n.ACK.Seen()
}

// follow adds the journeys that took the place of those in batches: they paid for it.
func (b *batches) follow(replaced map[*correlate.Journey]replacement) {
	for _, x := range b.all {
		for _, h := range x.hits {
			if w := replaced[h.journey]; w.journey != nil && !w.beside {
				x.hits = append(x.hits, hit{journey: w.journey, lost: w.price})
			}
		}
	}
}

// insteadOf lists, by QUIC journey, those over TCP that came in its place.
func (c *Case) insteadOf() map[*correlate.Journey][]*correlate.Journey {
	if c.fallbacks == nil {
		c.fallbacks = map[*correlate.Journey][]*correlate.Journey{}
		for _, j := range c.Journeys {
			for _, l := range j.Links {
				if l.Kind == correlate.Fallback {
					c.fallbacks[l.Journey] = append(c.fallbacks[l.Journey], j)
				}
			}
		}
	}
	return c.fallbacks
}

// apart is how much later the flow of b began than that of a.
func (c *Case) apart(a, b *correlate.Journey) (time.Duration, bool) {
	shift, ok := c.shift(b.Points[0], a.Points[0])
	if a.Points[0].Capture == b.Points[0].Capture {
		shift, ok = 0, true
	}
	return time.Duration(flow(b).Start.Time + shift - flow(a).Start.Time), ok
}

func checkQUICBlocked(c *Case, r *Rule) []Finding {
	var found batches
	replaced := map[*correlate.Journey]replacement{}
	for _, j := range c.open(r) {
		q, p := quicOf(j)
		if q == nil || p == nil || p.Outcome != pcapflow.Refused && p.Outcome != pcapflow.Unanswered {
			continue
		}
		x := refusal(j)
		if p.Outcome == pcapflow.Refused && x == nil {
			continue // by an error to something else than the client's first packets
		}
		w := c.replaced(j)
		if x == nil && !w.answered() && !quietFor(j, c.limit(r, quiet)) && time.Duration(flow(j).End.Time-q.Initial.Time) < c.limit(r, quiet) {
			continue // the capture ended before an answer was due
		}
		if x == nil && !q.Again.Seen() && (w.journey == nil || !c.answeredAny(j)) {
			continue // nothing the client did shows that it got no answer: the capture may hold one direction alone
		}
		replaced[j] = w
		numbers := []int{q.Initial.Frame, q.Again.Frame}
		key := fmt.Sprint(j.Client.Addr(), " ", w.journey == nil)
		if x != nil {
			numbers = append(numbers, x.Frame)
			if key += fmt.Sprint(" ", x.From, " ", x.Text); x.From == j.Server.Addr() {
				key += fmt.Sprint(" ", j.Server)
			}
		}
		found.add(key, w.hit(c, j, numbers...)).mention(j.Server.String())
	}
	found.follow(replaced)
	return found.telling(Error, High, func(b *batch, f *Finding) { c.blocked(r, &found, b, f, replaced) })
}

// refusal is the ICMP error that refused the client's packets; nil: none did.
func refusal(j *correlate.Journey) *pcapflow.ICMPError {
	f := flow(j)
	x := unreachable(f)
	if x == nil || x.Source.IsValid() && x.Source.Addr() != f.Client.Addr() {
		return nil
	}
	return x
}

// blocked fills in the finding about QUIC to one server that came to nothing for
// one reason.
func (c *Case) blocked(r *Rule, all *batches, b *batch, f *Finding, replaced map[*correlate.Journey]replacement) {
	j := b.hits[0].journey
	n := len(replacedIn(b, replaced))
	sent, others := c.quicAnswered(f.Journeys, j)
	switch x := refusal(j); {
	case x == nil && sent == isFound:
		f.Confidence, f.restated = Medium, true
		f.Text = c.say(lang.Text{
			EN: "The answers of %[2]s to QUIC never came back to %[1]s: they left it after %[3]d attempt{|s} and were lost on the way.",
			ES: "Las respuestas de %[2]s por QUIC nunca volvieron a %[1]s: salieron tras %[3]d intento{|s} y se perdieron en el camino.",
		}, j.Client.Addr(), c.list(b), n)
	case x == nil:
		f.Confidence = Medium
		f.Text = c.say(lang.Text{
			EN: "QUIC of %s to %s was never answered: %d attempt{|s} without answer or ICMP (UDP port %d filtered in silence, or nobody there).",
			ES: "El QUIC de %s a %s nunca obtuvo respuesta: %d intento{|s} sin respuesta ni ICMP (el puerto UDP %d filtrado en silencio, o nadie ahí).",
		}, j.Client.Addr(), c.list(b), n, int(j.Server.Port()))
	case x.From == j.Server.Addr():
		f.Text = c.say(lang.Text{
			EN: "%s refuses QUIC: ICMP %q to %d attempt{|s}; nothing listens on that UDP port.",
			ES: "%s rechaza QUIC: ICMP %q a %d intento{|s}; nada escucha en ese puerto UDP.",
		}, j.Server, x.Text, n)
	default:
		f.Text = c.say(lang.Text{
			EN: "%s rejects QUIC to %s: ICMP %q to %d attempt{|s}; nothing reached the server.",
			ES: "%s rechaza QUIC a %s: ICMP %q a %d intento{|s}; nada llegó al servidor.",
		}, x.From, c.list(b), x.Text, n)
	}
	f.Text += " " + c.fellBack(r, all, b, f, replaced)
	f.Refuters = c.doubts(r, sent, others)
	if others == isFound {
		f.restated = true
		f.Text += " " + c.say(lang.Text{EN: "It takes QUIC of others, or at other times.", ES: "Acepta QUIC de otros, o en otros momentos."})
	}
	if f.Confidence > Low && refusal(j) == nil && !c.answeredAny(j) {
		f.Confidence, f.Severity = Low, Note // the capture may show one direction alone
	}
}

// replacedIn are the hits of a batch that are QUIC themselves.
func replacedIn(b *batch, replaced map[*correlate.Journey]replacement) (list []replacement) {
	for _, h := range b.hits {
		if w, ok := replaced[h.journey]; ok {
			list = append(list, w)
		}
	}
	return list
}

// fellBack is the sentence about what the client did instead, and sets the
// severity by what that cost.
func (c *Case) fellBack(r *Rule, all *batches, b *batch, f *Finding, replaced map[*correlate.Journey]replacement) string {
	after, beside := 0, 0
	var low, high time.Duration
	for _, w := range replacedIn(b, replaced) {
		switch {
		case w.beside:
			beside++
		case w.journey != nil:
			if after == 0 || w.price < low {
				low = w.price
			}
			high = max(high, w.price)
			after++
		}
	}
	if after+beside == 0 {
		f.Severity = c.loudness(r, len(f.Journeys), len(c.Journeys))
		if f.Severity == Warning {
			f.Severity = Error
		}
		return c.say(lang.Text{EN: "Nothing over TCP took its place.", ES: "Nada por TCP ocupó su lugar."})
	}
	c.weighed(r, all, b, f, c.connections())
	// Though it costs little, that it befalls so many is to be known.
	f.answers = f.answers || c.count(r, seldom)*c.feltHits(r, b, 0) >= c.connections()
	if after == 0 {
		return c.say(lang.Text{EN: "TCP was already at work beside it: nobody waited.", ES: "TCP ya trabajaba a su lado: nadie esperó."})
	}
	cost := span(high)
	if float64(high-low) >= c.number(r, alikeShare)*float64(high) {
		cost = span(low) + "–" + span(high)
	}
	return c.say(lang.Text{EN: "%d connection{|s} over TCP took {its|their} place, %s later.", ES: "%d {conexión|conexiones} por TCP ocup{ó|aron} su lugar, %s después."}, after, cost)
}

// quicAnswered looks for answers of the server: in captures of the same journeys that
// are nearer to it, and to others.
func (c *Case) quicAnswered(js []*correlate.Journey, first *correlate.Journey) (sent, others doubt) {
	sent = notCollected("SERVER: tcpdump -ni any -w server.pcap 'host PEER and udp port PORT'; ss -lnu 'sport = :PORT'")
	for _, j := range js {
		for i, p := range j.Points {
			switch {
			case p.Flow.QUIC == nil || i == 0 && !atServer(p):
			case p.Flow.QUIC.Answer.Seen():
				sent = isFound
			case sent != isFound:
				sent = notFound
			}
		}
	}
	if sent != isFound && capturedAt(c.Case, first) {
		sent = notFound
	}
	return sent, foundIf(slices.ContainsFunc(c.Journeys, func(j *correlate.Journey) bool {
		q, _ := quicOf(j)
		return q != nil && q.ServerHello.Seen() && j.Server == first.Server
	}))
}

// answeredAny tells whether the capture of a journey shows anything that came back
// to its client.
func (c *Case) answeredAny(j *correlate.Journey) bool {
	if c.heard == nil {
		c.heard = map[seenAt]bool{}
		for _, k := range c.Incident.Captures {
			for _, f := range k.Flows {
				if f.Packets[pcapflow.Server] > 0 {
					c.heard[seenAt{k, f.Client.Addr()}] = true
				}
			}
		}
	}
	return c.heard[seenAt{j.Points[0].Capture, j.Client.Addr()}]
}

var quicFailed = Rule{
	Name: "quic-failed", Family: "quic",
	Title: lang.Text{EN: "QUIC was answered, and no connection came of it", ES: "QUIC obtuvo respuesta, y no salió una conexión"},
	Doc: lang.Text{
		EN: "The server answered the client's first packets and the handshake ended there: it speaks no version that the client offered, or one side closed it with an error or a TLS alert. Its name says why.",
		ES: "El servidor respondió a los primeros paquetes del cliente y el establecimiento acabó ahí: no habla ninguna versión que el cliente ofreció, o un lado lo cerró con un error o una alerta TLS. Su nombre dice por qué.",
	},
	Source:     "RFC 9000, sections 6.2 and 20.1; RFC 9001, section 4.8",
	Needs:      lang.Text{EN: "a capture with the QUIC handshake", ES: "una captura con el establecimiento QUIC"},
	Wants:      []*Want{wantQUIC},
	Thresholds: weights,
	Refuters: []lang.Text{
		{EN: "the client came again and was let in", ES: "el cliente volvió y fue admitido"},
	},
	Check: checkQUICFailed,
}

func checkQUICFailed(c *Case, r *Rule) []Finding {
	var found batches
	replaced := map[*correlate.Journey]replacement{}
	for _, j := range c.open(r) {
		q, p := quicOf(j)
		if q == nil || p == nil || p.Outcome != pcapflow.Failed || givenUp(q) {
			continue
		}
		w := c.replaced(j)
		replaced[j] = w
		key := fmt.Sprint(j.Server, " ", q.CloseReason(), " ", q.CloseBy, " ", w.journey == nil)
		found.add(key, w.hit(c, j, q.Initial.Frame, q.Answer.Frame, q.Close.Frame))
	}
	found.follow(replaced)
	return found.telling(Error, High, func(b *batch, f *Finding) {
		j, n := b.hits[0].journey, len(replacedIn(b, replaced))
		q, _ := quicOf(j)
		switch alert, known := alertMeanings[q.CloseReason()]; {
		case !q.Close.Seen():
			f.Text = c.say(lang.Text{
				EN: "In %d QUIC handshake{|s} %s had no version in common with the client: it was offered %s and has %s.",
				ES: "En %d establecimiento{|s} QUIC %s no tenía ninguna versión en común con el cliente: se le ofreció %s y tiene %s.",
			}, n, j.Server, versionList([]string{q.Version}), versionList(q.Versions))
		case known:
			f.Text = c.say(lang.Text{
				EN: "%d QUIC handshake{|s} with %s {was|were} closed by the %s: %s (%s).",
				ES: "%d establecimiento{|s} QUIC con %s fue{|ron} cerrado{|s} por el %s: %s (%s).",
			}, n, j.Server, c.side(q.CloseBy), q.CloseReason(), alert.In(c.Lang))
		default:
			f.Text = c.say(lang.Text{
				EN: "%d QUIC handshake{|s} with %s {was|were} closed by the %s: %s.",
				ES: "%d establecimiento{|s} QUIC con %s fue{|ron} cerrado{|s} por el %s: %s.",
			}, n, j.Server, c.side(q.CloseBy), q.CloseReason())
		}
		f.Text += " " + c.fellBack(r, &found, b, f, replaced)
		again := slices.ContainsFunc(c.serving[served{j.Service, j.Server}], func(o *correlate.Journey) bool {
			x, _ := quicOf(o)
			return x != nil && x.HandshakeEnd.Seen() && o.Client.Addr() == j.Client.Addr() && o.Start.Time >= j.Start.Time
		})
		if again && f.Severity > Warning {
			f.Severity = Warning
		}
		f.Refuters = c.doubts(r, foundIf(again))
	})
}

// givenUp tells whether the client wanted no connection: it closed without an error, or
// only asked which versions there are.
func givenUp(q *pcapflow.QUIC) bool {
	if q.Close.Seen() {
		return q.CloseBy == pcapflow.Client && q.CloseCode == 0
	}
	return q.Negotiated && q.ReservedVersion()
}

func versionList(names []string) string {
	if len(names) == 0 || names[0] == "" {
		return "?"
	}
	text := names[0]
	for _, n := range names[1:min(len(names), maxNamed)] {
		text += ", " + n
	}
	return text
}
