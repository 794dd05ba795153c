package clock

import (
	"cmp"
	"slices"
	"time"
)

// pairUp measures a clock by lines that do not name their partners.
func (s *solver) pairUp(id ID, hint *course) {
	st := &s.state[id]
	known := st.course
	if known == nil {
		known = hint
	}
	given := st.ev
	matched := 0             // lines that found a partner at the offset they were first given
	writers := map[int]int{} // lines that speak for each so far
	for _, alternatives := range s.choices(id) {
		bestGuess, bestEv, some := s.bestOf(id, alternatives, known, writers)
		if !some {
			continue
		}
		if bestGuess.status != Measured {
			if st.status != Measured && (st.guess == nil || bestGuess.score > st.guess.score) {
				st.guess, st.status, st.why = &bestGuess, bestGuess.status, bestGuess.why
			}
			continue
		}
		all := append(slices.Clone(st.ev), bestEv...)
		c := newCourse(all, s.steps[id])
		var next state
		next.judge(c)
		if next.status != Measured {
			if st.status != Measured {
				st.status, st.why = next.status, next.why
			}
			continue
		}
		st.ev, st.course, st.status, st.why, st.guess = all, c, Measured, Sentence{}, nil
		matched = max(matched, bestGuess.score)
		if known == nil || c.width() < known.width() { // what a few lines leave open may be more than was known
			known = c
		}
	}
	if st.status != Measured && len(given) > 0 && st.guess == nil {
		st.judge(newCourse(st.ev, s.steps[id])) // of what may be others, without a series that tells
	}
	if st.status != Measured {
		st.course = nil
		return
	}
	if !slices.ContainsFunc(given, func(e evidence) bool { return e.keyed() }) && max(st.course.supporters(), matched) < minSupport {
		st.status, st.course = Insufficient, nil
		st.why = sentence("only %d lines bear on it", "solo %d líneas lo atañen", len(st.ev))
	}
}

// bestOf finds the certain pairs of the series, of several of which one at most
// is true, that fits best. A line that another one pairs as certainly may be of
// either: a client that asks one server after the other, always a second later,
// makes the log of one fit the packets to the other. writers are the lines that
// speak for each writer in other choices; those of the best are added to it.
func (s *solver) bestOf(id ID, alternatives []int, known *course, writers map[int]int) (best guess, ev []evidence, some bool) {
	type fitting struct {
		guess
		ev     []evidence
		writer int
	}
	rank := func(x *fitting) int { return x.rank() + writers[x.writer] }
	var all []fitting
	at := 0
	for _, i := range alternatives {
		lines, partners, other, ok := s.sides(id, &s.p.Series[i])
		if !ok {
			continue
		}
		ev, g := s.fromSeries(id, lines, partners, known)
		for k := range ev {
			ev[k].method, ev[k].other = s.p.Series[i].Method, other
		}
		if all = append(all, fitting{g, ev, s.p.Series[i].Writer}); rank(&all[len(all)-1]) > rank(&all[at]) {
			at = len(all) - 1
		}
	}
	if len(all) == 0 {
		return guess{}, nil, false
	}
	best, ev = all[at].guess, all[at].ev
	for k := range all {
		if x := &all[k]; k != at && best.status == Measured && x.status == Measured && 2*x.score >= best.score {
			ev = contested(ev, x.ev)
		}
	}
	if w := all[at].writer; w != 0 && best.status == Measured {
		writers[w] += best.score
	}
	return best, ev, true
}

// contested widens the pairs of lines that have another partner as well to hold
// both; where those are many, counting says nothing.
func contested(ev, others []evidence) []evidence {
	const few = 0.2
	by := map[int]evidence{}
	for _, e := range others {
		if e.ref != anchorRef {
			by[e.ref] = e
		}
	}
	out := slices.Clone(ev)
	shared := 0
	for i := range out {
		e := &out[i]
		if o, ok := by[e.ref]; ok && e.ref != anchorRef {
			shared++
			e.low, e.high = min(e.low, o.low), max(e.high, o.high)
			e.seldomLow, e.seldomHigh = 0, 0
		}
	}
	if pairs := len(withoutAnchors(out)); float64(shared) > few*float64(pairs) {
		out = withoutAnchors(out)
	}
	return out
}

