package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var deafTimes = &Threshold{"acknowledged", 4, "times", lang.Text{EN: "how often one acknowledged segment must be sent again to show that its sender hears nothing", ES: "cuántas veces debe repetirse un segmento confirmado para mostrar que quien lo envía no oye nada"}}

var spuriousRetransmission = Rule{
	Name: "spurious-retransmission", Family: "tcp", Gated: true,
	Title: lang.Text{EN: "Needless retransmissions", ES: "Retransmisiones innecesarias"},
	Doc: lang.Text{
		EN: "Data was sent again although its original arrived, or had been acknowledged: a delay, or acknowledgements lost, not a loss of data.",
		ES: "Se enviaron datos de nuevo aunque el original llegó, o ya estaban confirmados: un retraso o confirmaciones perdidas, no una pérdida de datos.",
	},
	Source: "RFC 5682; RFC 2883",
	Needs:  lang.Text{EN: "a capture with the connection", ES: "una captura con la conexión"},
	Wants:  []*Want{wantConnections},
	Refuters: []lang.Text{
		{EN: "the original never arrived (a loss)", ES: "el original nunca llegó (una pérdida)"},
	},
	Thresholds: []*Threshold{deafTimes},
	Check: func(c *Case, r *Rule) []Finding {
		return append(c.deafSenders(r), c.connNote(r, lang.Text{
			EN: "%d needless retransmission{|s} on %d connection{|s} with %s: a delay, not a loss.",
			ES: "%d {retransmisión innecesaria|retransmisiones innecesarias} en %d {conexión|conexiones} con %s: un retraso, no una pérdida.",
		}, func(n *pcapflow.Conn) int64 {
			if times, _, _ := deaf(n); times >= c.count(r, deafTimes) {
				return 0 // told apart
			}
			return n.Count[0].Spurious + n.Count[1].Spurious
		})...)
	},
}

// deaf is how often a side sent one segment again that the capture had seen
// acknowledged, at most, and the first and the last of the repetitions; 0 where a
// side was already done with the connection: nobody waits then.
func deaf(n *pcapflow.Conn) (times int, first, last *pcapflow.Retransmission) {
	type place struct {
		dir pcapflow.Dir
		seq uint32
	}
	begun := map[place]*pcapflow.Retransmission{}
	count := map[place]int{}
	for i := range n.Retransmissions {
		x := &n.Retransmissions[i]
		if x.Kind != pcapflow.RetransmitSpurious || ended(n, x.Time) {
			continue
		}
		at := place{x.Dir, x.Seq}
		if begun[at] == nil {
			begun[at] = x
		}
		if count[at]++; count[at] > times {
			times, first, last = count[at], begun[at], x
		}
	}
	return times, first, last
}

// ended tells whether a side had closed the connection by an instant.
func ended(n *pcapflow.Conn, at int64) bool {
	return n.FIN[0].Seen() && n.FIN[0].Time <= at || n.FIN[1].Seen() && n.FIN[1].Time <= at
}

// deafSenders tells of connections one of whose sides repeats what was
// acknowledged to it: what the other sends gets lost behind the capture.
func (c *Case) deafSenders(r *Rule) []Finding {
	var found batches
	most := map[string]int{}
	for j, f := range connections(c.open(r)) {
		times, first, last := deaf(f.Conn)
		if times < c.count(r, deafTimes) {
			continue
		}
		key := fmt.Sprint(j.Server, " ", first.Dir)
		most[key] = max(most[key], times)
		found.add(key, hit{journey: j, lost: time.Duration(last.Time - first.Time), evidence: frames(j.Points[0].Capture, first.Frame, last.Frame)})
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		_, first, _ := deaf(connection(j))
		f.Text = c.say(lang.Text{
			EN: "On %d connection{|s} with %s the %s repeated what had been acknowledged to it, one segment up to %d times: from some moment on it hears nothing of the other side (a block or a filter of one direction).",
			ES: "En %d {conexión|conexiones} con %s el %s repitió lo que ya se le había confirmado, un segmento hasta %d veces: desde algún momento no oye nada del otro lado (un veto o un filtro de un solo sentido).",
		}, len(b.hits), j.Server, c.side(first.Dir), most[b.key])
		f.Refuters = c.doubts(r, notFound)
	})
}
