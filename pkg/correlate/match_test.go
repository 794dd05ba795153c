package correlate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// logOf makes a log of request lines.
func logOf(path string, events ...logparse.Event) *incident.Log {
	for i := range events {
		events[i].Line = i + 1
	}
	return &incident.Log{File: &incident.File{Path: path}, Events: events}
}

// requestLine is a line of an access log at t ms, cut to its second.
func requestLine(client, path string, t float64, means logparse.Moment) logparse.Event {
	return logparse.Event{Kind: logparse.HTTPRequest, Time: ms(t) / int64(time.Second) * int64(time.Second), HasTime: true, Width: time.Second, Means: means,
		Client: netip.AddrPortFrom(netip.MustParseAddr(client), 0), Method: "GET", Path: path, Status: 200, Sent: -1, Body: -1, Received: -1, Size: -1, Duration: -1, FirstByte: -1}
}

// matched runs the matching on what a scene and logs tell, every clock right.
func matched(s *scene, logs ...*incident.Log) (*built, []Unmatched) {
	inc := s.incident()
	inc.Logs = logs
	s.capture.First, s.capture.Last = pcapflow.Stamp{Time: ms(-1000), Frame: 1}, pcapflow.Stamp{Time: ms(100_000), Frame: 1000}
	b := build(inc, asWritten{}, Options{})
	m := matchLines(inc, b, asWritten{})
	return b, m.finish()
}

// lines tells the lines of each journey in order: "1" matched, "1?" ambiguous.
func lines(b *built) []string {
	var list []string
	for _, j := range b.journeys {
		var x []string
		for _, l := range j.Lines {
			text := fmt.Sprint(l.Log.Events[l.Event].Line)
			if l.Status != "matched" {
				text += "?"
			}
			x = append(x, text)
		}
		list = append(list, strings.Join(x, " "))
	}
	return list
}

func wantLines(t *testing.T, b *built, want ...string) {
	t.Helper()
	if got := lines(b); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("lines by journey: %q, want %q", got, want)
	}
}

func TestRequestsOfOneConnectionByOrder(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":443", 0, 15)
	for i := range 5 {
		s.exchange(f, 20+float64(i)*40, 10, 1)
	}
	var events []logparse.Event
	for i := range 5 {
		events = append(events, requestLine("10.0.0.2", "/same", 31+float64(i)*40, logparse.RequestEnd))
	}
	b, missing := matched(s, logOf("web/access.log", events...))
	wantLines(t, b, "1", "2", "3", "4", "5")
	if len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
}

func TestLogOfAnotherTimeAndClient(t *testing.T) {
	s := newScene()
	s.exchange(s.connect("10.0.0.2:50000", server+":443", 0, 15), 20, 10, 1)
	b, missing := matched(s, logOf("web/access.log",
		requestLine("10.0.0.2", "/", 31, logparse.RequestEnd),
		requestLine("10.0.0.2", "/", 3_600_000, logparse.RequestEnd),
		requestLine("192.0.2.9", "/", 31, logparse.RequestEnd)))
	wantLines(t, b, "1")
	reasons := map[string]int{}
	for _, u := range missing {
		reasons[u.Reason] += len(u.Events)
	}
	if reasons["outside the capture"] != 1 || reasons["no flow of this client"] != 1 {
		t.Errorf("reasons %v", reasons)
	}
}

// Two requests at once, alike in everything a line tells: no line may be sure.
func TestTwinsAreAmbiguous(t *testing.T) {
	s := newScene()
	for i := range 2 {
		s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", 0, 15), 20, 10, 0)
	}
	b, _ := matched(s, logOf("web/access.log", requestLine("10.0.0.2", "/", 30, logparse.RequestEnd), requestLine("10.0.0.2", "/", 30, logparse.RequestEnd)))
	wantLines(t, b, "1? 2?", "1? 2?")
	for _, j := range b.journeys {
		for _, l := range j.Lines {
			if len(l.Rivals) != 1 {
				t.Errorf("%s: rivals %v", j.ID, l.Rivals)
			}
		}
	}
}

// The port settles what time cannot.
func TestPortSettles(t *testing.T) {
	s := newScene()
	for i := range 2 {
		s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", 0, 15), 20, 10, 0)
	}
	one, two := requestLine("10.0.0.2", "/", 30, logparse.RequestEnd), requestLine("10.0.0.2", "/", 30, logparse.RequestEnd)
	one.Client = netip.MustParseAddrPort("10.0.0.2:50001")
	two.Client = netip.MustParseAddrPort("10.0.0.2:50000")
	b, _ := matched(s, logOf("web/access.log", one, two))
	wantLines(t, b, "2", "1")
}

