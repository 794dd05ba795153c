package correlate

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// take turns the probabilities of a group into links.
func (m *matcher) take(l *incident.Log, g *group) {
	k := 0
	for i := range g.lines {
		from := k
		for k < len(g.pairs) && g.pairs[k].line == i {
			k++
		}
		m.decide(l, g, &g.lines[i], g.pairs[from:k])
	}
}

// decide links one line to its best candidate, to several, or to none.
func (m *matcher) decide(l *incident.Log, g *group, ln *line, pairs []pair) {
	best := g.byJourney(pairs)
	slices.SortStableFunc(best, func(a, b pair) int { return cmp.Compare(b.p, a.p) })
	n := 0
	for n < len(best) && n < mostRivals && best[n].p >= leastRival {
		n++
	}
	best = best[:n]
	if n == 0 {
		m.miss(l, ln.index, m.reason(ln, len(pairs)))
		return
	}
	if best[0].p >= sure {
		best = best[:1]
	}
	for k, p := range best {
		t := g.targets[p.target]
		x := Line{Log: l, Event: ln.index, Status: "ambiguous", Confidence: min(p.p, certain), By: g.why(ln, t, p)}
		if p.p >= sure {
			x.Status = "matched"
		}
		x.Residual, x.HasResidual = residual(ln, t)
		for r, q := range best {
			if r != k {
				x.Rivals = append(x.Rivals, g.targets[q.target].journey.ID)
			}
		}
		m.result = append(m.result, match{t.journey, x, t})
		if p.p >= 0.99 {
			m.tell(t.journey, l, ln.event)
		}
	}
}

// byJourney adds up the pairs of one line that lead to the same journey.
func (g *group) byJourney(pairs []pair) []pair {
	var list []pair
	for _, p := range pairs {
		at := slices.IndexFunc(list, func(q pair) bool { return g.targets[q.target].journey == g.targets[p.target].journey })
		if at < 0 {
			list = append(list, p)
		} else {
			list[at].p = min(list[at].p+p.p, 1)
		}
	}
	return list
}

// reason tells why a line has no journey.
func (m *matcher) reason(l *line, candidates int) string {
	switch {
	case !l.timed:
		return "its clock is not known against the captures"
	case l.at+l.width+l.slack < m.span.low || l.at-l.slack > m.span.high:
		return "outside the capture"
	case l.event.Method == "" && l.event.Kind == logparse.HTTPRequest:
		return "not a request, and no such connection was seen"
	case candidates > 0:
		return "what fits in time belongs to other lines"
	case isQuestion(l.event.Kind):
		return "no such query of this client at that time"
	}
	return "no request of this client at that time"
}

func (m *matcher) miss(l *incident.Log, event int, reason string) {
	m.missing[l] = append(m.missing[l], missed{event, reason})
}

// why names what speaks for a pair.
func (g *group) why(l *line, t *target, p pair) string {
	switch {
	case g.keyed:
		return "port"
	case g.dns:
		return "question, time, order"
	}
	by := "time"
	if l.event.Duration >= 0 {
		by += ", duration"
	}
	if p.keys[0] != 0 || p.keys[1] != 0 {
		by += ", bytes"
	}
	if t.point.Exchange.Path != "" {
		by += ", path"
	}
	return by + ", order"
}

// residual is the line's instant minus the packets' one; 0 where the latter lies
// within the stamp's resolution.
func residual(l *line, t *target) (time.Duration, bool) {
	if !l.timed || !t.timed || l.placed {
		return 0, false
	}
	at, seen := l.at, t.place
	switch {
	case l.event.Kind == logparse.DNSQuery:
		seen = t.first + t.way/2
	case l.event.Kind == logparse.AppRequest:
		seen = t.reply - t.way/2
	case l.event.Means == logparse.RequestStart:
		seen = t.sent + t.way/2
		if t.journey.Exchange == nil {
			seen = t.first + t.way/2
		}
	case l.event.Duration >= 0:
		at, seen = at-int64(l.event.Duration), t.first+t.way/2
	}
	switch {
	case seen < at:
		return time.Duration(at - seen), true
	case seen > at+l.width:
		return time.Duration(at + l.width - seen), true
	}
	return 0, true
}

// surer tells which of two sure lines of one request to believe: the one with
// the finer stamp, then the more probable.
func surer(a, b Line) bool {
	x, y := a.Log.Events[a.Event].Width, b.Log.Events[b.Event].Width
	return x < y || x == y && a.Confidence > b.Confidence
}

// joinRequestIDs links lines by a request ID that a surely matched line of
// another log shares.
func (m *matcher) joinRequestIDs() {
	type at struct {
		log   *incident.Log
		event int
	}
	known := map[string]match{}
	old := map[at][]int{}
	for i, r := range m.result {
		id := r.line.Log.Events[r.line.Event].RequestID
		if id == "" {
			continue
		}
		old[at{r.line.Log, r.line.Event}] = append(old[at{r.line.Log, r.line.Event}], i)
		if k, ok := known[id]; r.line.Status == "matched" && (!ok || surer(r.line, k.line)) {
			known[id] = r
		}
	}
	if len(known) == 0 {
		return
	}
	drop := map[int]bool{}
	for _, l := range m.inc.Logs {
		for i := range l.Events {
			k, ok := known[l.Events[i].RequestID]
			if !ok || k.line.Log == l || l.Events[i].RequestID == "" {
				continue
			}
			list := old[at{l, i}]
			if len(list) == 1 && m.result[list[0]].line.Status == "matched" && m.result[list[0]].journey.outermost() == k.journey.outermost() {
				continue // it found its journey by itself, or its own part of the way
			}
			if outer := k.journey.outermost(); outer != k.journey && !m.behind[l] {
				k.journey, k.target = outer, nil // the identifier was passed on
			}
			for _, n := range list {
				drop[n] = true
			}
			ln := lineOf(l, i, m.tb)
			x := Line{Log: l, Event: i, Status: "matched", Confidence: k.line.Confidence, By: "request id"}
			if k.target != nil {
				x.Residual, x.HasResidual = residual(&ln, k.target)
			}
			m.result = append(m.result, match{k.journey, x, k.target})
		}
	}
	kept := m.result[:0]
	for i, r := range m.result {
		if !drop[i] {
			kept = append(kept, r)
		}
	}
	m.result = kept
}
