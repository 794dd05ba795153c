package clock

import (
	"math"
	"sort"
)

// A piece is a stretch of time in which one straight line explains the evidence.
type piece struct {
	from, to float64 // s from the pivot: first and last evidence
	lines    polygon
	line     point   // the most likely line
	margin   float64 // ns: near misses, added on both sides
	drift    float64 // the limit its slope was held to, ns per s
	weight   float64

	gapLow, gapHigh float64 // what the evidence set aside in the gap before it says; +Inf, −Inf: nothing
}

// band gives the bounds of θ at t, and the most likely value.
func (p *piece) band(t float64) (low, mid, high float64) {
	low, high = p.lines.at(t)
	mid = p.line.at(t)
	if p.drift > runawayLimit && (t < p.from || t > p.to) { // a slew may have ended or begun there
		end := min(max(t, p.from), p.to)
		l, h := p.lines.at(end)
		reach := math.Abs(t-end) * driftLimit
		low, high = min(low, l-reach), max(high, h+reach)
		mid = p.line.at(end)
	}
	return low - p.margin, mid, high + p.margin
}

// segment cuts a run of bounds, in order of time, into pieces; rejected marks
// the bounds (by index) that none of them satisfies.
func segment(bs []bound) (ps []piece, rejected []bool) {
	rejected = make([]bool, len(bs))
	cuts := settle(bs, split(bs, 0, 6))
	var runs []cut
	for _, c := range cuts {
		run := bs[c.i:c.j]
		f := fit(run, c.limit)
		if f.open() {
			for i := range run {
				rejected[c.i+i] = true
			}
			continue
		}
		for i, r := range f.rejected {
			rejected[c.i+i] = r
		}
		p := piece{from: run[0].t, to: run[len(run)-1].t, drift: c.limit}
		p.draw(run, &f)
		ps, runs = append(ps, p), append(runs, c)
	}
	mayBeSlews(ps, runs, bs)
	part(ps, runs, bs)
	loosen(ps, bs, rejected)
	for k := 1; k < len(ps); k++ {
		ps[k].holdOut(&ps[k-1], bs, rejected)
	}
	return ps, rejected
}

// draw takes the lines that a run of bounds allows.
func (p *piece) draw(run []bound, f *fitted) {
	p.lines, p.weight = f.lines, f.total-f.lost
	p.line = f.likeliest(run)
	p.margin = nearMiss(run, f)
}

// likeliest is the middle of the lines that are not only possible but usual;
// where there are none, of all.
func (f *fitted) likeliest(run []bound) point {
	usual := make([]bound, 0, len(run))
	tighter := false
	for i, b := range run {
		if f.rejected[i] {
			continue
		}
		tighter = tighter || b.seldomLow > 0 || b.seldomHigh > 0
		b.low, b.high = b.low+b.seldomLow, b.high-b.seldomHigh
		if b.low <= b.high {
			usual = append(usual, b)
		}
	}
	if tighter {
		if lines := feasible(usual, f.limit); len(lines) > 0 {
			return lines.centre()
		}
	}
	return f.lines.centre()
}

// paced fits one line to a run. Where every line that does runs near the limit of
// a free-running clock, the limit bears the answer as much as the evidence does:
// then a clock whose rate is out of hand is allowed for, if it explains the run.
func paced(bs []bound) fitted {
	f := fit(bs, driftLimit)
	if !f.pressed() {
		return f
	}
	g := fit(bs, runawayLimit)
	if g.lost < stepPenalty && g.lost <= f.lost || f.lost-g.lost >= stepPenalty && g.lost <= 0.05*g.total {
		return g
	}
	return f
}

// pressed tells that all lines of a run drift, one way, by more than half of the
// limit.
func (f *fitted) pressed() bool {
	const share = 0.5
	faster, slower := true, true
	for _, q := range f.lines {
		faster = faster && q.b > share*f.limit
		slower = slower && q.b < -share*f.limit
	}
	return len(f.lines) > 0 && (faster || slower)
}

// open tells that a run is bounded on one side only, or on none.
func (f *fitted) open() bool {
	if len(f.lines) == 0 {
		return true
	}
	low, high := f.lines.at(0)
	return high-low > 1e14
}

// cut is a run [i, j) of the bounds to be explained by one line.
type cut struct {
	i, j  int
	limit float64
}

