package clock

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// anchorRef marks evidence that stands for a whole search, not for one line.
const anchorRef = math.MinInt

// run is a stretch of lines, in the order given, that share one offset.
type run struct {
	i, j      int
	low, high int64 // offsets that do (nearly) as well
	score     int
}

var noPartner = sentence("no line has a possible partner in a capture", "ninguna línea tiene pareja posible en una captura")

const maxLines = 4000 // lines looked at for the first offset

// lookFor finds the offset of lines of which nothing is known, as runs of
// lines with the stretch of offsets that cannot be told apart. The runs are of
// the lines returned; none holds lines of both sides of a known step.
func lookFor(all, partners []Instant, steps []Step) (guess, []Instant, []run) {
	lines := rare(all, partners)
	if len(lines) == 0 {
		return guess{status: Insufficient, why: noPartner}, nil, nil
	}
	sample, at := blocks(lines, maxLines)
	loose := widened(partners, drifting(lines))
	m := newPairing(sample, loose)
	g := m.coarse()
	if g.status != Measured {
		return g, nil, nil
	}
	var runs []run
	sides := newSides(all, steps)
	for i := 0; i < len(g.theta); {
		side, told := sides.of(&sample[i])
		if !told {
			i++
			continue
		}
		j := i + 1
		for ; j < len(g.theta) && g.theta[j] == g.theta[i]; j++ {
			if s, ok := sides.of(&sample[j]); !ok || s != side {
				break
			}
		}
		part := newPairing(sample[i:j], loose)
		r := part.plateau(g.theta[i])
		r.i, r.j = at[i], len(lines)
		if j < len(g.theta) {
			r.j = at[j]
		}
		if r.score >= minSupport {
			runs = append(runs, r)
		}
		i = j
	}
	if len(runs) == 0 {
		return guess{status: Insufficient, why: sentence("no offset gives enough lines a partner", "ningún desfase da pareja a bastantes líneas")}, nil, nil
	}
	for _, r := range runs {
		if r.high-r.low > int64(3*time.Second) {
			g.status, g.why = Ambiguous, sentence("offsets several seconds apart do equally well", "desfases a varios segundos entre sí valen igual")
			g.candidates = []Candidate{{Offset: r.low, Reason: zoneReason(r.low)}, {Offset: r.high, Reason: zoneReason(r.high)}}
			return g, nil, nil
		}
	}
	return g, lines, runs
}

// sides tells behind which known steps lines were written.
type sides struct {
	steps []Step
	turns []int // by step, the first line's Ref behind it where the lines' order tells; −1: it does not
}

// newSides looks where lines, in the order they were written, pass a step backward.
func newSides(lines []Instant, steps []Step) sides {
	s := sides{steps: steps}
	for i := range steps {
		s.turns = append(s.turns, turnOf(lines, steps[i].Size))
	}
	return s
}

// turnOf is the Ref of the first line behind a step backward; −1: their stamps do
// not go back by that much, or more than once.
func turnOf(lines []Instant, size int64) int {
	turn, latest := -1, int64(math.MinInt64)
	for i := range lines {
		l := &lines[i]
		if size < 0 && latest > math.MinInt64 && latest-l.High > -size/2 {
			if turn >= 0 {
				return -1
			}
			turn, latest = l.Ref, l.Low
		}
		latest = max(latest, l.Low)
	}
	return turn
}

// of counts the steps behind which a line was written; false where neither its
// stamp nor the order tells.
func (s *sides) of(l *Instant) (behind int, told bool) {
	for i := range s.steps {
		step := &s.steps[i]
		switch {
		case s.turns[i] >= 0:
			if l.Ref >= s.turns[i] {
				behind++
			}
		case l.Low > max(step.At, step.After):
			behind++
		case l.High >= min(step.At, step.After):
			return 0, false
		}
	}
	return behind, true
}

