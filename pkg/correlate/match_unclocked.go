package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// Limits of matching a log by what it says where its clock could not be measured.
const (
	fewLines    = 64 // above that a clock that cannot be measured has its reason
	leastAgreed = 2  // lines
	leastRarity = 3  // sum of the logarithms of how rare their paths are
)

// agreement is one end of an interval of offsets at which a line fits a target.
type agreement struct {
	offset int64
	line   int
	opens  bool
	rarity float64
}

// placeByPaths gives the lines of a short log whose clock is unknown the one
// offset at which nearly all of them meet requests of the same path. It serves
// the matching alone: as a measurement of the clock it would be too little. It tells
// whether there is such an offset.
func (r *requestLog) placeByPaths() bool {
	var all []*line
	var ends []agreement
	for _, g := range r.groups {
		for i := range g.lines {
			l := &g.lines[i]
			if l.timed || len(all) >= fewLines {
				return false
			}
			ends = g.agreements(i, len(all), ends)
			all = append(all, l)
		}
	}
	low, high, ok := agreed(ends, len(all))
	if !ok {
		return false
	}
	for _, l := range all {
		l.at -= (low + high) / 2
		l.slack, l.timed, l.placed = (high-low)/2, true, true
	}
	return true
}

// agreements adds the offsets at which line i tells of a target with its path.
func (g *group) agreements(i, number int, ends []agreement) []agreement {
	l := &g.lines[i]
	var fits []*target
	for _, t := range g.targets {
		path := t.point.Exchange.Path
		if path == "" {
			path = g.told[t.journey].path
		}
		if path != "" && path == l.event.Path && t.timed && t.root == 0 && keyScore(l, t, g.rare[i]) > leastOdds {
			fits = append(fits, t)
		}
	}
	rarity := math.Log(float64(len(g.targets)+1) / float64(len(fits)+1))
	for _, t := range fits {
		from, to := t.reply-t.way, t.last+5*msec
		if l.event.Means == logparse.RequestStart {
			from, to = t.first, t.sent+t.way+5*msec
		}
		ends = append(ends, agreement{l.at - to - t.slack, number, true, rarity}, agreement{l.at + l.width - from + t.slack, number, false, rarity})
	}
	return ends
}

// agreed finds the offsets at which most lines agree, if nearly all do, their
// paths are rare enough, and no other offset does half as well.
func agreed(ends []agreement, lines int) (low, high int64, ok bool) {
	slices.SortStableFunc(ends, func(a, b agreement) int { return cmp.Compare(a.offset, b.offset) })
	open := make([]int, lines)
	depth, best := 0, 0
	rarity, bestRarity := 0.0, 0.0
	deepest := func(visit func(i int)) {
		clear(open)
		depth, rarity = 0, 0
		for i, e := range ends {
			if e.opens {
				if open[e.line]++; open[e.line] == 1 {
					depth++
					rarity += e.rarity
				}
			} else if open[e.line]--; open[e.line] == 0 {
				depth--
				rarity -= e.rarity
			}
			visit(i)
		}
	}
	deepest(func(i int) {
		if depth > best && i+1 < len(ends) {
			best, bestRarity, low, high = depth, rarity, ends[i].offset, ends[i+1].offset
		}
	})
	if best < leastAgreed || best*5 < lines*4 || bestRarity < leastRarity {
		return 0, 0, false
	}
	alone := true
	deepest(func(i int) {
		if depth*2 > best && (ends[i].offset > high+2*second || ends[i].offset < low-2*second) {
			alone = false
		}
	})
	return low, high, alone
}
