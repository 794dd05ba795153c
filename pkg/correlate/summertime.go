package correlate

import (
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// summer is by how much local time goes back where summer time ends, in seconds.
const summer = 3600

// endSummerTimes reads logs in local time that state no zone and go back an hour
// on one clock: what stands before is summer time. A log beside that states its zone
// and goes back as well says that it was the clock.
func endSummerTimes(logs []*incident.Log) {
	for _, l := range logs {
		turn := backAnHour(l)
		if turn < 0 || !zoneless(l) || slices.ContainsFunc(logs, func(o *incident.Log) bool {
			return o.Folder == l.Folder && statesZone(o) && backAnHour(o) >= 0
		}) {
			continue
		}
		for i := range l.Events[:turn] {
			if ev := &l.Events[i]; ev.HasTime && ev.Zone == logparse.ZoneUnknown && ev.ZoneSeconds == 0 {
				ev.ZoneSeconds = summer
				moveBack(ev, summer)
			}
		}
		spanAnew(l)
	}
}

// backAnHour is the first event of a log behind the one place where its stamps go
// back, by an hour less the silence there; −1: there is none, or more than one.
func backAnHour(l *incident.Log) int {
	const (
		least = int64(55 * time.Minute)
		most  = int64(time.Hour + time.Second)
	)
	turn, latest := -1, int64(0)
	for i := range l.Events {
		ev := &l.Events[i]
		if !ev.HasTime {
			continue
		}
		if back := latest - ev.Time; back > int64(time.Minute) {
			if turn >= 0 || back < least || back > most+int64(ev.Width) || !mayEndSummerTime(latest) {
				return -1
			}
			turn, latest = i, ev.Time
		}
		latest = max(latest, ev.Time)
	}
	return turn
}

// mayEndSummerTime tells whether summer time may end behind the latest local instant
// that a log has, ns: as the zones of tzdata have it since 2007 it ends at a full hour
// from midnight to three, at a weekend or in the night to it, in spring or autumn. At
// any other time a clock that goes back an hour was set.
func mayEndSummerTime(local int64) bool {
	at := time.Unix(0, local).UTC().Add(5 * time.Minute) // log lines are seldom that far apart
	if at.Hour() > 3 || at.Minute() >= 10 {
		return false
	}
	switch at.Weekday() {
	case time.Friday, time.Saturday, time.Sunday:
	default:
		return false
	}
	switch at.Month() {
	case time.March, time.April, time.September, time.October, time.November:
		return true
	}
	return false
}

// moveBack reads an event as so many seconds earlier.
func moveBack(ev *logparse.Event, seconds int) {
	by := int64(seconds) * int64(time.Second)
	ev.Time -= by
	for n := range ev.Marks {
		ev.Marks[n].Time -= by
	}
}

// spanAnew finds the first and the last stamp of a log's file once its events were
// moved.
func spanAnew(l *incident.Log) {
	if l.File.First == 0 && l.File.Last == 0 {
		return
	}
	l.File.First, l.File.Last = 0, 0
	for i := range l.Events {
		ev := &l.Events[i]
		if !ev.HasTime {
			continue
		}
		if l.File.First == 0 || ev.Time < l.File.First {
			l.File.First = ev.Time
		}
		l.File.Last = max(l.File.Last, ev.Time)
	}
}

// noteSummerTimes tells of which logs one part was read in summer time.
func (e *evidence) noteSummerTimes() {
	for _, l := range e.inc.Logs {
		k := e.byKey[hostKey(e.hosts[l])]
		turn := 0
		for i := range l.Events {
			ev := &l.Events[i]
			if i > 0 && ev.HasTime && ev.Zone != logparse.ZoneStated && l.Events[i-1].ZoneSeconds == ev.ZoneSeconds+summer {
				turn = ev.Line
				break
			}
		}
		if k != nil && turn > 0 {
			k.Notes = append(k.Notes, note(lang.Text{
				EN: "%s goes back an hour at line %d, as local time does when summer time ends: the lines before it were read so",
				ES: "%s retrocede una hora en la línea %d, como la hora local al acabar la de verano: así se leyeron las líneas anteriores",
			}, l.File.Path, turn))
		}
	}
}
