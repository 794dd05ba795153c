package compare

import "slices"

// test compares every group with one, phase by phase. The tests of one group
// are judged together.
func (b *builder) test(s *Service) {
	base := b.baseOf(s)
	for other := range b.c.Groups {
		if other == base {
			continue
		}
		for i := range s.Phases {
			p := &s.Phases[i]
			x, y := p.Groups[base].values, p.Groups[other].values
			if len(x) == 0 || len(y) == 0 {
				continue
			}
			if all := slices.Concat(x, y); slices.Min(all) == slices.Max(all) {
				continue // nothing to tell apart
			}
			t := Test{A: base, B: other, Shift: *seconds(shift(x, y))}
			t.U, t.P, t.Exact = rankTest(x, y)
			p.Tests = append(p.Tests, t)
		}
		judge(s, other)
	}
}

// judge gives the tests of one group their verdicts.
func judge(s *Service, other int) {
	var tests []*Test
	best := 1.0 // the least p that sizes allow
	for i := range s.Phases {
		p := &s.Phases[i]
		for k := range p.Tests {
			if t := &p.Tests[k]; t.B == other {
				tests = append(tests, t)
				best = min(best, leastP(p.Groups[t.A].N, p.Groups[t.B].N))
			}
		}
	}
	holm(tests)
	for i := range s.Phases {
		p := &s.Phases[i]
		for k := range p.Tests {
			t := &p.Tests[k]
			switch {
			case t.B != other:
			case best*float64(len(tests)) > level || leastP(p.Groups[t.A].N, p.Groups[t.B].N) > level:
				t.Verdict = TooFew
			case t.Holm < level:
				t.Verdict = Differs
			default:
				t.Verdict = MayChance
			}
		}
	}
}

// Enough is how many measurements in each of two groups can tell a difference
// from chance when so many phases are tested together.
func Enough(tests int) int {
	n := 2
	for leastP(n, n)*float64(max(tests, 1)) > level {
		n++
	}
	return n
}

// baseOf is the group the others are compared with: the first of two, else the
// first of those with most journeys of the service.
func (b *builder) baseOf(s *Service) int {
	if len(b.c.Groups) == 2 {
		return 0
	}
	best, most := 0, -1
	for g := range b.c.Groups {
		for _, p := range s.Phases {
			if p.Name == Total && p.Groups[g].N > most {
				best, most = g, p.Groups[g].N
			}
		}
	}
	return best
}
