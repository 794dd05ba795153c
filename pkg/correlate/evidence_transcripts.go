package correlate

import (
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// digKey names a question by what both dig and the packets tell of it.
type digKey struct {
	id   int
	name string
}

// answered is when a flow brought an answer.
type answered struct {
	at   int64
	flow *pcapflow.Flow
}

// transcripts relates what client programs printed with their own clock to the
// packets: dig says when it got the answer to the question of an ID.
func (e *evidence) transcripts(l *incident.Log) {
	const printing = int64(500 * time.Millisecond) // from the answer to the line, at most
	if len(l.Events) == 0 || !strings.HasPrefix(string(l.Events[0].Kind), "client-") {
		return
	}
	for i, c := range e.inc.Captures {
		for n := range l.Events {
			ev := &l.Events[n]
			if ev.Kind != logparse.ClientDNS || !ev.HasTime || ev.Lookup == nil || ev.Lookup.ID < 0 {
				continue
			}
			found := e.answersIn(i)[digKey{ev.Lookup.ID, pcapflow.PlainName(ev.Lookup.Name)}]
			if len(found) != 1 {
				continue
			}
			k, at := e.byKey[captureKey(i, found[0].flow.Clock)], found[0].at
			if k == nil {
				continue
			}
			low, high := stampOf(ev)
			e.add(k, e.host(l), at, low-at-printing, high-at+captureNoise, clock.Keyed)
			e.nameHost(keyedHost{k, e.host(l), c, found[0].flow.Client.Addr()})
		}
	}
}

// answersIn are the DNS answers of a capture, gathered when the first transcript
// asks for them.
func (e *evidence) answersIn(i int) map[digKey][]answered {
	if e.answers == nil {
		e.answers = make([]map[digKey][]answered, len(e.inc.Captures))
	}
	if e.answers[i] == nil {
		e.answers[i] = map[digKey][]answered{}
		for _, f := range e.inc.Captures[i].Flows {
			for n := range f.DNS {
				if t := &f.DNS[n]; t.Answer.Seen() {
					key := digKey{int(t.ID), t.Name}
					e.answers[i][key] = append(e.answers[i][key], answered{t.Answer.Time, f})
				}
			}
		}
	}
	return e.answers[i]
}
