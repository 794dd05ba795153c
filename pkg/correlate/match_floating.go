package correlate

// splitFloating takes the edges to targets without a place in the order out of
// those to be chained; fixed tells where the rest are in all. What a line may be
// of instead is in escape, with its own odds of one: the edges left are weighed
// against that.
func (g *group) splitFloating(all []edge, from, to int) (edges []edge, fixed []int, escape []float64) {
	escape = make([]float64, to-from)
	for i := range escape {
		escape[i] = 1
	}
	floating := 0
	for _, e := range all {
		if g.targets[e.target].floats {
			escape[e.line-from] += e.odds
			floating++
		}
	}
	edges, fixed = make([]edge, 0, len(all)-floating), make([]int, 0, len(all)-floating)
	for i, e := range all {
		if !g.targets[e.target].floats {
			e.odds /= escape[e.line-from]
			edges = append(edges, e)
			fixed = append(fixed, i)
		}
	}
	return edges, fixed, escape
}

// solveFloating shares what the chain left of the lines among the floating
// targets, of which each takes one line at most.
func (g *group) solveFloating(all []edge, from int, escape []float64) {
	left := make([]float64, len(escape))
	for i := range left {
		left[i] = 1
	}
	for i := range all {
		if !g.targets[all[i].target].floats {
			left[all[i].line-from] -= all[i].p
		}
	}
	var edges []edge
	var at []int
	for i, e := range all {
		if !g.targets[e.target].floats {
			continue
		}
		l := e.line - from
		rest := max(left[l], 0)
		taken := rest * (escape[l] - 1) / escape[l] // by floating targets, if they had no other line
		edges = append(edges, edge{line: l, target: e.target, odds: rest * e.odds / escape[l] / max(1-taken, 1e-9)})
		at = append(at, i)
	}
	assign(edges, len(escape), len(g.targets))
	float := make([]float64, len(escape))
	for k, i := range at {
		all[i].p = min(edges[k].p, 1)
		float[edges[k].line] += all[i].p
	}
	// What a floating target did not take goes back to the others.
	for i := range all {
		l := all[i].line - from
		if !g.targets[all[i].target].floats && left[l] < 1 {
			all[i].p *= min(max(1-float[l], 0)/(1-left[l]), 1/(1-left[l]))
		}
	}
}
