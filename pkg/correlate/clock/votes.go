package clock

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// peak is an offset at which many lines find a partner.
type peak struct {
	theta int64
	score int    // lines that find a partner, one to one
	found []bool // by line, in the order given
}

// guess is the outcome of looking for an offset without any key: a path of
// offsets over the lines, or why there is none.
type guess struct {
	theta      []int64 // by line, in the order given
	status     Status
	why        Sentence
	candidates []Candidate
	score      int // lines that find a partner, less a penalty for each change of offset
	lines      int // that lie inside the stretch of the partners
}

const (
	maxPairs = 1_000_000
	maxPeaks = 250
)

// coarse looks for the offset (or, with steps, the offsets) under which the
// lines tell of the partners. It refuses where another offset does nearly as
// well: bursts and periods make false peaks.
func (m *pairing) coarse() guess {
	peaks := m.peaks()
	if len(peaks) == 0 {
		return guess{status: Insufficient, why: noPartner}
	}
	g := m.bestPath(peaks, nil, 0)
	rival := m.bestPath(peaks, g.theta, rivalApart)
	g.lines = m.insidePath(g.theta)
	coverage := float64(g.score) / float64(max(g.lines, 1))
	if coverage < 0.9 { // a short burst fits by chance: look closer for rivals
		rival = m.bestPath(peaks, g.theta, rivalNear)
	}
	lead := g.score - rival.score
	clear := lead >= max(minSupport, int(math.Ceil(0.15*float64(g.score)))) && coverage >= 0.9 ||
		lead >= 3 && 4*lead >= g.score && coverage >= 0.95 && m.mutual(g.score) // few, but all of them
	switch {
	case g.score < minSupport:
		g.status, g.why = Insufficient, sentence("only %d lines find a partner", "solo %d líneas encuentran pareja", g.score)
	case float64(rival.score) > rivalShare*float64(g.score) && !clear:
		g.status = Ambiguous
		g.why = sentence("%d lines fit at one offset and %d at another", "%d líneas encajan con un desfase y %d con otro", g.score, rival.score)
		g.candidates = candidates(peaks)
	case coverage < minCoverage:
		g.status = Insufficient
		g.why = sentence("only %d of %d lines find a partner at the best offset", "solo %d de %d líneas encuentran pareja con el mejor desfase", g.score, g.lines)
	case m.brief(g.theta) && farOff(g.theta[0]) && !m.mutual(g.score):
		g.status = Ambiguous
		g.why = sentence("lines of a few seconds only, far from the time of the capture", "líneas de solo unos segundos, lejos de la hora de la captura")
		g.candidates = candidates(peaks)
	default:
		g.status = Measured
	}
	return g
}

// brief tells whether the lines that lie inside the stretch of the partners are
// of a few seconds only: their pattern may come back by chance.
func (m *pairing) brief(theta []int64) bool {
	const few = int64(10 * time.Second)
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for i, to := range m.order {
		l := &m.lines[to]
		if l.High-theta[i] >= m.first && l.Low-theta[i] <= m.last {
			first, last = min(first, l.Low), max(last, l.High)
		}
	}
	return last-first < few
}

// mutual tells whether the lines explain most of the partners too: then the
// pattern cannot come back elsewhere among them.
func (m *pairing) mutual(score int) bool {
	const most = 0.6
	partners := 0
	for _, g := range m.groups {
		partners += g[3] - g[2]
	}
	return float64(score) >= most*float64(partners)
}

// peaks sweeps the offsets all pairs allow for those that most pairs share, and
// scores the best by one-to-one matching.
func (m *pairing) peaks() []peak {
	total := 0
	for _, g := range m.groups {
		total += (g[1] - g[0]) * (g[3] - g[2])
	}
	stride := 1 + total/maxPairs // of lines, so that each keeps all of its pairs
	lows, highs := make([]int64, 0, total/stride+stride), make([]int64, 0, total/stride+stride)
	var width int64
	for _, g := range m.groups {
		for i := g[0]; i < g[1]; i += stride {
			for j := g[2]; j < g[3]; j++ {
				if !sizesFit(&m.lines[i], &m.partners[j]) {
					continue
				}
				p := m.interval(i, j)
				lows, highs = append(lows, p.low), append(highs, p.high)
				width = max(width, p.high-p.low)
			}
		}
	}
	spare := make([]int64, len(lows))
	lows, spare = sortedInts(lows, spare)
	highs, _ = sortedInts(highs, spare)
	apart := min(max(width/4, int64(time.Millisecond)), int64(500*time.Millisecond))
	return m.scored(summits(lows, highs), apart)
}

