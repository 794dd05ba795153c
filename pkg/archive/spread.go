package archive

// spread counts beginnings of journeys over time, within bounded room: its steps
// grow, by doubling, with what it has to hold. It does not depend on the order in
// which they come.
type spread struct {
	Shift int           // a step is 1<<Shift ns
	Count map[int64]int // by step
}

const (
	finestStep = 28      // 0.27 s
	mostSteps  = 1 << 16 // held at one time
)

func newSpread() *spread { return &spread{finestStep, map[int64]int{}} }

func (s *spread) add(t int64, n int) {
	s.Count[t>>s.Shift] += n
	if len(s.Count) > mostSteps {
		s.coarsen()
	}
}

func (s *spread) coarsen() {
	s.Shift++
	old := s.Count
	s.Count = make(map[int64]int, len(old))
	for step, n := range old {
		s.Count[step>>1] += n
	}
}

// merge adds what was counted by another clock; common tells its instants by that of s.
func (s *spread) merge(o *spread, common func(int64) int64) {
	for s.Shift < o.Shift {
		s.coarsen()
	}
	for step, n := range o.Count {
		s.add(common(step<<o.Shift), n)
	}
}
