package clock

import (
	"math"
	"slices"
)

// part keeps pieces clear of slews between them. What a slew moved the clock by
// less than the bounds leave open agrees with the line before it and bends it, so
// where one piece ends is asked of the middle half of each.
func part(ps []piece, runs []cut, bs []bound) {
	inner := slices.Clone(ps)
	for k := range ps {
		p, q := &ps[k], &inner[k]
		quarter := (p.to - p.from) / 4
		if k > 0 {
			q.from += quarter
		}
		if k+1 < len(ps) {
			q.to -= quarter
		}
		run := within(bs[runs[k].i:runs[k].j], q.from, q.to)
		if f := fit(run, runs[k].limit); f.open() {
			*q = *p
		} else {
			q.draw(run, &f)
		}
	}
	ends := slices.Clone(inner)
	slewed := make([]bool, len(ps)+1) // before the piece
	for k := 1; k < len(ps); k++ {
		widenGap(&ends[k-1], &ends[k], bs[runs[k-1].i:runs[k].j])
		slewed[k] = !stepped(&ends[k-1], &ends[k]) || besideSlew(ps, k)
	}
	for k := range ps {
		p, run := &ps[k], bs[runs[k].i:runs[k].j]
		if k > 0 {
			p.from = max(p.from, ends[k].from)
		}
		if k+1 < len(ps) {
			p.to = min(p.to, ends[k].to)
		}
		kept := within(run, p.from, p.to)
		if slewed[k] || slewed[k+1] {
			kept = inner[k].clear(kept, slewed[k], slewed[k+1])
		}
		if len(kept) == len(run) || len(kept) == 0 {
			continue
		}
		if f := fit(kept, runs[k].limit); !f.open() {
			p.from, p.to = kept[0].t, kept[len(kept)-1].t
			p.draw(kept, &f)
		}
	}
}

// near tells whether a bound that holds a piece's line speaks of it: it is
// bounded on both sides, or lies within the width of the piece's band.
func (b *bound) near(p *piece) bool {
	if !math.IsInf(b.low, 0) && !math.IsInf(b.high, 0) {
		return true
	}
	l, mid, h := p.band(b.t)
	return min(math.Abs(b.high-mid), math.Abs(mid-b.low)) <= h-l
}

// stepped tells whether a clock went from one line to another faster than any
// slew.
func stepped(p, q *piece) bool {
	l1, _, h1 := p.band(p.to)
	l2, _, h2 := q.band(q.from)
	return max(l2-h1, l1-h2) > slewLimit*(q.from-p.to)
}

// besideSlew tells whether a slew ends shortly before piece k begins, or begins
// shortly behind the piece before it: a few items between the two may look like a
// piece that was stepped to.
func besideSlew(ps []piece, k int) bool {
	const shortly = 2.0 // s
	for i := range ps {
		if p := &ps[i]; p.drift > runawayLimit && p.to > ps[k-1].to-shortly && p.from < ps[k].from+shortly {
			return true
		}
	}
	return false
}

// mayBeSlews lets pieces beside a slew that are so brief that their bounds allow
// for one too be part of it: they prove no offset that stays.
func mayBeSlews(ps []piece, runs []cut, bs []bound) {
	var brief []int
	for k := range ps {
		if ps[k].drift <= runawayLimit && (k > 0 && besideSlew(ps, k) || k+1 < len(ps) && besideSlew(ps, k+1)) {
			brief = append(brief, k)
		}
	}
	for _, k := range brief {
		run := bs[runs[k].i:runs[k].j]
		if f := fit(run, slewLimit); f.slewing() {
			runs[k].limit, ps[k].drift = slewLimit, slewLimit
			ps[k].draw(run, &f)
		}
	}
}

// slewing tells whether a line as steep as a slew is among those of a run.
func (f *fitted) slewing() bool {
	return slices.ContainsFunc(f.lines, func(q point) bool { return math.Abs(q.b) >= slewRate })
}

// clear leaves out of a run what may belong to a slew before or behind it. A
// slew is seen only when it has moved the clock by as much as the lines of the
// piece's middle leave open, and by as many items more as make a line.
func (p *piece) clear(run []bound, before, behind bool) []bound {
	if len(run) == 0 {
		return run
	}
	n, from, to := len(run), run[0].t, run[len(run)-1].t
	reach := func(at float64) float64 {
		l, h := p.lines.at(at)
		return min((h-l)/slewRate, (to-from)/4)
	}
	if before {
		run = within(run, from+reach(p.from), to)
		run = run[unnoticed(len(run), n/4, func(k int) float64 { return run[k].weight }):]
	}
	if behind {
		run = within(run, from, to-reach(p.to))
		run = run[:len(run)-unnoticed(len(run), n/4, func(k int) float64 { return run[len(run)-1-k].weight })]
	}
	return run
}

// unnoticed counts the items, of n and most at most, that together weigh too
// little for a line of their own.
func unnoticed(n, most int, weight func(int) float64) int {
	sum := 0.0
	for k := range min(n/2, most) {
		if sum += weight(k); sum > stepPenalty {
			return k
		}
	}
	return min(n/2, most)
}
