package clock

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"
)

// profile bounds the clock by counting: where pairs are not certain one by one
// (many alike within a second), the number of lines that find a partner still
// falls off on both sides of the right offset. It looks along a course already
// known, in runs of time, and returns one item for each run.
func (m *pairing) profile(c *course) []evidence {
	given := m.along(c)
	lines := make([]Instant, len(given))
	for to, from := range placesBy(given, func(a, b *Instant) int { return cmp.Compare(a.Low, b.Low) }) {
		lines[to] = given[from]
	}
	var out []evidence
	for k := range c.pieces {
		of := c.ofPiece(k, lines)
		for _, r := range chunks(of) {
			if e, ok := m.count(c, of[r[0]:r[1]]); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// ofPiece are the lines, in order of the reference's time, of one piece of a
// course. Lines of different pieces, or made while the clock was on its way from
// one to the other, are not ahead by one offset: counted under one, those that the
// course puts wrong would move it.
func (c *course) ofPiece(k int, lines []Instant) []Instant {
	p := &c.pieces[k]
	from, to := 0, len(lines)
	if k > 0 {
		from = sort.Search(len(lines), func(i int) bool { return c.t(lines[i].Low) >= p.from })
	}
	if k+1 < len(c.pieces) {
		to = sort.Search(len(lines), func(i int) bool { return c.t(lines[i].High) > p.to })
	}
	if from >= to || p.drift > runawayLimit {
		return nil
	}
	return lines[from:to]
}

// chunks cuts lines, in order of time, into runs of enough lines and time.
func chunks(lines []Instant) [][2]int {
	const least = 40
	if len(lines) == 0 {
		return nil
	}
	span := lines[len(lines)-1].Low - lines[0].Low
	n := min(len(lines)/least, int(span/int64(30*time.Second)), 200)
	n = max(n, 1)
	var out [][2]int
	for k := range n {
		i, j := k*len(lines)/n, (k+1)*len(lines)/n
		out = append(out, [2]int{i, min(j, i+maxLines)})
	}
	return out
}

// count finds the offsets, within the band of the course, under which the lines
// of one run find as many partners as under any.
func (m *pairing) count(c *course, lines []Instant) (evidence, bool) {
	const guard = int64(2 * time.Millisecond) // of bounds that custom, not causality, gives
	first, last := lines[0].Low, lines[len(lines)-1].High
	at := first + (last-first)/2
	low, mid, high := c.band(at)
	loose := int64(math.Ceil(c.fan(at) * float64(last-first) / 2e9))
	near := nearby(m.partners, first-(high-mid), last+(mid-low), m.longest)
	sub := newPairing(lines, widened(near, 2*loose))
	if len(sub.groups) == 0 {
		return evidence{}, false
	}
	span := high - low
	step := max(span/100, int64(200*time.Microsecond))
	var score []int
	for theta := low - mid; theta <= high-mid; theta += step {
		score = append(score, sub.match(theta, nil))
	}
	best := slices.Max(score)
	if best < minSupport {
		return evidence{}, false
	}
	enough := best
	if best < len(lines) {
		enough -= max(1, best/20)
	}
	i := slices.IndexFunc(score, func(n int) bool { return n >= enough })
	j := len(score) - 1
	for score[j] < enough {
		j--
	}
	l, h := low-mid+int64(i)*step, low-mid+int64(j)*step
	if i > 0 {
		l = sub.border(l-step, l, enough)
	}
	if j+1 < len(score) {
		h = sub.border(h+step, h, enough)
	}
	if l-guard <= low-mid && h+guard >= high-mid {
		return evidence{}, false // tells nothing new
	}
	e := evidence{at: at, low: -Infinity, high: Infinity, method: Intervals, ref: anchorRef, weight: stepPenalty}
	if i > 0 {
		e.low = mid + l - guard
	}
	if j+1 < len(score) {
		e.high, e.seldomHigh = mid+h+guard, lines[0].Seldom
	}
	return e, true
}

// border narrows down where the score falls below enough between an offset
// outside and one inside.
func (m *pairing) border(outside, inside int64, enough int) int64 {
	for abs(inside-outside) > int64(200*time.Microsecond) {
		x := outside + (inside-outside)/2
		if m.match(x, nil) >= enough {
			inside = x
		} else {
			outside = x
		}
	}
	return outside
}

// nearby lists the partners that touch a stretch of time.
func nearby(partners []Instant, first, last, longest int64) []Instant {
	var out []Instant
	for _, p := range partners {
		if p.High >= first-longest && p.Low <= last+longest {
			out = append(out, p)
		}
	}
	return out
}

// fan is by how much the rate of the clock may differ from that of the most
// likely line, ns per second.
func (c *course) fan(at int64) float64 {
	t := c.t(at)
	best := 0.0
	for i := range c.pieces {
		p := &c.pieces[i]
		if i > 0 && t < p.from {
			break
		}
		best = 0
		for _, q := range p.lines {
			best = max(best, math.Abs(q.b-p.line.b))
		}
	}
	return best
}
