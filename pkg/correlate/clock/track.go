package clock

import "math"

// At returns how far the clock is ahead of the reference when it shows stamp,
// with bounds; false where nothing is known of it. Before the first segment the
// first one is continued, behind any the one before. Of what a step backward
// made the clock show twice the value is that of the first time, and the bounds
// hold both.
func (t *Track) At(stamp int64) (offset, low, high int64, ok bool) {
	if t.Status == Reference {
		return 0, 0, 0, true
	}
	if len(t.Segments) == 0 || t.Status == Ambiguous || t.Status == Insufficient {
		return 0, 0, 0, false
	}
	first, last := -1, 0
	for i := range t.Segments {
		switch {
		case t.Segments[i].From <= stamp:
			last = i
			continue
		case first < 0:
			first = max(i-1, 0)
		}
	}
	if first < 0 {
		first = last
	}
	_, low, high = t.Segments[last].at(stamp)
	offset, _, _ = t.Segments[first].at(stamp)
	return offset, low, high, true
}

// at is the offset with its bounds where the clock shows stamp.
func (s *Segment) at(stamp int64) (offset, low, high int64) {
	moved := int64(math.Round(float64(stamp-s.From) * s.Drift * 1e-6))
	return s.Offset + moved, s.Low + s.spread(stamp, s.LowEnd-s.Low, moved), s.High + s.spread(stamp, s.HighEnd-s.High, moved)
}

// spread moves a bound from the segment's beginning to stamp: straight to its
// value at the end, in parallel to the offset where the segment has no length.
func (s *Segment) spread(stamp, change, moved int64) int64 {
	if s.To <= s.From {
		return moved
	}
	return int64(math.Round(float64(change) * (float64(stamp-s.From) / float64(s.To-s.From))))
}

// Correct moves a stamp of the clock to the reference clock: the most likely
// instant and the bounds that hold it; false where nothing is known.
func (t *Track) Correct(stamp int64) (at, low, high int64, ok bool) {
	offset, l, h, ok := t.At(stamp)
	return stamp - offset, stamp - h, stamp - l, ok
}

// Size is how far the clock went back, ns.
func (d *Drop) Size() int64 { return d.Before.Value - d.Behind.Value }

// CorrectSide corrects a stamp of which the order of its record tells on which
// side of a drop it was made.
func (d *Drop) CorrectSide(stamp int64, behind bool) (at, low, high int64) {
	o := d.Before
	if behind {
		o = d.Behind
	}
	return stamp - o.Value, stamp - o.High, stamp - o.Low
}
