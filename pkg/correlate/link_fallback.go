package correlate

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Fallback ties a journey over TCP to the one over QUIC that it took the place of.
const Fallback = "fallback"

// fallbackWithin is how long after a QUIC attempt came to nothing a connection over TCP
// still takes its place: browsers wait a few tenths of a second, programs without a race
// until their handshake's timer.
const fallbackWithin = 5 * time.Second

// fallbackKept bounds the QUIC attempts of a host that a connection is held against.
const fallbackKept = 32

// linkFallback ties a journey to an attempt over QUIC of the same host to the same
// service that came to nothing before it. quic holds those of each host that nothing has
// replaced yet, in order.
func linkFallback(tb timebase, j *Journey, host int, quic map[int][]*Journey) {
	f := j.Points[0].Flow
	if f.QUIC != nil {
		if j.Outcome == pcapflow.Refused || j.Outcome == pcapflow.Unanswered || j.Outcome == pcapflow.Failed {
			list := append(quic[host], j)
			quic[host] = list[max(0, len(list)-fallbackKept):]
		}
		return
	}
	if f.Conn == nil || j.Ordinal > 1 || len(quic[host]) == 0 {
		return
	}
	quic[host] = slices.DeleteFunc(quic[host], func(q *Journey) bool {
		if !j.SameService(q) {
			return false
		}
		after, _, ok := between(tb, sourceOf(q.Points[0]), q.Points[0].Flow.Start.Time, sourceOf(j.Points[0]), f.Start.Time)
		late, _, _ := between(tb, sourceOf(q.Points[0]), q.End.Time, sourceOf(j.Points[0]), f.Start.Time)
		if !ok || after < 0 || late > int64(fallbackWithin) {
			return false
		}
		j.Links = append(j.Links, Link{Fallback, q})
		j.Notes = append(j.Notes, note(lang.Text{
			EN: "over TCP in place of QUIC to %s, which came to nothing (%s): %s later",
			ES: "por TCP en lugar de QUIC a %s, que no llegó a nada (%s): %s después",
		}, q.Server, q.ID, time.Duration(after).Round(time.Microsecond)))
		return true
	})
}

// SameService tells whether two journeys go to the same port of the same name, or where
// one of them shows no name of the same address.
func (j *Journey) SameService(o *Journey) bool {
	if j.Server.Port() != o.Server.Port() {
		return false
	}
	if j.Name != "" && o.Name != "" {
		return j.Name == o.Name
	}
	return j.Server.Addr() == o.Server.Addr()
}
