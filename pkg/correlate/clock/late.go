package clock

import (
	"cmp"
	"slices"
	"time"
)

// latest is by how much lines may always lie apart, ns: what the windows of
// instants allow for a program's turn and a line's way to its file.
const latest = int64(5 * time.Millisecond)

// late tells which lines lie behind their like: the lower bound of a line rests on
// its packets having gone straight to a program that ran at once, which a full path
// and a machine with more work than processors belie. How late lines are by custom
// shows in those of the same source whose bounds are as far apart; one that stands
// out from them says of the clock only that it is not farther ahead. Where many do,
// none stands out.
func (c *course) late(ev []evidence) []bool {
	type line struct {
		item        int
		width, away int64 // away: the middle of its bounds from the course
	}
	sources := map[source][]line{}
	for i := range ev {
		e := &ev[i]
		if e.denied || e.ref == anchorRef || e.method != Intervals && e.method != Keyed && e.method != "" || e.low <= -Infinity || e.high >= Infinity {
			continue
		}
		_, mid, _ := c.band(e.at)
		from := source{e.method, e.other}
		sources[from] = append(sources[from], line{i, e.high - e.low, between(e.low, e.high) - mid})
	}
	out := make([]bool, len(ev))
	for _, lines := range sources {
		slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.width, b.width), cmp.Compare(a.item, b.item)) })
		for len(lines) > 0 {
			n := 1
			for n < len(lines) && lines[n].width-lines[n-1].width <= lines[n-1].width/4 {
				n++
			}
			alike := lines[:n]
			lines = lines[n:]
			for _, k := range outlying(n, func(k int) int64 { return alike[k].away }) {
				out[alike[k].item] = true
			}
		}
	}
	return out
}

// outlying lists which of n values lie above the others: by more than latest and
// 3.5 standard deviations of a normal distribution whose median distance from the
// median is theirs (Iglewicz and Hoaglin). Where more than a fifth do, none does.
func outlying(n int, value func(int) int64) []int {
	const few, deviations = 5, 3.5 * 1.4826
	if n < few {
		return nil
	}
	sorted, far := make([]int64, n), make([]int64, n)
	for k := range n {
		sorted[k] = value(k)
	}
	slices.Sort(sorted)
	median := sorted[n/2]
	for k, v := range sorted {
		far[k] = abs(v - median)
	}
	slices.Sort(far)
	limit := median + max(latest, int64(deviations*float64(far[n/2])))
	var out []int
	for k := range n {
		if value(k) > limit {
			out = append(out, k)
		}
	}
	if 5*len(out) > n {
		return nil
	}
	return out
}

// withoutLate fits pieces to bounds once more, without those of lines that are late:
// these are rejected where they contradict what is left, or would narrow it. No
// pieces: no line is late.
func (c *course) withoutLate(ev []evidence, bs []bound) ([]piece, []bool) {
	late := c.late(ev)
	if !slices.Contains(late, true) {
		return nil, nil
	}
	out := make([]bool, len(bs))
	for i := range bs {
		out[i] = late[bs[i].item]
	}
	kept := remaining(bs, out)
	pieces, lost := segment(kept)
	if len(pieces) == 0 {
		return nil, nil
	}
	rejected := make([]bool, len(bs))
	n := 0
	for i := range bs {
		if out[i] {
			p := pieceOf(pieces, bs[i].t)
			rejected[i] = p == nil || p.lines.narrowed(&bs[i])
			continue
		}
		rejected[i] = lost[n]
		n++
	}
	return pieces, rejected
}
