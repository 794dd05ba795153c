package correlate

import (
	"math"

	"golang.org/x/net/http2/hpack"
)

// Streams of one connection that overlapped: their instants are bounds, so that
// neither time nor order says which of them a line tells of. What tells is how
// long their requests are. The fields that a connection has seen before are
// numbers (RFC 7541 §2.3), so that all but the first request of a client differ
// by their paths alone.

// mostStreams bounds how many overlapping streams are paired exactly.
const mostStreams = 6

// levelStreams shares what the lines gave to overlapping streams of one
// connection among these anew.
func (g *group) levelStreams() {
	done := map[int]bool{}
	for i := range g.pairs {
		n := g.pairs[i].target
		if g.targets[n].point.Exchange.Multiplexed && !done[n] {
			b := g.blockOf(n)
			for _, t := range b.targets {
				done[t] = true
			}
			b.share()
		}
	}
}

// block is a set of overlapping streams with the lines that may tell of them.
type block struct {
	g       *group
	targets []int
	lines   []int
	pairs   [][]int   // by line: its pairs with the streams, in order of targets; -1: none
	mass    []float64 // by line: what it gave to them all
}

// blockOf gathers the streams that overlapped with target n, itself included.
func (g *group) blockOf(n int) *block {
	b := &block{g: g}
	t := g.targets[n]
	place := map[int]int{}
	for k, u := range g.targets {
		if u.point.Flow == t.point.Flow && u.point.Exchange.Multiplexed && u.first <= t.last && t.first <= u.last {
			place[k] = len(b.targets)
			b.targets = append(b.targets, k)
		}
	}
	row := map[int]int{}
	for i := range g.pairs {
		at, ok := place[g.pairs[i].target]
		if !ok {
			continue
		}
		k, ok := row[g.pairs[i].line]
		if !ok {
			k = len(b.lines)
			row[g.pairs[i].line] = k
			b.lines = append(b.lines, g.pairs[i].line)
			b.mass = append(b.mass, 0)
			b.pairs = append(b.pairs, make([]int, len(b.targets)))
			for c := range b.targets {
				b.pairs[k][c] = -1
			}
		}
		b.pairs[k][at] = i
		b.mass[k] += g.pairs[i].p
	}
	return b
}

// share sets the probabilities within the block: by their odds, and where as
// many lines as streams belong to it, by all ways to pair them.
func (b *block) share() {
	var own []int // lines that belong here more likely than not
	for k := range b.lines {
		b.shareByOdds(k)
		if b.mass[k] >= 0.5 {
			own = append(own, k)
		}
	}
	if len(own) != len(b.targets) || len(own) > mostStreams {
		return
	}
	w := &ways{b: b, own: own, used: make([]bool, len(own)), path: make([]int, len(own)), sums: make([][]float64, len(own))}
	for i := range w.sums {
		w.sums[i] = make([]float64, len(own))
	}
	w.walk(0, 1)
	if w.total == 0 {
		return
	}
	for i, k := range own {
		for c, at := range b.pairs[k] {
			if at >= 0 {
				b.g.pairs[at].p = b.mass[k] * w.sums[i][c] / w.total
			}
		}
	}
}

func (b *block) shareByOdds(k int) {
	odds := 0.0
	for _, at := range b.pairs[k] {
		if at >= 0 {
			odds += b.g.pairs[at].odds
		}
	}
	for _, at := range b.pairs[k] {
		if at >= 0 {
			b.g.pairs[at].p = b.mass[k] * b.g.pairs[at].odds / odds
		}
	}
}

// ways sums over all ways to pair the lines of a block with its streams.
type ways struct {
	b     *block
	own   []int
	used  []bool
	path  []int       // by line: its stream
	sums  [][]float64 // by line and stream
	total float64
}

func (w *ways) walk(i int, odds float64) {
	if i == len(w.own) {
		odds *= math.Exp(w.alike())
		w.total += odds
		for k, c := range w.path {
			w.sums[k][c] += odds
		}
		return
	}
	for c, at := range w.b.pairs[w.own[i]] {
		if at < 0 || w.used[c] {
			continue
		}
		w.used[c], w.path[i] = true, c
		g, pair := w.b.g, &w.b.g.pairs[at]
		// What another log says against a pair is not drowned by what says for both.
		against := math.Exp(min(g.toldScore(pair.line, g.targets[pair.target]), 0))
		w.walk(i+1, odds*against*pair.odds/(1+pair.odds))
		w.used[c] = false
	}
}

// How often requests of one connection are alike in all but their paths, and
// over how many lengths those that are not spread.
const (
	alikeShare  = 0.9
	unlikeRange = 64
)

// alike is the logarithm of the probability of the requests' lengths, if the
// lines belong to the streams as the path says.
func (w *ways) alike() float64 {
	count := map[int64]int{}
	most, n := 0, 0
	for i, c := range w.path {
		x := w.b.g.targets[w.b.targets[c]].point.Exchange
		e := w.b.g.lines[w.b.lines[w.own[i]]].event
		if x.Ordinal < 2 || x.RequestBytes < 0 || e.Path == "" || e.WithTLS {
			continue
		}
		d := x.RequestBytes - int64(hpack.HuffmanEncodeLength(e.Path))
		count[d]++
		n++
		most = max(most, count[d])
	}
	return float64(most)*math.Log(alikeShare) + float64(n-most)*math.Log((1-alikeShare)/unlikeRange)
}
