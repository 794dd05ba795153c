package correlate

import "github.com/flowcorr/flowcorr/pkg/incident"

// Correlate links everything an incident holds: it measures the clocks,
// rebuilds the journeys from the captures, and matches the lines of every log.
// What could be matched measures the clocks once more, and everything is linked
// again by these.
func Correlate(inc *incident.Incident, opt Options) *Case {
	given := inc
	inc, parts := joinRotated(given)
	inc, thin := leaveOutCopies(inc)
	clocks, apart := measuredClocks(inc, opt)
	b, m, tb := link(inc, clocks, opt)
	if linked := m.linked(); len(linked) > 0 && !opt.NoCorrect {
		clocks = remeasureClocks(inc, opt, apart, linked)
		b, m, tb = link(inc, clocks, opt)
	}
	settleParallel(b, m, tb)
	settleCuts(b, m, tb)
	m.doubtLacking()
	if !opt.LinesOnly {
		for _, j := range b.journeys {
			account(j, tb)
		}
	}
	unmatched := m.finish()
	if !opt.LinesOnly {
		for _, j := range b.journeys {
			j.Witnesses = compareWitnesses(j, tb)
		}
	}
	c := &Case{Incident: given, Clocks: clocks, Journeys: b.journeys, Lookups: b.lookups, Unmatched: unmatched, Bounded: boundedSearches(b.links, m), Raw: opt.NoCorrect}
	thin.restore(c, inc.Logs)
	parts.split(c)
	return c
}

// link builds the journeys and matches the lines by given clocks.
func link(inc *incident.Incident, clocks []*Clock, opt Options) (*built, *matcher, timebase) {
	tb := newTimebase(inc, clocks, opt)
	b := build(inc, tb, opt)
	repeatHandshakes(b.journeys)
	m := matchLines(inc, b, tb)
	linkUpstream(b, tb, m.told)
	return b, m, tb
}
