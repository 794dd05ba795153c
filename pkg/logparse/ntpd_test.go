package logparse

import (
	"testing"
	"time"
)

// The server was 50 ms ahead: this clock is 50 ms slow in all three files.
func TestNTPDTruth(t *testing.T) {
	const want = -50_000_000
	for _, c := range []struct {
		format  string
		n       int
		bounded bool
	}{{"ntpd-loopstats", 2, false}, {"ntpd-peerstats", 29, true}, {"ntpd-rawstats", 29, true}} {
		events := readFile(t, c.format, "daemons", "ntpd", c.format[len("ntpd-"):])
		if len(events) != c.n {
			t.Errorf("%s: %d events", c.format, len(events))
		}
		for _, e := range events {
			r := e.Reading
			if c.bounded && abs(r.Offset-want) > r.Bound || !c.bounded && (abs(r.Offset-want) > 1e6 || !r.Unbounded) {
				t.Errorf("%s:%d: %d ± %d", c.format, e.Line, r.Offset, r.Bound)
			}
			if r.Scale != SystemClock || r.Stamps != SystemClock || e.Width != time.Millisecond {
				t.Errorf("%s:%d: %+v", c.format, e.Line, r)
			}
		}
		if day := time.Unix(0, events[0].Time).UTC().Format("2006-01-02 15:04"); day != "2026-11-22 10:18" && day != "2026-11-22 10:28" {
			t.Logf("%s: %s", c.format, day)
		}
	}
	raw := readFile(t, "ntpd-rawstats", "daemons", "ntpd", "rawstats")
	if got := time.Unix(0, raw[0].Time).UTC().Format(time.RFC3339Nano); got != "2026-11-22T10:18:06.512Z" {
		t.Errorf("%s", got)
	}
	// T1..T4 of the first line, by hand.
	if r := raw[0].Reading; r.Offset != -50145584 || r.Delay != 332946 || r.Source != "10.9.0.9" || r.Stratum != 1 || !r.Synchronised {
		t.Errorf("%+v", r)
	}
	peers := readFile(t, "ntpd-peerstats", "daemons", "ntpd", "peerstats")
	if peers[0].Reading.Synchronised || !peers[4].Reading.Synchronised || peers[4].Outcome != "system-peer" {
		t.Errorf("%+v %+v", peers[0], peers[4])
	}
	// The frequency written is the correction: its sign is turned.
	if r := readFile(t, "ntpd-loopstats", "logs", "ntpd", "loopstats.excerpt")[0].Reading; r.Frequency != 33.344 || r.Offset != -1853 {
		t.Errorf("%+v", r)
	}
}

func TestNTPDMessages(t *testing.T) {
	for _, c := range []struct {
		msg, outcome string
		kind         Kind
		step         int64
	}{
		{"time reset +3.000000 s", "step", ClockStep, 3e9},
		{"PROTO: 0.0.0.0 c61c 0c clock_step -0.337123 s", "step", ClockStep, -337123000},
		{"no servers reachable", "unsynchronised", Message, 0},
		{"kernel reports TIME_ERROR: 0x41: Clock Unsynchronized", "unsynchronised", Message, 0},
		{"synchronized to 172.30.56.70, stratum 2", "selected", Message, 0},
		{"INIT: ntpd ntpsec-1.2.2: Starting", "starting", Message, 0},
		{"ERR: ntpd exiting on signal 15 (Terminated)", "exiting", Message, 0},
		{"precision = 0.060 usec (-24)", "", Message, 0},
	} {
		e := parseOne(t, "ntpd-log", "2026-11-22T10:18:05 ntpd[29449]: "+c.msg)
		if e.Kind != c.kind || e.Outcome != c.outcome || e.Reading != nil && e.Reading.Step != c.step || e.Zone != ZoneUnknown || e.PID != 29449 {
			t.Errorf("%s: %+v %+v", c.msg, e, e.Reading)
		}
	}
}