// A path seen in clear settles it as well, whatever the order.
func TestPathSettles(t *testing.T) {
	s := newScene()
	for i := range 3 {
		e := s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":80", float64(i), 15), 20+float64(i), 10, 0)
		e.Method, e.Path, e.Status, e.Version = "GET", fmt.Sprintf("/item/%d", i), 200, "HTTP/1.1"
	}
	b, _ := matched(s, logOf("web/access.log", requestLine("10.0.0.2", "/item/1", 31, logparse.RequestEnd), requestLine("10.0.0.2", "/item/0", 31, logparse.RequestEnd),
		requestLine("10.0.0.2", "/item/2", 31, logparse.RequestEnd)))
	wantLines(t, b, "2", "1", "3")
}

// Every log is matched for itself: one request may stand in several.
func TestOneRequestInTwoLogs(t *testing.T) {
	s := newScene()
	s.exchange(s.connect("10.0.0.2:50000", server+":443", 0, 15), 20, 10, 1)
	line := requestLine("10.0.0.2", "/", 31, logparse.RequestEnd)
	b, _ := matched(s, logOf("web/access.log", line), logOf("web/copy.log", line))
	wantLines(t, b, "1 1")
}

// A request ID carries a sure match to a log that could not tell.
func TestRequestIDJoinsLogs(t *testing.T) {
	s := newScene()
	var fine, coarse []logparse.Event
	for i := range 2 {
		s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", float64(i)*40, 15), 20+float64(i)*40, 10, 0)
		e := requestLine("10.0.0.2", "/", 30, logparse.RequestEnd)
		e.RequestID = fmt.Sprint("id", i)
		coarse = append([]logparse.Event{e}, coarse...) // in the wrong order
		e.Time, e.Width, e.Duration = ms(30+float64(i)*40), time.Millisecond, 10*time.Millisecond
		fine = append(fine, e)
	}
	b, _ := matched(s, logOf("a.log", fine...), logOf("b.log", coarse...))
	wantLines(t, b, "1 2", "2 1")
}

// unclocked knows every clock but that of logs.
type unclocked struct{ asWritten }

func (unclocked) line(l *incident.Log, event int, later int64) (span, bool) {
	s, _ := asWritten{}.line(l, event, later)
	return s, false
}

// Three rare paths in a log of unknown clock agree on one offset; one common
// path does not.
func TestLogOfUnknownClock(t *testing.T) {
	const ahead = 4_711_000.0
	run := func(paths ...string) []string {
		s := newScene()
		for i, p := range append(paths, "/", "/", "/") {
			e := s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":80", float64(i)*3000, 15), 20+float64(i)*3000, 10, 0)
			e.Method, e.Path, e.Status, e.Version = "GET", p, 200, "HTTP/1.1"
		}
		var events []logparse.Event
		for i, p := range paths {
			events = append(events, requestLine("10.0.0.2", p, float64(i)*3000+30+ahead, logparse.RequestEnd))
		}
		inc := s.incident()
		inc.Logs = []*incident.Log{logOf("web/access.log", events...)}
		b := build(inc, unclocked{}, Options{})
		matchLines(inc, b, unclocked{}).finish()
		return lines(b)[:len(paths)]
	}
	if got := strings.Join(run("/a", "/b", "/c"), " "); got != "1 2 3" {
		t.Errorf("rare paths: %q", got)
	}
	if got := strings.Join(run("/", "/"), ""); got != "" {
		t.Errorf("a common path: %q", got)
	}
}

func TestLoginsByPortAndProcess(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":22", 0, 15)
	f.SSH = &pcapflow.SSH{Auth: "failure"}
	event := func(kind logparse.Kind, pid int, client string, text string) logparse.Event {
		e := logparse.Event{Kind: kind, Time: ms(500), HasTime: true, Width: time.Second, Process: "sshd", PID: pid, Text: text}
		if client != "" {
			e.Client = netip.MustParseAddrPort(client)
		}
		return e
	}
	b, missing := matched(s, logOf("auth.log",
		event(logparse.Message, 1, "", "Server listening on :: port 22."),
		event(logparse.PAM, 7, "", "pam_unix(sshd:auth): authentication failure"),
		event(logparse.SSHFailed, 7, "10.0.0.2:50000", "Failed password"),
		event(logparse.PAM, 7, "", "PAM 2 more authentication failures"),
		event(logparse.SSHFailed, 8, "10.0.0.2:50001", "Failed password")))
	wantLines(t, b, "2 3 4")
	if len(missing) != 1 || len(missing[0].Events) != 1 {
		t.Errorf("missing %+v", missing)
	}
}