// confirm counts the lines that find a partner under a course that is known
// better than they could tell.
func (s *solver) confirm(id ID) {
	st := &s.state[id]
	for _, alternatives := range s.choices(id) {
		var best Support
		for _, i := range alternatives {
			lines, partners, _, ok := s.sides(id, &s.p.Series[i])
			if !ok {
				continue
			}
			m := newPairing(lines, partners)
			inside := m.along(st.course)
			if n := newPairing(inside, partners).match(0, nil); n > best.Count || best.Method == "" {
				best = Support{s.p.Series[i].Method, n, len(inside) - n}
			}
		}
		if best.Count > st.lines.Count {
			st.lines = best
		}
	}
}

// along lists the lines that may have a partner, moved to the reference's time
// scale by a course.
func (m *pairing) along(c *course) []Instant {
	out := make([]Instant, 0, len(m.lines))
	for _, g := range m.groups {
		for i := g[0]; i < g[1]; i++ {
			l := m.lines[i]
			_, low, mid, high, once := c.own(l.Low)
			if once && !m.late[i] && l.High-low >= m.first && l.Low-high <= m.last {
				l.Low, l.High = l.Low-mid, l.High-mid
				out = append(out, l)
			}
		}
	}
	return out
}

// choices groups the series of a clock: alternatives of one choice together, the
// finest stamps first, for what they leave open guides the coarser ones.
func (s *solver) choices(id ID) [][]int {
	var out [][]int
	place := map[int]int{}
	for _, i := range s.series[id] {
		c := s.p.Series[i].Choice
		if at, ok := place[c]; ok && c != 0 {
			out[at] = append(out[at], i)
			continue
		}
		place[c] = len(out)
		out = append(out, []int{i})
	}
	slices.SortStableFunc(out, func(a, b []int) int { return cmp.Compare(s.p.Series[a[0]].fineness(), s.p.Series[b[0]].fineness()) })
	return out
}

// fineness is the mean width of the lines and partners of a series together, in
// steps of 100 ms: smaller differences say nothing of which is the better guide.
func (r *Series) fineness() int64 {
	const grain = int64(100 * time.Millisecond)
	mean := func(list []Instant) int64 {
		var sum int64
		for i := range list {
			sum += (list[i].High - list[i].Low) / int64(len(list))
		}
		return sum
	}
	return (mean(r.Lines) + mean(r.Partners)) / grain
}

// rank orders guesses of alternatives: what could be measured first, then by
// the lines that find a partner.
func (g *guess) rank() int {
	if g.status == Measured {
		return 1_000_000_000 + g.score
	}
	return g.score
}

// supporters counts the items that a course satisfies.
func (c *course) supporters() int {
	n := 0
	for _, r := range c.rejected {
		if !r {
			n++
		}
	}
	return n
}

// sides turns a series so that its lines are the clock's and its partners are
// on the reference's time scale.
func (s *solver) sides(id ID, r *Series) (lines, partners []Instant, other ID, ok bool) {
	lines, partners, other = r.Lines, r.Partners, r.A
	if r.A == id {
		lines, partners, other = r.Partners, r.Lines, r.B
	}
	if other == id || !s.state[other].solved {
		return nil, nil, 0, false
	}
	moved := make([]Instant, 0, len(partners))
	for _, p := range partners {
		at, low, high, once := s.band(other, p.Low)
		if !once {
			continue
		}
		p.High = at + (p.High - p.Low) + (high-low)/2
		p.Low = at - (high-low)/2
		moved = append(moved, p)
	}
	return lines, moved, other, true
}

// fromSeries finds the certain pairs of a series. Where nothing is known of the
// clock it looks for the offset first.
func (s *solver) fromSeries(id ID, lines, partners []Instant, known *course) ([]evidence, guess) {
	if known != nil {
		m := newPairing(lines, partners)
		ev := refine(m, known, s.steps[id], s.state[id].ev, nil)
		switch {
		case len(ev) == 0:
			return nil, guess{status: Insufficient, why: noPartner}
		case m.outdone(known, newCourse(append(slices.Clone(s.state[id].ev), ev...), s.steps[id]), len(ev)):
			return nil, guess{status: Insufficient, why: sentence("another offset gives more lines a partner than the pairs that looked certain", "otro desfase da pareja a más líneas que las parejas que parecían seguras")}
		}
		return ev, guess{status: Measured, score: len(ev)}
	}
	g, sample, runs := lookFor(lines, partners, s.steps[id])
	if g.status != Measured {
		return nil, g
	}
	ev := firstPairs(sample, partners, runs)
	c := newCourse(ev, s.steps[id])
	if c == nil || c.open() {
		return nil, guess{status: Insufficient, why: sentence("no line has one possible partner only", "ninguna línea tiene una sola pareja posible")}
	}
	m := newPairing(lines, partners)
	return refine(m, c, s.steps[id], nil, ev), g
}

