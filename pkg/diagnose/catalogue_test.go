package diagnose

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestCatalogue: the table holds the rules of the catalogue, each with what it
// must say of itself.
func TestCatalogue(t *testing.T) {
	b, err := os.ReadFile("testdata/catalogue.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(b))
	var got []string
	for _, r := range Rules() {
		got = append(got, r.Name)
		for what, text := range map[string]lang.Text{"title": r.Title, "doc": r.Doc, "needs": r.Needs} {
			if text.EN == "" || text.ES == "" {
				t.Errorf("%s: no %s in both languages", r.Name, what)
			}
		}
		if r.Check == nil || Find(r.Name) != r {
			t.Errorf("%s: cannot be found or run", r.Name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("rules %v\nwant %v", got, want)
	}
}

// TestConsequences: causes and consequences are rules, and causes are checked
// first.
func TestConsequences(t *testing.T) {
	place := map[string]int{}
	for i, r := range checkOrder(rules) {
		place[r.Name] = i + 1
	}
	if len(place) != len(rules) {
		t.Fatalf("%d of %d rules are checked", len(place), len(rules))
	}
	for rule, causes := range consequences {
		for _, cause := range causes {
			if place[rule] == 0 || place[cause] == 0 || place[cause] > place[rule] {
				t.Errorf("%s must be checked before %s", cause, rule)
			}
		}
	}
}

func TestFill(t *testing.T) {
	for _, x := range []struct {
		format string
		args   []any
		want   string
	}{
		{"%d segment{|s} lost", []any{1}, "1 segment lost"},
		{"%d segmento{|s} perdido{|s}", []any{2}, "2 segmentos perdidos"},
		{"%d {conexión|conexiones}: %d intento{|s}", []any{1, 3}, "1 conexión: 3 intentos"},
		{"%s: %d quer{y|ies} in %s", []any{"a", int64(1), 1500 * time.Millisecond}, "a: 1 query in 1.50 s"},
		{"95 %% of %d answer{|s}", []any{0}, "95 % of 0 answers"},
		{"{as it is}", nil, "{as it is}"},
	} {
		if got := fill(x.format, x.args...); got != x.want {
			t.Errorf("%q: %q, want %q", x.format, got, x.want)
		}
	}
}

// TestEmptyCase: no rule speaks, or fails, where there is nothing.
func TestEmptyCase(t *testing.T) {
	for _, r := range Rules() {
		w := newWorld()
		if found := r.Check(newCase(w.c, Options{}), r); len(found) > 0 {
			t.Errorf("%s: %+v", r.Name, found)
		}
	}
}

// TestHealthy: no loud finding where the truth knows of no fault.
func TestHealthy(t *testing.T) {
	for _, name := range []string{"s01_healthy_web", "s09_nat_crowd"} {
		if testing.Short() && name != "s01_healthy_web" {
			continue // thousands of connections
		}
		d := Run(read(t, "incidents", name, "input"), Options{})
		for _, f := range loud(d) {
			t.Errorf("%s: %s: %s", name, f.Rule, f.Text)
		}
		if len(of(d, "healthy")) != 1 {
			t.Errorf("%s: not called healthy", name)
		}
	}
}

// broken is a sentence with a verb or a choice left over.
var broken = regexp.MustCompile(`%!|\{[^}]*\|`)

// TestLanguages: the same findings in both languages, and no verb left over.
func TestLanguages(t *testing.T) {
	c := read(t, "incidents", "s03_slow_dns", "input")
	en, es := Run(c, Options{}), Run(c, Options{Lang: lang.ES})
	if len(en.Findings) != len(es.Findings) || len(en.Findings) == 0 {
		t.Fatalf("%d and %d findings", len(en.Findings), len(es.Findings))
	}
	for i, f := range en.Findings {
		if g := es.Findings[i]; f.Rule != g.Rule || f.Text == g.Text || broken.MatchString(f.Text) || broken.MatchString(g.Text) {
			t.Errorf("%s: %q and %q", f.Rule, f.Text, g.Text)
		}
	}
}

// TestGates: copies in a capture make findings that count packets less sure.
func TestGates(t *testing.T) {
	for copies, want := range map[int64]Confidence{0: Medium, 3: Low} {
		w := newWorld()
		j, n := w.tcp(4000)
		n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), nil
		n.ACK.Frame = 0
		j.Points[0].Flow.Duplicates = copies
		f := of(Run(w.c, Options{}), "syn-unanswered")
		if len(f) != 1 || f[0].Confidence != want {
			t.Errorf("%d copies: %+v, want %s", copies, f, want)
		}
	}
}

// TestCapturePoint: an upload that is slow at the server may be lost on its way.
func TestCapturePoint(t *testing.T) {
	for _, at := range []pcapflow.Vantage{pcapflow.VantageUnknown, pcapflow.VantageClient, pcapflow.VantageMiddle, pcapflow.VantageServer} {
		w := newWorld()
		j, n := w.upload()
		w.said(j, took(2100*ms))
		n.Vantage = at
		want := High
		if at == pcapflow.VantageServer {
			want = Medium
		}
		if f := of(Run(w.c, Options{}), "slow-upload"); len(f) != 1 || f[0].Confidence != want {
			t.Errorf("at the %s: %+v, want %s", at, f, want)
		}
	}
}

// TestSYNACKLeaves: what arrives at the server is no answer of it.
func TestSYNACKLeaves(t *testing.T) {
	for left, want := range map[bool]string{false: "not-found", true: "found"} {
		w := newWorld()
		j, n := w.tcp(4000)
		n.SYN, n.SYNACK, n.ACK = append(n.SYN, w.at(2000)), nil, pcapflow.Stamp{}
		m := w.twoPoints(j, pcapflow.VantageServer)
		if left {
			m.SYNACK = []pcapflow.Stamp{w.at(1010)}
		}
		f := of(Run(w.c, Options{}), "syn-unanswered")
		if len(f) != 1 || f[0].Refuters[0].Status != want {
			t.Errorf("SYN-ACK left %v: %+v, want %s", left, f, want)
		}
	}
}

// TestThresholds: rules compare with the thresholds they are given.
func TestThresholds(t *testing.T) {
	build := func() *world {
		w := newWorld()
		_, n := w.tcp(6000)
		n.Count[sv].LargestAcked, n.AckedTo[sv] = 1200, 1201
		w.resend(n, sv, 1201, 1448, 4)
		return w
	}
	strict := map[string]map[string]float64{"mtu-black-hole": {"repetitions": 9}}
	if f := of(Run(build().c, Options{Thresholds: strict}), "mtu-black-hole"); len(f) > 0 {
		t.Errorf("4 repetitions are fewer than 9: %+v", f)
	}
	if f := of(Run(build().c, Options{}), "mtu-black-hole"); len(f) != 1 {
		t.Errorf("by default: %+v", f)
	}
}

// TestSettable: figures of the helpers that rules share are thresholds of the
// rules that ask them.
func TestSettable(t *testing.T) {
	for _, x := range []struct {
		rule, name string
		figure     float64
		build      func(*world)
		said       bool // by default
	}{
		{"syn-lost", "at-once", 0.2, func(w *world) { // kept by a router: answered at no round trip
			_, n := w.tcp(2000)
			n.SYN, n.SYNACK = append(n.SYN, w.at(2000)), []pcapflow.Stamp{w.at(2130)}
			n.Samples[sv] = pcapflow.RTTStats{N: 9, Min: 20e6, P50: 21e6, P95: 24e6}
		}, false},
		{"slow-body", "delayed-ack", 1, func(w *world) { w.request(1130, 3000) }, true},
		{"slow-body", "first-window", 1, func(w *world) { w.request(1130, 3000) }, true},
		{"clock-zone", "rest", 1, func(w *world) {
			w.clock("web", "log", clock.Measured, known(time.Hour+20*time.Second, time.Hour+20*time.Second, ms))
		}, true},
	} {
		for _, set := range []bool{false, true} {
			w, opt := newWorld(), Options{}
			x.build(w)
			if set {
				opt.Thresholds = map[string]map[string]float64{x.rule: {x.name: x.figure}}
			}
			if said := len(of(Run(w.c, opt), x.rule)) > 0; said != (x.said != set) {
				t.Errorf("%s: %s set %v: speaks %v", x.rule, x.name, set, said)
			}
		}
	}
}
