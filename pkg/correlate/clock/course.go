package clock

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"
)

// evidence is a constraint or a certain pair, brought to the reference: at the
// reference's instant at, the clock was ahead by something in [low, high].
type evidence struct {
	at        int64
	low, high int64 // ±Infinity: open
	// mostly the bounds are this much tighter: a hint for the likeliest value
	seldomLow, seldomHigh int64
	method                Method
	ref                   int
	other                 ID // the clock it was compared with
	weight                float64
	denied                bool // what is known of the two clocks rules it out: it bears no line
}

// source is where evidence comes from: a method, and the clock compared with.
type source struct {
	method Method
	other  ID
}

// keyed evidence names its partner; one item may not be a coincidence.
func (e *evidence) keyed() bool { return e.method != Intervals && e.method != DateHeader }

// named evidence says what it speaks of, so that much of it set aside is a
// contradiction and not a wrong guess.
func (e *evidence) named() bool { return e.method != Intervals }

// course is what is known of one clock: pieces of straight lines, in seconds
// from a pivot and ns from a base, plus declared steps.
type course struct {
	pivot, base int64
	pieces      []piece
	jumps       []jump // declared steps, in order of time; the pieces do not contain them
	rejected    []bool // by index of the evidence
	lost, total float64
	namedLost   float64
	namedTotal  float64
	dropList    []drop // made when first asked for
	dropsKnown  bool
}

// jump is a declared step placed on the reference's time scale.
type jump struct {
	at   float64 // s from the pivot
	size float64 // ns
	slot float64 // ± s: how well the instant is known
	step Step
}

// newCourse fits pieces to the evidence. It returns nil where no line exists.
func newCourse(ev []evidence, steps []Step) *course {
	if len(ev) == 0 {
		return nil
	}
	c := &course{}
	c.pivot, c.base = origin(ev)
	c.place(ev, steps)
	bs := make([]bound, 0, len(ev))
	sources := map[source]int{}
	for i := range ev {
		e := &ev[i]
		if e.denied {
			continue
		}
		b := bound{t: c.t(e.at), low: math.Inf(-1), high: math.Inf(1), weight: e.weight, item: i}
		from := source{e.method, e.other}
		if _, known := sources[from]; !known {
			sources[from] = len(sources)
		}
		b.source = sources[from]
		moved := c.moved(b.t)
		slack := c.slack(b.t)
		b.seldomLow, b.seldomHigh = float64(e.seldomLow), float64(e.seldomHigh)
		if e.low > -Infinity {
			b.low = float64(e.low-c.base) - moved - slack
		}
		if e.high < Infinity {
			b.high = float64(e.high-c.base) - moved + slack
		}
		bs = append(bs, b)
	}
	sortBounds(bs)
	pieces, rejected := segment(bs)
	if len(pieces) == 0 {
		return nil
	}
	c.pieces = pieces
	if again, without := c.withoutLate(ev, bs); len(again) > 0 {
		c.pieces, rejected = again, without
	}
	c.rejected = make([]bool, len(ev))
	for i := range bs {
		c.rejected[bs[i].item] = rejected[i]
	}
	c.weigh(ev)
	return c
}

// weigh sums up what the pieces satisfy and what they do not.
func (c *course) weigh(ev []evidence) {
	for i := range ev {
		e := &ev[i]
		c.rejected[i] = c.rejected[i] || e.denied
		c.total += e.weight
		if e.named() {
			c.namedTotal += e.weight
		}
		if c.rejected[i] {
			c.lost += e.weight
			if e.named() {
				c.namedLost += e.weight
			}
		}
	}
}

// origin picks the middle of the time covered, and an offset near the evidence.
func origin(ev []evidence) (pivot, base int64) {
	first, last := ev[0].at, ev[0].at
	width := int64(math.MaxInt64)
	for i := range ev {
		e := &ev[i]
		first, last = min(first, e.at), max(last, e.at)
		switch {
		case e.low > -Infinity && e.high < Infinity:
			if w := e.high - e.low; w < width {
				width, base = w, e.low+w/2
			}
		case width == math.MaxInt64 && e.low > -Infinity:
			base = e.low
		case width == math.MaxInt64 && e.high < Infinity:
			base = e.high
		}
	}
	return first + (last-first)/2, base
}

