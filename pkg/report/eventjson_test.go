package report

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

func sampleEvent() *logparse.Event {
	return &logparse.Event{
		Line: 3, Offset: 411, Kind: logparse.HTTPRequest, Time: 1700000000_000000000, HasTime: true, Width: time.Second,
		Means: logparse.RequestEnd, Zone: logparse.ZoneStated, ZoneSeconds: 3600, Client: netip.MustParseAddrPort("10.0.0.1:0"),
		Method: "GET", Path: "/a\"\\\x01\xffé\u2028", Proto: "HTTP/1.1", Status: 200, Agent: "curl/8",
		Sent: -1, Body: 12, Received: -1, Size: -1, Duration: 1500 * time.Microsecond, FirstByte: -1,
		Upstream: []time.Duration{time.Millisecond, -1},
	}
}

func TestAppendEvent(t *testing.T) {
	line := AppendEvent(nil, "web/access.log", sampleEvent())
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	want := map[string]any{
		"evidence": "web/access.log", "line": 3.0, "kind": "http-request", "time": "2023-11-14T22:13:20.000000000Z",
		"means": "request-end", "width_seconds": 1.0, "zone_seconds": 3600.0, "client": "10.0.0.1",
		"path": "/a\"\\\x01\ufffdé\u2028", "status": 200.0, "body_bytes": 12.0, "duration_seconds": 0.0015,
	}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s: %v, want %v", name, got[name], v)
		}
	}
	for _, name := range []string{"sent_bytes", "first_byte_seconds", "host", "reading"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s is written though it is unknown", name)
		}
	}
	if up := got["upstream_seconds"].([]any); len(up) != 2 || up[0] != 0.001 || up[1] != nil {
		t.Errorf("upstream_seconds: %v", up)
	}
}

func TestEventPathAllocatesNothing(t *testing.T) {
	e := sampleEvent()
	line := AppendEvent(nil, "web/access.log", e)
	if n := testing.AllocsPerRun(100, func() { line = AppendEvent(line[:0], "web/access.log", e) }); n != 0 {
		t.Errorf("AppendEvent: %v allocations", n)
	}
	var c EventCounts
	c.Add(e)
	if n := testing.AllocsPerRun(100, func() { c.Add(e) }); n != 0 {
		t.Errorf("EventCounts.Add: %v allocations", n)
	}
}

// TestHistogram: a percentile is at least the exact one and at most 1/32 above.
func TestHistogram(t *testing.T) {
	for _, v := range []int64{0, 1, 31, 32, 33, 63, 64, 65, 1000, 1 << 40, 1<<63 - 1} {
		top := bucketTop(bucket(v))
		if top < v || float64(top-v) > float64(v)/32 {
			t.Errorf("bucket of %d ends at %d", v, top)
		}
		if bucket(top) != bucket(v) || top < 1<<63-1 && bucket(top+1) != bucket(v)+1 {
			t.Errorf("bucket of %d: its end %d is not its end", v, top)
		}
	}
	var h, a, b Histogram
	for i := range int64(10000) {
		h.Add(i * 1000)
		if i%3 == 0 {
			a.Add(i * 1000)
		} else {
			b.Add(i * 1000)
		}
	}
	a.Merge(&b)
	if *h.Percentiles() != *a.Percentiles() {
		t.Errorf("merged: %v, at once: %v", *a.Percentiles(), *h.Percentiles())
	}
	p := h.Percentiles()
	for _, c := range []struct {
		got   Seconds
		exact int64
	}{{p.P50, 4999000}, {p.P90, 8999000}, {p.P99, 9899000}, {p.Max, 9999000}, {p.Min, 0}} {
		if int64(c.got) < c.exact || float64(c.got) > float64(c.exact)*33/32 {
			t.Errorf("percentile %d, exactly %d", c.got, c.exact)
		}
	}
}

// TestEventCountsMerge: hours, kinds and spans of two logs add up.
func TestEventCountsMerge(t *testing.T) {
	var one, two EventCounts
	e := sampleEvent()
	for i := range 5 {
		e.Time = 1700000000e9 + int64(i)*1800e9
		one.Add(e)
		e.Time -= 86400e9
		e.Status = 404
		two.Add(e)
		e.Status = 200
	}
	one.Merge(&two)
	s := one.Summary()
	if s.Events != 10 || len(s.Kinds) != 1 || len(s.Kinds[0].Results) != 2 || s.Kinds[0].Results[0] != (Result{"200", 5}) {
		t.Errorf("%+v", s)
	}
	hours := int64(0)
	for _, h := range s.Hours {
		hours += h.Events
		if int64(h.From)%hourLength != 0 {
			t.Errorf("hour begins at %v", h.From)
		}
	}
	if hours != 10 || len(s.Hours) != 6 {
		t.Errorf("%d events in %d hours", hours, len(s.Hours))
	}
}
