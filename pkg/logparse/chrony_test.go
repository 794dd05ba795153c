package logparse

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// readFile reads a file of the shared material as the format of that name, and
// fails on any line that was not understood.
func readFile(t *testing.T, format string, path ...string) []Event {
	t.Helper()
	events, problems, name := readAny(t, format, path...)
	for _, p := range problems {
		t.Errorf("%s:%d: %s (and %d more)", name, p.Line, p.Text, p.Count)
	}
	return events
}

// readAny is readFile without a verdict on the lines.
func readAny(t *testing.T, format string, path ...string) ([]Event, []Problem, string) {
	t.Helper()
	name := need.Shared(t, path...)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, problems, lines, err := ReadAll(f, ByName(format), Source{Year: 2026})
	if err != nil || lines == 0 || len(events) == 0 {
		t.Fatalf("%s: %d lines, %d events, %v", name, lines, len(events), err)
	}
	return events, problems, name
}

// parseOne reads one line as the format of that name.
func parseOne(t *testing.T, format, line string) Event {
	t.Helper()
	events, problems, _, err := ReadAll(strings.NewReader(line), ByName(format), Source{Year: 2026})
	if err != nil || len(problems) > 0 || len(events) != 1 {
		t.Fatalf("%s %q: %d events, problems %v, error %v", format, line, len(events), problems, err)
	}
	return events[0]
}

