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
	if !strings.HasPrefix(string(kindOf(l)), "client-") {
		return
	}
	for i, c := range e.inc.Captures {
		answers := map[digKey][]answered{}
		for _, f := range c.Flows {
			for n := range f.DNS {
				if t := &f.DNS[n]; t.Answer.Seen() {
					key := digKey{int(t.ID), t.Name}
					answers[key] = append(answers[key], answered{t.Answer.Time, f})
				}
			}
		}
		for n := range l.Events {
			ev := &l.Events[n]
			if ev.Kind != logparse.ClientDNS || !ev.HasTime || ev.Lookup == nil || ev.Lookup.ID < 0 {
				continue
			}
			found := answers[digKey{ev.Lookup.ID, strings.ToLower(strings.TrimSuffix(ev.Lookup.Name, "."))}]
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

// kindOf is the kind of a text's first event; "" where it has none.
func kindOf(l *incident.Log) logparse.Kind {
	if len(l.Events) == 0 {
		return ""
	}
	return l.Events[0].Kind
}
