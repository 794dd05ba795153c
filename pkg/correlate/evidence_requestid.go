package correlate

import (
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// carried is what a capture shows of the exchanges that carry one identifier: the one,
// where it is one.
type carried struct {
	flow     *pcapflow.Flow
	exchange *pcapflow.Exchange
	n        int
}

// requestIDs bounds the clock of a log by lines with an identifier that one exchange of
// a capture carries. The line may be of the server that answered, or of the one that
// asked: what its duration has more than the packets show may lie before them.
func (e *evidence) requestIDs(l *incident.Log) {
	if len(l.Events) > seriesLines {
		return
	}
	for i, c := range e.inc.Captures {
		var ids map[string]carried
		for n := range l.Events {
			ev := &l.Events[n]
			if ev.RequestID == "" || !ev.HasTime || ev.Client.Port() != 0 || ev.Kind != logparse.AppRequest && !startsKnown(ev) || ev.CoarselyTimed() {
				continue
			}
			if ids == nil {
				ids = e.identified(c)
			}
			at := ids[ev.RequestID]
			if at.n != 1 {
				continue
			}
			w, ok := exchangeWindow(at.flow, at.exchange, logparse.Unspecified)
			if startsKnown(ev) {
				w, ok = startWindow(at.flow, at.exchange)
				w.low -= max(int64(ev.Duration)-(at.exchange.ResponseLast.Time-at.exchange.RequestFirst.Time), 0)
			}
			if ok {
				e.bound(e.byKey[captureKey(i, at.flow.Clock)], e.writer(l, ev), w, ev, clock.Keyed)
			}
		}
	}
}

// identified lists the exchanges of a capture that carry an identifier, and whose
// server was waited for to the end.
func (e *evidence) identified(c *incident.Capture) map[string]carried {
	if ids, ok := e.ids[c]; ok {
		return ids
	}
	ids := map[string]carried{}
	for _, f := range c.Flows {
		for n := range f.HTTP {
			x := &f.HTTP[n]
			if x.RequestID == "" {
				continue
			}
			at := ids[x.RequestID]
			at.n++
			at.flow, at.exchange = f, x
			if !x.ResponseLast.Seen() || x.Truncated || x.Multiplexed || x.Status == 502 || x.Status == 504 {
				at.n++ // its server may have gone on with it
			}
			ids[x.RequestID] = at
		}
	}
	if e.ids == nil {
		e.ids = map[*incident.Capture]map[string]carried{}
	}
	e.ids[c] = ids
	return ids
}
