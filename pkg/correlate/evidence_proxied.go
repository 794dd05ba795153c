package correlate

import (
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// proxied relates the lines of a proxy to what it asked of the servers behind it, as a
// capture shows that in the clear: the proxy asked after it had the request, and had
// the answer before it wrote that its own was done. Where the line says how long each
// step took (HAProxy), the packets lie between two instants of the proxy a round trip
// apart, as with NTP.
func (e *evidence) proxied(l *incident.Log) {
	var asks []int
	lines := map[string]int{} // that ask for a path
	for i := range l.Events {
		if ev := &l.Events[i]; asksBehind(ev) {
			asks = append(asks, i)
			lines[plainPath(ev.Path)]++
		}
	}
	if len(asks) == 0 || len(asks) > seriesLines {
		return
	}
	for i, c := range e.inc.Captures {
		paths := e.pathsIn(c)
		for _, n := range asks {
			ev := &l.Events[n]
			if lines[plainPath(ev.Path)] > 1 {
				continue
			}
			f, x := paths.asked(ev)
			if f == nil {
				continue
			}
			low, high := stepsOf(ev)
			if k := e.byKey[captureKey(i, f.Clock)]; k != nil {
				e.add(k, e.writer(l, ev), x.RequestFirst.Time, low-x.RequestFirst.Time, high-x.ResponseFirst.Time, clock.Intervals)
			}
		}
	}
}

// asksBehind tells a line of a proxy that asked one server behind it, had its answer,
// and says how long it took itself.
func asksBehind(ev *logparse.Event) bool {
	return ev.Kind == logparse.HTTPRequest && ev.HasTime && ev.Duration >= 0 && !ev.CoarselyTimed() && ev.Path != "" &&
		len(ev.Upstream) <= 1 && len(ev.UpstreamHeader) <= 1 && len(ev.Upstream)+len(ev.UpstreamHeader) > 0 && servedBehind(ev)
}

// servedBehind: a server behind gave the answer, and in time.
func servedBehind(ev *logparse.Event) bool {
	for _, d := range append(append([]time.Duration{}, ev.Upstream...), ev.UpstreamHeader...) {
		if d < 0 {
			return false
		}
	}
	return ev.Status != 502 && ev.Status != 504 && ev.Status != 499
}

// stepsOf is from when a proxy can have asked, and until when it can have waited for
// the answer's beginning, on its own clock.
func stepsOf(ev *logparse.Event) (low, high int64) {
	const rounded = int64(time.Millisecond) // of each figure
	if ev.Means != logparse.RequestStart {
		_, high = stampOf(ev)
		low, _ = startOf(ev)
		return low, high
	}
	low, high = stampOf(ev)
	if ev.FirstByte < 0 || len(ev.UpstreamHeader) == 0 {
		return low, high + int64(ev.Duration) + rounded
	}
	const figures = 4 // what the first byte is the sum of
	return low + int64(ev.FirstByte-ev.UpstreamHeader[0]) - rounded, high + int64(ev.FirstByte) + figures*rounded
}

// pathsIn lists the exchanges of a capture that show their path, by what it is called
// without a host.
type askedPaths map[string][]askedPath

type askedPath struct {
	flow     *pcapflow.Flow
	exchange *pcapflow.Exchange
}

func (e *evidence) pathsIn(c *incident.Capture) askedPaths {
	if p, ok := e.paths[c]; ok {
		return p
	}
	p := askedPaths{}
	for _, f := range c.Flows {
		for n := range f.HTTP {
			if x := &f.HTTP[n]; x.Path != "" && x.RequestFirst.Seen() && x.ResponseFirst.Seen() && !x.Multiplexed {
				key := plainPath(x.Path)
				p[key] = append(p[key], askedPath{f, x})
			}
		}
	}
	if e.paths == nil {
		e.paths = map[*incident.Capture]askedPaths{}
	}
	e.paths[c] = p
	return p
}

// asked is the one exchange that a line of a proxy tells of asking; nil where none
// does, or several may be it. What is asked may lack the beginning of the line's path.
func (p askedPaths) asked(ev *logparse.Event) (*pcapflow.Flow, *pcapflow.Exchange) {
	for path := plainPath(ev.Path); path != ""; path = shorter(path) {
		list := p[path]
		if len(list) == 0 {
			continue
		}
		if len(list) > 1 {
			return nil, nil
		}
		f, x := list[0].flow, list[0].exchange
		own := ev.Client.Port() != 0 && plain(f.Client) == plain(ev.Client) || ev.Client.Port() == 0 && plain(f.Client).Addr() == plain(ev.Client).Addr()
		if own || ev.Method != "" && x.Method != "" && ev.Method != x.Method || ev.Status != 0 && x.Status != 0 && ev.Status != x.Status ||
			time.Duration(x.ResponseFirst.Time-x.RequestFirst.Time) > ev.Duration+5*time.Millisecond {
			return nil, nil
		}
		return f, x
	}
	return nil, nil
}

// shorter is a path without its first part; "" where nothing would tell it from others.
func shorter(path string) string {
	n := strings.IndexByte(path[1:], '/')
	if n < 0 || len(path) <= n+2 {
		return ""
	}
	return path[n+1:]
}

// plainPath is a path without scheme and host (RFC 9112 §3.2.2: absolute form, as
// HAProxy also writes requests of HTTP/2); "" where it is none.
func plainPath(path string) string {
	if _, rest, ok := strings.Cut(path, "://"); ok && !strings.HasPrefix(path, "/") {
		n := strings.IndexByte(rest, '/')
		if n < 0 {
			return "/"
		}
		path = rest[n:]
	}
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}
