package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Size of a clock's plot, in characters.
const (
	mostColumns  = 56
	leastColumns = 10
	plotRows     = 5
)

// clockPlot draws a clock's offset over its own time into so many columns: ●
// where it most likely was, ░ where it may have been. No plot for a clock without
// a track.
func clockPlot(k *report.Clock, room int) []string {
	if len(k.Segments) == 0 {
		return nil
	}
	first, last := k.Segments[0].From, k.Segments[0].To
	low, high := k.Segments[0].Low, k.Segments[0].High
	for _, s := range k.Segments {
		first, last = min(first, s.From), max(last, s.To)
		low, high = min(low, s.Low, lowEnd(&s)), max(high, s.High, highEnd(&s))
	}
	if last <= first || high <= low {
		return nil
	}
	labels := [plotRows]string{0: signed(high), plotRows - 1: signed(low)}
	width := max(len(labels[0]), len(labels[plotRows-1]))
	plotColumns := mostColumns
	if room > 0 {
		plotColumns = max(min(mostColumns, room-width-2), leastColumns)
	}
	row := func(v report.Seconds) int {
		return min(int(float64(high-v)/float64(high-low)*plotRows), plotRows-1)
	}
	cells := make([][]rune, plotRows)
	for i := range cells {
		cells[i] = []rune(strings.Repeat(" ", plotColumns))
	}
	column := float64(last-first) / float64(plotColumns)
	for x := range plotColumns {
		at := first + report.Instant((float64(x)+0.5)*column)
		s := segmentAt(k, at)
		part := 0.0
		if s.To > s.From {
			part = min(max(float64(at-s.From)/float64(s.To-s.From), 0), 1)
		}
		between := func(a, b report.Seconds) report.Seconds { return a + report.Seconds(part*float64(b-a)) }
		for y := row(between(s.High, highEnd(s))); y <= row(between(s.Low, lowEnd(s))); y++ {
			cells[y][x] = '░'
		}
		mid := s.Offset + report.Seconds(float64(at-s.From)*s.Drift*1e-6)
		cells[row(min(max(mid, low), high))][x] = '●'
	}
	var out []string
	for y := range cells {
		out = append(out, fmt.Sprintf("%*s │%s", width, labels[y], strings.TrimRight(string(cells[y]), " ")))
	}
	from, to := clockOf(first), clockOf(last)
	out = append(out, strings.Repeat(" ", width)+" └"+strings.Repeat("─", plotColumns))
	if plotColumns < len(from)+1+len(to) { // one below the other
		return append(out, strings.Repeat(" ", width+2)+from, strings.Repeat(" ", width+2+max(plotColumns-len(to), 0))+to)
	}
	return append(out, strings.Repeat(" ", width+2)+from+strings.Repeat(" ", plotColumns-len(from)-len(to))+to)
}

// segmentAt is the segment that tells of an instant of the clock: the last one
// that begins before it.
func segmentAt(k *report.Clock, at report.Instant) *report.Segment {
	found := &k.Segments[0]
	for i := range k.Segments {
		if k.Segments[i].From <= at {
			found = &k.Segments[i]
		}
	}
	return found
}

func lowEnd(s *report.Segment) report.Seconds {
	if s.LowEnd != nil {
		return *s.LowEnd
	}
	return s.Low
}

func highEnd(s *report.Segment) report.Seconds {
	if s.HighEnd != nil {
		return *s.HighEnd
	}
	return s.High
}
