package correlate

import (
	"math"
	"sort"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// ends weighs the ways to pair the lines and targets of a group by where they begin,
// or where they end. A log that begins in the middle of a second tells of none of the
// targets before, all in a row: a way that leaves these out is not as unlikely as one
// that leaves out as many here and there. So are the lines before a capture began.
type ends struct {
	targets, lines outside
}

// outside is what may lie outside in a row, from an end inwards: the logarithms of
// how unlikely it would be elsewhere to leave out the first so many.
type outside struct {
	from    int // the outermost
	inwards int // 1 or −1
	sums    []float64
}

// cutOff is how often a log, or a capture, that begins or ends within the resolution of
// a stamp of what it tells of does so in the middle of it.
const cutOff = 0.02

// mostOutside bounds what a way gains by its ends, so that sums stay finite.
const mostOutside = 150

// weight is that of a way whose first (or last) pair is of a line and a target; one
// where nothing is left out. Where the log, or the capture, ends may be anywhere in
// the row.
func (e *ends) weight(line, target int) float64 {
	return 1 + e.targets.weight(target) + e.lines.weight(line)
}

func (o *outside) weight(place int) float64 {
	if len(o.sums) == 0 {
		return 0
	}
	n := min(max((place-o.from)*o.inwards, 0), len(o.sums)-1)
	return cutOff * math.Expm1(min(o.sums[n], mostOutside)) / float64(len(o.sums))
}

// newOutside is of the places from the outermost on inwards as far as the innermost.
func newOutside(outermost, innermost int, cost func(place int) float64) outside {
	o := outside{from: outermost, inwards: 1}
	if innermost < outermost {
		o.inwards = -1
	}
	sum := 0.0
	for place := outermost; ; place += o.inwards {
		o.sums = append(o.sums, sum)
		if place == innermost {
			break
		}
		sum += cost(place)
	}
	o.sums = append(o.sums, sum+cost(innermost))
	return o
}

// findEnds finds what may lie before and behind the log or the captures.
func (g *group) findEnds(r *requestLog, e *edges) {
	g.heads, g.tails = ends{}, ends{}
	if !r.ordered || len(g.pairs) == 0 {
		return
	}
	cost := func(i int) float64 {
		t := g.targets[i]
		if !t.timed || t.bare || t.floats {
			return 0
		}
		return math.Log1p(math.Exp(g.loggedOdds(r, t.server)))
	}
	head, tail := e.of(g.longest)
	if a, b, ok := g.targetsIn(head); ok {
		g.heads.targets = newOutside(a, b, cost)
	}
	if a, b, ok := g.targetsIn(tail); ok {
		g.tails.targets = newOutside(b, a, cost)
	}
	foreign := func(i int) float64 { return max(-math.Log(r.foreign)-math.Log(g.escape(i)), 0) }
	if a, b, ok := g.linesAt(r.span.low); ok {
		g.heads.lines = newOutside(a, b, foreign)
	}
	if a, b, ok := g.linesAt(r.span.high); ok {
		g.tails.lines = newOutside(b, a, foreign)
	}
}

// escape is what a line may be of that has no place in the order, with its own odds of
// one: a line that is of such a target was not left out.
func (g *group) escape(line int) float64 {
	sum := 1.0
	for i := sort.Search(len(g.pairs), func(i int) bool { return g.pairs[i].line >= line }); i < len(g.pairs) && g.pairs[i].line == line; i++ {
		if p := &g.pairs[i]; g.targets[p.target].floats {
			sum += p.odds
		}
	}
	return sum
}

// edges are the stretches in which the first and the last request of a log ended, as
// far as their stamps tell. Lines stamped at a request's start that do not say how long
// it took (open) lie apart: their ends follow from how long requests of a group take.
type edges struct {
	first, last, lastOpen span
	firstIsOpen, opens    bool
}

func (r *requestLog) edges() edges {
	var e edges
	seen, closed := false, false
	for _, g := range r.groups {
		for i := range g.lines {
			l := &g.lines[i]
			if !l.timed {
				continue
			}
			s := span{low: l.ended() - l.slack, high: l.ended() + l.width + l.slack}
			open := l.event.Means == logparse.RequestStart && l.event.Duration < 0
			if !seen || s.low < e.first.low {
				e.first, e.firstIsOpen = s, open
			}
			seen = true
			switch {
			case open && (!e.opens || s.high > e.lastOpen.high):
				e.lastOpen, e.opens = s, true
			case !open && (!closed || s.high > e.last.high):
				e.last, closed = s, true
			}
		}
	}
	if !closed {
		e.last = e.lastOpen
	}
	return e
}

// of are the edges where an open request takes as long as usual.
func (e *edges) of(usual int64) (head, tail span) {
	head, tail = e.first, e.last
	if e.firstIsOpen {
		head.high += usual
	}
	if e.opens && e.lastOpen.high+usual > tail.high {
		tail = span{low: e.lastOpen.low, high: e.lastOpen.high + usual}
	}
	return head, tail
}

// targetsIn are the first and the last target of a stretch.
func (g *group) targetsIn(s span) (first, last int, ok bool) {
	first = sort.Search(len(g.targets), func(i int) bool { return g.targets[i].place >= s.low })
	last = sort.Search(len(g.targets), func(i int) bool { return g.targets[i].place > s.high }) - 1
	return first, last, first <= last
}

// linesAt are the first and the last line that may tell of an instant.
func (g *group) linesAt(at int64) (first, last int, ok bool) {
	first = -1
	for i := range g.lines {
		l := &g.lines[i]
		if l.timed && l.at-l.slack-max(int64(l.event.Duration), 0) <= at && at <= l.at+l.width+l.slack {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return first, last, first >= 0
}
