package correlate

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// errorLines matches the lines of web servers' error logs: by the client's port
// where they state it (Apache), else by client, time, and what they say of the
// request. Several lines may tell of one journey; those of one connection
// (nginx *N) tell of the same.
func (m *matcher) errorLines(l *incident.Log) {
	type fit struct {
		events []int
		fits   []*target
	}
	byConnection := map[string]*fit{}
	var order []*fit
	for i := range l.Events {
		e := &l.Events[i]
		if e.Kind != logparse.HTTPError || !e.Client.Addr().IsValid() {
			continue
		}
		if e.Client.Port() != 0 {
			if j, reason := m.connection(l, i); j != nil {
				m.link(l, i, m.within(l, i, j), "port")
			} else {
				m.miss(l, i, reason)
			}
			continue
		}
		fits := m.errorFits(l, i)
		f := byConnection[e.Connection]
		if f == nil || e.Connection == "" {
			f = &fit{fits: fits}
			byConnection[e.Connection] = f
			order = append(order, f)
		} else {
			f.fits = slices.DeleteFunc(f.fits, func(t *target) bool { return !slices.Contains(fits, t) })
		}
		f.events = append(f.events, i)
	}
	for _, f := range order {
		for _, i := range f.events {
			m.linkError(l, i, f.fits)
		}
	}
}

// within is the journey of a connection that was under way when a line was
// written; the first where that does not tell.
func (m *matcher) within(l *incident.Log, event int, first *Journey) *Journey {
	ln := lineOf(l, event, m.tb)
	best := first
	for _, t := range m.targetsOfPort(plain(l.Events[event].Client)) {
		if ln.timed && t.timed && t.root == ln.root && t.first-ln.slack-t.slack <= ln.at+ln.width && t.journey.Ordinal >= best.Ordinal {
			best = t.journey
		}
	}
	return best
}

// targetsOfPort lists the targets of one address and port, in order of place.
func (m *matcher) targetsOfPort(client netip.AddrPort) []*target {
	if m.ofPort == nil {
		m.ofPort = map[netip.AddrPort][]*target{}
		for _, list := range m.clients {
			for _, t := range list {
				m.ofPort[plain(t.client)] = append(m.ofPort[plain(t.client)], t)
			}
		}
	}
	return m.ofPort[client]
}

// ofTime finds the targets of a client by time.
func (m *matcher) ofTime(client netip.Addr) *timeIndex {
	in := m.byTime[client]
	if in == nil {
		in = newTimeIndex(m.clients[client])
		m.byTime[client] = in
	}
	return in
}

// errorFits lists the targets a line of an error log may tell of.
func (m *matcher) errorFits(l *incident.Log, event int) []*target {
	e := &l.Events[event]
	ln := lineOf(l, event, m.tb)
	handshake := strings.Contains(e.Text, "SSL_do_handshake") || strings.Contains(e.Text, "SSL handshaking")
	if !ln.timed {
		return nil
	}
	in := m.ofTime(plainAddr(e.Client.Addr()))
	var places []int
	in.around(&ln, func(n int, t *target) {
		if !t.timed || t.root != ln.root || overlap(ln.at-ln.slack, ln.at+ln.width+ln.slack, t.first-t.slack-5*msec, t.last+t.slack+farthest) > 0 {
			return
		}
		path := t.point.Exchange.Path
		if path == "" {
			path = m.told[t.journey].path
		}
		if handshake && !t.bare || e.Path != "" && (t.bare || path != "" && path != e.Path) {
			return
		}
		places = append(places, n)
	})
	slices.Sort(places)
	fits := make([]*target, 0, len(places))
	for _, n := range places {
		fits = append(fits, in.targets[n])
	}
	return fits
}

// linkError links a line to the one target that fits, or to all as rivals.
func (m *matcher) linkError(l *incident.Log, event int, fits []*target) {
	if len(fits) == 0 {
		m.miss(l, event, "no request of this client at that time")
		return
	}
	fits = fits[:min(len(fits), mostRivals)]
	for _, t := range fits {
		x := Line{Log: l, Event: event, Status: "ambiguous", Confidence: 1 / float64(len(fits)), By: "client, time"}
		if len(fits) == 1 {
			x.Status, x.Confidence = "matched", 0.97
		}
		for _, o := range fits {
			if o != t {
				x.Rivals = append(x.Rivals, o.journey.ID)
			}
		}
		m.result = append(m.result, match{journey: t.journey, line: x})
	}
}
