package correlate

import "github.com/flowcorr/flowcorr/pkg/incident"

// Correlate links everything an incident holds: it measures the clocks,
// rebuilds the journeys from the captures, and matches the lines of every log.
func Correlate(inc *incident.Incident, opt Options) *Case {
	c := &Case{Incident: inc, Clocks: measureClocks(inc, opt)}
	b := build(inc, newTimebase(inc, c.Clocks, opt))
	c.Journeys, c.Lookups = b.journeys, b.lookups
	return c
}
