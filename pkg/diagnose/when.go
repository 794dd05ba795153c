package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// burst bounds a cause in time: journeys of one minute share more than their
// server.
const (
	burstHits  = 3                // journeys a finding must speak of
	burstSpan  = 30 * time.Second // shortest time the service was watched
	burstShare = 0.2              // longest part of it the trouble may take
	burstOther = 3                // journeys outside of it that went well
)

// when is the clause that a finding's trouble befell one stretch of the incident
// only, while others before or behind it went well; "" where it did not, or
// where one capture alone does not tell.
func (c *Case) when(f *Finding) string {
	if len(f.Journeys) < burstHits || len(f.Journeys[0].Points) == 0 {
		return ""
	}
	first := f.Journeys[0]
	capture := first.Points[0].Capture
	hit := make(map[*correlate.Journey]bool, len(f.Journeys))
	from, to := first.Start.Time, first.Start.Time
	for _, j := range f.Journeys {
		if len(j.Points) == 0 || j.Points[0].Capture != capture {
			return ""
		}
		hit[j] = true
		from, to = min(from, j.Start.Time), max(to, j.Start.Time)
	}
	begin, end, others := from, to, 0
	for _, j := range c.Journeys {
		if hit[j] || j.Service != first.Service || j.Server != first.Server || len(j.Points) == 0 || j.Points[0].Capture != capture {
			continue
		}
		begin, end = min(begin, j.Start.Time), max(end, j.Start.Time)
		if (j.Start.Time < from || j.Start.Time > to) && worked(j.Outcome) {
			others++
		}
	}
	whole := time.Duration(end - begin)
	if others < burstOther || whole < burstSpan || float64(to-from) > burstShare*float64(whole) {
		return ""
	}
	clock := func(at int64) string {
		if k := c.clockOf(capture.Files[0]); k != nil {
			if right, _, _, ok := k.Correct(at); ok {
				at = right
			}
		}
		return time.Unix(0, at).UTC().Format(time.TimeOnly)
	}
	return " " + c.say(lang.Text{
		EN: "All of it between %s and %s UTC; %d others of the %s watched, before or after, went well.",
		ES: "Todo entre las %s y las %s UTC; otros %d de los %s observados, antes o después, fueron bien.",
	}, clock(from), clock(to), others, whole)
}
