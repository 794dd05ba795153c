package logparse

import (
	"testing"
	"time"
)

func TestStamps(t *testing.T) {
	common := func(b []byte) (stamp, int) { return new(commonClock).read(b) }
	for _, c := range []struct {
		read  func([]byte) (stamp, int)
		text  string
		want  string // RFC 3339 in UTC; "" where it is no stamp
		width time.Duration
		zone  ZoneState
		n     int
	}{
		{common, "22/Nov/2026:11:48:22 +0100]", "2026-11-22T10:48:22Z", time.Second, ZoneStated, 26},
		{common, "29/Feb/2024:23:59:60 -0530", "2024-03-01T05:30:00Z", time.Second, ZoneStated, 26},
		{common, "06/Feb/2009:12:14:14.655 rest", "2009-02-06T12:14:14.655Z", time.Millisecond, ZoneUnknown, 24},
		{common, "29/Feb/2026:00:00:00 +0000", "", 0, 0, 0},
		{isoTime, "2026-11-22T10:51:22.553431+00:00 ssh", "2026-11-22T10:51:22.553431Z", time.Microsecond, ZoneStated, 32},
		{isoTime, "2026-11-22T11:57:26.410052+0100 web", "2026-11-22T10:57:26.410052Z", time.Microsecond, ZoneStated, 31},
		{isoTime, "2026-11-22 11:57:26,410", "2026-11-22T11:57:26.41Z", time.Millisecond, ZoneUnknown, 23},
		{isoTime, "2026-11-22T11:57:26Z", "2026-11-22T11:57:26Z", time.Second, ZoneStated, 20},
		{isoTime, "2026-11-22T11:57:26.123456789123-08", "2026-11-22T19:57:26.123456789Z", 1, ZoneStated, 35},
		{isoTime, "2026-13-22T11:57:26Z", "", 0, 0, 0},
		{slashTime, "2026/11/22 10:02:47 [error]", "2026-11-22T10:02:47Z", time.Second, ZoneUnknown, 19},
		{dashTime, "22-Nov-2026 10:11:27.990 queries", "2026-11-22T10:11:27.99Z", time.Millisecond, ZoneUnknown, 24},
		{ctimeTime, "Sun Nov 22 07:55:59.240364 2026] x", "2026-11-22T07:55:59.240364Z", time.Microsecond, ZoneUnknown, 31},
		{ctimeTime, "Fri Feb  6 12:14:14 2009", "2009-02-06T12:14:14Z", time.Second, ZoneUnknown, 24},
		{epochTime, "1795345047.100,", "2026-11-22T10:57:27.1Z", time.Millisecond, ZoneStated, 14},
		{epochTime, "1795345047", "2026-11-22T10:57:27Z", time.Second, ZoneStated, 10},
		{epochTime, "1795345047100", "2026-11-22T10:57:27.1Z", time.Millisecond, ZoneStated, 13},
		{epochTime, "1795345047100123", "2026-11-22T10:57:27.100123Z", time.Microsecond, ZoneStated, 16},
		{epochTime, "179534504710012", "1975-09-09T22:41:44.710012Z", time.Microsecond, ZoneStated, 15},
		{epochTime, "12345", "", 0, 0, 0},
		{epochTime, "9999999999999999999", "", 0, 0, 0},
	} {
		st, n := c.read([]byte(c.text))
		if c.want == "" {
			if n != 0 {
				t.Errorf("%q is taken for a stamp", c.text)
			}
			continue
		}
		w, err := time.Parse(time.RFC3339Nano, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if n != c.n || st.time != w.UnixNano() || st.width != c.width || st.zone != c.zone {
			t.Errorf("%q: %s width %s zone %d, %d bytes; want %s %s %d, %d", c.text, time.Unix(0, st.time).UTC().Format(time.RFC3339Nano), st.width, st.zone, n, c.want, c.width, c.zone, c.n)
		}
	}
}

// unix agrees with the standard library on every day there is.
func TestUnix(t *testing.T) {
	for d := time.Date(1, 1, 1, 12, 34, 56, 0, time.UTC); d.Year() < 10000; d = d.AddDate(0, 0, 13) {
		s, ok := unix(d.Year(), int(d.Month()), d.Day(), 12, 34, 56)
		if !ok || s != d.Unix() {
			t.Fatalf("%s: %d %v, want %d", d, s, ok, d.Unix())
		}
	}
}

func TestYearlessStampsRollOver(t *testing.T) {
	y := yearless{year: 2026}
	for _, c := range []struct {
		text string
		want string
	}{
		{"Nov 22 11:55:23", "2026-11-22T11:55:23Z"},
		{"Nov  2 11:55:23", "2026-11-02T11:55:23Z"},
		{"Dec 31 23:59:59.5", "2026-12-31T23:59:59.5Z"},
		{"Jan  1 00:00:01", "2027-01-01T00:00:01Z"},
		{"Dec 31 23:59:58", "2026-12-31T23:59:58Z"},
		{"Jan 01 00:00:02", "2027-01-01T00:00:02Z"},
		{"Feb 29 00:00:02", ""},
		{"Mar  1 2031 00:00:02", "2031-03-01T00:00:02Z"},
		{"Mar  1 00:00:02", "2027-03-01T00:00:02Z"},
	} {
		st, _, known, n := y.read([]byte(c.text))
		if n != len(c.text) {
			t.Errorf("%q: %d bytes", c.text, n)
		}
		got := ""
		if known {
			got = time.Unix(0, st.time).UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}