func TestQuestionsByOrder(t *testing.T) {
	s := newScene()
	for i := range 3 {
		s.query(s.dns(uint16(40000+i)), uint16(i+1), "app.example", "A", float64(i)*100, float64(i)*100+10, "NOERROR", server)
	}
	var events []logparse.Event
	for i := range 3 {
		events = append(events, logparse.Event{Kind: logparse.DNSQuery, Time: ms(float64(i)*100) / int64(time.Second) * int64(time.Second), HasTime: true, Width: time.Second,
			Client: netip.MustParseAddrPort("10.0.0.2:0"), Name: "app.example", Type: "A"})
	}
	b, _ := matched(s, logOf("dns.log", events...))
	wantLines(t, b, "1", "2", "3")
}

// The same input gives the same links, and shuffled files too.
func TestMatchingIsDeterministic(t *testing.T) {
	run := func(swap bool) string {
		s := newScene()
		var events []logparse.Event
		for i := range 40 {
			at := float64(i * 13 % 400)
			s.exchange(s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", at, 5), at+6, 3, 0)
		}
		for i := range 40 {
			events = append(events, requestLine("10.0.0.2", "/", float64(i*10+9), logparse.RequestEnd))
		}
		logs := []*incident.Log{logOf("a.log", events...), logOf("b.log", events[:20]...)}
		if swap {
			logs[0], logs[1] = logs[1], logs[0]
		}
		b, _ := matched(s, logs...)
		var text strings.Builder
		for _, j := range b.journeys {
			for _, l := range j.Lines {
				if l.Log.File.Path == "a.log" {
					fmt.Fprintf(&text, "%s %d %s %.9f\n", j.ID, l.Event, l.Status, l.Confidence)
				}
			}
		}
		return text.String()
	}
	first := run(false)
	for range 3 {
		if run(false) != first {
			t.Fatal("two runs differ")
		}
	}
	if run(true) != first {
		t.Error("the order of the files matters")
	}
}

// A server that was busy takes a request up late, and says nothing of the wait.
// Where another request fits what it says, that one is meant.
func TestRequestThatLayUnread(t *testing.T) {
	s := newScene()
	var events []logparse.Event
	say := func(path string, t float64) {
		e := requestLine("10.0.0.2", path, t, logparse.RequestEnd)
		e.Duration = time.Millisecond
		events = append(events, e)
	}
	usual := s.connect("10.0.0.2:50000", server+":80", 0, 1)
	for i := range 6 {
		path := fmt.Sprint("/", i)
		s.exchange(usual, 2000+float64(i)*200, 1, 1).Path = path
		say(path, 2002+float64(i)*200)
	}
	s.exchange(s.connect("10.0.0.2:50001", server+":80", 3490, 1), 3500, 1500, 1).Path = "/late"
	say("/late", 5001)
	b, missing := matched(s, logOf("web/access.log", events...))
	wantLines(t, b, "1", "2", "3", "4", "5", "6", "7")
	if len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
	s.exchange(s.connect("10.0.0.2:50002", server+":80", 4990, 1), 4999, 1, 1).Path = "/late"
	b, _ = matched(s, logOf("web/access.log", events...))
	wantLines(t, b, "1", "2", "3", "4", "5", "6", "", "7")
}

// The kernel takes the answer of one stream while it still sends that of
// another: the server is done before the answer is seen.
func TestAnswerBehindAnotherStream(t *testing.T) {
	s := newScene()
	f := s.connect("10.0.0.2:50000", server+":443", 0, 15)
	s.exchange(f, 20, 15, 600)
	s.exchange(f, 21, 600, 50)
	for i, path := range []string{"/a", "/b"} {
		f.HTTP[i].Path, f.HTTP[i].Multiplexed = path, true
	}
	a, z := requestLine("10.0.0.2", "/a", 30, logparse.RequestEnd), requestLine("10.0.0.2", "/b", 180, logparse.RequestEnd)
	a.Duration, z.Duration = 2*time.Millisecond, 150*time.Millisecond
	b, missing := matched(s, logOf("web/access.log", a, z))
	wantLines(t, b, "1", "2")
	if len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
}
