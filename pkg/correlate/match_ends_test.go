package correlate

import (
	"fmt"
	"math"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestLogThatEndsWithinASecond: behind the last line of a log that was cut in the
// middle of a second, requests in a row have none. That another of them shows in clear
// what the last line says does not make it the line's: those between would be missing
// where nothing was cut.
func TestLogThatEndsWithinASecond(t *testing.T) {
	const all, logged, clear = 240, 230, 238
	s := newScene()
	var events []logparse.Event
	for i := range all {
		at, path := 20+float64(i)*20, fmt.Sprintf("/item/%d", i*i%7)
		x := s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", at-18, 15), at, 10, 1)
		status := 200
		if i == clear || i == logged-1 {
			path, status = "/seldom", 503
		}
		if i%2 == 0 {
			x.Method, x.Path, x.Status, x.Version = "GET", path, status, "HTTP/1.1"
		}
		if i < logged {
			e := requestLine("10.0.0.2", path, at+11, logparse.RequestEnd)
			e.Status = status
			events = append(events, e)
		}
	}
	b, _ := matched(s, logOf("web/access.log", events...))
	for i, j := range b.journeys {
		for _, l := range j.Lines {
			if l.Event == logged-1 && i == clear && l.Confidence > 0.5 {
				t.Errorf("the last line is linked to a request %d later with %.3f", clear-logged+1, l.Confidence)
			}
		}
	}
}

// TestSayingsCountOnce: what a line says only because of its path tells nothing more
// than the path.
func TestSayingsCountOnce(t *testing.T) {
	g := &group{}
	var events []logparse.Event
	for i := range 100 {
		e := requestLine("10.0.0.2", fmt.Sprintf("/item/%d", i%10), float64(i), logparse.RequestEnd)
		if i%10 == 3 {
			e.Status = 503
		}
		events = append(events, e)
	}
	l := logOf("web/access.log", events...)
	for i := range l.Events {
		g.lines = append(g.lines, line{event: &l.Events[i], index: i})
	}
	g.countSayings()
	r := g.rare[3]
	if path := r[ofPath]; math.Abs(path-math.Log(10)) > 0.1 {
		t.Errorf("one path of ten counts %.2f", path)
	}
	if status := r[ofStatus]; status > 0.1 {
		t.Errorf("the status that this path always has counts %.2f more", status)
	}
}

// TestLinesOutOfPlace: that lines stand behind one of the next second tells that the
// rest are not in order either.
func TestLinesOutOfPlace(t *testing.T) {
	for _, x := range []struct {
		name string
		at   func(i int) int // the place in time of line i
		kept bool
	}{
		{"in order", func(i int) int { return i }, true},
		{"turned round in threes", func(i int) int { return i/3*3 + 2 - i%3 }, false},
		{"of two workers with large buffers", func(i int) int { return i%2*500 + i/2 }, false},
	} {
		var events []logparse.Event
		for i := range 1000 {
			events = append(events, requestLine("10.0.0.2", "/", float64(x.at(i))*10, logparse.RequestEnd))
		}
		l := logOf("web/access.log", events...)
		if got := endsInOrder([]*group{groupOf(l)}); got != x.kept {
			t.Errorf("%s: in order: %v", x.name, got)
		}
	}
}

func groupOf(l *incident.Log) *group {
	g := &group{}
	for i := range l.Events {
		g.lines = append(g.lines, lineOf(l, i, asWritten{}))
	}
	return g
}
