package correlate

// assign finds for every edge the probability that line and target belong
// together, where each has one partner at most and their order says nothing. A
// way to pair them counts with the product of its edges' odds.
//
// Connected components with few targets are summed over exactly; larger ones by
// belief propagation, which is exact on trees and close elsewhere (Bayati and
// others, "Simple deterministic approximation algorithms for counting
// matchings", STOC 2007).
func assign(edges []edge, lines, targets int) {
	var room []float64
	for _, part := range components(edges, lines, targets) {
		if ok := assignExactly(edges, part, &room); !ok {
			propagate(edges, part)
		}
	}
}

// components lists the edges of each connected component.
func components(edges []edge, lines, targets int) [][]int {
	s := newSets(lines + targets)
	for _, e := range edges {
		s.join(e.line, lines+e.target)
	}
	at := map[int]int{}
	var parts [][]int
	for i, e := range edges {
		root := s.find(e.line)
		n, ok := at[root]
		if !ok {
			n = len(parts)
			at[root] = n
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], i)
	}
	return parts
}

// numbering gives small numbers to what it meets.
type numbering map[int]int

func (n numbering) of(x int) int {
	i, ok := n[x]
	if !ok {
		i = len(n)
		n[x] = i
	}
	return i
}

// exactSide is the number of targets up to which a component is summed over.
const exactSide = 10

// assignExactly sums over the sets of targets used so far, line by line, in room,
// which it makes larger where that is needed.
func assignExactly(edges []edge, part []int, room *[]float64) bool {
	lines, targets := numbering{}, numbering{}
	for _, i := range part {
		lines.of(edges[i].line)
		targets.of(edges[i].target)
	}
	if len(targets) > exactSide || len(lines) > 1000 {
		return false
	}
	byLine := make([][]int, len(lines))
	for _, i := range part {
		l := lines.of(edges[i].line)
		byLine[l] = append(byLine[l], i)
	}
	size := 1 << len(targets)
	if need := (len(byLine) + 3) * size; len(*room) < need {
		*room = make([]float64, need)
	}
	row := func(n int) []float64 { return (*room)[n*size : (n+1)*size] }
	before := make([][]float64, len(byLine)+1) // sums over the lines so far, by set of used targets
	before[0] = row(0)
	clear(before[0])
	before[0][0] = 1
	for l, list := range byLine {
		next := row(l + 1)
		copy(next, before[l])
		for _, i := range list {
			bit := 1 << targets.of(edges[i].target)
			for set, v := range before[l] {
				if v != 0 && set&bit == 0 {
					next[set|bit] += v * edges[i].odds
				}
			}
		}
		scaleDown(next)
		before[l+1] = next
	}
	after, prev := row(len(byLine)+1), row(len(byLine)+2) // sums over the lines still to come, by set of used targets
	for set := range after {
		after[set] = 1
	}
	for l := len(byLine) - 1; l >= 0; l-- {
		total := 0.0
		for set, v := range before[l] {
			total += v * after[set]
			for _, i := range byLine[l] {
				if bit := 1 << targets.of(edges[i].target); set&bit == 0 {
					total += v * edges[i].odds * after[set|bit]
				}
			}
		}
		copy(prev, after)
		for _, i := range byLine[l] {
			bit := 1 << targets.of(edges[i].target)
			for set, v := range before[l] {
				if set&bit == 0 {
					w := edges[i].odds * after[set|bit]
					edges[i].p += v * w / total
					prev[set] += w
				}
			}
		}
		scaleDown(prev)
		after, prev = prev, after
	}
	return true
}

func scaleDown(v []float64) {
	high := 0.0
	for _, x := range v {
		high = max(high, x)
	}
	if high > roof {
		for i := range v {
			v[i] /= high
		}
	}
}

// rounds of belief propagation at most; it stops when nothing moves.
const propagations = 300

// propagate estimates the probabilities of a component by belief propagation on
// the matching: a message says how free a node is when one edge is taken away.
func propagate(edges []edge, part []int) {
	lines, targets := numbering{}, numbering{}
	type link struct{ line, target int }
	links := make([]link, len(part))
	for k, i := range part {
		links[k] = link{lines.of(edges[i].line), targets.of(edges[i].target)}
	}
	fromLine := make([]float64, len(part))
	fromTarget := make([]float64, len(part))
	for k := range part {
		fromLine[k], fromTarget[k] = 1, 1
	}
	lineSum := make([]float64, len(lines))
	targetSum := make([]float64, len(targets))
	for range propagations {
		clear(lineSum)
		clear(targetSum)
		for k, i := range part {
			lineSum[links[k].line] += edges[i].odds * fromTarget[k]
			targetSum[links[k].target] += edges[i].odds * fromLine[k]
		}
		moved := 0.0
		for k, i := range part {
			l := 1 / (1 + max(0, lineSum[links[k].line]-edges[i].odds*fromTarget[k]))
			t := 1 / (1 + max(0, targetSum[links[k].target]-edges[i].odds*fromLine[k]))
			// Half a step: plain iteration swings between two states.
			l, t = (l+fromLine[k])/2, (t+fromTarget[k])/2
			moved = max(moved, abs(l-fromLine[k]), abs(t-fromTarget[k]))
			fromLine[k], fromTarget[k] = l, t
		}
		if moved < 1e-9 {
			break
		}
	}
	for k, i := range part {
		w := edges[i].odds * fromLine[k] * fromTarget[k]
		edges[i].p = w / (1 + w)
	}
}

func abs[N int64 | float64](x N) N {
	if x < 0 {
		return -x
	}
	return x
}
