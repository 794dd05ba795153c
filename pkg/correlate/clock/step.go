package clock

// StepTime tells when the clock was set before segment i, which a step separates
// from the one before: on the reference clock, ns, between the last instant at
// which its bounds exclude the offset behind the step, and the first at which they
// exclude the one before it. Evidence may be far from it on both sides.
func (t *Track) StepTime(i int) (from, to int64) {
	before, behind := &t.Segments[i-1], &t.Segments[i]
	old, _, _ := before.at(before.To)
	k := i - 1
	for k > 0 && !t.Segments[k].excludes(t.Segments[k].To, behind.Offset) && !t.Segments[k].excludes(t.Segments[k].From, behind.Offset) {
		k--
	}
	last := t.Segments[k].From
	if t.Segments[k].excludes(t.Segments[k].To, behind.Offset) {
		last = t.Segments[k].To
	}
	_, _, high := t.Segments[k].at(last)
	k = i
	for k < len(t.Segments)-1 && !t.Segments[k].excludes(t.Segments[k].From, old) && !t.Segments[k].excludes(t.Segments[k].To, old) {
		k++
	}
	first := t.Segments[k].To
	if t.Segments[k].excludes(t.Segments[k].From, old) {
		first = t.Segments[k].From
	}
	_, low, _ := t.Segments[k].at(first)
	return last - high, first - low
}

// excludes tells whether the clock cannot have been off by so much where it showed
// a stamp.
func (s *Segment) excludes(stamp, offset int64) bool {
	_, low, high := s.at(stamp)
	return offset < low || offset > high
}
