package clock

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
)

// bound is one piece of evidence on the reference's time scale: the clock was
// ahead by something in [low, high].
type bound struct {
	t         float64 // s from the pivot
	low, high float64 // ns from the base; ±Inf: open
	// mostly they are this much tighter
	seldomLow, seldomHigh float64
	weight                float64
	item                  int // index into the evidence it was made from
	source                int // the same for evidence of one method towards one clock
}

// tolerance absorbs the rounding of the arithmetic, ns.
const tolerance = 2

func (b *bound) holds(p point) bool {
	v := p.at(b.t)
	return v >= b.low-tolerance && v <= b.high+tolerance
}

func byTime(a, b bound) int {
	return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high), cmp.Compare(a.item, b.item))
}

// feasible is the set of lines with a drift of at most limit that satisfy all
// bounds, which are in order of time. Only the hulls matter: the upper one of
// the lows and the lower one of the highs.
func feasible(bs []bound, limit float64) polygon {
	if len(bs) == 0 {
		return nil
	}
	lows := hull(bs, func(b *bound) float64 { return b.low - tolerance }, 1)
	highs := hull(bs, func(b *bound) float64 { return b.high + tolerance }, -1)
	reach := limit * max(math.Abs(bs[0].t), math.Abs(bs[len(bs)-1].t))
	low, high := math.Inf(1), math.Inf(-1)
	for _, q := range lows {
		low, high = min(low, q.b), max(high, q.b)
	}
	for _, q := range highs {
		low, high = min(low, q.b), max(high, q.b)
	}
	if low > high { // no finite bound at all
		return nil
	}
	open := 0.0
	if len(lows) == 0 || len(highs) == 0 {
		open = 1e15
	}
	p := box(low-reach-open-1, high+reach+open+1, limit)
	for _, q := range lows {
		if p = p.above(q.a, q.b); len(p) == 0 {
			return nil
		}
	}
	for _, q := range highs {
		if p = p.below(q.a, q.b); len(p) == 0 {
			return nil
		}
	}
	return p
}

// hull of the points (t, value) with finite values: the upper one for sign +1,
// the lower one for −1. In the points returned a is t and b the value.
func hull(bs []bound, value func(*bound) float64, sign float64) []point {
	var h []point
	for i := range bs {
		v := value(&bs[i])
		if math.IsInf(v, 0) {
			continue
		}
		q := point{bs[i].t, v}
		if n := len(h); n > 0 && h[n-1].a == q.a {
			if sign*(q.b-h[n-1].b) <= 0 {
				continue
			}
			h = h[:n-1]
		}
		for n := len(h); n >= 2; n = len(h) {
			cross := (h[n-1].a-h[n-2].a)*(q.b-h[n-2].b) - (h[n-1].b-h[n-2].b)*(q.a-h[n-2].a)
			if sign*cross < 0 {
				break
			}
			h = h[:n-1]
		}
		h = append(h, q)
	}
	return h
}

// fitted is the best straight line through a run of bounds.
type fitted struct {
	lines    polygon // every line that satisfies what the best one does
	rejected []bool  // by index of the run
	lost     float64 // weight of the rejected ones
	total    float64
	limit    float64
}

// fit finds the lines that satisfy the largest weight of bounds.
func fit(bs []bound, limit float64) fitted {
	f := fitted{rejected: make([]bool, len(bs)), limit: limit}
	for i := range bs {
		f.total += bs[i].weight
	}
	if f.lines = feasible(bs, limit); len(f.lines) > 0 || len(bs) == 0 {
		return f
	}
	best := search(bs, limit)
	kept := make([]bound, 0, len(bs))
	for i := range bs {
		if bs[i].holds(best) {
			kept = append(kept, bs[i])
		} else {
			f.rejected[i] = true
			f.lost += bs[i].weight
		}
	}
	f.lines = feasible(kept, limit)
	if len(f.lines) == 0 { // the point itself, where rounding empties the set
		f.lines = polygon{best}
	}
	return f
}

// cell is a rectangle of lines under search.
type cell struct {
	aLow, aHigh, bLow, bHigh float64
	sure                     float64 // weight satisfied by all of its lines
	upper                    float64 // weight that some of its lines may satisfy
	open                     []int32 // bounds that part of its lines satisfy
	order                    int
}

type cells []*cell

func (c cells) Len() int { return len(c) }
func (c cells) Less(i, j int) bool {
	if c[i].upper != c[j].upper {
		return c[i].upper > c[j].upper
	}
	return c[i].order > c[j].order // deeper first
}
func (c cells) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *cells) Push(x any)   { *c = append(*c, x.(*cell)) }
func (c *cells) Pop() any {
	old := *c
	x := old[len(old)-1]
	*c = old[:len(old)-1]
	return x
}

