package logparse

import (
	"testing"
	"time"
)

// The clients' clocks are known; the offsets printed are of the server.
func TestSNTPTruth(t *testing.T) {
	servers := map[string]string{"10.20.0.123": "ntp", "10.20.0.124": "ntpbad", "10.20.0.125": "ntpkod"}
	for _, c := range []struct {
		incident, host string
		zone           int
	}{{"s08_ntp_clocks", "c2", 0}, {"s08_ntp_clocks", "c3", 0}, {"s13_tls_failures", "futuro", 0}, {"s15_journal_step", "web", 3600}} {
		truth := truthOf(t, c.incident)
		n := 0
		for _, e := range readFile(t, "sntp", "incidents", c.incident, "input", c.host, "sntp.txt") {
			if e.Zone != ZoneUnknown || e.Width != time.Microsecond {
				t.Fatalf("%+v", e)
			}
			if e.Kind != ClockReading {
				continue
			}
			r := e.Reading
			if !r.HasOffset || !r.Synchronised || r.Scale != SystemClock {
				t.Fatalf("%+v", r)
			}
			n++
			// The stamp is printed by the clock that is measured.
			low, high := truth.span(c.host, servers[r.Source], e.Time-int64(c.zone)*1e9-r.Offset, 2e8)
			if got, bound := float64(r.Offset)/1e9, float64(r.Bound)/1e9+5e-5; got < low-bound || got > high+bound {
				t.Errorf("%s %s:%d: %+.6f ± %.6f s, truly %+.6f…%+.6f", c.incident, c.host, e.Line, got, bound, low, high)
			}
		}
		if n == 0 && c.host != "c3" {
			t.Errorf("%s %s: no reading", c.incident, c.host)
		}
	}
}

func TestSNTPLines(t *testing.T) {
	for _, c := range []struct {
		line   string
		offset int64
		sync   bool
	}{
		{"2026-11-22 10:53:05.952912 server 10.20.0.123, stratum 2, offset -0.729806, delay 0.034487", 729806000, true},
		{"server 10.20.0.123, stratum 2, offset +8.398801, delay 0.001145", -8398801000, true},
		{"server 10.20.0.9, stratum 0, offset 0.000000, delay 0.00000", 0, false},
		{"2026-11-22 11:53:05.952912 (+0100) +0.004323 +/- 0.031415 time.example.org 192.0.2.1 s2 no-leap", -4323000, true},
		{"22 Nov 10:53:05 ntpdate[1234]: adjust time server 10.20.0.123 offset -0.004200 sec", 4200000, true},
	} {
		r := parseOne(t, "sntp", c.line).Reading
		if r.Offset != c.offset || r.Synchronised != c.sync || r.HasOffset != c.sync {
			t.Errorf("%s: %+v", c.line, r)
		}
	}
	e := parseOne(t, "sntp", "22 Nov 10:53:05 ntpdate[1234]: step time server 10.20.0.123 offset 2.350000 sec")
	if e.Kind != ClockStep || e.Reading.Step != 2350000000 || e.PID != 1234 || e.Time != time.Date(2026, 11, 22, 10, 53, 5, 0, time.UTC).UnixNano() {
		t.Errorf("%+v %+v", e, e.Reading)
	}
	e = parseOne(t, "sntp", "2026-11-22 11:53:05.952912 (+0100) +0.004323 +/- 0.031415 time.example.org 192.0.2.1 s2 no-leap")
	if e.Zone != ZoneStated || e.Reading.Source != "192.0.2.1" || e.Reading.Stratum != 2 || e.Time != time.Date(2026, 11, 22, 10, 53, 5, 952912e3, time.UTC).UnixNano() {
		t.Errorf("%+v %+v", e, e.Reading)
	}
}
