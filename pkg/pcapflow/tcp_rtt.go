package pcapflow

import "slices"

// rttSamples keeps an even selection of the round trips seen towards one side,
// in bounded room and the same for the same packets: when full, every second
// one goes, and from then on only every second one comes in.
type rttSamples struct {
	n    uint32
	kept [keptSamples]uint32 // in units of 16 ns, at most 68 s
}

const (
	keptSamples = 32
	sampleShift = 4
)

// roundTrip takes a round trip towards side d of f, which is me.
func (e *engine) roundTrip(f *flow, d Dir, me *tcpSide, ns int64) {
	if ns < 0 {
		return // the capture's clock went backwards
	}
	if me.trips == 0 || ns < me.min {
		me.min = ns
	}
	if me.trips&(1<<me.stride-1) == 0 {
		e.state(f).samples[d].keep(me, uint32(min(ns>>sampleShift, 1<<32-1)))
	}
	me.trips++
	if e.opt.Turns && f.marks != nil && f.marks.turns != nil {
		if j := f.marks.turns.side[d.Other()].judge; j != nil {
			j.tripOf(ns, f.nearest(d))
		}
	}
}

func (x *rttSamples) keep(s *tcpSide, v uint32) {
	if x.n == keptSamples {
		for i := range uint32(keptSamples / 2) {
			x.kept[i] = x.kept[2*i]
		}
		x.n = keptSamples / 2
		s.stride++
		if s.trips&(1<<s.stride-1) != 0 {
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
