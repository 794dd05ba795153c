package diagnose

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// behind is a request of 1.2 s whose server asked another one meanwhile, and needed ms
// until the connection to that stood.
func (w *world) behind(ms int) (front, back *correlate.Journey) {
	front, _ = w.request(2300, 2301)
	w.said(front, took(1180*time.Millisecond))
	back, _ = w.request(1110, 1111)
	back.Phases[0].Begin, back.Phases[0].End = w.at(1000), w.at(1000+ms)
	back.Links = append(back.Links, correlate.Link{Kind: correlate.Upstream, Journey: front})
	return front, back
}

// balanced is a request of 0.6 s of which HAProxy says how long it was until the answer of
// what is behind began, and how long that took.
func (w *world) balanced(first, behind time.Duration) {
	j, _ := w.request(1700, 1701)
	line := took(580 * ms)
	line.Process, line.FirstByte = "haproxy", first
	line.UpstreamConnect, line.UpstreamHeader = []time.Duration{ms}, []time.Duration{behind}
	w.said(j, line)
}

// heldBack is a request of 0.6 s for a path beside an error log that says of /a that a
// limit delayed it.
func (w *world) heldBack(path string) {
	j, _ := w.request(1700, 1701)
	line := took(580 * ms)
	line.Client, line.Path, line.Time, line.Means = client, path, w.at(1690).Time, logparse.RequestEnd
	w.said(j, line)
	l := w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Client: client, Path: "/a", Time: w.at(1110).Time,
		Text: `delaying request, excess: 2.220, by zone "z"`})
	w.clock("web", "log", clock.Measured, known(0, 0, ms)).Files = []*incident.File{j.Lines[0].Log.File, l.File}
}

// restarted are connections refused one after the other, and one taken before them, between
// them or after.
func (w *world) restarted(taken ...int) {
	for _, at := range []int{1500, 2500} {
		w.refused()
		j := w.c.Journeys[len(w.c.Journeys)-1]
		j.Start = w.at(at)
	}
	for _, at := range taken {
		_, n := w.tcp(20)
		n.SYNACK = []pcapflow.Stamp{w.at(at)}
	}
}

// limited is a request of 2 s that was answered 504, as its server closed the connection to
// whom it had asked for so many ms.
func (w *world) limited(waited int) {
	front, _ := w.request(3101, 3102)
	front.Exchange.Status = 504
	back, n := w.request(0, 3100)
	back.Links = append(back.Links, correlate.Link{Kind: correlate.Upstream, Journey: front})
	n.FIN[cl] = w.at(1100 + waited)
}

var behindTrials = []trial{
	{"upstream-error", "whom it asked did not answer within its limit", func(w *world) { w.limited(2000) }, true, High},
	{"client-gave-up", "a server that answered for whom it asked", func(w *world) { w.limited(2000) }, false, 0},
	{"upstream-error", "nothing shows whom it waited for", func(w *world) { w.limited(100) }, true, Medium},
	{"app-slow", "its server could not reach whom it asked", func(w *world) { w.behind(1030) }, true, High},
	{"queue-before-app", "in the queue of a balancer, by its log", func(w *world) { w.balanced(575*ms, 5*ms) }, true, High},
	{"app-slow", "in the queue of a balancer, by its log", func(w *world) { w.balanced(575*ms, 5*ms) }, false, 0},
	{"queue-before-app", "behind a balancer without a queue", func(w *world) { w.balanced(575*ms, 570*ms) }, false, 0},
	{"app-slow", "behind a balancer without a queue", func(w *world) { w.balanced(575*ms, 570*ms) }, true, High},
	{"server-limit", "requests held back", func(w *world) { w.heldBack("/a") }, true, High},
	{"app-slow", "held back by a limit", func(w *world) { w.heldBack("/a") }, false, 0},
	{"app-slow", "a limit held back another request", func(w *world) { w.heldBack("/b") }, true, High},
	{"connection-refused", "stopped and started again", func(w *world) { w.restarted(1400, 2600) }, true, Medium},
	{"connection-refused", "some taken, some refused", func(w *world) { w.restarted(2400) }, true, Low},
}

