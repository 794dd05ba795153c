package pcapflow

import (
	"fmt"
	"testing"
)

// metricOf is one of a list, in ms or as it is; "": there is none.
func metricOf(list []Metric, name string) string {
	for _, m := range list {
		switch {
		case m.Name != name:
		case m.Time:
			return fmt.Sprint(float64(m.Value)/1e6, " ms")
		default:
			return fmt.Sprint(m.Value)
		}
	}
	return ""
}

// TestQueuedRequests: what a connection shows of a request's wait for its turn: how long
// the connection was idle before it, or how long the answer before it still took.
func TestQueuedRequests(t *testing.T) {
	get := func(path string) string { return "GET /" + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for _, c := range []struct {
		name         string
		talk         []said // a millisecond apart
		idle, queued string // of the second request
	}{
		{"one after the other", []said{client(get("1")), server(ok), server(""), server(""), client(get("2")), server(ok)}, "3 ms", ""},
		{"at once", []said{client(get("1")), server(ok[:10]), server(ok[10:]), client(get("2")), server(ok)}, "1 ms", ""},
		{"pipelined", []said{client(get("1") + get("2")), server(ok[:10]), server(""), server(ok[10:] + ok)}, "", "3 ms"},
		{"pipelined, later", []said{client(get("1")), client(get("2")), server(ok[:10]), server(ok[10:]), server(ok)}, "", "2 ms"},
		{"begun before, ended behind", []said{client(get("1")), client(get("2")[:9]), server(ok), client(get("2")[9:]), server(ok)}, "", ""},
		{"the first has no end", []said{client(get("1")), server(ok[:10]), client(get("2"))}, "", ""},
	} {
		f := follow(httpDissector, nil, pieces(c.talk...))
		if len(f.HTTP) != 2 {
			t.Errorf("%s: %d exchanges", c.name, len(f.HTTP))
			continue
		}
		list := f.HTTP[1].AppendMetrics(nil, nil, f.Before(&f.HTTP[1]))
		if idle, queued := metricOf(list, "idle_before_seconds"), metricOf(list, "queued_behind_seconds"); idle != c.idle || queued != c.queued {
			t.Errorf("%s: idle %q, queued %q, want %q, %q", c.name, idle, queued, c.idle, c.queued)
		}
		if f.Before(&f.HTTP[0]) != nil {
			t.Errorf("%s: something is before the first", c.name)
		}
	}
	streams := []Exchange{{Ordinal: 1, StreamID: 1, ResponseLast: Stamp{9e6, 9}}, {Ordinal: 2, StreamID: 3, RequestFirst: Stamp{2e6, 2}, RequestLast: Stamp{3e6, 3}}}
	if list := streams[1].AppendMetrics(nil, nil, &streams[0]); metricOf(list, "queued_behind_seconds") != "" {
		t.Error("a stream of HTTP/2 is said to wait for another")
	}
}

// TestFirstWindow: flights that fit into the first congestion window, and that do not.
func TestFirstWindow(t *testing.T) {
	for _, c := range []struct {
		bytes, mss int
		want       string
	}{
		{4000, 1460, "0"}, {14600, 1460, "0"}, {14601, 1460, "1"}, {5361, 536, "1"}, {5360, 536, "0"}, {14601, 8960, "0"}, {17921, 8960, "1"}, {20000, 0, ""}, {0, 1460, ""},
	} {
		x := TLS{ServerFlightBytes: c.bytes, ServerFlightEnd: Stamp{Frame: 1}}
		if got := metricOf(x.AppendMetrics(nil, &Conn{MSS: [2]int{c.mss, c.mss}}), "flight_beyond_first_window"); got != c.want {
			t.Errorf("%d bytes, MSS %d: %q, want %q", c.bytes, c.mss, got, c.want)
		}
	}
}
