package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	fullShare = &Threshold{"full", 0.5, "share", lang.Text{EN: "how much of the delivery the path must have been full", ES: "qué parte de la entrega debe haber estado lleno el camino"}}
	fullBytes = &Threshold{"bytes", 65536, "bytes", lang.Text{EN: "smallest answer that shows a rate", ES: "menor respuesta que muestra un caudal"}}
	fullRate  = &Threshold{"rate", 20, "Mbit/s", lang.Text{EN: "rate from which on it is the size of the answers that is told, not a narrow path", ES: "caudal a partir del cual se cuenta el tamaño de las respuestas, no un camino estrecho"}}
)

var pathFull = Rule{
	Name: "path-full", Family: "path",
	Title: lang.Text{EN: "The path carries no more", ES: "El camino no da más de sí"},
	Doc: lang.Text{
		EN: "An answer took as long as its bytes need on this path: the sender always had more to send and was let to, nothing was lost, and each acknowledgement came as one more segment had passed the narrowest link. Neither server nor application is slow. A wider link, fewer others on it, or a smaller answer (compression, a cache nearer by) shortens it.",
		ES: "Una respuesta tardó lo que sus bytes necesitan en este camino: el emisor siempre tuvo más que enviar y pudo hacerlo, no se perdió nada, y cada confirmación llegó cuando otro segmento había pasado por el enlace más estrecho. Ni el servidor ni la aplicación son lentos. Lo acortan un enlace más ancho, menos tráfico ajeno en él o una respuesta menor (compresión, una caché más cercana).",
	},
	Source:     "Zhang, Breslau, Paxson, Shenker: On the Characteristics and Origins of Internet Flow Rates, SIGCOMM 2002, section 4",
	Needs:      lang.Text{EN: "a capture with the handshake and both directions of the transfer", ES: "una captura con el establecimiento y los dos sentidos de la transferencia"},
	Wants:      []*Want{wantResponses},
	Thresholds: with(bottlenecks, fullShare, fullBytes, fullRate),
	Refuters: []lang.Text{
		{EN: "the sender paused, or was held by the window or by losses", ES: "el emisor hizo pausas, o lo retuvieron la ventana o las pérdidas"},
	},
	Check: checkPathFull,
}

// delivery is what the turns of a server tell of how an answer was delivered: they are
// known from packets alone, also where what these carry cannot be read.
type delivery struct {
	bytes int64
	span  time.Duration // from the first to the last of them
	held  time.Duration // of it: by the path alone
}

// deliveryOf adds up the turns in an answer, at the point nearest to its server.
func deliveryOf(j *correlate.Journey) (d delivery) {
	p := nearest(j, pcapflow.Server)
	x, n := p.Exchange, p.Flow.Conn
	if x == nil || n == nil || n.Talk == nil || !x.RequestLast.Seen() || !x.ResponseLast.Seen() {
		return d
	}
	for i := range n.Talk.Turns {
		t := &n.Talk.Turns[i]
		if t.Dir == pcapflow.Server && t.Held != nil && t.First.Time >= x.RequestLast.Time && t.First.Time <= x.ResponseLast.Time {
			d.bytes += t.Bytes
			d.span += time.Duration(t.Last.Time - t.First.Time)
			d.held += time.Duration(t.Held[pcapflow.LimitBandwidth])
		}
	}
	return d
}

// rate is that of the delivery, Mbit/s; span is above 0.
func (d delivery) rate() float64 { return float64(d.bytes) * 8 / 1e6 / d.span.Seconds() }

func checkPathFull(c *Case, r *Rule) []Finding {
	var found batches
	fastest, bytes := map[string]float64{}, map[string]int64{}
	for _, j := range c.open(r) {
		took, ok := phaseTime(j, pcapflow.HTTPReceive)
		if !ok || !c.bottleneck(r, j, took) || limited(j) || j.Exchange.Multiplexed {
			continue
		}
		d := deliveryOf(j)
		if float64(d.bytes) < c.number(r, fullBytes) || d.held == 0 || !c.exceeds(r, fullShare, d.held, d.span) {
			continue
		}
		key := j.Server.String() + " " + j.Client.Addr().String()
		fastest[key] = max(fastest[key], d.rate())
		bytes[key] = max(bytes[key], d.bytes)
		found.add(key, hit{journey: j, lost: took, evidence: append(phaseFrames(j, string(pcapflow.HTTPReceive)), journeyLines(j)...)})
	}
	return found.telling(Note, High, func(b *batch, f *Finding) {
		j := b.worst().journey
		if fastest[b.key] < c.number(r, fullRate) {
			f.Severity = c.loudness(r, len(b.hits), c.requests(j))
		}
		f.Text = c.say(lang.Text{
			EN: "The path from %s to %s carried %s Mbit/s and no more: %d answer{|s} of up to %d kB took %s to arrive, without loss and with the window open. Server and application had answered before.",
			ES: "El camino de %s a %s dio %s Mbit/s y no más: %d respuesta{|s} de hasta %d kB, %s en llegar, sin pérdidas y con la ventana abierta. El servidor y la aplicación habían respondido antes.",
		}, j.Server, j.Client.Addr(), fmt.Sprintf("%.2g", fastest[b.key]), len(b.hits), bytes[b.key]/1000, c.upTo(r, b))
		f.Refuters = c.doubts(r, notFound)
	})
}
