package diagnose

import (
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
// point that saw most of them: a capture behind the loss sees a late segment,
// one before it sees both.
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
		if len(own.all) > len(best.all) {
			best = own
		}
	}
	return best
}

var lossInHandshake = Rule{
	Name: "loss-in-handshake", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Handshake slowed by loss", ES: "Establecimiento frenado por pérdidas"},
	Doc: lang.Text{
		EN: "A segment of the handshake (SYN-ACK, ClientHello, certificate, key exchange) was lost and sent again when a timer expired. The handshake looks slow; the server was not.",
		ES: "Un segmento del establecimiento (SYN-ACK, ClientHello, certificado, intercambio de claves) se perdió y se envió de nuevo al vencer un temporizador. El establecimiento parece lento; el servidor no lo fue.",
	},
	Source: "RFC 6298",
	Needs:  lang.Text{EN: "a capture with the handshake", ES: "una captura con el establecimiento"},
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
	var out []Finding
	affected := c.connections()
	for _, j := range c.open(r) {
		if connection(j) == nil {
			continue
		}
		lost := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			end := handshakeEnd(p.Flow)
			return t.Kind != pcapflow.RetransmitSYN && end.Seen() && t.Time <= end.Time
		})
		if len(lost.all) == 0 {
			continue
		}
		wait := min(lost.wait(), j.Total())
		f := Finding{Severity: Note, Confidence: High, Journeys: []*correlate.Journey{j}, Lost: wait, Share: float64(wait) / float64(max(j.Total(), 1))}
		f.Evidence = lost.evidence()
		f.Text = c.say(lang.Text{
			EN: "%s of the handshake of %s with %s is the repetition of %d lost segment{|s}.",
			ES: "%s del establecimiento de %s con %s es la repetición de %d segmento{|s} perdido{|s}.",
		}, wait, j.Client, j.Server, len(lost.all))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return c.weigh(out, affected)
}

// connections counts the journeys that made a connection.
func (c *Case) connections() int {
	n := 0
	for _, j := range c.Journeys {
		if connection(j) != nil {
			n++
		}
	}
	return n
}

// weigh raises to a warning those findings of a rule whose cost is felt, where
// enough of all journeys are affected for it not to be everyday.
func (c *Case) weigh(all []Finding, of int) []Finding {
	felt := 0
	for _, f := range all {
		if c.costly(f) {
			felt++
		}
	}
	for i := range all {
		if c.costly(all[i]) {
			all[i].Severity = c.loudness(felt, of)
		}
	}
	return all
}

// costly tells whether a user notices the time that a finding explains.
func (c *Case) costly(f Finding) bool {
	return f.Lost >= c.T.FeltLoss && f.Share >= c.T.FeltShare
}

var lossInResponse = Rule{
	Name: "loss-in-response", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Response slowed by loss", ES: "Respuesta frenada por pérdidas"},
	Doc: lang.Text{
		EN: "Segments of the response were lost and sent again; the waiting for them is part of the download. The application had finished long before.",
		ES: "Segmentos de la respuesta se perdieron y se enviaron de nuevo; esperarlos forma parte de la descarga. La aplicación había terminado mucho antes.",
	},
	Source: "RFC 5681; RFC 6298",
	Needs:  lang.Text{EN: "a capture with the response", ES: "una captura con la respuesta"},
	Refuters: []lang.Text{
		{EN: "reordering only: the late segment is the original by its IP ID", ES: "solo reordenación: el segmento tardío es el original según su identificador IP"},
	},
	Check: checkLossInResponse,
}

func checkLossInResponse(c *Case, r *Rule) []Finding {
	var out []Finding
	requests := 0
	for _, j := range c.open(r) {
		if j.Exchange == nil || !j.Exchange.ResponseFirst.Seen() {
			continue
		}
		requests++
		lost := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			x := p.Exchange
			return t.Dir == pcapflow.Server && x != nil && x.RequestLast.Seen() && t.Time >= x.RequestLast.Time && t.Time <= answered(p)
		})
		if len(lost.all) == 0 {
			continue
		}
		wait := min(lost.wait(), j.Total())
		f := Finding{Severity: Note, Confidence: High, Journeys: []*correlate.Journey{j}, Lost: wait, Share: float64(wait) / float64(max(j.Total(), 1))}
		f.Text = c.say(lang.Text{
			EN: "%s of %s is the recovery of %d lost segment{|s} of the response from %s.",
			ES: "%s de %s es la recuperación de %d segmento{|s} perdido{|s} de la respuesta de %s.",
		}, wait, j.Total(), len(lost.all), j.Server)
		f.Evidence = append(lost.evidence(), journeyLines(j)...)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return c.weigh(out, requests)
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

