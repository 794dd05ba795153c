package diagnose

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// repeats are the repetitions of one stretch of a journey, as the capture that
// shows most of them has it.
type repeats struct {
	point correlate.Point
	all   []pcapflow.Retransmission
}

// wait is the progress they cost, at most the stretch itself.
func (r *repeats) wait() time.Duration {
	var d int64
	for _, t := range r.all {
		d += t.Wait
	}
	return time.Duration(d)
}

// frames of the repetitions and their originals.
func (r *repeats) evidence() []Evidence {
	var numbers []int
	for _, t := range r.all {
		numbers = append(numbers, t.Original.Frame, t.Frame)
	}
	return frames(r.point.Capture, numbers...)
}

// resent collects real repetitions (not the needless ones) that fit, from the
// point that saw most of them, or how long they took: a capture behind the loss
// sees a late segment, one before it sees both.
func resent(j *correlate.Journey, fits func(p correlate.Point, t *pcapflow.Retransmission) bool) repeats {
	var best repeats
	for _, p := range j.Points {
		if p.Flow.Conn == nil {
			continue
		}
		own := repeats{point: p}
		for i := range p.Flow.Conn.Retransmissions {
			if t := &p.Flow.Conn.Retransmissions[i]; t.Kind != pcapflow.RetransmitSpurious && fits(p, t) {
				own.all = append(own.all, *t)
			}
		}
		if len(own.all) > len(best.all) || len(own.all) == len(best.all) && own.wait() > best.wait() {
			best = own
		}
	}
	return best
}

// hidden lowers a finding about a server's wait that may be a lost answer: as
// long as one retransmission timer, on a path that lost other segments, and seen
// by a capture behind the place of the loss alone, where the repetition looks
// like the original.
func (c *Case) hidden(r *Rule, b *batch, f *Finding) {
	for _, h := range b.hits {
		if h.lost < c.limit(r, timerShortest) || h.lost > c.limit(r, timerLongest) || slices.ContainsFunc(h.journey.Points, atServer) {
			return
		}
	}
	server := b.hits[0].journey.Server.Addr()
	lossy := slices.ContainsFunc(c.found, func(o Finding) bool {
		about := o.Rule == "syn-lost" || slices.Contains(lossRules, o.Rule)
		return about && slices.ContainsFunc(o.Journeys, func(j *correlate.Journey) bool { return j.Server.Addr() == server })
	})
	if !lossy || len(b.hits) > c.count(r, everydayLoss) {
		return
	}
	f.Severity, f.Confidence = Note, Low
	f.Text += " " + c.say(lang.Text{
		EN: "It may as well be a lost segment: the path loses some, and a capture at the client cannot tell.",
		ES: "También puede ser un segmento perdido: el camino pierde alguno, y una captura en el cliente no lo distingue.",
	})
}

// beforeLoss tells whether some capture saw a segment of a journey leave that
// was lost behind it: there shows what was lost.
func beforeLoss(j *correlate.Journey) bool {
	return slices.ContainsFunc(j.Points, func(p correlate.Point) bool {
		return p.Flow.Conn != nil && slices.ContainsFunc(p.Flow.Conn.Retransmissions, func(t pcapflow.Retransmission) bool {
			return t.Kind != pcapflow.RetransmitSpurious && t.Original.Seen()
		})
	})
}

// bySize is the doubt that segments were lost for their size: a capture behind
// the loss does not show it.
func bySize(js []*correlate.Journey) doubt {
	if slices.ContainsFunc(js, beforeLoss) {
		return notFound
	}
	return notCollected("SERVER: tcpdump -ni any -w server.pcap 'host PEER and (tcp port PORT or icmp or icmp6)'")
}

// lossRules are those about lost segments: together they tell how lossy a path is.
var lossRules = []string{"loss-in-handshake", "loss-in-response", "loss-stall"}

// lossy counts the journeys with a connection that a lost segment held up for a
// noticeable part, and all of them.
func (c *Case) lossy(r *Rule) (hit, of int) {
	if n, done := c.lossyBy[r]; done {
		return n[0], n[1]
	}
	for _, j := range c.Journeys {
		f := flow(j)
		if f == nil || f.Conn == nil || j.Service == "dns" {
			continue
		}
		of++
		again := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			return within(j, p, t.Time) && !beyond(p.Exchange, t)
		})
		if wait := min(again.wait(), length(j)); wait > 0 && c.exceeds(r, feltShare, wait, length(j)) {
			hit++
		}
	}
	if c.lossyBy == nil {
		c.lossyBy = map[*Rule][2]int{}
	}
	c.lossyBy[r] = [2]int{hit, of}
	return hit, of
}