// effort bounds the search: tests of a bound against a cell.
const effort = 20_000_000

// search finds the line that satisfies the largest weight of bounds: among many
// first of an even sample of them, then of all in its neighbourhood.
func search(bs []bound, limit float64) point {
	const sample = 4000
	root := everything(bs, limit)
	if len(bs) <= sample {
		return deepest(bs, root)
	}
	some := make([]bound, 0, sample)
	for i := range sample {
		some = append(some, bs[i*len(bs)/sample])
	}
	first := deepest(some, root)
	kept := some[:0]
	for i := range some {
		if some[i].holds(first) {
			kept = append(kept, some[i])
		}
	}
	near := &cell{aLow: first.a, aHigh: first.a, bLow: first.b, bHigh: first.b}
	for _, q := range feasible(kept, limit) {
		near.aLow, near.aHigh = min(near.aLow, q.a), max(near.aHigh, q.a)
		near.bLow, near.bHigh = min(near.bLow, q.b), max(near.bHigh, q.b)
	}
	return deepest(bs, near)
}

// everything is the cell of all lines that touch some bound.
func everything(bs []bound, limit float64) *cell {
	low, high, reach := math.Inf(1), math.Inf(-1), 0.0
	for i := range bs {
		for _, v := range [2]float64{bs[i].low, bs[i].high} {
			if !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
		reach = max(reach, math.Abs(bs[i].t))
	}
	if low > high {
		low, high = 0, 0
	}
	return &cell{aLow: low - limit*reach - 1, aHigh: high + limit*reach + 1, bLow: -limit, bHigh: limit}
}

// deepest finds the line of a cell that satisfies the largest weight of bounds,
// by branch and bound over (a, b): a rectangle of lines can satisfy no more than
// the bounds it touches.
func deepest(bs []bound, root *cell) point {
	reach := 0.0
	all := make([]int32, len(bs))
	for i := range all {
		all[i] = int32(i)
		reach = max(reach, math.Abs(bs[i].t))
	}
	root.narrow(bs, all)
	best, bestWeight := point{(root.aLow + root.aHigh) / 2, (root.bLow + root.bHigh) / 2}, -1.0
	queue := cells{root}
	for work, order := 0, 0; len(queue) > 0 && work < effort; {
		c := heap.Pop(&queue).(*cell)
		if c.upper <= bestWeight {
			break
		}
		mid := point{(c.aLow + c.aHigh) / 2, (c.bLow + c.bHigh) / 2}
		w := c.sure
		for _, i := range c.open {
			if bs[i].holds(mid) {
				w += bs[i].weight
			}
		}
		if w > bestWeight {
			best, bestWeight = mid, w
		}
		work += len(c.open)
		if c.aHigh-c.aLow < tolerance && (c.bHigh-c.bLow)*reach < tolerance {
			continue
		}
		for _, h := range c.halves(reach) {
			h.order = order
			order++
			h.narrow(bs, c.open)
			work += len(c.open)
			if h.upper > bestWeight {
				heap.Push(&queue, h)
			}
		}
	}
	return best
}

// halves cuts a cell across the side that moves its lines more.
func (c *cell) halves(reach float64) [2]*cell {
	l, r := *c, *c
	if c.aHigh-c.aLow >= (c.bHigh-c.bLow)*reach {
		m := (c.aLow + c.aHigh) / 2
		l.aHigh, r.aLow = m, m
	} else {
		m := (c.bLow + c.bHigh) / 2
		l.bHigh, r.bLow = m, m
	}
	return [2]*cell{&l, &r}
}

// narrow sorts the open bounds of the parent into satisfied, excluded and open.
func (c *cell) narrow(bs []bound, open []int32) {
	c.open = nil
	c.upper = c.sure
	for _, i := range open {
		b := &bs[i]
		low, high := c.aLow+c.bLow*b.t, c.aHigh+c.bHigh*b.t
		if b.t < 0 {
			low, high = c.aLow+c.bHigh*b.t, c.aHigh+c.bLow*b.t
		}
		switch {
		case high < b.low-tolerance || low > b.high+tolerance:
		case low >= b.low-tolerance && high <= b.high+tolerance:
			c.sure += b.weight
			c.upper += b.weight
		default:
			c.open = append(c.open, i)
			c.upper += b.weight
		}
	}
}

// sortBounds puts bounds in order of time.
func sortBounds(bs []bound) { slices.SortFunc(bs, byTime) }