// simulatedTruth gives system clock − true time by second of true time.
func simulatedTruth(t *testing.T, which string) func(at int64) float64 {
	f, err := os.Open(filepath.Join(need.Shared(t, "daemons", "chrony_sim", which), "log.offset"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	start := time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	var truth []float64
	for in := bufio.NewScanner(f); in.Scan(); {
		field := strings.Fields(in.Text())
		v, err := strconv.ParseFloat(field[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		truth = append(truth, v)
	}
	return func(at int64) float64 {
		i := (at - start) / 1e9
		return truth[max(0, min(i, int64(len(truth)-1)))]
	}
}

// The system clock's error is Offset + Remaining, of which a reader of the
// Offset column alone sees nothing (30 s in "slow").
func TestChronyTrackingTruth(t *testing.T) {
	for _, which := range []string{"slew", "step", "slow"} {
		truth := simulatedTruth(t, which)
		used := 0
		for _, e := range readFile(t, "chrony-tracking", "daemons", "chrony_sim", which, "tracking.log") {
			r := e.Reading
			if !r.Synchronised {
				if used > 0 || r.HasOffset {
					t.Errorf("%s line %d: unsynchronised %+v", which, e.Line, r)
				}
				continue
			}
			used++
			if r.Scale != NTPClock || r.Stamps != NTPClock || !r.HasRemaining || e.Width != time.Second || e.Zone != ZoneStated {
				t.Fatalf("%s line %d: %+v", which, e.Line, r)
			}
			utc := e.Time - r.Offset
			got := float64(r.Offset+r.Remaining) / 1e9
			// The stamp is cut to a second; the clock may have been slewed by a
			// twelfth of that meanwhile.
			slack := float64(r.Bound+r.RemBound)/1e9 + 0.001
			low, high := truth(utc), truth(utc)
			for _, d := range []int64{-1e9, 1e9, 2e9} {
				low, high = min(low, truth(utc+d)), max(high, truth(utc+d))
			}
			if got < low-slack || got > high+slack {
				t.Errorf("%s line %d: system clock %+.6f s, truly %+.6f…%+.6f", which, e.Line, got, low, high)
			}
		}
		if used < 40 {
			t.Errorf("%s: only %d readings", which, used)
		}
	}
}

// The first samples of measurements.log are taken before anything was
// corrected: there the NTP clock is the system clock.
func TestChronySigns(t *testing.T) {
	for which, want := range map[string]float64{"slew": +0.5, "step": -30.25, "slow": -30.25} {
		m := readFile(t, "chrony-measurements", "daemons", "chrony_sim", which, "measurements.log")
		s := readFile(t, "chrony-statistics", "daemons", "chrony_sim", which, "statistics.log")
		l := readFile(t, "chrony-selection", "daemons", "chrony_sim", which, "selection.log")
		d := readFile(t, "chronyd-log", "daemons", "chrony_sim", which, "log.2")
		check := func(what string, r *Reading, slack float64) {
			t.Helper()
			if got := float64(r.Offset) / 1e9; !r.HasOffset || got < want-slack || got > want+slack {
				t.Errorf("%s %s: %+.6f, want %+.6f ± %.6f", which, what, got, want, slack)
			}
		}
		check("measurements", m[0].Reading, float64(m[0].Reading.Bound)/1e9)
		check("statistics", s[0].Reading, 0.006)
		check("selection", l[0].Reading, float64(l[0].Reading.Bound)/1e9)
		n := 0
		for _, e := range d {
			switch e.Kind {
			case ClockReading:
				check("chronyd", e.Reading, 0.001)
				n++
			case ClockStep:
				if got := float64(e.Reading.Step) / 1e9; got < -want-0.001 || got > -want+0.001 {
					t.Errorf("%s: stepped by %+.6f", which, got)
				}
				n += 10
			}
		}
		if wantN := map[string]int{"slew": 1, "step": 11, "slow": 1}[which]; n != wantN {
			t.Errorf("%s: chronyd's messages: %d, want %d", which, n, wantN)
		}
	}
}

// What the documentation's own example lines mean.
func TestChronyLines(t *testing.T) {
	for _, c := range []struct {
		format, line string
		offset       int64
		bound        int64
		sync         bool
	}{
		// 4.966 ms slow by the measurement's sign; half of (229.6 + 161.5) ms
		// of delays and the dispersions bound it.
		{"chrony-measurements", "2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K", 4966000, 203_000_000, true},
		{"chrony-measurements", "2016-11-09 05:40:50 2001:db8:85a3:8d3:1319:8a2e:370:7348 N  2 111 111 1101  10 10 1.0  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K", 4966000, 203_000_000, true},
		{"chrony-measurements", "2016-11-09 05:40:50 203.0.113.15    ?  0 111 101 1111  10 10 1.0  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K", 4966000, 203_000_000, false},
		{"chrony-measurements", "2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1110  10 10 1.0  -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K", 4966000, 203_000_000, false},
		{"chrony-statistics", "2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8  0.00", -3247000, 2220500, true},
		{"chrony-selection", "2022-05-01 02:01:20 203.0.113.15    * -----  377  1.00   4.228e+01 -1.575e-04  1.239e-04", -16800, 140_751, true},
		{"chrony-tracking", "2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03", -8621, 16_840_000, true},
		{"chrony-refclocks", "2009-11-30 14:33:27.000000 PPS2    7 N 1  4.900000e-07 -6.741777e-07  1.000e-06", 674, 1002, true},
	} {
		r := parseOne(t, c.format, c.line).Reading
		if r.Offset != c.offset || r.Synchronised != c.sync || abs(r.Bound-c.bound) > c.bound/20 {
			t.Errorf("%s: offset %d ± %d, synchronised %v; want %d ± %d, %v\n%s", c.format, r.Offset, r.Bound, r.Synchronised, c.offset, c.bound, c.sync, c.line)
		}
	}
	r := parseOne(t, "chrony-tracking", "2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03").Reading
	if r.Remaining != 208400 || r.RemBound != 50 || r.Frequency != -3.541 || r.Skew != 0.075 || r.Stratum != 2 {
		t.Errorf("%+v", r)
	}
}

// Four digits: thirty seconds are known to ± 5 ms, no better.
func TestQuantisation(t *testing.T) {
	for text, want := range map[string][2]int64{
		"3.025e+01": {30_250_000_000, 5_000_000}, "-2.349e+00": {-2_349_000_000, 500_000},
		"5.002627850": {5_002_627_850, 1}, "-0.729806": {-729_806_000, 500}, "-4.792e-11": {0, 1},
		"1.800e+03": {1_800_000_000_000, 500_000_000}, "0.000e+00": {0, 500_000},
	} {
		ns, half, ok := seconds([]byte(text))
		if !ok || ns != want[0] || half != want[1] {
			t.Errorf("seconds(%q) = %d ± %d, %v; want %d ± %d", text, ns, half, ok, want[0], want[1])
		}
	}
	for _, bad := range []string{"", "-", ".", "1e", "1.2.3", "9.999e+99", "99999999999999999999", "nan", "inf", "0x1", "1e99999"} {
		if _, _, ok := seconds([]byte(bad)); ok {
			t.Errorf("seconds(%q) accepted", bad)
		}
	}
	for text, want := range map[string]int64{"34min 8s": 2048e9, "1.2ms": 12e5, "-300us": -3e5, "+5.5s": 55e8, "20.583ms": 20583000, "1h 2min": 3720e9} {
		if ns, _, ok := span([]byte(text)); !ok || ns != want {
			t.Errorf("span(%q) = %d, %v; want %d", text, ns, ok, want)
		}
	}
}

// The same in the incidents, with real daemons and known clocks.
func TestChronyIncidents(t *testing.T) {
	for _, c := range []struct{ incident, host string }{{"s08_ntp_clocks", "web"}, {"s08_ntp_clocks", "c1"}, {"s10_integrador", "web"}, {"s10_integrador", "c1"}} {
		truth := truthOf(t, c.incident)
		dir := []string{"incidents", c.incident, "input", c.host, "chrony"}
		n := 0
		for _, e := range readFile(t, "chrony-tracking", append(dir, "tracking.log")...) {
			r := e.Reading
			if !r.Synchronised {
				continue
			}
			n++
			got := float64(r.Offset+r.Remaining) / 1e9
			low, high := truth.span(c.host, "ntp", e.Time-r.Offset, 2e9)
			if slack := float64(r.Bound+r.RemBound)/1e9 + 0.001; got < low-slack || got > high+slack {
				t.Errorf("%s %s tracking.log:%d: %+.6f s, truly %+.6f…%+.6f", c.incident, c.host, e.Line, got, low, high)
			}
		}
		first := readFile(t, "chrony-measurements", append(dir, "measurements.log")...)[0]
		got, bound := float64(first.Reading.Offset)/1e9, float64(first.Reading.Bound)/1e9
		if low, high := truth.span(c.host, "ntp", first.Time-first.Reading.Offset, 2e9); got < low-bound || got > high+bound || !first.Reading.Synchronised {
			t.Errorf("%s %s measurements.log: %+.6f ± %.6f s, truly %+.6f…%+.6f", c.incident, c.host, got, bound, low, high)
		}
		readFile(t, "chrony-statistics", append(dir, "statistics.log")...)
		for _, e := range readFile(t, "chronyd-log", append(dir, "chronyd.log")...) {
			if e.Kind != ClockReading {
				continue
			}
			low, high := truth.span(c.host, "ntp", e.Time-e.Reading.Offset, 2e9)
			if got := float64(e.Reading.Offset) / 1e9; got < low-0.02 || got > high+0.02 {
				t.Errorf("%s %s chronyd.log:%d: %+.6f s, truly %+.6f…%+.6f", c.incident, c.host, e.Line, got, low, high)
			}
		}
		if n < 5 {
			t.Errorf("%s %s: %d readings", c.incident, c.host, n)
		}
	}
}