// refine narrows a course: in the band it leaves, more lines have one partner
// only, or can be counted, which narrows the band. known is other evidence of
// the clock; pairs are those found so far, with the anchors of the search.
func refine(m *pairing, c *course, steps []Step, known, pairs []evidence) []evidence {
	fixed := append(slices.Clone(known), anchors(pairs)...)
	best, width := pairs, c.width()
	for range 6 {
		sure := certain(m.within(func(stamp int64) (int64, int64) {
			_, low, _, high, _ := c.own(stamp)
			return low, high
		}))
		found := m.evidence(sure)
		m.late = map[int]bool{}
		for i, late := range c.late(found) {
			if late {
				m.late[sure[i].line] = true
			}
		}
		found = append(found, m.profile(c)...)
		next := newCourse(append(slices.Clone(fixed), found...), steps)
		if len(found) == 0 || next == nil || next.open() || next.lost > 0.3*next.total {
			break
		}
		better := len(found)+len(anchors(pairs)) > len(best) || next.width() < width
		if !better {
			break
		}
		fixed = append(fixed, anchors(found)...)
		best, c, width = append(anchors(fixed[len(known):]), withoutAnchors(found)...), next, next.width()
	}
	return best
}

// outdone tells whether another offset, within the band that was known, gives more
// lines a partner (as many where they are few) than the course of a few pairs that
// had no other choice: where the partner of a line is missing (an application's log
// lacks what its server answers itself, a capture ends), another one's looks certain.
func (m *pairing) outdone(known, c *course, pairs int) bool {
	const (
		many = 20
		wide = int64(100 * time.Millisecond)
	)
	if pairs >= many || c == nil || known.width() < wide {
		return false
	}
	at := c.pivot
	_, here, _ := c.band(at)
	_, middle, _ := known.band(at)
	found := newPairing(m.along(c), m.partners).match(0, nil)
	for _, p := range newPairing(m.along(known), m.partners).peaks() {
		apart := abs(middle+p.theta-here) > c.width()
		if apart && 2*abs(p.theta) <= known.width() && (p.score > found || p.score == found && found < minSupport) {
			return true
		}
	}
	return false
}

// anchors are the items that bound the search itself, not pairs.
func anchors(ev []evidence) []evidence {
	var out []evidence
	for _, e := range ev {
		if e.ref == anchorRef {
			out = append(out, e)
		}
	}
	return out
}

func withoutAnchors(ev []evidence) []evidence {
	return slices.DeleteFunc(slices.Clone(ev), func(e evidence) bool { return e.ref == anchorRef })
}

// evidence turns certain pairs into bounds.
func (m *pairing) evidence(ps []pair) []evidence {
	var out []evidence
	for _, p := range ps {
		q := &m.partners[p.partner]
		out = append(out, evidence{at: q.Low + (q.High-q.Low)/2, low: p.low, high: p.high, seldomHigh: m.lines[p.line].Seldom, ref: m.lines[p.line].Ref, weight: 1})
	}
	return out
}

// Matches counts the lines of a series that find a partner under one offset
// (of clock B against clock A), the most that do under any, and those that the
// one offset puts inside the partners' stretch of time.
func Matches(r *Series, theta int64) (at, best, inside int) {
	if len(r.Lines) == 0 || len(r.Partners) == 0 {
		return 0, 0, 0
	}
	sample, _ := blocks(r.Lines, maxLines)
	m := newPairing(sample, r.Partners)
	at = m.match(theta, nil)
	best = at
	for _, p := range m.peaks() {
		best = max(best, p.score)
	}
	return at, best, m.inside(theta)
}
