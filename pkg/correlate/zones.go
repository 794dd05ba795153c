package correlate

import (
	"math"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// eachAlone measures every log for itself, whatever lies in its folder. It
// finds the time zone of logs that state none, and tells which logs were not
// written by the clock of the others of their folder.
func eachAlone(inc *incident.Incident) (apart map[*incident.Log]bool) {
	if len(inc.Captures) == 0 || len(inc.Logs) == 0 {
		return nil
	}
	endSummerTimes(inc.Logs)
	part := &incident.Incident{Captures: inc.Captures}
	for _, l := range inc.Logs {
		alone := *l
		alone.Folder = l.File.Path // each a clock of its own
		part.Logs = append(part.Logs, &alone)
	}
	d := buildDomains(part, nil, lang.EN)
	e := gather(part, d)
	s := e.solve(Options{})
	if e.sameHosts(s) {
		s = e.solve(Options{})
	}
	tracks := map[*incident.Log]*clock.Track{}
	known := e.zonedOffsets(s)
	for i, alone := range part.Logs {
		k := d.byKey[hostKey(d.hosts[alone])]
		if k == nil || k.ID == s.Reference || len(k.Hosts) > 0 {
			continue
		}
		if t := &s.Tracks[k.ID]; t.Status == clock.Measured {
			l := inc.Logs[i]
			tracks[l] = t
			if zoneless(l) {
				if east := zoneOf(t, known); east != 0 {
					setZone(l, east)
					shift(t, -int64(east)*int64(time.Second))
				}
			}
		}
	}
	shareZones(inc.Logs)
	return strangers(inc, tracks)
}

// shareZones reads a log that states no zone, and of whose clock nothing is known,
// in the zone that was inferred for the others of its kind and folder: a program
// writes all its files in one. Others that disagree tell nothing.
func shareZones(logs []*incident.Log) {
	type program struct{ folder, kind string }
	inferred := map[program]int{}
	apart := map[program]bool{}
	for _, l := range logs {
		if east, ok := inferredZone(l); ok {
			p := program{l.Folder, l.File.Kind}
			if old, seen := inferred[p]; seen && old != east {
				apart[p] = true
			}
			inferred[p] = east
		}
	}
	for _, l := range logs {
		p := program{l.Folder, l.File.Kind}
		if east, ok := inferred[p]; ok && !apart[p] && zoneless(l) {
			setZone(l, east)
		}
	}
}

// inferredZone is the zone, in seconds east, that was inferred for a log.
func inferredZone(l *incident.Log) (east int, ok bool) {
	for i := range l.Events {
		if ev := &l.Events[len(l.Events)-1-i]; ev.HasTime && ev.Zone == logparse.ZoneInferred {
			return ev.ZoneSeconds, true // of the last: before it summer time may have ended
		}
	}
	return 0, false
}

// inferZones reads logs that state no zone anew where the clock that wrote them
// comes out hours off, and tells whether there were any.
func (e *evidence) inferZones(s *clock.Solution) bool {
	found := false
	known := e.zonedOffsets(s)
	for _, l := range e.inc.Logs {
		k := e.byKey[hostKey(e.hosts[l])]
		if k == nil || len(k.Hosts) > 0 || s.Tracks[k.ID].Status != clock.Measured || !zoneless(l) {
			continue
		}
		if east := zoneOf(&s.Tracks[k.ID], known); east != 0 {
			setZone(l, east)
			found = true
		}
	}
	if found {
		shareZones(e.inc.Logs)
	}
	return found
}

// strangers lists the logs that a clock other than that of their folder wrote:
// the folder's is that of the log with most evidence.
func strangers(inc *incident.Incident, tracks map[*incident.Log]*clock.Track) map[*incident.Log]bool {
	main := map[string]*incident.Log{}
	for _, l := range inc.Logs {
		if t := tracks[l]; t != nil && l.Folder != "" {
			if old := main[l.Folder]; old == nil || support(t) > support(tracks[old]) {
				main[l.Folder] = l
			}
		}
	}
	apart := map[*incident.Log]bool{}
	for _, l := range inc.Logs {
		m := main[l.Folder]
		if t := tracks[l]; t != nil && m != nil && m != l && !stampsNTPClock(l) && !agree(t, tracks[m], l.File, resolution(l)+resolution(m)) {
			apart[l] = true
		}
	}
	return apart
}

func support(t *clock.Track) int {
	n := 0
	for _, s := range t.Supports {
		n += s.Count
	}
	return n
}

// resolution is the width of most stamps of a log.
func resolution(l *incident.Log) int64 {
	var widths tally[time.Duration]
	for i := range l.Events {
		if l.Events[i].HasTime {
			widths.add(l.Events[i].Width)
		}
	}
	if len(widths.order) == 0 {
		return 0
	}
	return int64(widths.top(1)[0])
}

// agree tells whether the bands of two tracks come near each other, to the
// resolution of their stamps, anywhere in the time of a file: clocks that are
// one meet everywhere but at a step. A log measured for itself may have few
// lines, and take a wrong peak near the right one, so only clearly different
// clocks count as two.
func agree(a, b *clock.Track, f *incident.File, resolution int64) bool {
	noise := resolution + int64(250*time.Millisecond)
	for k := range int64(9) {
		at := f.First + (f.Last-f.First)/8*k
		_, l1, h1, ok1 := a.At(at)
		_, l2, h2, ok2 := b.At(at)
		if !ok1 || !ok2 || l1 <= h2+noise && l2 <= h1+noise {
			return true
		}
	}
	return false
}

// shift moves a track after the stamps of its clock were read anew.
func shift(t *clock.Track, by int64) {
	for i := range t.Segments {
		s := &t.Segments[i]
		s.From, s.To = s.From+by, s.To+by
		s.Offset, s.Low, s.High = s.Offset+by, s.Low+by, s.High+by
		s.LowEnd, s.HighEnd = s.LowEnd+by, s.HighEnd+by
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

// readInZones notes of which clocks nothing but logs that state no zone tells, and
// that these were read in one: the clock may as well be off by that much.
func (e *evidence) readInZones() {
	stated := map[*Clock]bool{}
	for _, l := range e.inc.Logs {
		k := e.byKey[hostKey(e.hosts[l])]
		if k == nil {
			continue
		}
		if east, ok := inferredZone(l); ok && east != 0 {
			k.ZoneAssumed = true
		}
		stated[k] = stated[k] || statesZone(l)
	}
	for k := range stated {
		if k.ZoneAssumed = k.ZoneAssumed && !stated[k]; k.ZoneAssumed {
			k.Notes = append(k.Notes, lang.Text{
				EN: "its logs state no zone and were read in one that fits: a clock off by whole quarters of an hour would look the same",
				ES: "sus registros no dicen su huso horario y se leyeron en uno que encaja: un reloj desviado cuartos de hora enteros se vería igual",
			})
		}
	}
}

// statesZone tells whether any stamp of a log states its zone.
func statesZone(l *incident.Log) bool {
	return slices.ContainsFunc(l.Events, func(ev logparse.Event) bool { return ev.HasTime && ev.Zone == logparse.ZoneStated })
}

// zonedOffsets are the offsets, in the middle of their tracks, of the clocks that
// no zone may hide: UTC, the reference, captures, and logs that state their zone.
// The first is that of UTC, or of the reference where nothing leads to it.
func (e *evidence) zonedOffsets(s *clock.Solution) []int64 {
	hidden := map[clock.ID]bool{}
	for _, l := range e.inc.Logs {
		if k := e.byKey[hostKey(e.hosts[l])]; k != nil && zoneless(l) {
			hidden[k.ID] = true
		}
	}
	var list []int64
	if k := e.byKey["utc"]; k != nil && s.Tracks[k.ID].Status == clock.Measured {
		list = append(list, middle(&s.Tracks[k.ID]).Offset)
	}
	list = append(list, 0)
	for _, k := range e.clocks {
		t := &s.Tracks[k.ID]
		if (k.Kind == kindCapture || k.Kind == kindLog) && !hidden[k.ID] && t.Status == clock.Measured {
			list = append(list, middle(t).Offset)
		}
	}
	return list
}

// zoneOf is the zone, in seconds east, that would explain the offset of a log
// read as UTC; 0 for none, also for what no zone is. The one nearest to UTC is the
// zone and the rest the clock; but where another zone makes it a clock that is known,
// and the nearest one does not, that is the likelier story.
func zoneOf(t *clock.Track, known []int64) int {
	const noise = int64(100 * time.Millisecond)
	mid := middle(t)
	east, rest := clock.Zone(mid.Offset - known[0])
	rest += known[0]
	away := int64(math.MaxInt64)
	for _, offset := range known {
		away = min(away, max(rest-offset, offset-rest))
	}
	away -= noise + (mid.High-mid.Low)/2
	for _, offset := range known {
		other, left := clock.Zone(mid.Offset - offset)
		if left = max(left, -left); left < away {
			east, away = other, left
		}
	}
	return east
}

func middle(t *clock.Track) *clock.Segment { return &t.Segments[len(t.Segments)/2] }

// setZone reads the stamps of a log as local time of a zone; they say so.
func setZone(l *incident.Log, east int) {
	by := int64(east) * int64(time.Second)
	for i := range l.Events {
		ev := &l.Events[i]
		if !ev.HasTime || ev.Zone != logparse.ZoneUnknown {
			continue
		}
		moveBack(ev, east)
		ev.Zone, ev.ZoneSeconds = logparse.ZoneInferred, east+ev.ZoneSeconds
	}
	if l.File.First != 0 || l.File.Last != 0 {
		l.File.First -= by
		l.File.Last -= by
	}
}
