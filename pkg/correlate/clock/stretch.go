package clock

// Stretch is a part of a track without a step inside.
type Stretch struct {
	Best   int  // index of the segment that begins with the narrowest bounds
	Drifts bool // no constant offset lies within the bounds of all its segments
}

// Stretches cuts a track at its steps.
func Stretches(track []Segment) []Stretch {
	var out []Stretch
	for first := 0; first < len(track); {
		end := first + 1
		for end < len(track) && !track[end].StepBefore {
			end++
		}
		out = append(out, stretchOf(track, first, end))
		first = end
	}
	return out
}

// stretchOf looks at the segments from first up to, but not with, end.
func stretchOf(track []Segment, first, end int) Stretch {
	s := Stretch{Best: first}
	low, high := track[first].Low, track[first].High // what a constant offset must lie between
	for i := first; i < end; i++ {
		x := &track[i]
		if x.High-x.Low < track[s.Best].High-track[s.Best].Low {
			s.Best = i
		}
		low, high = max(low, x.Low, x.LowEnd), min(high, x.High, x.HighEnd)
	}
	s.Drifts = low > high
	return s
}
