package pcapflow

import "slices"

// A capture file that was merged from two captures without saying which packet is
// of which holds each packet twice, by two clocks: the second copies come later by
// what the clocks are apart, give or take the way between the two points. Taken for
// packets of their own they are losses that nobody had. A sender never writes one
// identification and the same bytes twice within seconds (RFC 6864 section 4.1),
// and a packet that is sent again has a time stamp of its own (RFC 7323).

// Twins says by how much the second copies of a merged capture come later, ns.
type Twins struct{ Low, High int64 }

const (
	leastTwins  = 20           // packets that are there twice
	mostSamples = 1024         // of them that are looked at
	twinSpread  = int64(500e6) // the most by which ways and clocks change the distance, ns
	twinShare   = 8            // one of so many packets at least is seen to be a second copy; a network card that fills checksums in hides half of them
	twinBits    = 18
	leastApart  = int64(routedDelay)
)

// twinSamples are distances of packets from an earlier one that is the same.
type twinSamples struct {
	n     int64   // all
	later []int64 // of the first ones
}

// note takes a packet that is the same as one of age ns ago.
func (t *twinSamples) note(h *header, age int64) {
	if age < leastApart || (h.v6 || h.id == 0) && h.tsval() == 0 {
		return
	}
	t.n++
	if len(t.later) < mostSamples {
		t.later = append(t.later, age)
	}
}

// twins is by how much the copies come later in a capture of so many packets that is
// two that were merged; nil: it is not.
func (t *twinSamples) twins(packets int64) *Twins {
	if t.n < leastTwins || t.n*twinShare < packets {
		return nil
	}
	sorted := slices.Clone(t.later)
	slices.Sort(sorted)
	low, high := sorted[len(sorted)/20], sorted[len(sorted)-1-len(sorted)/20]
	if high-low > twinSpread {
		return nil
	}
	return &Twins{low - twinSpread/2, high + twinSpread/2}
}

// twinTable finds the second copies in a capture of which it is known by how much
// they come later.
type twinTable struct {
	apart  Twins
	recent []recentPacket
	hops   map[direction]passage
}

// direction is from one host to another.
type direction struct{ from, to address }

// passage is how many hops the packets of a direction had left at the two points.
type passage struct{ first, second uint8 }

// mostDirections bounds the directions whose hops are remembered.
const mostDirections = 1 << 16

func newTwinTable(apart Twins) *twinTable {
	return &twinTable{apart: apart, recent: make([]recentPacket, 1<<twinBits), hops: map[direction]passage{}}
}

// second tells whether the packet at hand was seen at the second point: it is the
// same as one at the first, whatever checksum a network card had yet to fill in, or
// has as many hops left as those that are. The other way round one that was joined
// or cut on the way between would be sent twice.
func (t *twinTable) second(h *header) bool {
	way := direction{h.src, h.dst}
	p, known := t.hops[way]
	sum := h.sum
	h.sum = 0
	imprint := h.imprint()
	h.sum = sum
	r := &t.recent[imprint>>(64-twinBits)]
	now, print := h.stamp.Time, uint32(imprint)|1
	if age := now - r.time; r.print == print && age > 0 && age >= t.apart.Low && age <= t.apart.High {
		if !known && r.ttl != h.ttl && len(t.hops) < mostDirections {
			t.hops[way] = passage{r.ttl, h.ttl}
		}
		return true
	} else if r.print == print && age >= 0 && age < t.apart.Low {
		return false // of the first point: the second's copy of both comes later
	}
	if known && h.ttl == p.second && h.ttl != p.first {
		return true
	}
	*r = recentPacket{now, print, h.ttl}
	return false
}