var lossInHandshake = Rule{
	Name: "loss-in-handshake", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Handshake slowed by loss", ES: "Establecimiento frenado por pérdidas"},
	Doc: lang.Text{
		EN: "A segment of the handshake (SYN-ACK, ClientHello, certificate, key exchange) was lost and sent again when a timer expired. The handshake looks slow; the server was not.",
		ES: "Un segmento del establecimiento (SYN-ACK, ClientHello, certificado, intercambio de claves) se perdió y se envió de nuevo al vencer un temporizador. El establecimiento parece lento; el servidor no lo fue.",
	},
	Source:     "RFC 6298",
	Needs:      lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento"},
	Wants:      []*Want{wantHandshakes},
	Thresholds: with(lossWeights, atOnce),
	Refuters: []lang.Text{
		{EN: "the repeated segments have the same IP ID (copies made by the capture)", ES: "los segmentos repetidos tienen el mismo identificador IP (copias de la captura)"},
	},
	Check: checkLossInHandshake,
}

// handshakeEnd is when a point saw the handshake over: TLS or SSH keys in use.
func handshakeEnd(f *pcapflow.Flow) pcapflow.Stamp {
	switch {
	case f.TLS != nil && f.TLS.HandshakeEnd.Seen():
		return f.TLS.HandshakeEnd
	case f.SSH != nil && f.SSH.NewKeys[pcapflow.Server].Seen():
		return f.SSH.NewKeys[pcapflow.Server]
	}
	return f.Conn.ACK
}

func checkLossInHandshake(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		conn := connection(j)
		if conn == nil {
			continue
		}
		again := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			if t.Kind == pcapflow.RetransmitSYNACK && len(conn.SYN) > 1 && (answersEarlier(conn) || time.Duration(t.Wait) < c.limit(r, atOnce)) {
				return false // each SYN got its answer
			}
			end := handshakeEnd(p.Flow)
			return t.Kind != pcapflow.RetransmitSYN && end.Seen() && t.Time <= end.Time
		})
		found.addLoss(j, again)
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		c.weighed(r, &found, b, f, c.connections())
		f.Text = c.say(lang.Text{
			EN: "The repetition of %d lost segment{|s} cost %s in the handshake of %d connection{|s} with %s.",
			ES: "La repetición de %d segmento{|s} perdido{|s} costó %s en el establecimiento de %d {conexión|conexiones} con %s.",
		}, b.times, c.upTo(r, b), len(b.hits), b.key) + c.lostBetween(b)
		f.Refuters = c.doubts(r, notFound)
	})
}

// addLoss notes the repetitions that held a journey up, by its server; none: nothing.
func (b *batches) addLoss(j *correlate.Journey, again repeats, more ...Evidence) {
	if len(again.all) > 0 {
		h := hit{journey: j, lost: min(again.wait(), length(j)), evidence: append(again.evidence(), more...), gone: again.gone(j)}
		b.add(j.Server.Addr().String(), h).times += len(again.all)
	}
}

// connections counts the journeys that made a connection.
func (c *Case) connections() int { return c.made }

var lossInResponse = Rule{
	Name: "loss-in-response", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Response slowed by loss", ES: "Respuesta frenada por pérdidas"},
	Doc: lang.Text{
		EN: "Segments of the response were lost and sent again; the waiting for them is part of the download. The application had finished long before.",
		ES: "Segmentos de la respuesta se perdieron y se enviaron de nuevo; esperarlos forma parte de la descarga. La aplicación había terminado mucho antes.",
	},
	Source:     "RFC 5681; RFC 6298",
	Needs:      lang.Text{EN: "a capture with the response", ES: "una captura con la respuesta"},
	Wants:      []*Want{wantResponses},
	Thresholds: lossWeights,
	Refuters: []lang.Text{
		{EN: "reordering only: the late segment is the original by its IP ID", ES: "solo reordenación: el segmento tardío es el original según su identificador IP"},
		{EN: "only packets of full size were lost, or an ICMP error named a smaller MTU (then mtu-black-hole, mtu-discovered-late)", ES: "solo se perdieron paquetes de tamaño completo, o un error ICMP nombró una MTU menor (entonces mtu-black-hole, mtu-discovered-late)"},
	},
	Check: checkLossInResponse,
}

