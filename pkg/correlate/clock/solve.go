package clock

import (
	"cmp"
	"slices"
)

// solver spreads from the reference over the graph of clocks.
type solver struct {
	p         Problem
	reference ID
	state     []state // by clock
	touching  [][]int // constraints by clock
	series    [][]int // series by clock
	steps     [][]Step
	left      []bool // by clock, not to be measured; nil: none
}

// state is what the solver knows of one clock so far.
type state struct {
	solved bool
	course *course // nil for the reference
	ev     []evidence
	guess  *guess
	lines  Support // lines without keys that agree with a course known well without them
	why    Sentence
	status Status
	order  int  // in which it was solved
	stale  bool // a neighbour was solved since it was tried last
}

// Solve measures every clock of a problem against one reference. The result
// depends on neither the order nor the repetition of the evidence.
func Solve(p Problem) *Solution {
	s := &solver{p: p, state: make([]state, p.Clocks), touching: make([][]int, p.Clocks), series: make([][]int, p.Clocks), steps: make([][]Step, p.Clocks)}
	s.p.Constraints = tidy(p.Constraints)
	for i, c := range s.p.Constraints {
		s.touching[c.A] = append(s.touching[c.A], i)
		s.touching[c.B] = append(s.touching[c.B], i)
	}
	for i, r := range p.Series {
		s.series[r.A] = append(s.series[r.A], i)
		s.series[r.B] = append(s.series[r.B], i)
	}
	for _, st := range p.Steps {
		s.steps[st.Clock] = append(s.steps[st.Clock], st)
	}
	for i := range s.steps {
		s.steps[i] = mergeSteps(s.steps[i])
	}
	if p.Clocks == 0 {
		return &Solution{}
	}
	s.reference = s.pickReference()
	s.state[s.reference] = state{solved: true, status: Reference}
	s.declare()
	s.spread()
	s.tighten()
	out := s.solution()
	s.aside(out)
	return out
}

// tidy sorts constraints and drops copies, so that neither order nor repetition
// of the evidence matters.
func tidy(cs []Constraint) []Constraint {
	cs = slices.Clone(cs)
	slices.SortFunc(cs, func(a, b Constraint) int {
		return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B), cmp.Compare(a.At, b.At), cmp.Compare(a.Low, b.Low),
			cmp.Compare(a.High, b.High), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Ref, b.Ref))
	})
	return slices.CompactFunc(cs, func(a, b Constraint) bool {
		return a.A == b.A && a.B == b.B && a.At == b.At && a.Low == b.Low && a.High == b.High && a.Method == b.Method
	})
}

// pickReference takes the first preferred clock that has evidence, else the one
// with most.
func (s *solver) pickReference() ID {
	for _, id := range s.p.Prefer {
		if len(s.touching[id])+len(s.series[id]) > 0 {
			return id
		}
	}
	if len(s.p.Prefer) > 0 {
		return s.p.Prefer[0]
	}
	best := ID(0)
	for i := range s.touching {
		if len(s.touching[i])+len(s.series[i]) > len(s.touching[best])+len(s.series[best]) {
			best = ID(i)
		}
	}
	return best
}

// declare takes the offsets that the user gave for true.
func (s *solver) declare() {
	for id, offset := range s.p.Declared {
		if id == s.reference || int(id) >= len(s.state) {
			continue
		}
		c := &course{base: offset, pieces: []piece{{lines: polygon{{}}}}}
		if span := s.p.span(s.reference); span != (Span{}) {
			c.pivot = span.First
			c.pieces[0].to = float64(span.Last-span.First) / 1e9
		}
		s.state[id] = state{solved: true, status: DeclaredOnly, course: c}
	}
}

// spread solves one clock after the other, always the one that the clocks
// solved so far bound best.
func (s *solver) spread() {
	for i := range s.state {
		s.state[i].stale = true
	}
	for order := 0; ; {
		best := ID(-1)
		for i := range s.state {
			st := &s.state[i]
			if st.solved || s.left != nil && s.left[i] {
				continue
			}
			if st.stale {
				s.try(ID(i), nil)
			}
			if st.status == Measured && (best < 0 || st.course.width() < s.state[best].course.width()) {
				best = ID(i)
			}
		}
		if best < 0 {
			return
		}
		order++
		s.state[best].solved, s.state[best].order = true, order
		for _, n := range s.neighbours(best) {
			if !s.state[n].solved {
				s.state[n].stale = true
			}
		}
	}
}