// split fits one line and, where a run of bounds contradicts it, gives that run
// a line of its own. It stops where a further line would not explain
// stepPenalty more.
func split(bs []bound, base, depth int) []cut {
	f := paced(bs)
	whole := cut{base, base + len(bs), f.limit}
	if f.lost < stepPenalty || depth == 0 || f.open() {
		return []cut{whole}
	}
	if i, j, ok := oneStep(bs); ok {
		return []cut{{base, base + j, driftLimit}, {base + i, base + len(bs), driftLimit}}
	}
	if s := fit(bs, slewLimit); f.lost-s.lost >= stepPenalty && s.lost <= 0.05*s.total {
		whole.limit = slewLimit
		return []cut{whole}
	}
	i, j := against(bs, f.rejected)
	if j == 0 {
		return []cut{whole}
	}
	var out []cut
	gain := 0.0
	for _, r := range [3][2]int{{0, i}, {i, j}, {j, len(bs)}} {
		if r[0] == r[1] {
			continue
		}
		part := bs[r[0]:r[1]]
		for _, c := range split(part, base+r[0], depth-1) {
			g := fit(bs[c.i-base:c.j-base], c.limit)
			if r == [2]int{i, j} && c.limit < slewLimit && g.lost > 0 {
				// The run against the line may be a slew.
				if s := fit(bs[c.i-base:c.j-base], slewLimit); s.lost == 0 {
					c.limit, g = slewLimit, s
				}
			}
			out = append(out, c)
			if !g.open() {
				gain += g.total - g.lost
			}
		}
	}
	if gain-(f.total-f.lost) < stepPenalty*float64(len(out)-1) {
		return []cut{whole}
	}
	return out
}

// oneStep tells whether a single step explains every bound: the longest
// beginning, bs[:i], and the longest end, bs[j:], that one line each satisfies
// overlap. The step lies somewhere in between; what lies there bears neither
// line. A step is likelier than a slew that lasts as long as the evidence.
func oneStep(bs []bound) (i, j int, ok bool) {
	i = sort.Search(len(bs), func(n int) bool { return len(feasible(bs[:n+1], driftLimit)) == 0 })
	j = sort.Search(len(bs), func(n int) bool { return len(feasible(bs[n:], driftLimit)) > 0 })
	if j > i || j == 0 || i == len(bs) || i-j > len(bs)/2 {
		return 0, 0, false
	}
	return i, j, true
}

// against finds the run of bounds that most contradicts a line: the one with
// the largest sum of rejected weight less a share of the accepted. Half of a
// run of one-sided bounds agrees with any line on its side, so the share is
// well below one half. j = 0: there is none worth a line.
func against(bs []bound, rejected []bool) (i, j int) {
	const share = 0.4
	var best, sum float64
	start := 0
	for k := range bs {
		if rejected[k] {
			sum += bs[k].weight
		} else {
			sum -= share * bs[k].weight
		}
		if sum <= 0 {
			sum, start = 0, k+1
		}
		if sum > best {
			best, i, j = sum, start, k+1
		}
	}
	if best < stepPenalty*(1-share) || j-i == len(bs) {
		return 0, 0
	}
	return i, j
}

// settle moves the limits between neighbouring runs to where both lines
// together satisfy most, and drops runs that hold too little to be one.
func settle(bs []bound, cuts []cut) []cut {
	for range 2 {
		for k := 0; k+1 < len(cuts); k++ {
			l, r := &cuts[k], &cuts[k+1]
			if l.j < r.i { // what lies between agrees with both
				continue
			}
			fl, fr := fit(bs[l.i:l.j], l.limit), fit(bs[r.i:r.j], r.limit)
			if len(fl.lines) == 0 || len(fr.lines) == 0 {
				continue
			}
			pl, pr := fl.lines.centre(), fr.lines.centre()
			sum := 0.0 // satisfied by the left line up to here, less by the right one
			best, at := math.Inf(-1), l.j
			for i := l.i; i <= r.j; i++ {
				if sum > best && i > l.i && i < r.j {
					best, at = sum, i
				}
				if i == r.j {
					break
				}
				if bs[i].holds(pl) {
					sum += bs[i].weight
				}
				if bs[i].holds(pr) {
					sum -= bs[i].weight
				}
			}
			l.j, r.i = at, at
		}
	}
	return cuts
}

// nearMiss is how far the bounds that were rejected by a little lie outside:
// a hundredth of their own width counts as noise of their limits, not as a
// contradiction.
func nearMiss(bs []bound, f *fitted) float64 {
	worst := 0.0
	for i, r := range f.rejected {
		if !r {
			continue
		}
		b := &bs[i]
		low, high := f.lines.at(b.t)
		miss := max(b.low-high, low-b.high)
		noise := 0.01 * (b.high - b.low)
		if math.IsInf(noise, 0) {
			noise = 100e3
		}
		if miss > 0 && miss <= noise {
			worst = max(worst, miss)
		}
	}
	return worst
}