func checkLossInResponse(c *Case, r *Rule) []Finding {
	var found batches
	requests := 0
	for _, j := range c.open(r) {
		if j.Exchange == nil || !j.Exchange.ResponseFirst.Seen() {
			continue
		}
		requests++
		again := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			x := p.Exchange
			return t.Dir == pcapflow.Server && x != nil && x.RequestLast.Seen() && t.Time >= x.RequestLast.Time && t.Time <= answered(p) && !beyond(x, t)
		})
		found.addLoss(j, again, journeyLines(j)...)
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		c.weighed(r, &found, b, f, requests)
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "The recovery of %d lost segment{|s} cost %s in %d response{|s} from %s (at worst %s of %s).",
			ES: "La recuperación de %d segmento{|s} perdido{|s} costó %s en %d respuesta{|s} de %s (en el peor caso %s de %s).",
		}, b.times, c.upTo(r, b), len(b.hits), b.key, w.lost, length(w.journey)) + c.lostBetween(b)
		f.Refuters = c.doubts(r, notFound, bySize(f.Journeys))
	})
}

// beyond tells whether what was repeated had first been sent, or missed, when the
// answer was complete: a farewell, or a tunnel's bytes, which this request did
// not wait for.
func beyond(x *pcapflow.Exchange, t *pcapflow.Retransmission) bool {
	if x == nil || !x.ResponseLast.Seen() {
		return false
	}
	if t.Original.Seen() {
		return t.Original.Time > x.ResponseLast.Time
	}
	return t.Wait > 0 && t.Time-t.Wait > x.ResponseLast.Time
}

// answered is when a point saw the exchange over: before the next request of
// the connection, or at its end. A capture at the sender sees the last byte of
// the answer leave before it is lost, so that byte is not the end.
func answered(p correlate.Point) int64 {
	end := p.Flow.End.Time
	for i := range p.Flow.HTTP {
		if next := &p.Flow.HTTP[i]; next.Ordinal > p.Exchange.Ordinal && next.RequestFirst.Seen() {
			end = min(end, next.RequestFirst.Time)
		}
	}
	return end
}

// longestTimer is TCP_RTO_MAX of Linux; RFC 6298, section 2.5, wants 60 s at
// least. A longer wait is a clock that was set, or captures glued together.
var longestTimer = &Threshold{"timer", 120, "s", lang.Text{EN: "longest wait that a retransmission timer is", ES: "mayor espera que es un temporizador de retransmisión"}}

var lossStall = Rule{
	Name: "loss-stall", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Stalled until a retransmission timer expired", ES: "Detenida hasta vencer un temporizador de retransmisión"},
	Doc: lang.Text{
		EN: "The connection stood still until the sender's retransmission timer (200 ms and more) expired: the request or the tail of an answer was lost, and nothing behind it could reveal the loss sooner.",
		ES: "La conexión estuvo parada hasta vencer el temporizador de retransmisión del emisor (200 ms o más): se perdió la petición o el final de una respuesta, y nada detrás podía revelar la pérdida antes.",
	},
	Source:     "RFC 6298, section 5; RFC 8985",
	Needs:      lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:      []*Want{wantConnections},
	Thresholds: with(lossWeights, longestTimer),
	Refuters: []lang.Text{
		{EN: "fast retransmission without idle time", ES: "retransmisión rápida sin tiempo muerto"},
		{EN: "only packets of full size were lost, or an ICMP error named a smaller MTU (then mtu-black-hole, mtu-discovered-late)", ES: "solo se perdieron paquetes de tamaño completo, o un error ICMP nombró una MTU menor (entonces mtu-black-hole, mtu-discovered-late)"},
	},
	Check: checkLossStall,
}

