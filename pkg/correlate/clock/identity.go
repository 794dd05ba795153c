package clock

// sameness is what identities say of two clocks: how far apart they are at most, and
// from when until when, by the first of them.
type sameness struct{ low, high, from, to int64 }

// samenesses are those of one clock, by the clocks of a constraint in their order.
type samenesses map[[2]ID]sameness

// identities gathers what identities say of a clock and its neighbours.
func (s *solver) identities(id ID) samenesses {
	out := samenesses{}
	for _, i := range s.touching[id] {
		c := &s.p.Constraints[i]
		if c.Method != Identity {
			continue
		}
		for k, x := range map[[2]ID]sameness{{c.A, c.B}: {c.Low, c.High, c.At, c.At}, {c.B, c.A}: {-c.High, -c.Low, c.At, c.At}} {
			if old, ok := out[k]; ok {
				x = sameness{max(x.low, old.low), min(x.high, old.high), min(x.from, old.from), max(x.to, old.to)}
			}
			out[k] = x
		}
	}
	return out
}

// deny tells whether two clocks that are one rule a constraint between them out. It
// is asked of the two by themselves: brought to the reference, what is not known of
// their common offset would hide the contradiction.
func (s samenesses) deny(c *Constraint) bool {
	x, ok := s[[2]ID{c.A, c.B}]
	return ok && c.Method != Identity && x.from <= c.At && c.At <= x.to && (c.Low > x.high || c.High < x.low)
}