var lossStall = Rule{
	Name: "loss-stall", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Stalled until a retransmission timer expired", ES: "Detenida hasta vencer un temporizador de retransmisión"},
	Doc: lang.Text{
		EN: "The connection stood still until the sender's retransmission timer (200 ms and more) expired: the request or the tail of an answer was lost, and nothing behind it could reveal the loss sooner.",
		ES: "La conexión estuvo parada hasta vencer el temporizador de retransmisión del emisor (200 ms o más): se perdió la petición o el final de una respuesta, y nada detrás podía revelar la pérdida antes.",
	},
	Source: "RFC 6298, section 5; RFC 8985",
	Needs:  lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Refuters: []lang.Text{
		{EN: "fast retransmission without idle time", ES: "retransmisión rápida sin tiempo muerto"},
	},
	Check: checkLossStall,
}

func checkLossStall(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, j := range c.open(r) {
		lost := resent(j, func(p correlate.Point, t *pcapflow.Retransmission) bool {
			timer := t.Kind == pcapflow.RetransmitTimeout || t.Kind == pcapflow.RetransmitTail
			return timer && within(j, p, t.Time) && t.Wait >= int64(100*time.Millisecond)
		})
		if len(lost.all) == 0 {
			continue
		}
		wait := min(lost.wait(), j.Total())
		f := Finding{Severity: Note, Confidence: High, Journeys: []*correlate.Journey{j}, Lost: wait, Share: float64(wait) / float64(max(j.Total(), 1))}
		f.Text = c.say(lang.Text{
			EN: "%s of %s stood still in %d timeout retransmission{|s} between %s and %s.",
			ES: "%s de %s se perdieron parados en %d {retransmisión|retransmisiones} por tiempo vencido entre %s y %s.",
		}, wait, j.Total(), len(lost.all), j.Client, j.Server)
		f.Evidence = lost.evidence()
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return c.weigh(out, len(c.Journeys))
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

var reordering = Rule{
	Name: "reordering", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Segments out of order, none lost", ES: "Segmentos desordenados, ninguno perdido"},
	Doc: lang.Text{
		EN: "Segments arrived in another order than they were sent. Nothing was lost; a retransmission that the disorder provoked was needless.",
		ES: "Los segmentos llegaron en otro orden del que se enviaron. Nada se perdió; si el desorden provocó una retransmisión, fue innecesaria.",
	},
	Source: "RFC 4737; RFC 5681, section 4.2",
	Needs:  lang.Text{EN: "a capture behind the reordering", ES: "una captura tras la reordenación"},
	Refuters: []lang.Text{
		{EN: "the late segment is a retransmission (a higher IP ID than its neighbours)", ES: "el segmento tardío es una retransmisión (identificador IP mayor que sus vecinos)"},
	},
	Check: checkReordering,
}

func checkReordering(c *Case, r *Rule) []Finding {
	return c.connNote(r, lang.Text{
		EN: "%d segment{|s} of the connection %s → %s arrived out of order; nothing was lost.",
		ES: "%d segmento{|s} de la conexión %s → %s lleg{ó|aron} desordenado{|s}; nada se perdió.",
	}, func(n *pcapflow.Conn) int64 {
		out := n.Count[0].OutOfOrder + n.Count[1].OutOfOrder
		if out < 2 {
			return 0
		}
		return out
	})
}

var spuriousRetransmission = Rule{
	Name: "spurious-retransmission", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Needless retransmissions", ES: "Retransmisiones innecesarias"},
	Doc: lang.Text{
		EN: "Data was sent again although its original arrived, or had been acknowledged: a delay, or acknowledgements lost, not a loss of data.",
		ES: "Se enviaron datos de nuevo aunque el original llegó, o ya estaban confirmados: un retraso o confirmaciones perdidas, no una pérdida de datos.",
	},
	Source: "RFC 5682; RFC 2883",
	Needs:  lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Check: func(c *Case, r *Rule) []Finding {
		return c.connNote(r, lang.Text{
			EN: "%d needless retransmission{|s} on %s → %s: a delay, not a loss.",
			ES: "%d {retransmisión innecesaria|retransmisiones innecesarias} en %s → %s: un retraso, no una pérdida.",
		}, func(n *pcapflow.Conn) int64 { return n.Count[0].Spurious + n.Count[1].Spurious })
	},
}

// connNote makes one note a connection of a count that is not zero, from the
// point that shows most.
func (c *Case) connNote(r *Rule, text lang.Text, count func(*pcapflow.Conn) int64) []Finding {
	var out []Finding
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
		if most == 0 {
			continue
		}
		f := Finding{Severity: Note, Confidence: High, Journeys: []*correlate.Journey{j}}
		f.Evidence = frames(where.Capture, where.Flow.Start.Frame, where.Flow.End.Frame)
		f.Text = c.say(text, most, j.Client, j.Server)
		for _, x := range r.Refuters {
			f.Refuters = append(f.Refuters, Refuter{Text: x.In(c.Lang), Status: "not-found"})
		}
		out = append(out, f)
	}
	return out
}