func checkLossStall(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.open(r) {
		again := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			timer := t.Kind == pcapflow.RetransmitTimeout || t.Kind == pcapflow.RetransmitTail
			return timer && t.Len > 0 && within(j, p, t.Time) && !beyond(p.Exchange, t) && t.Wait >= int64(c.limit(r, felt)) && t.Wait <= int64(c.limit(r, longestTimer)) &&
				t.Wait > p.Flow.Conn.RoundTripServer()+p.Flow.Conn.RoundTripClient() // no timer is shorter (RFC 6298, section 2)
		})
		found.addLoss(j, again)
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		c.weighed(r, &found, b, f, len(c.Journeys))
		w := b.worst()
		f.Text = c.say(lang.Text{
			EN: "%d timeout retransmission{|s} stopped %d journey{|s} with %s for %s (at worst %s of %s).",
			ES: "%d {retransmisión|retransmisiones} por tiempo vencido par{ó|aron} %d recorrido{|s} con %s durante %s (en el peor caso %s de %s).",
		}, b.times, len(b.hits), b.key, c.upTo(r, b), w.lost, length(w.journey)) + c.lostBetween(b)
		f.Refuters = c.doubts(r, notFound, bySize(f.Journeys))
	})
}

// within tells whether an instant of a point lies in the journey's own part of
// the connection: from its request, or from the flow's start, to its end.
func within(j *correlate.Journey, p correlate.Point, at int64) bool {
	from, to := p.Flow.Start.Time, p.Flow.End.Time
	if x := p.Exchange; x != nil {
		if j.Ordinal > 1 {
			from = x.RequestFirst.Time
		}
		to = answered(p)
	}
	return at >= from && at <= to
}

var disordered = &Threshold{"segments", 2, "", lang.Text{EN: "segments out of order in one connection that are worth a note", ES: "segmentos desordenados de una conexión que merecen una nota"}}

var reordering = Rule{
	Name: "reordering", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Segments out of order, none lost", ES: "Segmentos desordenados, ninguno perdido"},
	Doc: lang.Text{
		EN: "Segments arrived in another order than they were sent. Nothing was lost; a retransmission that the disorder provoked was needless.",
		ES: "Los segmentos llegaron en otro orden del que se enviaron. Nada se perdió; si el desorden provocó una retransmisión, fue innecesaria.",
	},
	Source:     "RFC 4737; RFC 5681, section 4.2",
	Needs:      lang.Text{EN: "a capture behind the reordering", ES: "una captura tras la reordenación"},
	Wants:      []*Want{wantConnections},
	Thresholds: []*Threshold{disordered},
	Refuters: []lang.Text{
		{EN: "the late segment is a retransmission (a higher IP ID than its neighbours)", ES: "el segmento tardío es una retransmisión (identificador IP mayor que sus vecinos)"},
	},
	Check: checkReordering,
}

func checkReordering(c *Case, r *Rule) []Finding {
	return c.connNote(r, lang.Text{
		EN: "%d segment{|s} of %d connection{|s} with %s arrived out of order; nothing was lost.",
		ES: "%d segmento{|s} lleg{ó|aron} desordenado{|s} en %d {conexión|conexiones} con %s; nada se perdió.",
	}, func(n *pcapflow.Conn) int64 {
		out := n.Count[0].OutOfOrder + n.Count[1].OutOfOrder
		if out < int64(c.count(r, disordered)) {
			return 0
		}
		return out
	})
}

// connNote makes one note a server of a count that is not zero, from the point
// of each connection that shows most.
func (c *Case) connNote(r *Rule, text lang.Text, count func(*pcapflow.Conn) int64) []Finding {
	var found batches
	for _, j := range c.open(r) {
		if connection(j) == nil {
			continue
		}
		var most int64
		var where correlate.Point
		for _, p := range j.Points {
			if p.Flow.Conn != nil {
				if n := count(p.Flow.Conn); n > most {
					most, where = n, p
				}
			}
		}
		if most > 0 {
			h := hit{journey: j, evidence: frames(where.Capture, where.Flow.Start.Frame, where.Flow.End.Frame)}
			found.add(j.Server.Addr().String(), h).times += int(most)
		}
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		f.Text = c.say(text, b.times, len(b.hits), b.key)
		f.Refuters = c.doubts(r, slices.Repeat([]doubt{notFound}, len(r.Refuters))...)
	})
}
