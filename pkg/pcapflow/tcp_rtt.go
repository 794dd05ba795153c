package pcapflow

import "slices"

// rttSamples keeps an even selection of the round trips seen towards one side,
// in bounded room and the same for the same packets: when full, every second
// one goes, and from then on only every second one comes in.
type rttSamples struct {
	stride uint32
	n      uint32
	kept   [keptSamples]uint32 // in units of 16 ns, at most 68 s
}

const (
	keptSamples = 32
	sampleShift = 4
)

// roundTrip takes a round trip towards side s.
func (s *tcpSide) roundTrip(x *rttSamples, ns int64) {
	if ns < 0 {
		return // the capture's clock went backwards
	}
	if s.trips == 0 {
		s.min, x.stride = ns, 1
	} else if ns < s.min {
		s.min = ns
	}
	if s.trips%x.stride == 0 {
		x.keep(uint32(min(ns>>sampleShift, 1<<32-1)), s.trips)
	}
	s.trips++
}

func (x *rttSamples) keep(v, ordinal uint32) {
	if x.n == keptSamples {
		for i := range uint32(keptSamples / 2) {
			x.kept[i] = x.kept[2*i]
		}
		x.n = keptSamples / 2
		x.stride *= 2
		if ordinal%x.stride != 0 {
			return
		}
	}
	x.kept[x.n] = v
	x.n++
}

func (x *rttSamples) stats(s *tcpSide) RTTStats {
	if s.trips == 0 {
		return RTTStats{}
	}
	kept := x.kept
	list := kept[:x.n]
	slices.Sort(list)
	at := func(percent int) int64 { return max(s.min, int64(list[(len(list)-1)*percent/100])<<sampleShift) }
	return RTTStats{N: int(s.trips), Min: s.min, P50: at(50), P95: at(95)}
}
