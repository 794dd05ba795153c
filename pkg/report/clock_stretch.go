package report

import "github.com/flowcorr/flowcorr/pkg/correlate/clock"

// Stretches are the parts of a clock's track between its steps. A report without
// bounds at the ends of segments has the ones at their beginnings there.
func (c *Clock) Stretches() []clock.Stretch {
	track := make([]clock.Segment, len(c.Segments))
	for i, s := range c.Segments {
		track[i] = clock.Segment{Low: int64(s.Low), High: int64(s.High), LowEnd: int64(s.Low), HighEnd: int64(s.High), StepBefore: s.Step}
		if s.LowEnd != nil && s.HighEnd != nil {
			track[i].LowEnd, track[i].HighEnd = int64(*s.LowEnd), int64(*s.HighEnd)
		}
	}
	return clock.Stretches(track)
}
