package correlate

import (
	"cmp"
	"time"
)

// Limits of measuring a clock by what lines ask for.
const (
	leastNamed   = 4  // pairs that meet at one offset
	steppedNamed = 10 // pairs of a clock that stepped, which meet at several
	nearCapture  = int64(10 * time.Minute)
)

// namedPair is a line and the one exchange that it can tell of, because no other of
// its client asked for its path.
type namedPair struct {
	line   *line
	target *target
}

// measureByPaths keeps the pairs of a log whose clock is unknown that its paths
// leave no choice of, as evidence about the clock: its packets hide the paths, but
// programs of the clients printed them. Only if nearly all lines have such a pair or
// meet at one offset, for a line of a request that no capture holds finds a wrong one.
func (r *requestLog) measureByPaths(met bool) {
	var pairs []namedPair
	lines, near := 0, 0
	for _, g := range r.groups {
		for i := range g.lines {
			l := &g.lines[i]
			if l.timed && !l.placed || !l.event.HasTime {
				return
			}
			lines++
			if t := l.event.Time; t >= r.span.low-nearCapture && t <= r.span.high+nearCapture {
				near++
			}
		}
		pairs = append(pairs, g.namedPairs()...)
	}
	// The same requests may have been made on another day.
	if near < lines || len(pairs) < leastNamed || !met && (len(pairs) < steppedNamed || 5*len(pairs) < 4*lines) {
		return
	}
	r.named = pairs
}

// namedPairs finds them among the lines and exchanges of one client, if of nearly
// all its exchanges it is known what was asked for.
func (g *group) namedPairs() (pairs []namedPair) {
	type seen struct {
		n      int
		target *target
	}
	asked, hidden := map[string]seen{}, 0
	for _, t := range g.targets {
		path := cmp.Or(t.point.Exchange.Path, g.told[t.journey].path)
		if path == "" || !t.timed || t.root != 0 || t.bare || t.point.Exchange.Multiplexed {
			hidden++
			continue
		}
		asked[path] = seen{asked[path].n + 1, t}
	}
	if 5*hidden > len(g.targets) {
		return nil
	}
	said := map[string]int{}
	for i := range g.lines {
		said[g.lines[i].event.Path]++
	}
	for i := range g.lines {
		l := &g.lines[i]
		at := asked[l.event.Path]
		if at.n == 1 && said[l.event.Path] == 1 && l.event.Client.Addr().IsValid() && keyScore(l, at.target, g.rare[i]) > leastOdds {
			pairs = append(pairs, namedPair{l, at.target})
		}
	}
	return pairs
}

// named lists the pairs as links that say something of the clocks.
func (m *matcher) named(r *requestLog) {
	for _, p := range r.named {
		t := p.target
		x := LinkedLine{Log: r.log, Event: p.line.index, Capture: t.point.Capture, Flow: t.point.Flow, Keyed: true}
		if len(t.point.Flow.HTTP) > 0 {
			x.Exchange = t.point.Exchange
		}
		m.byPath = append(m.byPath, x)
	}
}
