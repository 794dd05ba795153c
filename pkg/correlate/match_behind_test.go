package correlate

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

const behindServer = "10.1.0.20:8080"

// proxiedScene: a client asks a proxy over TLS, which asks a server behind it for the
// client by a shorter path; and once a page of its own.
func proxiedScene(forwarded string) *scene {
	s := newScene()
	for i := range 3 {
		t := float64(i) * 400
		outer := s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", t, 15)
		s.exchange(outer, t+20, 300, 1)
		if i == 2 {
			continue
		}
		f := s.connect(fmt.Sprintf("%s:%d", server, 2000+i), behindServer, t+25, 1)
		f.Service = "http"
		e := s.exchange(f, t+30, 280, 1)
		e.Method, e.Path, e.Status, e.RequestID = "GET", fmt.Sprintf("/item/%d", i), 200, fmt.Sprint("id", i)
		if forwarded != "" {
			e.Forwarded = netip.MustParseAddr(forwarded)
		}
	}
	return s
}

// TestLinesBehindProxy: the log of a server behind a proxy names the client that the
// proxy asks for; its lines are of what the proxy asked, and the proxy's of what it was.
func TestLinesBehindProxy(t *testing.T) {
	for _, x := range []struct{ forwarded, id string }{{"10.0.0.2", ""}, {"10.0.0.2", "id"}, {"", ""}} {
		s := proxiedScene(x.forwarded)
		var front, behind []logparse.Event
		for i := range 3 {
			e := requestLine("10.0.0.2", fmt.Sprintf("/far/item/%d", i), float64(i)*400+320, logparse.RequestEnd)
			e.Duration = 300 * time.Millisecond
			e.Width = time.Millisecond
			e.Time = ms(float64(i)*400 + 320)
			if x.id != "" {
				e.RequestID = fmt.Sprint(x.id, i)
			}
			front = append(front, e)
			if i < 2 {
				e.Kind, e.Path, e.Time = logparse.AppRequest, fmt.Sprintf("/item/%d", i), ms(float64(i)*400+309)
				e.Duration = 278 * time.Millisecond
				behind = append(behind, e)
			}
		}
		b, _ := matched(s, logOf("web/access.log", front...), logOf("app/app.log", behind...))
		for _, j := range b.journeys {
			want := "web/access.log"
			if j.Server.String() == behindServer {
				want = "app/app.log"
			}
			if len(j.Lines) != 1 || j.Lines[0].Log.File.Path != want || j.Lines[0].Status != "matched" {
				t.Errorf("%+v: %s of %s: %d lines, want one of %s", x, j.ID, j.Server, len(j.Lines), want)
			}
		}
	}
}

// TestForwardedDecides: of two that wait, the request says for whom it is.
func TestForwardedDecides(t *testing.T) {
	s := newScene()
	for i := range 2 {
		s.exchange(s.connect(fmt.Sprintf("10.0.0.%d:50000", 2+i), server+":443", float64(i), 15), 20+float64(i), 300, 1)
	}
	f := s.connect(server+":2000", behindServer, 40, 1)
	f.Service = "http"
	s.exchange(f, 45, 100, 1).Forwarded = netip.MustParseAddr("10.0.0.3")
	b := build(s.incident(), asWritten{}, Options{})
	for _, j := range b.journeys {
		if j.Server.String() == behindServer && (j.waiting() == nil || j.waiting().Client.Addr().String() != "10.0.0.3") {
			t.Errorf("asked for %v", j.waiting())
		}
	}
}

// TestProxyTellsClock: the lines of a proxy say when it asked and had the answer; the
// clock of its log is known by what a capture behind it shows, without its client.
func TestProxyTellsClock(t *testing.T) {
	const behind = -1700.0 // ms
	s := newScene()
	var lines []logparse.Event
	for i := range 8 {
		at := float64(i)*500 + float64(i*i)*7
		f := s.connect(fmt.Sprintf("%s:%d", server, 2000+i), behindServer, at, 1)
		f.Service = "http"
		e := s.exchange(f, at+2, 100, 1)
		e.Method, e.Path, e.Status, e.Version = "GET", fmt.Sprintf("/item/%d", i), 200, "HTTP/1.1"
		lines = append(lines, logparse.Event{Kind: logparse.HTTPRequest, HasTime: true, Time: ms(at+behind) / 1e6 * 1e6, Width: time.Millisecond, Means: logparse.RequestStart,
			Client: netip.MustParseAddrPort(fmt.Sprintf("10.0.0.2:%d", 40000+i)), Method: "GET", Path: fmt.Sprintf("https://www.example.com/item/%d", i), Status: 200,
			Sent: -1, Body: -1, Received: -1, Size: -1, Duration: 103 * time.Millisecond, DurationWidth: time.Millisecond, FirstByte: 102 * time.Millisecond,
			UpstreamTo: "b/s1", UpstreamConnect: []time.Duration{time.Millisecond}, UpstreamHeader: []time.Duration{100 * time.Millisecond}})
	}
	inc := s.incident()
	log := logOf("lb/haproxy.log", lines...)
	inc.Logs = append(inc.Logs, log)
	inc.Files = append(inc.Files, log.File)
	s.capture.First, s.capture.Last = pcapflow.Stamp{Time: ms(-1000), Frame: 1}, pcapflow.Stamp{Time: ms(9000), Frame: 1000}
	e := gather(inc, buildDomains(inc, nil, 0))
	for _, c := range e.constraints {
		if want := int64(behind * 1e6); c.Low > want || c.High < want || c.High-c.Low > int64(10*time.Millisecond) {
			t.Errorf("between %v and %v, want %v", time.Duration(c.Low), time.Duration(c.High), time.Duration(want))
		}
	}
	if len(e.constraints) != len(lines) {
		t.Errorf("%d bounds for %d lines", len(e.constraints), len(lines))
	}
}

func TestPathsBehind(t *testing.T) {
	for _, x := range [][2]string{
		{"https://www.example.com/a/b?c=d", "/a/b?c=d"}, {"/a", "/a"}, {"http://h", "/"}, {"*", ""}, {"", ""}, {"/r?to=http://x/y", "/r?to=http://x/y"},
	} {
		if got := plainPath(x[0]); got != x[1] {
			t.Errorf("%s: %q, want %q", x[0], got, x[1])
		}
	}
	if got := shorter("/far/item/1"); got != "/item/1" {
		t.Errorf("%q", got)
	}
	if got := shorter("/far/"); got != "" {
		t.Errorf("%q", got)
	}
}
