package correlate

import (
	"cmp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// sortLines puts lines in the order their requests ended, where their own stamps
// tell that better than their place in the file.
func sortLines(g *group) {
	for i := range g.lines {
		if g.lines[i].width > 50*msec || g.lines[i].event.Means == logparse.RequestStart && g.lines[i].event.Duration < 0 {
			return
		}
	}
	slices.SortStableFunc(g.lines, func(a, b line) int { return cmp.Compare(a.ended(), b.ended()) })
}

// ended is when the request of a line ended, as the line tells.
func (l *line) ended() int64 {
	if l.event.Means == logparse.RequestStart && l.event.Duration > 0 {
		return l.at + int64(l.event.Duration)
	}
	return l.at
}

// endsInOrder tells whether the lines of a log stand in the order in which
// their requests ended. Buffered logs of several workers do not, nor does what was
// put together of parts.
func endsInOrder(groups []*group) bool {
	var o order
	for _, g := range groups {
		o.add(g)
	}
	return o.kept()
}

// order counts what speaks against the lines of a log standing in the order in
// which their requests ended.
type order struct {
	lines, far int   // all, and those that ended long before one above them
	back       int   // those that ended before one above them at all
	edges      int   // places where the stamps above grow: only there a line can be back
	covered    int64 // by the stamps, of all groups
}

func (o *order) add(g *group) {
	var latest, first int64
	usual := g.longest
	for i := range g.lines {
		l := &g.lines[i]
		end, width := l.ended(), int64(l.event.Width+max(l.event.DurationWidth, 0))
		if l.event.Means == logparse.RequestStart && l.event.Duration < 0 {
			width += usual // its stamp does not tell when it ended, but hardly later than that
		}
		if i == 0 {
			latest, first = end, end
		}
		o.lines++
		switch {
		case end < latest-width-100*msec:
			o.far++
			o.back++
			continue // it does not tell how far the rest have come
		case end+width <= latest+min(msec, width/100):
			o.back++
		case end > latest:
			o.edges++
			latest = end
		}
	}
	o.covered += latest - first
}

// kept: as many lines as stand behind a line of the next second, where seconds
// change, stand in the wrong order everywhere; what a line is out of its place by
// is that number in time.
func (o *order) kept() bool {
	const few = 2
	if o.far*50 > o.lines {
		return false
	}
	out := float64(o.back) / float64(max(o.edges, 1)) * float64(o.covered) / float64(max(o.lines, 1))
	return o.back < few || out <= float64(blurs*stampJitter)
}

// usual is how long all but few of the exchanges took.
func (g *group) usual() int64 {
	if len(g.targets) == 0 {
		return 0
	}
	took := make([]int64, len(g.targets))
	for i, t := range g.targets {
		took[i] = t.last - t.first
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