// t is an instant of the reference in seconds from the pivot.
func (c *course) t(at int64) float64 { return float64(at-c.pivot) / 1e9 }

// place puts the declared steps on the reference's time scale.
func (c *course) place(ev []evidence, steps []Step) {
	for _, s := range steps {
		theta, slot := c.before(ev, s)
		gap := max(float64(s.After-s.Size-s.At)/1e9, 0) // between the last instant before and the first behind
		c.jumps = append(c.jumps, jump{at: c.t(s.At-theta) + gap/2, size: float64(s.Size), slot: slot + gap/2, step: s})
	}
	slices.SortStableFunc(c.jumps, func(a, b jump) int { return cmp.Compare(a.at, b.at) })
}

// before estimates the offset right before a step from the nearest evidence
// before it, or else from that behind it, and how well that tells the instant.
func (c *course) before(ev []evidence, s Step) (theta int64, slot float64) {
	theta = c.base
	near, behind := int64(math.MaxInt64), int64(math.MaxInt64)
	for i := range ev {
		e := &ev[i]
		if e.low <= -Infinity || e.high >= Infinity {
			continue
		}
		mid := e.low + (e.high-e.low)/2
		own := e.at + mid
		if d := s.At - own; d >= 0 && d < near {
			near, theta, slot = d, mid, float64(e.high-e.low)/2e9
		} else if d := own - s.After; near == math.MaxInt64 && d >= 0 && d < behind {
			behind, theta, slot = d, mid-s.Size, float64(e.high-e.low)/2e9
		}
	}
	if other := theta - s.Size; s.Size < 0 && agreeing(ev, s, other) > agreeing(ev, s, theta) {
		theta = other // what lay nearest by the clock's own time was of the second time it showed that
	}
	return theta, slot
}

// agreeing counts the evidence that a step fits if the offset right before it
// was theta.
func agreeing(ev []evidence, s Step, theta int64) int {
	n := 0
	at := s.At - theta
	for i := range ev {
		e := &ev[i]
		want := theta
		if e.at > at {
			want += s.Size
		}
		free := int64(float64(abs(e.at-at)) / 1e9 * driftLimit)
		if e.low-free-s.Slack <= want && want <= e.high+free+s.Slack {
			n++
		}
	}
	return n
}

// moved is the sum of the declared steps up to t.
func (c *course) moved(t float64) float64 {
	sum := 0.0
	for i := range c.jumps {
		if c.jumps[i].at <= t {
			sum += c.jumps[i].size
		}
	}
	return sum
}

// slack widens evidence for how well the steps before it, and the instant of a
// step right at it, are known.
func (c *course) slack(t float64) float64 {
	sum := 0.0
	for i := range c.jumps {
		j := &c.jumps[i]
		if j.at <= t {
			sum += float64(j.step.Slack)
		}
		if math.Abs(j.at-t) <= j.slot {
			sum += math.Abs(j.size)
		}
	}
	return sum
}

// band gives the bounds of the offset, and its most likely value, at an instant
// of the reference.
func (c *course) band(at int64) (low, mid, high int64) {
	t := c.t(at)
	l, m, h := c.lineBand(t)
	moved := c.moved(t)
	for i := range c.jumps {
		j := &c.jumps[i]
		if math.Abs(j.at-t) <= j.slot { // before or behind it: one of two values
			if j.at <= t {
				l, h = min(l, l-j.size), max(h, h-j.size)
			} else {
				l, h = min(l, l+j.size), max(h, h+j.size)
			}
		}
	}
	return c.base + int64(math.Floor(l+moved)), c.base + int64(math.Round(m+moved)), c.base + int64(math.Ceil(h+moved))
}

