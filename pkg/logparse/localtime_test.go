package logparse

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// A stamp without a zone is read by the rules of its place: an hour that comes
// twice by the order of the file, one that does not come by the time before.
func TestDaylightSaving(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	observed := []ZoneSpan{{East: 7200}, {From: time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC).UnixNano(), East: 3600}}
	for name, local := range map[string]func() *LocalTime{
		"of a place":        func() *LocalTime { return ZoneOf(madrid) },
		"as neighbours say": func() *LocalTime { return ZoneSpans(observed) },
	} {
		l := local()
		for _, c := range []struct{ local, utc string }{
			{"2026-10-24 12:00:00", "2026-10-24 10:00:00"},
			{"2026-10-25 01:59:59", "2026-10-24 23:59:59"},
			{"2026-10-25 02:00:00", "2026-10-25 00:00:00"}, // for the first time
			{"2026-10-25 02:59:59", "2026-10-25 00:59:59"},
			{"2026-10-25 02:00:01", "2026-10-25 01:00:01"}, // and again
			{"2026-10-25 02:59:59", "2026-10-25 00:59:59"}, // a line a little late
			{"2026-10-25 02:30:00", "2026-10-25 01:30:00"},
			{"2026-10-25 02:59:59", "2026-10-25 01:59:59"},
			{"2026-10-25 03:00:00", "2026-10-25 02:00:00"},
			{"2026-12-24 12:00:00", "2026-12-24 11:00:00"},
		} {
			got := readLocal(t, l, c.local)
			if got != c.utc {
				t.Errorf("%s, %s: %s, want %s", name, c.local, got, c.utc)
			}
		}
	}
	l := ZoneOf(madrid)
	for _, c := range []struct{ local, utc string }{
		{"2026-03-29 01:59:59", "2026-03-29 00:59:59"},
		{"2026-03-29 02:30:00", "2026-03-29 01:30:00"}, // clocks jumped over it
		{"2026-03-29 03:00:00", "2026-03-29 01:00:00"},
		{"1900-01-01 00:00:00", "1900-01-01 00:14:44"}, // local mean time
	} {
		if got := readLocal(t, l, c.local); got != c.utc {
			t.Errorf("%s: %s, want %s", c.local, got, c.utc)
		}
	}
}

// Whatever the order of stamps, the instant is one that the place calls so.
func TestLocalTimeAgreesWithTheZone(t *testing.T) {
	for _, name := range []string{"Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "UTC"} {
		place, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		l := ZoneOf(place)
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range 40_000 {
			at = at.Add(time.Duration(i%97) * 3 * time.Minute)
			local := at.In(place)
			wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
			got := time.Unix(0, wall.UnixNano()-int64(l.at(wall.UnixNano()))*1e9).In(place)
			if got.Format(time.DateTime) != local.Format(time.DateTime) {
				t.Fatalf("%s: %s is read as %s", name, local, got)
			}
		}
	}
}

func readLocal(t *testing.T, l *LocalTime, text string) string {
	t.Helper()
	st, n := isoTime([]byte(text))
	if n != len(text) {
		t.Fatal(text)
	}
	var e Event
	e.set(st, &Source{Local: l})
	if e.Zone != ZoneInferred {
		t.Errorf("%s: the zone is not flagged", text)
	}
	return strings.TrimSuffix(time.Unix(0, e.Time).UTC().Format("2006-01-02 15:04:05.999"), ".")
}
