package correlate

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// askedOnce makes a log of n requests, a second apart, of one client whose programs told
// their paths, and the exchanges of the same, which the packets hide. The clock of the
// log is off by what off says of each.
func askedOnce(n int, path func(int) string, off func(int) time.Duration) *requestLog {
	from := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC).UnixNano()
	g := &group{told: map[*Journey]told{}}
	at := func(i int) int64 { return from + int64(i)*second }
	capture := &incident.Capture{}
	for i := range n {
		j := &Journey{Exchange: &pcapflow.Exchange{}}
		g.told[j] = told{path: path(i)}
		p := Point{Capture: capture, Flow: &pcapflow.Flow{}, Exchange: j.Exchange}
		g.targets = append(g.targets, &target{journey: j, point: p, timed: true, first: at(i), sent: at(i), reply: at(i) + 10*msec, last: at(i) + 11*msec})
		e := &logparse.Event{Kind: logparse.HTTPRequest, HasTime: true, Time: at(i) + int64(off(i)), Means: logparse.RequestEnd, Path: path(i), Client: netip.MustParseAddrPort("10.0.0.1:0")}
		g.lines = append(g.lines, line{event: e, index: i, at: e.Time, width: msec})
	}
	r := &requestLog{log: &incident.Log{}, groups: []*group{g}, span: span{low: from, high: at(n)}}
	g.countSayings()
	return r
}

// TestNamedPairs: paths that one line and one exchange have measure a clock, also one
// that stepped to and fro; those that come again, or came on another day, do not.
func TestNamedPairs(t *testing.T) {
	own := func(i int) string { return fmt.Sprintf("/%d", i) }
	steady := func(int) time.Duration { return -3 * time.Second }
	stepping := func(i int) time.Duration { return -time.Duration(1+5*(i/8%2)) * time.Second }
	for _, x := range []struct {
		name string
		log  *requestLog
		want int
	}{
		{"at one offset", askedOnce(6, own, steady), 6},
		{"too few", askedOnce(3, own, steady), 0},
		{"stepping", askedOnce(24, own, stepping), 24},
		{"few that step", askedOnce(9, own, func(i int) time.Duration { return time.Duration(i/3) * 4 * time.Second }), 0},
		{"the same again", askedOnce(24, func(i int) string { return own(i % 2) }, stepping), 0},
		{"another day", askedOnce(24, own, func(int) time.Duration { return -24 * time.Hour }), 0},
	} {
		r := x.log
		if r.measureByPaths(r.placeByPaths()); len(r.named) != x.want {
			t.Errorf("%s: %d pairs, want %d", x.name, len(r.named), x.want)
		}
		for _, p := range r.named {
			if p.target != r.groups[0].targets[p.line.index] {
				t.Errorf("%s: line %d has another's exchange", x.name, p.line.index)
			}
		}
	}
	hidden := askedOnce(24, own, stepping)
	for _, at := range hidden.groups[0].targets[:6] {
		delete(hidden.groups[0].told, at.journey)
	}
	if hidden.measureByPaths(false); len(hidden.named) > 0 {
		t.Errorf("of a quarter of the exchanges nothing is known, yet %d pairs are sure", len(hidden.named))
	}
}

// TestResolvedElsewhere: a connection to another address than the name's is not what
// the program made, unless the packets name it.
func TestResolvedElsewhere(t *testing.T) {
	names := resolved{"www.example": {netip.MustParseAddr("192.0.2.1"): true}}
	e := &logparse.Event{Kind: logparse.ClientHTTP, Name: "www.example"}
	for _, x := range []struct {
		name, server string
		said         string
		want         float64
	}{
		{"", "192.0.2.1:443", "www.example", 0},
		{"", "192.0.2.2:443", "www.example", elsewhere},
		{"", "192.0.2.2:443", "ftp.example", 0},
		{"www.example", "192.0.2.2:443", "www.example", 0},
	} {
		e.Name = x.said
		if got := names.score(e, &Journey{Name: x.name, Service: "tcp", Server: netip.MustParseAddrPort(x.server)}); got != x.want {
			t.Errorf("%s at %s: %g, want %g", x.said, x.server, got, x.want)
		}
	}
}

// TestUnreadTakesAllOfItsPort: of a connection without content every line that names
// its port tells, wherever in its time the request began; of one that shows a request
// no more lines than requests.
func TestUnreadTakesAllOfItsPort(t *testing.T) {
	from := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC).UnixNano()
	for _, x := range []struct {
		shows *pcapflow.Exchange
		want  int
	}{{nil, 3}, {&pcapflow.Exchange{}, 1}} {
		own := &target{journey: &Journey{Exchange: x.shows}, timed: true, first: from, sent: from + second, reply: from, last: from + second, way: 20 * msec}
		g := &group{keyed: true, targets: []*target{own}}
		for i := range int64(3) {
			e := &logparse.Event{Kind: logparse.HTTPRequest, Means: logparse.RequestEnd, Duration: 5 * time.Millisecond}
			g.lines = append(g.lines, line{event: e, at: from + (i+1)*200*msec, width: msec, timed: true})
		}
		if g.repeatUnread(); len(g.targets) != x.want {
			t.Errorf("shows a request: %t: %d lines may be its, want %d", x.shows != nil, len(g.targets), x.want)
		}
		for i := range g.lines {
			if s := timeScore(&g.lines[i], own, 0); s < -1 {
				t.Errorf("line %d does not fit in time: %g", i, s)
			}
		}
	}
}
