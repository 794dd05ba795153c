package correlate

import (
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestEndOfSummerTime: a log in local time that goes back an hour once is read on
// one clock; one that goes back by less, or twice, or beside a log that states its
// zone and goes back as well, is left as it is.
func TestEndOfSummerTime(t *testing.T) {
	log := func(zone logparse.ZoneState, seconds ...int64) *incident.Log {
		l := &incident.Log{File: &incident.File{First: 1, Last: 1}, Folder: "web"}
		for _, s := range seconds {
			l.Events = append(l.Events, logparse.Event{Time: s * int64(time.Second), HasTime: true, Width: time.Second, Zone: zone})
		}
		return l
	}
	const unknown, stated = logparse.ZoneUnknown, logparse.ZoneStated
	for _, x := range []struct {
		name string
		logs []*incident.Log
		want []int64 // s, of the first log
	}{
		{"an hour", []*incident.Log{log(unknown, 90_000, 90_007, 86_410, 86_420)}, []int64{86_400, 86_407, 86_410, 86_420}},
		{"forty minutes", []*incident.Log{log(unknown, 90_000, 87_600)}, []int64{90_000, 87_600}},
		{"more than an hour", []*incident.Log{log(unknown, 90_000, 86_300)}, []int64{90_000, 86_300}},
		{"twice", []*incident.Log{log(unknown, 90_000, 86_410, 90_000, 86_420)}, []int64{90_000, 86_410, 90_000, 86_420}},
		{"the clock", []*incident.Log{log(unknown, 90_000, 86_410), log(stated, 90_001, 86_411)}, []int64{90_000, 86_410}},
		{"stated", []*incident.Log{log(stated, 90_000, 86_410)}, []int64{90_000, 86_410}},
	} {
		endSummerTimes(x.logs)
		for i, want := range x.want {
			if got := x.logs[0].Events[i].Time / int64(time.Second); got != want {
				t.Errorf("%s: event %d is at %d, not %d", x.name, i, got, want)
			}
		}
	}
	l := log(unknown, 90_000, 86_410)
	endSummerTimes([]*incident.Log{l})
	setZone(l, 3600)
	if a, b := l.Events[0], l.Events[1]; a.ZoneSeconds != 7200 || b.ZoneSeconds != 3600 || b.Time-a.Time != 10*int64(time.Second) || l.File.Last != b.Time {
		t.Errorf("in the zone: %+v %+v", a, b)
	}
}