// rare leaves out the lines of the groups that have most partners while there
// are more pairs than can be looked at: those with few are told apart best.
func rare(lines, partners []Instant) []Instant {
	count := map[int][2]int{}
	for i := range lines {
		n := count[lines[i].Group]
		n[0]++
		count[lines[i].Group] = n
	}
	for i := range partners {
		n := count[partners[i].Group]
		n[1]++
		count[partners[i].Group] = n
	}
	groups := slices.Sorted(maps.Keys(count))
	slices.SortStableFunc(groups, func(a, b int) int { return cmp.Compare(count[a][1], count[b][1]) })
	keep := map[int]bool{}
	pairs, kept := 0, 0
	for _, g := range groups {
		n := count[g]
		if pairs += n[0] * n[1]; pairs > 2*maxPairs && kept >= 100 {
			break
		}
		if n[1] > 0 {
			kept += n[0]
		}
		keep[g] = true
	}
	if len(keep) == len(count) {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l Instant) bool { return !keep[l.Group] })
}

// blocks takes at most n lines, in whole blocks spread over all, and says where
// each was.
func blocks(lines []Instant, n int) (sample []Instant, at []int) {
	const size = 400
	every := 1
	if len(lines) > n {
		every = (len(lines) + n - 1) / n
	}
	for i := range lines {
		if (i/size)%every == 0 {
			sample = append(sample, lines[i])
			at = append(at, i)
		}
	}
	return sample, at
}

// drifting is by how much the offset may change over the lines, so that a
// constant one can be looked for first: 100 ppm, one second at most.
func drifting(lines []Instant) int64 {
	first, last := lines[0].Low, lines[0].High
	for _, l := range lines {
		first, last = min(first, l.Low), max(last, l.High)
	}
	return min((last-first)/10_000, int64(time.Second))
}

// widened makes room around every interval.
func widened(in []Instant, by int64) []Instant {
	out := slices.Clone(in)
	for i := range out {
		out[i].Low -= by / 2
		out[i].High += by / 2
	}
	return out
}

// plateau finds the offsets around theta under which (nearly) as many lines
// find a partner: none of them can be excluded by counting.
func (m *pairing) plateau(theta int64) run {
	best := m.match(theta, nil)
	var width int64
	for i := range m.lines {
		width = max(width, m.lines[i].High-m.lines[i].Low+m.longest)
	}
	step := max(min(width/16, int64(100*time.Millisecond)), int64(time.Millisecond))
	reach := int(min(rivalApart, 4*width+int64(time.Second)) / step)
	scores := make([]int, 2*reach+1)
	for k := range scores {
		scores[k] = m.match(theta+int64(k-reach)*step, nil)
		best = max(best, scores[k])
	}
	enough := best - max(1, best/20)
	r := run{low: theta, high: theta, score: best}
	for k, n := range scores {
		if n >= enough {
			at := theta + int64(k-reach)*step
			r.low, r.high = min(r.low, at-step), max(r.high, at+step)
		}
	}
	return r
}

// firstPairs finds the pairs that are certain whichever offset of its run's
// stretch is right, and adds the stretch itself as evidence.
func firstPairs(lines, partners []Instant, runs []run) []evidence {
	var out []evidence
	for _, r := range runs {
		m := newPairing(lines[r.i:r.j], partners)
		by := drifting(lines)
		ps := certain(m.within(func(int64) (int64, int64) { return r.low - by, r.high + by }))
		out = append(out, m.evidence(ps)...)
		first, last := lines[r.i].Low, lines[r.i].Low
		for _, l := range lines[r.i:r.j] {
			first, last = min(first, l.Low), max(last, l.Low)
		}
		for _, own := range [2]int64{first, last} {
			out = append(out, evidence{at: own - (r.low+r.high)/2, low: r.low - by, high: r.high + by, ref: anchorRef, method: Intervals, weight: stepPenalty})
		}
	}
	return out
}