// lineBand is the band without the declared steps. Between two pieces the
// offset is somewhere between the end of one and the beginning of the next, or
// on one of them still.
func (c *course) lineBand(t float64) (low, mid, high float64) {
	i := sort.Search(len(c.pieces), func(i int) bool { return c.pieces[i].to >= t })
	if i == len(c.pieces) {
		return c.pieces[i-1].band(t)
	}
	if i == 0 || t >= c.pieces[i].from {
		return c.pieces[i].band(t)
	}
	p, q := &c.pieces[i-1], &c.pieces[i]
	l1, m1, h1 := p.band(p.to)
	l2, m2, h2 := q.band(q.from)
	low, high = min(l1, l2, q.gapLow), max(h1, h2, q.gapHigh)
	for _, x := range [2]*piece{p, q} {
		l, _, h := x.band(t)
		low, high = min(low, l), max(high, h)
	}
	mid = m1
	if t > (p.to+q.from)/2 {
		mid = m2
	}
	return low, mid, high
}

// reference finds the reference's instant at which the clock itself shows own.
func (c *course) reference(own int64) int64 {
	at := own - c.base
	for range 4 {
		_, mid, _ := c.band(at)
		at = own - mid
	}
	return at
}

// own gives the bounds of the offset, and its most likely value, where the clock
// itself shows own, and the reference's instant. After a step backward a clock
// shows some instants twice: then once is false, and the bounds hold both.
func (c *course) own(own int64) (at, low, mid, high int64, once bool) {
	at = c.reference(own)
	low, mid, high = c.band(at)
	once = true
	for _, d := range c.drops() {
		if d.First <= own && own <= d.Last {
			once = false
			low, high = min(low, d.Before.Low, d.Behind.Low), max(high, d.Before.High, d.Behind.High)
		}
	}
	return at, low, mid, high, once
}

// drop is a step backward. Its Drop holds what the clock may have shown twice,
// wherever between the evidence the step was.
type drop struct {
	Drop
	certain bool // it did show some of it twice
}

// leastDrop is a step backward worth telling, ns.
const leastDrop = int64(time.Millisecond)

// drops lists the steps backward.
func (c *course) drops() []drop {
	if c.dropsKnown {
		return c.dropList
	}
	c.dropsKnown = true
	note := func(before, behind int64) { // by the reference
		var d drop
		d.Before.Low, d.Before.Value, d.Before.High = c.band(before)
		d.Behind.Low, d.Behind.Value, d.Behind.High = c.band(behind)
		if d.Size() <= leastDrop {
			return
		}
		d.First, d.Last = before+d.Behind.Value, behind+d.Before.Value
		d.certain = before+d.Before.Value-(behind+d.Behind.Value) > leastDrop
		c.dropList = append(c.dropList, d)
	}
	instant := func(t float64) int64 { return c.pivot + int64(t*1e9) }
	for i := 1; i < len(c.pieces); i++ {
		note(instant(c.pieces[i-1].to), instant(c.pieces[i].from))
	}
	for i := range c.jumps {
		j := &c.jumps[i]
		note(instant(j.at-j.slot)-1000, instant(j.at+j.slot)+1000)
	}
	return c.dropList
}

// exported gives the steps backward that made the clock show some instants twice
// for certain.
func (c *course) exported() []Drop {
	var out []Drop
	for _, d := range c.drops() {
		if d.certain {
			out = append(out, d.Drop)
		}
	}
	return out
}

// width is the narrowest band of the course, ns.
func (c *course) width() int64 {
	best := int64(math.MaxInt64)
	for i := range c.pieces {
		p := &c.pieces[i]
		for _, t := range [3]float64{p.from, (p.from + p.to) / 2, p.to} {
			l, _, h := p.band(t)
			best = min(best, int64(h-l))
		}
	}
	return best
}

// open tells that evidence bounds the clock on one side only.
func (c *course) open() bool { return c.width() > 1e14 }
