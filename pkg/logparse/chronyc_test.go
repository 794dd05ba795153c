package logparse

import (
	"testing"
	"time"
)

// One instant, three reports: what "sources" calls −2996 ns, "ntpdata" calls
// +2996 ns, and the system clock is five seconds slow of both.
func TestChronycSigns(t *testing.T) {
	s := readFile(t, "chronyc", "daemons", "chrony", "sources.out")[0].Reading
	d := readFile(t, "chronyc", "daemons", "chrony", "ntpdata.out")[0].Reading
	k := readFile(t, "chronyc", "daemons", "chrony", "tracking.out")[0]
	if s.Offset != -2430 || s.Bound < 7064e3 || !s.Synchronised || s.Scale != NTPClock || s.Source != "127.0.0.1" {
		t.Errorf("sources: %+v", s)
	}
	if d.Offset != -2996 || !d.Synchronised || d.Bound < 7064e3-10e3 || d.Delay != 133897 {
		t.Errorf("ntpdata: %+v", d)
	}
	r := k.Reading
	if r.Remaining != -5002627850 || r.Offset != 0 || !r.HasOffset || r.Frequency != -99.793 || r.Skew != 5.147 || r.Bound < 7068e3 || r.Bound > 7069e3 {
		t.Errorf("tracking: %+v", r)
	}
	if want := time.Date(2026, 11, 22, 9, 57, 24, 0, time.UTC).UnixNano(); k.Time != want || k.Width != time.Second || k.Slack != time.Second || !k.HasTime {
		t.Errorf("tracking: %d %v, want %d", k.Time, k.Slack, want)
	}
	if got := readFile(t, "chronyc", "daemons", "chrony", "sourcestats.out"); got[0].Reading.HasOffset {
		t.Errorf("sourcestats states an offset: %+v", got[0].Reading)
	}
}

// In the incidents every host's clock is known; the readings are relative to
// the host "ntp".
func TestChronycTruth(t *testing.T) {
	readFile(t, "chronyc", "incidents", "s10_integrador", "input", "c1", "chronyc_sources.txt")
	for _, c := range []struct{ incident, host, path string }{
		{"s08_ntp_clocks", "web", "web/chronyc.txt"},
		{"s08_ntp_clocks", "c1", "c1/chronyc.txt"},
		{"s10_integrador", "web", "web/chronyc_tracking.txt"},
		{"s10_integrador", "c1", "c1/chronyc_tracking.txt"},
	} {
		truth := truthOf(t, c.incident)
		n := 0
		for _, e := range readFile(t, "chronyc", "incidents", c.incident, "input", c.path) {
			r := e.Reading
			if !r.HasRemaining {
				continue
			}
			n++
			got := float64(r.Offset+r.Remaining) / 1e9
			low, high := truth.span(c.host, "ntp", e.Time, 3e9)
			if slack := float64(r.Bound+r.RemBound)/1e9 + 0.001; got < low-slack || got > high+slack || !r.Synchronised {
				t.Errorf("%s:%d: %+.6f s, truly %+.6f…%+.6f: %+v", c.path, e.Line, got, low, high, r)
			}
		}
		if n == 0 {
			t.Errorf("%s: no report of tracking", c.path)
		}
	}
}

// Local mode and "Not synchronised" say nothing of UTC.
func TestChronycUnsynchronised(t *testing.T) {
	for _, text := range []string{
		"Reference ID    : 7F7F0101 ()\nStratum         : 10\nRef time (UTC)  : Sun Nov 22 09:57:24 2026\nSystem time     : 0.000000001 seconds slow of NTP time\nRoot delay      : 0.000000000 seconds\nRoot dispersion : 0.000000000 seconds\nLeap status     : Normal\n",
		"Reference ID    : 00000000 ()\nStratum         : 0\nRef time (UTC)  : Thu Jan 01 00:00:00 1970\nSystem time     : 0.000000000 seconds fast of NTP time\nRoot delay      : 1.000000000 seconds\nRoot dispersion : 1.000000000 seconds\nLeap status     : Not synchronised\n",
	} {
		e := parseOne(t, "chronyc", text)
		if e.Reading.Synchronised || e.Reading.HasOffset {
			t.Errorf("%+v", e.Reading)
		}
		if e.Time == 0 && e.HasTime {
			t.Error("a time of 1970 is none")
		}
	}
}
