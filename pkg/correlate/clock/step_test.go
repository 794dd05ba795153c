package clock

import "testing"

// TestStepTime: a step is told as lying between the last evidence before it and
// the first behind it, not at the instant that the track takes for it.
func TestStepTime(t *testing.T) {
	const s = int64(1e9)
	sure := func(from, to, offset int64) Segment {
		return Segment{From: from * s, To: to * s, Offset: offset * s, Low: offset*s - 1000, High: offset*s + 1000, LowEnd: offset*s - 1000, HighEnd: offset*s + 1000}
	}
	open := func(from, to, offset, low, high int64, step bool) Segment {
		return Segment{From: from * s, To: to * s, Offset: offset * s, Low: low * s, High: high * s, LowEnd: low * s, HighEnd: high * s, StepBefore: step}
	}
	for name, c := range map[string]struct {
		segments []Segment
		step     int
		from, to int64
	}{
		"forward":              {[]Segment{sure(100, 110, -8), open(110, 113, -8, -9, 1, false), open(121, 124, 0, -9, 1, true), sure(124, 140, 0)}, 2, 118*s - 1000, 124*s + 1000},
		"backward":             {[]Segment{sure(100, 110, 2), open(110, 114, 2, 0, 3, false), open(112, 116, 0, -1, 3, true), sure(116, 140, 0)}, 2, 108*s - 1000, 116*s + 1000},
		"seen on both sides":   {[]Segment{sure(100, 110, 0), {From: 115 * s, To: 130 * s, Offset: 5 * s, Low: 5*s - 1000, High: 5*s + 1000, LowEnd: 5*s - 1000, HighEnd: 5*s + 1000, StepBefore: true}}, 1, 110*s - 1000, 110*s + 1000},
		"never sure before it": {[]Segment{open(100, 113, -8, -9, 1, false), open(121, 124, 0, -9, 1, true), sure(124, 140, 0)}, 1, 99 * s, 124*s + 1000},
	} {
		track := Track{Segments: c.segments}
		if from, to := track.StepTime(c.step); from != c.from || to != c.to {
			t.Errorf("%s: %d to %d, want %d to %d", name, from, to, c.from, c.to)
		}
	}
}