// TestBehindSaid: what these findings say of whom.
func TestBehindSaid(t *testing.T) {
	for _, x := range []struct {
		name, rule string
		make       func(w *world)
		want       string // "-" before it: not said
	}{
		{"hard to reach", "app-slow", func(w *world) { w.behind(1030) }, "1.03 s for its name, the connect and the handshake"},
		{"at once", "app-slow", func(w *world) { w.behind(20) }, "-trying to reach"},
		{"longer than the wait", "app-slow", func(w *world) { w.behind(1500) }, "-trying to reach"},
		{"a queue", "queue-before-app", func(w *world) { w.balanced(575*ms, 5*ms) }, "in its queue, one of them 569 ms by its log"},
		{"a limit", "server-limit", func(w *world) { w.heldBack("/a") }, "it held back 1 request."},
		{"before and after", "connection-refused", func(w *world) { w.restarted(1400, 2600) }, "it was stopped and started again"},
		{"before", "connection-refused", func(w *world) { w.restarted(1400) }, "none since: it was stopped"},
		{"between", "connection-refused", func(w *world) { w.restarted(1400, 2000, 2600) }, "-stopped"},
	} {
		w := newWorld()
		x.make(w)
		found := of(w.run(), x.rule)
		if len(found) == 0 {
			t.Errorf("%s: not found", x.name)
			continue
		}
		want, unsaid := strings.CutPrefix(x.want, "-")
		if strings.Contains(found[0].Text, want) == unsaid {
			t.Errorf("%s: %s", x.name, found[0].Text)
		}
	}
}

// TestReachedIsAConsequence: where another finding tells why a server could not reach whom
// it asked, that one is loud and the wait of the server's own client is not.
func TestReachedIsAConsequence(t *testing.T) {
	w := newWorld()
	_, back := w.behind(1030)
	if f := of(w.run(), "app-slow"); len(f) != 1 || f[0].Severity < Warning {
		t.Fatalf("alone: %v", f)
	}
	n := back.Points[0].Flow.Conn
	n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2020)}
	d := w.run()
	if f := of(d, "syn-lost"); len(f) != 1 {
		t.Fatalf("the lost SYN: %v", f)
	}
	if f := of(d, "app-slow"); len(f) != 1 || f[0].Severity != Note {
		t.Errorf("beside it: %v", f)
	}
}

// TestFellTogether: addresses that may have fallen silent at one instant are one finding,
// others are not.
func TestFellTogether(t *testing.T) {
	for name, x := range map[string]struct {
		later int // ms by which the second falls silent later
		want  []string
	}{
		"at once":               {0, []string{"2 addresses (10.1.0.11, 10.1.0.12) fell silent together"}},
		"one after the other":   {6000, []string{"10.1.0.11 fell silent", "10.1.0.12 fell silent"}},
		"before anybody called": {150, []string{"2 addresses (10.1.0.11, 10.1.0.12) fell silent together"}},
	} {
		w := newWorld()
		w.silent(cl, 22_000)
		n := w.silent(cl, 100_000)
		f := w.k.Flows[len(w.k.Flows)-1]
		f.Client = netip.MustParseAddrPort("10.1.0.12:40000")
		w.c.Journeys[len(w.c.Journeys)-1].Client = f.Client
		n.Heard[cl] += int64(x.later) * 1e6
		found := of(w.run(), "fell-silent")
		if len(found) != len(x.want) {
			t.Errorf("%s: %d findings: %+v", name, len(found), found)
			continue
		}
		for i, want := range x.want {
			if !strings.Contains(found[i].Text, want) {
				t.Errorf("%s: %s", name, found[i].Text)
			}
		}
	}
}
