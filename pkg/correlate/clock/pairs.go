package clock

import (
	"cmp"
	"slices"
	"sort"
)

// pairing is a series with the partners on the reference's time scale.
type pairing struct {
	lines    []Instant // in order of group, then High
	partners []Instant // likewise
	order    []int     // lines in the order they were given
	groups   [][4]int  // lines [0, 1) and partners [2, 3) of the groups both have
	longest  int64     // the longest interval of a partner
	first    int64     // the stretch of time the partners cover
	last     int64
	used     []bool
	late     map[int]bool // lines that are not counted
}

func newPairing(lines, partners []Instant) *pairing {
	m := &pairing{order: make([]int, len(lines)), used: make([]bool, len(partners))}
	m.lines, m.partners = make([]Instant, 0, len(lines)), make([]Instant, 0, len(partners))
	for to, from := range placesBy(lines, inGroup) {
		m.lines = append(m.lines, lines[from])
		m.order[from] = to
	}
	for _, from := range placesBy(partners, inGroup) {
		m.partners = append(m.partners, partners[from])
	}
	for i, p := range m.partners {
		m.longest = max(m.longest, p.High-p.Low)
		if i == 0 {
			m.first, m.last = p.Low, p.High
		}
		m.first, m.last = min(m.first, p.Low), max(m.last, p.High)
	}
	for i, j := 0, 0; i < len(m.lines); {
		g := m.lines[i].Group
		n := i
		for n < len(m.lines) && m.lines[n].Group == g {
			n++
		}
		for j < len(m.partners) && m.partners[j].Group < g {
			j++
		}
		k := j
		for k < len(m.partners) && m.partners[k].Group == g {
			k++
		}
		if k > j {
			m.groups = append(m.groups, [4]int{i, n, j, k})
		}
		i, j = n, k
	}
	return m
}

// paired tells whether the group of a line has partners at all.
func (m *pairing) paired(line int) bool {
	i := sort.Search(len(m.groups), func(k int) bool { return m.groups[k][1] > line })
	return i < len(m.groups) && m.groups[i][0] <= line
}

// placesBy are the places of a list in order, those of equals as they are. Moving
// places is less work than moving what stands there.
func placesBy(list []Instant, order func(a, b *Instant) int) []int {
	place := make([]int, len(list))
	for i := range place {
		place[i] = i
	}
	slices.SortFunc(place, func(a, b int) int {
		if o := order(&list[a], &list[b]); o != 0 {
			return o
		}
		return a - b
	})
	return place
}

func inGroup(a, b *Instant) int {
	switch {
	case a.Group != b.Group:
		return cmp.Compare(a.Group, b.Group)
	case a.High != b.High:
		return cmp.Compare(a.High, b.High)
	case a.Low != b.Low:
		return cmp.Compare(a.Low, b.Low)
	}
	return cmp.Compare(a.Ref, b.Ref)
}

func sizesFit(a, b *Instant) bool {
	if a.Size == [2]int64{} || b.Size == [2]int64{} {
		return true
	}
	return a.Size[0] <= b.Size[1] && b.Size[0] <= a.Size[1]
}

// match pairs lines and partners one to one under the offset theta, each line
// with the earliest free partner, and returns how many found one. found, if
// given, gets the partner of each line, −1 for none.
func (m *pairing) match(theta int64, found []int) int {
	n := 0
	clear(m.used)
	for i := range found {
		found[i] = -1
	}
	for _, g := range m.groups {
		for i := g[0]; i < g[1]; i++ {
			l := &m.lines[i]
			low, high := l.Low-theta, l.High-theta
			for j := m.from(g, low); j < g[3] && m.partners[j].High-m.longest <= high; j++ {
				p := &m.partners[j]
				if m.used[j] || p.High < low || p.Low > high || !sizesFit(l, p) {
					continue
				}
				m.used[j] = true
				n++
				if found != nil {
					found[i] = j
				}
				break
			}
		}
	}
	return n
}

// from is the first partner of a group that does not end before low.
func (m *pairing) from(g [4]int, low int64) int {
	return g[2] + sort.Search(g[3]-g[2], func(k int) bool { return m.partners[g[2]+k].High >= low })
}

// inside counts the lines that lie within the stretch the partners cover.
func (m *pairing) inside(theta int64) int {
	n := 0
	for i := range m.lines {
		if m.lines[i].High-theta >= m.first && m.lines[i].Low-theta <= m.last {
			n++
		}
	}
	return n
}

// pair is one line with one partner: as they are the same event, the clock was
// ahead by something in [low, high].
type pair struct {
	line, partner int
	low, high     int64
}

func (m *pairing) interval(i, j int) pair {
	return pair{i, j, m.lines[i].Low - m.partners[j].High, m.lines[i].High - m.partners[j].Low}
}

// within lists every pair that some offset of the band allows; band gives the
// bounds of the offset where the line's own clock shows its stamp.
func (m *pairing) within(band func(stamp int64) (low, high int64)) []pair {
	var out []pair
	for _, g := range m.groups {
		for i := g[0]; i < g[1]; i++ {
			l := &m.lines[i]
			lo, hi := band(l.Low)
			low, high := l.Low-hi, l.High-lo
			for j := m.from(g, low); j < g[3] && m.partners[j].High-m.longest <= high; j++ {
				p := &m.partners[j]
				if p.High >= low && p.Low <= high && sizesFit(l, p) {
					out = append(out, m.interval(i, j))
				}
			}
		}
	}
	return out
}

// certain keeps the pairs whose line and partner have no other choice.
func certain(ps []pair) []pair {
	lines, partners := map[int]int{}, map[int]int{}
	for _, p := range ps {
		lines[p.line]++
		partners[p.partner]++
	}
	var out []pair
	for _, p := range ps {
		if lines[p.line] == 1 && partners[p.partner] == 1 {
			out = append(out, p)
		}
	}
	return out
}
