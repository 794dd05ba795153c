package archive

import (
	"math"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// sightings are when a point saw some of its flows: those whose names hash low, so
// that of flows that two points saw both choose the same.
type sightings struct {
	Below uint64 // hashes that are chosen
	At    map[uint64]pcapflow.Stamp
}

// mostSightings is how many are held.
const mostSightings = 4096

const (
	// oneFlow is how far apart the beginnings of one flow may lie, as several interfaces
	// see it. ns
	oneFlow = int64(5e9)
	// again is the time of a name that came again later: which of them another point saw
	// is not known.
	again = math.MinInt64
)

func newSightings() *sightings { return &sightings{math.MaxUint64, map[uint64]pcapflow.Stamp{}} }

// add takes a flow by its sameness. What is kept does not depend on the order.
func (s *sightings) add(same uint64, t pcapflow.Stamp) {
	if same == 0 || hashed(same) > s.Below {
		return
	}
	switch first, ok := s.At[same]; {
	case !ok:
		s.At[same] = t
	case first.Time == again || max(first.Time-t.Time, t.Time-first.Time) > oneFlow:
		s.At[same] = pcapflow.Stamp{Time: again}
	case t.Time < first.Time:
		s.At[same] = t
	}
	for len(s.At) > mostSightings {
		s.Below /= 2
		for x := range s.At {
			if hashed(x) > s.Below {
				delete(s.At, x)
			}
		}
	}
}

func hashed(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>29
}
