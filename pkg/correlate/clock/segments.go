package clock

import (
	"cmp"
	"math"
	"slices"
)

// beforeEnd keeps clear of the step at the end of a stretch, ns.
const beforeEnd = 1000

// stretch is a part of a course between two instants of the reference in which
// one line tells the offset.
type stretch struct {
	from, to int64
	step     bool
}

// segments writes a course as straight segments over the reference's stretch
// from first to last. Within each segment low and high, moved along with the
// offset, hold the whole band, so that a reader may treat the three as parallel.
func (c *course) segments(first, last int64) []Segment {
	var out []Segment
	for _, s := range c.stretches(first, last) {
		out = append(out, c.segment(s, 4)...)
	}
	for i := range out {
		if i+1 < len(out) && !out[i+1].StepBefore {
			out[i].To = out[i+1].From
		}
	}
	out = shownTwice(out)
	for _, d := range c.drops() {
		out = perhapsTwice(out, d.Drop)
	}
	return out
}

// perhapsTwice widens what a step backward may have made the clock show twice,
// on both of its sides: the instant of a step without evidence nearby is not known.
func perhapsTwice(in []Segment, d Drop) []Segment {
	var out []Segment
	for _, s := range in {
		if s.To <= d.First || s.From >= d.Last {
			out = append(out, s)
			continue
		}
		if s.From < d.First {
			var before Segment
			before, s = s.cut(d.First)
			out = append(out, before)
		}
		var rest Segment
		over := s.To > d.Last
		if over {
			s, rest = s.cut(d.Last)
		}
		for _, o := range [2]Offset{d.Before, d.Behind} {
			s.Low, s.High = min(s.Low, o.Low), max(s.High, o.High)
			s.LowEnd, s.HighEnd = min(s.LowEnd, o.Low), max(s.HighEnd, o.High)
		}
		out = append(out, s)
		if over {
			out = append(out, rest)
		}
	}
	return out
}

// cut parts a segment in two where its clock shows at.
func (s Segment) cut(at int64) (before, behind Segment) {
	before, behind = s, s
	behind.From, behind.StepBefore = at, false
	behind.Offset, behind.Low, behind.High = s.at(at)
	before.To, before.LowEnd, before.HighEnd = at, behind.Low, behind.High
	return before, behind
}

// shownTwice widens segments behind a step backward: what the clock shows there
// it has shown before, and a stamp alone does not tell on which side it was made.
func shownTwice(in []Segment) []Segment {
	var out []Segment
	for _, s := range in {
		again := int64(math.MinInt64) // up to here it was shown before
		for i := range out {
			again = max(again, out[i].To)
		}
		if s.From >= again || len(out) == 0 {
			out = append(out, s)
			continue
		}
		rest := s
		if s.To > again+beforeEnd {
			s, rest = s.cut(again + beforeEnd)
		}
		w := s
		for i := range out {
			o := &out[i]
			if o.To < s.From || o.From > s.To {
				continue
			}
			for _, at := range [2]int64{max(o.From, s.From), min(o.To, s.To)} {
				_, l, h := o.at(at)
				w.Low, w.High = min(w.Low, l), max(w.High, h)
				w.LowEnd, w.HighEnd = min(w.LowEnd, l), max(w.HighEnd, h)
			}
		}
		out = append(out, w)
		if rest.From > s.From {
			out = append(out, rest)
		}
	}
	return out
}

// stretches cuts [first, last] where the line changes: at knots, in the middle
// of gaps between pieces, and at declared steps.
func (c *course) stretches(first, last int64) []stretch {
	var cuts []stretch
	abs := func(t float64) int64 { return c.pivot + int64(math.Round(t*1e9)) }
	add := func(at int64, step bool) {
		if at <= first || at >= last {
			return
		}
		for i := range cuts {
			if cuts[i].from == at {
				cuts[i].step = cuts[i].step || step
				return
			}
		}
		cuts = append(cuts, stretch{from: at, step: step})
	}
	for i := range c.pieces {
		p := &c.pieces[i]
		if i > 0 {
			q := &c.pieces[i-1]
			add(abs(q.to)+1, false)
			add(abs((q.to+p.from)/2)+1, c.jumpy(q, p))
			add(abs(p.from), false)
		} else {
			add(abs(p.from), false)
		}
		if i == len(c.pieces)-1 {
			add(abs(p.to), false)
		}
	}
	for i := range c.jumps {
		j := &c.jumps[i]
		add(abs(j.at-j.slot), false)
		add(abs(j.at)+beforeEnd/2, true)
		add(abs(j.at+j.slot), false)
	}
	sortStretches(cuts)
	out := []stretch{{from: first}}
	for _, s := range cuts {
		out[len(out)-1].to = s.from
		out = append(out, s)
	}
	out[len(out)-1].to = max(last, out[len(out)-1].from)
	return out
}

// jumpy tells whether two neighbouring pieces do not meet: a step, not a knot.
func (c *course) jumpy(q, p *piece) bool {
	t := (q.to + p.from) / 2
	l1, _, h1 := q.band(t)
	l2, _, h2 := p.band(t)
	return l2 > h1 || l1 > h2
}

// segment makes one straight segment of a stretch, or halves it while that
// narrows the bounds of one half by much.
func (c *course) segment(s stretch, depth int) []Segment {
	w := c.worst(s.from, s.to)
	if depth > 0 && s.to-s.from > 2 {
		mid := s.from + (s.to-s.from)/2
		l, r := c.worst(s.from, mid), c.worst(mid, s.to)
		if w > 1e6 && float64(min(l, r)) < 0.6*float64(w) {
			left := c.segment(stretch{s.from, mid, s.step}, depth-1)
			return append(left, c.segment(stretch{mid, s.to, false}, depth-1)...)
		}
	}
	end := max(s.to-beforeEnd, s.from)
	_, m0, _ := c.band(s.from)
	_, m1, _ := c.band(end)
	below, above := c.reach(s.from, end, m0, m1)
	l1, _, h1 := c.band(end)
	seg := Segment{
		From: s.from + m0, To: end + m1, Offset: m0, Low: m0 - below, High: m0 + above,
		LowEnd: l1, HighEnd: h1, StepBefore: s.step,
	}
	if own := seg.To - seg.From; own > 0 {
		seg.Drift = math.Round(float64(m1-m0)/float64(own)*1e12) / 1e6
	}
	return []Segment{seg}
}

// worst is the widest half of the band at the ends of a stretch.
func (c *course) worst(from, to int64) int64 {
	var w int64
	for _, at := range [2]int64{from, max(to-beforeEnd, from)} {
		l, m, h := c.band(at)
		w = max(w, m-l, h-m)
	}
	return w
}

// reach is how far the band lies below and above the straight line from m0 to
// m1, at worst. Within a stretch the lower bound is concave and the upper one
// convex, so the ends decide.
func (c *course) reach(from, to int64, m0, m1 int64) (below, above int64) {
	for i, at := range [2]int64{from, to} {
		l, _, h := c.band(at)
		m := m0
		if i == 1 {
			m = m1
		}
		below, above = max(below, m-l), max(above, h-m)
	}
	return below, above
}

func sortStretches(cuts []stretch) {
	slices.SortFunc(cuts, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
}
