package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
)

// elsewhere adds to the instants of a journey where its other captures saw the
// same packets, and the attempts to connect that only those saw: what a server
// answered and the client never got.
func (b *builder) elsewhere(j *correlate.Journey, home []Moment) []Moment {
	if len(home) == 0 {
		return home
	}
	out := home
	for i := range j.Points {
		if i > 0 {
			c := &collector{b: b}
			c.flow(j, &j.Points[i])
			for _, m := range pairMoments(home, c.out) {
				if strings.HasPrefix(m.Name, "tcp.syn") && m.Corrected != nil {
					out = append(out, m)
				}
			}
		}
	}
	if j.Lookup != nil {
		for _, l := range j.Lookup.Others {
			c := &collector{b: b}
			c.lookup(l)
			pairMoments(home, c.out)
		}
	}
	return out
}

// pairMoments finds for each packet of another capture the one of home that it
// is, notes it there, and returns the ones left over: as many of a kind are
// paired in their order; of unequal numbers those that are nearest to each
// other on the reference clock, and none where one of the clocks is not known.
func pairMoments(home, other []Moment) (rest []Moment) {
	theirs, ours := map[string][]int{}, map[string][]int{}
	for i := range home {
		ours[momentKind(&home[i])] = append(ours[momentKind(&home[i])], i)
	}
	var kinds []string
	for i := range other {
		kind := momentKind(&other[i])
		if theirs[kind] == nil {
			kinds = append(kinds, kind)
		}
		theirs[kind] = append(theirs[kind], i)
	}
	for _, kind := range kinds {
		pairs := inOrder(ours[kind], theirs[kind])
		if pairs == nil {
			pairs = nearest(home, other, ours[kind], theirs[kind])
		}
		for _, i := range theirs[kind] {
			o := &other[i]
			if h, ok := pairs[i]; ok {
				home[h].Elsewhere = append(home[h].Elsewhere, Sight{o.Evidence, o.Frame, o.Time, o.Corrected})
			} else {
				rest = append(rest, *o)
			}
		}
	}
	return rest
}

// momentKind is what one packet has in common wherever it is seen: a SYN that
// is a repetition at the client may be the first one that the server saw.
func momentKind(m *Moment) string {
	kind := strings.TrimSuffix(m.Name, "-retry") + " " + m.From
	if strings.HasPrefix(m.Name, "dns.") {
		kind += " " + m.Detail
	}
	return kind
}

// inOrder pairs two lists of one length, theirs to ours; nil: they differ.
func inOrder(ours, theirs []int) map[int]int {
	if len(ours) != len(theirs) {
		return nil
	}
	pairs := map[int]int{}
	for n, i := range theirs {
		pairs[i] = ours[n]
	}
	return pairs
}

// nearest pairs what stands closest on the reference clock first.
func nearest(home, other []Moment, ours, theirs []int) map[int]int {
	type pair struct {
		gap  Instant
		h, o int
	}
	var all []pair
	for _, h := range ours {
		for _, o := range theirs {
			if a, b := home[h].Corrected, other[o].Corrected; a != nil && b != nil {
				all = append(all, pair{max(*a-*b, *b-*a), h, o})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(a.gap, b.gap) })
	pairs, used := map[int]int{}, map[int]bool{}
	for _, p := range all {
		if _, taken := pairs[p.o]; !taken && !used[p.h] {
			pairs[p.o], used[p.h] = p.h, true
		}
	}
	return pairs
}
