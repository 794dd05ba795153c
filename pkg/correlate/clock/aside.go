package clock

// aside measures clocks that nothing ties to the reference against one another:
// those of a server whose packets and lines name a proxy alone. What is known of
// one is no offset from the reference, and is told apart from it.
func (s *solver) aside(out *Solution) {
	left := make([]bool, len(s.state))
	for i := range s.state {
		left[i] = s.state[i].solved || s.state[i].status != Insufficient
	}
	for _, root := range s.p.Roots {
		if left[root] || !s.reaches(root, left) {
			continue
		}
		sub := &solver{p: s.p, reference: root, state: make([]state, len(s.state)), touching: s.touching, series: s.series, steps: s.steps, left: left}
		sub.p.Declared = nil
		sub.state[root] = state{solved: true, status: Reference}
		sub.spread()
		sub.tighten()
		found := sub.solution()
		for i := range sub.state {
			if id := ID(i); sub.state[i].solved && id != root {
				out.Tracks[i].Aside, out.Tracks[i].Root = &found.Tracks[i], root
				out.Tracks[root].Aside, out.Tracks[root].Root = &found.Tracks[root], root
				left[i] = true
			}
		}
		left[root] = true
	}
}

// reaches tells whether evidence ties a clock to another one that is not left out.
func (s *solver) reaches(id ID, left []bool) bool {
	for _, n := range s.neighbours(id) {
		if !left[n] {
			return true
		}
	}
	return false
}
