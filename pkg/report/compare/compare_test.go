package compare

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// day is a report of journeys that take so many milliseconds to connect and to
// wait for; a negative wait never ends.
func day(connect, wait []int) *report.Report {
	r := &report.Report{Schema: report.Schema}
	for i := range connect {
		j := report.Journey{ID: fmt.Sprintf("j%d", i+1), Service: "https", Client: "10.0.0.1:1000", Server: "10.0.0.2:443", Outcome: "done", Phases: []report.Phase{
			{Name: "tcp.connect", Outcome: "done", Seconds: ms(connect[i])},
			{Name: "http.wait", Outcome: "done", Seconds: ms(wait[i])},
		}, Total: ms(connect[i] + wait[i]), Breakdown: []report.Share{{Cause: "network", Seconds: *ms(connect[i])}, {Cause: "server", Seconds: *ms(wait[i])}}}
		if wait[i] < 0 {
			j.Outcome, j.Total, j.Breakdown = "unanswered", nil, nil
			j.Phases[1].Outcome, j.Phases[1].Seconds = "unanswered", nil
		}
		r.Journeys = append(r.Journeys, j)
	}
	return r
}

func ms(n int) *report.Seconds {
	s := report.Seconds(int64(n) * 1e6)
	return &s
}

func phaseNamed(t *testing.T, c *Comparison, name string) Phase {
	t.Helper()
	for _, p := range c.Services[0].Phases {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no phase %s", name)
	return Phase{}
}

// TestInjectedDelay: the wait moves and the handshake does not, and the
// comparison says just that.
func TestInjectedDelay(t *testing.T) {
	good := day([]int{20, 21, 19, 22, 20, 23, 18, 21}, []int{30, 31, 29, 33, 30, 28, 32, 31})
	bad := day([]int{21, 20, 22, 19, 20, 21, 23, 18}, []int{530, 531, 529, 533, -1, 528, 532, 531})
	bad.Findings = []report.Finding{{ID: "f1", Rule: "app-slow", Severity: "warning", Journeys: []string{"j1"}}}
	c := Folders([]string{"good", "bad"}, []*report.Report{good, bad})
	if w := phaseNamed(t, c, "http.wait"); w.Tests[0].Verdict != Differs || w.Tests[0].Shift != 500e6 || w.Groups[1].Failed != 1 || w.Groups[1].N != 7 {
		t.Errorf("wait: %+v", w)
	}
	if h := phaseNamed(t, c, "tcp.connect"); h.Tests[0].Verdict != MayChance {
		t.Errorf("connect: %+v", h.Tests)
	}
	if total := phaseNamed(t, c, Total); total.Groups[1].Failed != 1 {
		t.Errorf("whole: %+v", total.Groups[1])
	}
	if got := c.Services[0].Dominant; got[1] != "http.wait" {
		t.Errorf("dominant: %v", got)
	}
	if len(c.Rules) != 1 || !slices.Equal(c.Rules[0].Findings, []int{0, 1}) {
		t.Errorf("rules: %+v", c.Rules)
	}
}

// TestTooFew: three against three prove nothing, however far apart.
func TestTooFew(t *testing.T) {
	c := Folders([]string{"a", "b"}, []*report.Report{day([]int{1, 2, 3}, []int{10, 11, 12}), day([]int{1, 2, 3}, []int{910, 911, 912})})
	if w := phaseNamed(t, c, "http.wait"); w.Tests[0].Verdict != TooFew {
		t.Errorf("verdict %s", w.Tests[0].Verdict)
	}
	if e := phaseNamed(t, c, "tcp.connect"); e.Tests[0].Verdict != TooFew {
		t.Errorf("verdict %s", e.Tests[0].Verdict)
	}
}

// TestEnough: with so many in each group, complete separation is beyond chance
// after the adjustment, with one fewer it is not.
func TestEnough(t *testing.T) {
	for tests := 1; tests < 12; tests++ {
		n := Enough(tests)
		if leastP(n, n)*float64(tests) > level || leastP(n-1, n-1)*float64(tests) <= level {
			t.Errorf("%d tests: %d", tests, n)
		}
	}
	if Enough(1) != 4 || Enough(6) != 5 { // 2/70 = 0.029; 6 × 2/252 = 0.048
		t.Errorf("%d and %d, want 4 and 5", Enough(1), Enough(6))
	}
}

// TestNothingToTell: equal constants are not tested at all.
func TestNothingToTell(t *testing.T) {
	c := Folders([]string{"a", "b"}, []*report.Report{day([]int{5, 5, 5, 5, 5}, []int{1, 2, 3, 4, 5}), day([]int{5, 5, 5, 5, 5}, []int{2, 3, 4, 5, 6})})
	if e := phaseNamed(t, c, "tcp.connect"); len(e.Tests) != 0 {
		t.Errorf("tested: %+v", e.Tests)
	}
}

// TestOutlier: a repetition far beyond the others is named with what grew.
func TestOutlier(t *testing.T) {
	r := day([]int{20, 21, 19, 22, 20, 1020}, []int{30, 31, 29, 33, 30, 31})
	r.Journeys[5].Phases[0].Attempts = 2
	r.Findings = []report.Finding{{ID: "f1", Rule: "syn-lost", Severity: "warning", Journeys: []string{"j6"}}, {ID: "f2", Rule: "chatter", Severity: "info", Journeys: []string{"j6"}}}
	c := By(*KeyNamed("repetition"), r)
	p := phaseNamed(t, c, "tcp.connect")
	if len(p.Tests) != 0 {
		t.Errorf("repetitions of one action are tested: %+v", p.Tests)
	}
	o := p.Groups[0].Outliers
	if len(o) != 1 || o[0].Journey != "j6" || o[0].Attempts != 2 || o[0].Cause != "network" || !slices.Equal(o[0].Rules, []string{"syn-lost"}) {
		t.Errorf("outliers: %+v", o)
	}
}

// TestKeys: each key puts a journey where it belongs, or says why nowhere.
func TestKeys(t *testing.T) {
	resumed := &report.TLS{Resumed: true}
	lookup := []report.Phase{{Name: "dns.lookup"}}
	for _, c := range []struct {
		key           string
		j             report.Journey
		group, reason string
	}{
		{"ip-version", report.Journey{Client: "10.0.0.1:5"}, "IPv4", ""},
		{"ip-version", report.Journey{Client: "fd10:1::b:49386"}, "IPv6", ""},
		{"ip-version", report.Journey{}, "", "no-address"},
		{"transport", report.Journey{Transport: "udp"}, "UDP", ""},
		{"transport", report.Journey{}, "", "no-transport"},
		{"server", report.Journey{Server: "10.0.0.2:443"}, "10.0.0.2:443", ""},
		{"client", report.Journey{Client: "fd10:1::b:49386"}, "fd10:1::b", ""},
		{"tls-resumed", report.Journey{TLS: resumed}, "resumed", ""},
		{"tls-resumed", report.Journey{TLS: &report.TLS{}}, "full handshake", ""},
		{"tls-resumed", report.Journey{}, "", "no-tls"},
		{"name-or-address", report.Journey{Service: "ssh", Name: "a.example", Phases: lookup}, "by name", ""},
		{"name-or-address", report.Journey{Service: "ssh", Name: "a.example"}, "by name, not looked up", ""},
		{"name-or-address", report.Journey{Service: "ssh", Name: "a.example", Phases: []report.Phase{{Name: "dns.lookup", Outcome: "unseen"}}}, "by name, not looked up", ""},
		{"name-or-address", report.Journey{Service: "ssh", Name: "10.0.0.2"}, "by address", ""},
		{"name-or-address", report.Journey{Service: "dns"}, "", "no-address"},
		{"hour", report.Journey{Start: 3600e9}, "1970-01-01 01h", ""},
		{"repetition", report.Journey{Service: "https", Name: "a.example", Request: &report.Request{Method: "GET", Path: "/x"}}, "https a.example GET /x", ""},
	} {
		group, reason := KeyNamed(c.key).of(&c.j)
		if group != c.group || reason != c.reason {
			t.Errorf("%s of %+v: %q, %q; want %q, %q", c.key, c.j, group, reason, c.group, c.reason)
		}
	}
}

// TestManyGroups: more groups than can be shown are left out and counted.
func TestManyGroups(t *testing.T) {
	r := &report.Report{}
	for i := range 20 {
		for range 20 - i {
			r.Journeys = append(r.Journeys, report.Journey{Service: "ntp", Server: fmt.Sprintf("10.0.0.%d:123", i), Outcome: "done", Total: ms(i)})
		}
	}
	c := By(*KeyNamed("server"), r)
	left := 0
	for i := range most {
		left += 20 - i
	}
	if len(c.Groups) != most || len(c.Left) != 1 || c.Left[0].Journeys != len(r.Journeys)-left {
		t.Errorf("%d groups, left out %+v", len(c.Groups), c.Left)
	}
}
