package logparse

import (
	"testing"
	"time"
)

// timesyncd's server was 0.7 ms ahead: this clock is slow of it.
func TestTimesyncTruth(t *testing.T) {
	n := 0
	for _, e := range readOnly(t, "timesync-status", "daemons", "tsd", "ts.out") {
		if e.Kind != ClockReading {
			continue
		}
		n++
		r := e.Reading
		if abs(r.Offset+667095) > r.Bound || !r.HasOffset || !r.Synchronised || r.Stratum != 1 || r.Bound < 6996000 || r.Bound > 9e6 {
			t.Errorf("%+v", r)
		}
		if e.Time != 1795342552844e6 || e.Width != time.Millisecond {
			t.Errorf("%+v", e)
		}
	}
	if n != 1 {
		t.Errorf("%d readings", n)
	}
}

// readOnly is readFile for a text in which other programs' lines stand too.
func readOnly(t *testing.T, format string, path ...string) []Event {
	t.Helper()
	events, problems, _ := readAny(t, format, path...)
	if len(problems) > 3 {
		t.Errorf("%v", problems)
	}
	return events
}

func TestTimesyncStatus(t *testing.T) {
	e := parseOne(t, "timesync-status", `$ timedatectl timesync-status
       Server: 192.0.2.1 (time.example)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
      Stratum: 2
    Reference: C0000201
    Precision: 1us (-25)
Root distance: 20.583ms (max: 5s)
       Offset: +1.2ms
        Delay: 12.3ms
       Jitter: 300us
 Packet count: 12
    Frequency: +12.345ppm
`)
	r := e.Reading
	if r.Offset != -1200000 || r.Source != "192.0.2.1" || r.Stratum != 2 || !r.Synchronised || r.Frequency != -12.345 || e.HasTime || r.Bound < 20583000+6150000 || r.Bound > 27e6 {
		t.Errorf("%+v", r)
	}
	e = parseOne(t, "timesync-status", `ServerName=time.example
ServerAddress=192.0.2.1
RootDistanceMaxUSec=5s
NTPMessage={ Leap=0, Version=4, Mode=4, Stratum=1, Precision=-20, RootDelay=9.994ms, RootDispersion=1.998ms, Reference=GPS, OriginateTimestamp=Sun 2026-11-22 10:15:50 UTC, ReceiveTimestamp=Sun 2026-11-22 10:15:52 UTC, TransmitTimestamp=Sun 2026-11-22 10:15:52 UTC, DestinationTimestamp=Sun 2026-11-22 10:15:50 UTC, Ignored=no, PacketCount=3, Jitter=0 }
Frequency=65536
`)
	r = e.Reading
	if r.Offset != -2e9 || r.Bound < 1e9 || r.Source != "192.0.2.1" || r.Frequency != -1 || !e.HasTime || e.Time != 1795342550e9 || !r.Synchronised {
		t.Errorf("%+v %+v", e, r)
	}
	var m Event
	timesyncdMessage([]byte("Timed out waiting for reply from 10.9.0.9:123 (time.example)."), &m)
	if m.Outcome != "timeout" || m.Server.String() != "10.9.0.9:123" || m.Name != "time.example" {
		t.Errorf("%+v", m)
	}
}

func TestNTPQ(t *testing.T) {
	events := readText(t, "ntpq", `$ ntpq -pn
     remote           refid      st t when poll reach   delay   offset  jitter
==============================================================================
*10.9.0.9        .GPS.            1 u   12   64  377    0.164   50.058   0.040
x192.0.2.7       10.0.0.1         2 u   33   64  377    9.000 -700.000   1.000
 192.0.2.8       .INIT.          16 u    -   64    0    0.000    0.000   0.000
$ ntpq -c rv
associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,
version="ntpd 4.2.8p15@1.3728-o Wed Sep 23 11:46:38 UTC 2020 (1)",
processor="x86_64", system="Linux/6.1.0", leap=00, stratum=2,
precision=-24, rootdelay=10.159, rootdisp=3.420, refid=10.9.0.9,
reftime=eead3fdc.12345678  Sun, Nov 22 2026 10:18:04.071,
clock=eead3fde.80000000  Sun, Nov 22 2026 10:18:06.500, peer=123, tc=6,
mintc=3, offset=50.057713, frequency=-3.541, sys_jitter=0.017698
`, 4)
	want := []struct {
		offset int64
		sync   bool
	}{{-50058000, true}, {700000000, false}, {0, false}, {-50057713, true}}
	for i, w := range want {
		r := events[i].Reading
		if r.Offset != w.offset || r.Synchronised != w.sync {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if events[2].Reading.HasOffset {
		t.Error("an offset of a server that never answered")
	}
	if e := events[3]; !e.HasTime || e.Time%1e9 != 5e8 || e.Reading.Frequency != 3.541 || e.Reading.Bound < 8499500 || e.Reading.Stratum != 2 || time.Unix(0, e.Time).UTC().Format(time.RFC3339) != "2026-11-22T10:18:06Z" {
		t.Errorf("%+v %+v %s", e, e.Reading, time.Unix(0, e.Time).UTC())
	}
}