// summit is a stretch of offsets that more pairs allow than the stretches
// beside it.
type summit struct {
	low, high int64
	depth     int
}

// summits finds the deepest stretches, by the ends of the intervals in order.
func summits(lows, highs []int64) []summit {
	const enough = 20_000
	var tops []summit
	depths := make([]int, len(lows)+1)
	for i, j := 0, 0; j < len(highs); {
		if i < len(lows) && lows[i] <= highs[j] {
			i++
			continue
		}
		if i > 0 && (j == 0 || lows[i-1] > highs[j-1]) { // an opening right before
			tops = append(tops, summit{lows[i-1], highs[j], i - j})
			depths[i-j]++
		}
		j++
	}
	least, n := len(depths)-1, 0
	for least > 1 && n+depths[least] <= enough {
		n += depths[least]
		least--
	}
	tops = slices.DeleteFunc(tops, func(s summit) bool { return s.depth < least })
	slices.SortStableFunc(tops, func(a, b summit) int { return cmp.Compare(b.depth, a.depth) })
	return tops
}

// scored keeps the deepest summits that lie apart from each other and scores
// each, best first.
func (m *pairing) scored(tops []summit, apart int64) []peak {
	taken := map[int64][]int64{}
	found := make([]int, len(m.lines))
	var out []peak
	for _, s := range tops {
		theta := s.low + (s.high-s.low)/2
		slot := theta / apart
		near := false
		for k := slot - 1; k <= slot+1; k++ {
			for _, o := range taken[k] {
				near = near || abs(o-theta) < apart
			}
		}
		if near {
			continue
		}
		taken[slot] = append(taken[slot], theta)
		p := peak{theta: theta, score: m.match(theta, found), found: make([]bool, len(m.lines))}
		for i, to := range m.order {
			p.found[i] = found[to] >= 0
		}
		if out = append(out, p); len(out) == maxPeaks {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b peak) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.theta, b.theta))
	})
	return out
}

// bestPath finds the offsets that give most lines a partner, one peak for each
// line and a penalty for each change of peak: a clock steps seldom. Peaks within
// apart of avoid, the path to be contested, are left out.
func (m *pairing) bestPath(peaks []peak, avoid []int64, apart int64) guess {
	const states = 60
	if len(peaks) > states && avoid == nil {
		peaks = peaks[:states]
	}
	n := len(m.lines)
	if n == 0 || len(peaks) == 0 {
		return guess{}
	}
	value := make([]int, len(peaks))
	from := make([][]uint8, n) // the peak each came from, 255: itself
	for i := range n {
		best := 0
		for k := range value {
			if value[k] > value[best] {
				best = k
			}
		}
		from[i] = make([]uint8, len(peaks))
		jump := value[best] - stepPenalty
		for k := range peaks {
			from[i][k] = 255
			if i > 0 && jump > value[k] {
				value[k], from[i][k] = jump, uint8(best)
			}
			if avoid != nil && abs(peaks[k].theta-avoid[i]) <= apart {
				continue
			}
			if peaks[k].found[i] {
				value[k]++
			}
		}
	}
	at := 0
	for k := range value {
		if value[k] > value[at] {
			at = k
		}
	}
	g := guess{theta: make([]int64, n)}
	for i := n - 1; i >= 0; i-- {
		g.theta[i] = peaks[at].theta
		if peaks[at].found[i] && (avoid == nil || abs(peaks[at].theta-avoid[i]) > apart) {
			g.score++
		}
		if from[i][at] != 255 {
			at = int(from[i][at])
			g.score -= stepPenalty
		}
	}
	return g
}

// insidePath counts the lines that may have a partner and that the path puts
// inside the stretch of the partners.
func (m *pairing) insidePath(theta []int64) int {
	n := 0
	for i, to := range m.order {
		l := &m.lines[to]
		if m.paired(to) && l.High-theta[i] >= m.first && l.Low-theta[i] <= m.last {
			n++
		}
	}
	return n
}

// candidates lists the offsets that compete, best first.
func candidates(peaks []peak) []Candidate {
	var out []Candidate
	for _, p := range peaks {
		if len(out) == 5 || float64(p.score) < rivalShare*float64(peaks[0].score) {
			break
		}
		near := false
		for _, c := range out {
			near = near || abs(c.Offset-p.theta) <= rivalApart
		}
		if !near {
			out = append(out, Candidate{Offset: p.theta, Score: float64(p.score), Reason: zoneReason(p.theta)})
		}
	}
	return out
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}
