package pcapflow

import "slices"

// rttSamples keeps an even selection of the round trips seen, in bounded room
// and the same for the same packets: when full, every second one goes and from
// then on only every second one comes in.
type rttSamples struct {
	n, min int64
	stride int64
	kept   []int64
}

const keptSamples = 32

func (s *rttSamples) add(ns int64) {
	if ns < 0 {
		return // the capture's clock went backwards
	}
	if s.n == 0 || ns < s.min {
		s.min = ns
	}
	if s.n == 0 {
		s.stride = 1
	}
	if s.n%s.stride == 0 {
		if len(s.kept) == keptSamples {
			for i := range keptSamples / 2 {
				s.kept[i] = s.kept[2*i]
			}
			s.kept = s.kept[:keptSamples/2]
			s.stride *= 2
		}
		if s.n%s.stride == 0 {
			s.kept = append(s.kept, ns)
		}
	}
	s.n++
}

func (s *rttSamples) stats() RTTStats {
	if s.n == 0 {
		return RTTStats{}
	}
	slices.Sort(s.kept)
	at := func(percent int) int64 { return s.kept[(len(s.kept)-1)*percent/100] }
	return RTTStats{N: int(s.n), Min: s.min, P50: at(50), P95: at(95)}
}
