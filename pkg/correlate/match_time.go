package correlate

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// timeIndex finds targets by time.
type timeIndex struct {
	targets []*target
	short   []int   // by first: over within a second, and nothing may delay their line
	long    []int   // by first: the rest
	until   []int64 // by place in long: latest last so far
}

func newTimeIndex(targets []*target) *timeIndex {
	in := &timeIndex{targets: targets}
	for i, t := range targets {
		if !t.open && !mayLinger(t) && t.last-t.first <= 1000*msec {
			in.short = append(in.short, i)
		} else {
			in.long = append(in.long, i)
		}
	}
	byFirst := func(a, b int) int { return cmp.Compare(targets[a].first, targets[b].first) }
	slices.SortStableFunc(in.short, byFirst)
	slices.SortStableFunc(in.long, byFirst)
	latest := int64(math.MinInt64)
	for _, i := range in.long {
		latest = max(latest, targets[i].last)
		in.until = append(in.until, latest)
	}
	return in
}

// around calls visit for every target whose time may fit l.
func (in *timeIndex) around(l *line, visit func(int, *target)) {
	d := max(int64(l.event.Duration), 0)
	slack := l.slack + 2*farthest
	if len(in.targets) > 0 {
		slack += in.targets[0].slack
	}
	from, to := l.at-slack-d, l.at+l.width+slack
	if l.event.Means == logparse.RequestStart {
		from, to = l.at-slack, l.at+l.width+slack+d
	}
	first := sort.Search(len(in.short), func(i int) bool { return in.targets[in.short[i]].first >= from-1000*msec })
	for _, i := range in.short[first:] {
		if in.targets[i].first > to {
			break
		}
		visit(i, in.targets[i])
	}
	end := sort.Search(len(in.long), func(i int) bool { return in.targets[in.long[i]].first > to })
	for i := end - 1; i >= 0 && in.until[i] >= from-lingering; i-- {
		if t := in.targets[in.long[i]]; t.last >= from-lingering {
			visit(in.long[i], t)
		}
	}
}
