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
	sunday := time.Date(2026, time.October, 25, 0, 0, 0, 0, time.UTC).Unix()
	log := func(zone logparse.ZoneState, seconds ...int64) *incident.Log {
		l := &incident.Log{File: &incident.File{First: 1, Last: 1}, Folder: "web"}
		for _, s := range seconds {
			l.Events = append(l.Events, logparse.Event{Time: (sunday + s) * int64(time.Second), HasTime: true, Width: time.Second, Zone: zone})
		}
		return l
	}
	const unknown, stated = logparse.ZoneUnknown, logparse.ZoneStated
	for _, x := range []struct {
		name string
		logs []*incident.Log
		want []int64 // s, of the first log
	}{
		{"an hour", []*incident.Log{log(unknown, 10_800, 10_807, 7_210, 7_220)}, []int64{7_200, 7_207, 7_210, 7_220}},
		{"forty minutes", []*incident.Log{log(unknown, 10_800, 8_400)}, []int64{10_800, 8_400}},
		{"more than an hour", []*incident.Log{log(unknown, 10_800, 7_100)}, []int64{10_800, 7_100}},
		{"by day", []*incident.Log{log(unknown, 46_800, 43_210)}, []int64{46_800, 43_210}},
		{"on a Tuesday", []*incident.Log{log(unknown, 2*86_400+10_800, 2*86_400+7_210)}, []int64{2*86_400 + 10_800, 2*86_400 + 7_210}},
		{"a month later", []*incident.Log{log(unknown, 70*86_400+10_800, 70*86_400+7_210)}, []int64{70*86_400 + 10_800, 70*86_400 + 7_210}},
		{"twice", []*incident.Log{log(unknown, 10_800, 7_210, 10_800, 7_220)}, []int64{10_800, 7_210, 10_800, 7_220}},
		{"the clock", []*incident.Log{log(unknown, 10_800, 7_210), log(stated, 10_801, 7_211)}, []int64{10_800, 7_210}},
		{"stated", []*incident.Log{log(stated, 10_800, 7_210)}, []int64{10_800, 7_210}},
	} {
		endSummerTimes(x.logs)
		for i, want := range x.want {
			if got := x.logs[0].Events[i].Time/int64(time.Second) - sunday; got != want {
				t.Errorf("%s: event %d is at %d, not %d", x.name, i, got, want)
			}
		}
	}
	l := log(unknown, 10_800, 7_210)
	endSummerTimes([]*incident.Log{l})
	setZone(l, 3600)
	if a, b := l.Events[0], l.Events[1]; a.ZoneSeconds != 7200 || b.ZoneSeconds != 3600 || b.Time-a.Time != 10*int64(time.Second) || l.File.Last != b.Time {
		t.Errorf("in the zone: %+v %+v", a, b)
	}
}
