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
	leastTwins  = 20            // packets that are there twice
	mostSamples = 1024          // of them that are looked at
	twinSpread  = int64(500e6)  // the most by which ways and clocks change the distance, ns
	twinShare   = 4             // one of so many packets at least is a second copy
	twinPlaces  = 1 << twinBits // packets remembered where second copies are looked for
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

// lookTwin is look in a capture of which it is known by how much the second copies
// come later.
func (t *copyTable) lookTwin(h *header) bool {
	r := &t.wide[h.print>>(64-twinBits)]
	print := uint32(h.print) | 1
	now := h.stamp.Time
	if age := now - r.time; r.print == print {
		if age >= max(t.apart.Low, 1) && age <= t.apart.High {
			return true
		}
		if age >= 0 && age < t.apart.Low {
			return false // a copy in the same capture: its twin comes later
		}
	}
	*r = recentPacket{now, print, h.ttl}
	return false
}
