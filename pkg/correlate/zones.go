package correlate

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// inferZones finds the time zone of logs that state none by measuring each
// against the captures: what is nearest to a multiple of 15 minutes is the
// zone, the rest the clock. The stamps of such a log are read anew in its zone,
// and say so.
func inferZones(inc *incident.Incident) {
	part := &incident.Incident{Captures: inc.Captures}
	for _, l := range inc.Logs {
		if zoneless(l) {
			alone := *l
			alone.Folder = l.File.Path // each a clock of its own
			part.Logs = append(part.Logs, &alone)
		}
	}
	if len(part.Logs) == 0 || len(inc.Captures) == 0 {
		return
	}
	d := buildDomains(part)
	e := gather(part, d)
	s := clock.Solve(e.problem(Options{}))
	for _, l := range part.Logs {
		k := d.host(l)
		t := &s.Tracks[k.ID]
		if t.Status != clock.Measured || s.Tracks[s.Reference].Clock == k.ID || len(t.Segments) == 0 {
			continue
		}
		if east := zoneOf(t); east != 0 {
			setZone(l, east)
		}
	}
}

// zoneless tells whether a log's stamps state no zone and none was inferred.
func zoneless(l *incident.Log) bool {
	n, all := 0, 0
	for i := range l.Events {
		if ev := &l.Events[i]; ev.HasTime {
			all++
			if ev.Zone == logparse.ZoneUnknown {
				n++
			}
		}
	}
	return n > 0 && n*2 > all
}

// zoneOf is the zone, in seconds east, that would explain the offset of a log
// read as UTC; 0 for none, also for what no zone is.
func zoneOf(t *clock.Track) int {
	const quarter = int64(15 * time.Minute)
	s := t.Segments[len(t.Segments)/2]
	zone := s.Offset / quarter
	switch rest := s.Offset % quarter; {
	case rest > quarter/2:
		zone++
	case rest < -quarter/2:
		zone--
	}
	if zone < -12*4 || zone > 14*4 {
		return 0
	}
	return int(zone) * 15 * 60
}

// setZone reads the stamps of a log as local time of a zone.
func setZone(l *incident.Log, east int) {
	shift := int64(east) * int64(time.Second)
	for i := range l.Events {
		ev := &l.Events[i]
		if !ev.HasTime || ev.Zone != logparse.ZoneUnknown {
			continue
		}
		ev.Time -= shift
		ev.Zone, ev.ZoneSeconds = logparse.ZoneInferred, east
		for n := range ev.Marks {
			ev.Marks[n].Time -= shift
		}
	}
	if l.File.First != 0 || l.File.Last != 0 {
		l.File.First -= shift
		l.File.Last -= shift
	}
}
