package trend

import (
	"cmp"
	"maps"
	"slices"
)

// Group are clocks that are known against each other, however many lie between.
type Group struct {
	Reference string   // the one against which most was measured
	Others    []string // in order
}

// Groups are the clocks by what ties them: of two groups nothing says how the clocks of
// one are by those of the other. The largest comes first. Clocks that nothing is known of
// are in none.
func (d *Day) Groups() []Group {
	of, weight := map[string]string{}, map[string]int{}
	var find func(name string) string
	find = func(name string) string {
		if next, ok := of[name]; ok && next != name {
			of[name] = find(next)
			return of[name]
		}
		of[name] = name
		return name
	}
	for _, name := range slices.Sorted(maps.Keys(d.Clocks)) {
		for _, against := range slices.Sorted(maps.Keys(d.Clocks[name].Against)) {
			weight[against] += d.Clocks[name].Against[against]
			of[find(name)] = find(against)
		}
	}
	members := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		members[find(name)] = append(members[find(name)], name)
	}
	var all []Group
	for _, names := range members {
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(weight[b], weight[a]) })
		rest := names[1:]
		slices.Sort(rest)
		all = append(all, Group{names[0], rest})
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(len(b.Others), len(a.Others)), cmp.Compare(a.Reference, b.Reference))
	})
	return all
}