// neighbours of a clock in the graph of evidence.
func (s *solver) neighbours(id ID) []ID {
	seen := map[ID]bool{}
	var out []ID
	add := func(a, b ID) {
		if a == id {
			a = b
		}
		if a != id && !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	for _, i := range s.touching[id] {
		add(s.p.Constraints[i].A, s.p.Constraints[i].B)
	}
	for _, i := range s.series[id] {
		add(s.p.Series[i].A, s.p.Series[i].B)
	}
	slices.Sort(out)
	return out
}

// tighten solves clocks once more that have neighbours solved after them: each
// bound is valid by itself, so that their intersection is.
func (s *solver) tighten() {
	for i := range s.state {
		old := s.state[i]
		if !old.solved || old.status != Measured {
			continue
		}
		news := false
		for _, n := range s.neighbours(ID(i)) {
			news = news || s.state[n].solved && s.state[n].order > old.order
		}
		if !news {
			continue
		}
		s.try(ID(i), old.course)
		st := &s.state[i]
		st.solved, st.order = true, old.order
		if st.status != Measured || st.course.width() > old.course.width() {
			s.state[i] = old
		}
	}
}

// try measures one clock against those that are solved. hint is what was known
// of it before.
func (s *solver) try(id ID, hint *course) {
	st := &s.state[id]
	*st = state{status: Insufficient, why: sentence("no evidence bears on it", "ninguna prueba lo atañe")}
	st.ev = s.gather(id)
	if slices.ContainsFunc(st.ev, func(e evidence) bool { return e.keyed() }) {
		st.judge(newCourse(st.ev, s.steps[id]))
	}
	const enough = 10e6 // ns: narrower than lines without keys could tell
	if st.status == Measured && st.course.width() < enough && st.course.covers(s.p.span(id)) {
		s.confirm(id)
		return
	}
	s.pairUp(id, hint)
}

// judge decides whether keyed evidence bears a course.
func (st *state) judge(c *course) {
	st.status, st.course = Insufficient, nil
	switch {
	case c == nil:
		st.why = sentence("the evidence bounds it on no side", "las pruebas no lo acotan por ningún lado")
	case c.open():
		st.why = sentence("the evidence bounds it on one side only", "las pruebas lo acotan solo por un lado")
	case c.namedLost > namedOutlier*c.namedTotal:
		st.why = sentence("the evidence contradicts itself: %.0f %% of it fits no course of the clock", "las pruebas se contradicen: el %.0f %% no encaja con ninguna marcha del reloj", 100*c.namedLost/c.namedTotal)
	default:
		st.status, st.course, st.why = Measured, c, Sentence{}
	}
}

// span of a clock's own records.
func (p *Problem) span(id ID) Span {
	if int(id) < len(p.Spans) {
		return p.Spans[id]
	}
	return Span{}
}

// covers tells whether the evidence spans most of the clock's own records.
func (c *course) covers(s Span) bool {
	if s.Last <= s.First {
		return true
	}
	first, last := c.pieces[0].from, c.pieces[len(c.pieces)-1].to
	return (last-first)*1e9 >= 0.5*float64(s.Last-s.First)
}

// gather brings every constraint between a clock and the solved ones to the
// reference.
func (s *solver) gather(id ID) []evidence {
	var out []evidence
	one := s.identities(id)
	for _, i := range s.touching[id] {
		c := &s.p.Constraints[i]
		e := evidence{method: c.Method, ref: c.Ref, weight: weight(c.Method), denied: one.deny(c)}
		switch {
		case c.A == c.B:
			continue
		case c.B == id && s.state[c.A].solved:
			at, low, high, once := s.band(c.A, c.At)
			if !once {
				continue
			}
			e.at, e.low, e.high, e.other = at, plus(c.Low, low), plus(c.High, high), c.A
			e.seldomHigh = c.Seldom
		case c.A == id && s.state[c.B].solved:
			at, low, high, once := s.band(c.B, c.At+between(c.Low, c.High))
			if !once {
				continue
			}
			e.at, e.low, e.high, e.other = at, plus(-c.High, low), plus(-c.Low, high), c.B
			e.seldomLow = c.Seldom
		default:
			continue
		}
		out = append(out, e)
	}
	return out
}

// between is a number within bounds of which one or both may be open.
func between(low, high int64) int64 {
	switch {
	case low > -Infinity && high < Infinity:
		return low + (high-low)/2
	case low > -Infinity:
		return low
	case high < Infinity:
		return high
	}
	return 0
}

// band gives the reference's instant at which a solved clock shows own, and the
// bounds of its offset there; false where it shows that twice.
func (s *solver) band(id ID, own int64) (at, low, high int64, once bool) {
	c := s.state[id].course
	if c == nil {
		return own, 0, 0, true
	}
	at, low, _, high, once = c.own(own)
	return at, low, high, once
}

// plus adds a finite number to a bound that may be open.
func plus(bound, x int64) int64 {
	if bound <= -Infinity || bound >= Infinity {
		return bound
	}
	return bound + x
}

// weight of one item against others: what names its partner counts three times
// a line or packet that might be another.
func weight(m Method) float64 {
	switch m {
	case Intervals, DateHeader, TwoCaptures:
		return 1
	}
	return keyedWeight
}

// mergeSteps joins what several records tell of one step: jumps of one size
// whose windows overlap.
func mergeSteps(in []Step) []Step {
	slices.SortFunc(in, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.After, b.After), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Slack, b.Slack), cmp.Compare(a.Ref, b.Ref))
	})
	var out []Step
	for _, s := range in {
		merged := false
		for i := range out {
			o := &out[i]
			overlap := s.At <= o.After-o.Size && o.At <= s.After-s.Size
			if !overlap || abs(o.Size-s.Size) > o.Slack+s.Slack {
				continue
			}
			end := min(o.After-o.Size, s.After-s.Size) // on the clock as it ran before
			if s.Slack < o.Slack {
				o.Size, o.Slack, o.Method, o.Ref = s.Size, s.Slack, s.Method, s.Ref
			}
			o.At, o.After = max(o.At, s.At), end+o.Size
			merged = true
			break
		}
		if !merged {
			out = append(out, s)
		}
	}
	return out
}
