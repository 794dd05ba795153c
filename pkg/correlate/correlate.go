package correlate

import "github.com/flowcorr/flowcorr/pkg/incident"

// Correlate links everything an incident holds: it measures the clocks,
// rebuilds the journeys from the captures, and matches the lines of every log.
// What could be matched measures the clocks once more, and the lines are matched
// again by these.
func Correlate(inc *incident.Incident, opt Options) *Case {
	c := &Case{Incident: inc, Clocks: measureClocks(inc, opt)}
	tb := newTimebase(inc, c.Clocks, opt)
	b := build(inc, tb)
	m := matchLines(inc, b, tb)
	c.Journeys, c.Lookups = b.journeys, b.lookups
	c.Unmatched = m.finish()
	return c
}
