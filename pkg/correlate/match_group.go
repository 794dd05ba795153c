package correlate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// group is what of one log speaks of one client: lines and targets that may
// belong together, and nothing else may.
type group struct {
	lines   []line
	targets []*target  // in order of place
	keyed   bool       // the lines name the client's port
	dns     bool       // of one question; targets are its packets
	pairs   []pair     // by line, then target
	typical float64    // mean duration of the lines, ns
	rate    float64    // logarithm of the lines per second
	blur    int64      // the largest of the targets
	rare    []rarities // by line
	longest int64      // that an exchange took, but for few of them
	heads   ends       // of the log and of the captures
	tails   ends
	told    map[*Journey]told // what other logs say of the requests
	log     *incident.Log
	behind  bool // the log is of a server behind a proxy
}

// pair is a line and a target that fit in time.
type pair struct {
	edge
	base float64  // logarithm of the odds before anything was learnt of the log
	keys [2]int32 // numbers of its sizes
}

func (g *group) prepare() {
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	sum, n := 0.0, 0
	for i := range g.lines {
		l := &g.lines[i]
		e := l.event
		low, high = min(low, l.at), max(high, l.at)
		if e.Duration >= 0 {
			sum += float64(e.Duration)
			n++
		}
	}
	for _, t := range g.targets {
		g.blur = max(g.blur, t.blur())
	}
	g.countSayings()
	g.longest = g.usual()
	g.typical = max(sum/float64(max(n, 1)), 5e6)
	seconds := max(float64(high-low)/1e9, 1)
	g.rate = math.Log(float64(len(g.lines)) / seconds)
}

// leastOdds is where a pair is no longer considered.
const leastOdds = -10

// join finds the pairs that fit in time: a window join, never all pairs.
func (g *group) join(sizes *sizes) {
	in := newTimeIndex(g.targets)
	for i := range g.lines {
		l := &g.lines[i]
		from := len(g.pairs)
		if !l.timed {
			g.joinUntimed(i, sizes)
			continue
		}
		in.around(l, func(n int, t *target) {
			if !t.timed || t.root != l.root {
				return
			}
			slack := l.slack + t.slack
			if l.clock != nil && l.clock == t.clock {
				slack = 0
			}
			s := timeScore(l, t, slack)
			if s < leastOdds {
				return
			}
			s -= g.rate
			if !g.dns {
				s += durationScore(l, t, g.typical) + keyScore(l, t, g.rare[i]) + g.toldScore(i, t)
			}
			if s < leastOdds {
				return
			}
			g.pairs = append(g.pairs, pair{edge: edge{line: i, target: n}, base: s, keys: sizes.keys(l, t)})
		})
		own := g.leaveOuter(l, g.pairs[from:])
		g.pairs = g.pairs[:from+len(own)]
		slices.SortFunc(own, func(a, b pair) int { return cmp.Compare(a.target, b.target) })
	}
}

// joinUntimed gives a line whose clock is unknown every target of its client's
// port: which of them, the order tells.
func (g *group) joinUntimed(i int, sizes *sizes) {
	if !g.keyed {
		return
	}
	l := &g.lines[i]
	for n, t := range g.targets {
		if s := keyScore(l, t, g.rare[i]) - g.rate; s >= leastOdds {
			g.pairs = append(g.pairs, pair{edge: edge{line: i, target: n}, base: s, keys: sizes.keys(l, t)})
		}
	}
}

// weigh sets the odds of all pairs from what is known so far.
func (g *group) weigh(r *requestLog) {
	for from := 0; from < len(g.pairs); {
		to := from + 1
		for to < len(g.pairs) && g.pairs[to].line == g.pairs[from].line {
			to++
		}
		own := g.pairs[from:to]
		few := r.learnt.scale > 0 && r.learnt.total < fewToLearn
		if few {
			r.leaveOut(g, own, -1) // a line is not told by what it taught itself
		}
		g.weighLine(r, own, few)
		if few {
			r.leaveOut(g, own, 1)
		}
		from = to
	}
}

// weighLine sets the odds of the pairs of one line.
func (g *group) weighLine(r *requestLog, own []pair, few bool) {
	foreign := math.Log(r.foreign)
	var server netip.AddrPort // whose logged is
	logged := g.loggedOdds(r, server)
	for i := range own {
		p := &own[i]
		if s := g.targets[p.target].server; s != server {
			server, logged = s, g.loggedOdds(r, s)
		}
		s := p.base + r.sizes.score(p.keys, few) + logged - foreign
		p.odds = math.Exp(min(max(s, -40), 40))
	}
}

// loggedOdds is the logarithm of the odds that an exchange of a server has a line.
func (g *group) loggedOdds(r *requestLog, server netip.AddrPort) float64 {
	share := r.covered(server)
	if g.keyed {
		share = max(share, 0.99)
	}
	return math.Log(share / (1 - share))
}
