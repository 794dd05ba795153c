package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestBudgets: what exceeds a budget is told, and that it is one.
func TestBudgets(t *testing.T) {
	build := func() *world {
		w := newWorld()
		w.request(1150, 1151)
		w.request(1300, 1301)
		return w
	}
	d := Run(build().c, Options{Budgets: map[string]float64{"http.wait": 0.1}})
	f := of(d, "slower-than-normal")
	if len(f) != 1 || len(f[0].Journeys) != 1 || f[0].Lost != 100*ms || f[0].Severity != Warning || !strings.Contains(f[0].Text, "budget") {
		t.Fatalf("%+v", f)
	}
	if v := d.Judge("https", "http.wait", 120*ms); !v.Slow || v.Against != "budget" || v.Limit != 100*ms {
		t.Errorf("%+v", v)
	}
	if f := of(Run(build().c, Options{Budgets: map[string]float64{WholeJourney: 5}}), "slower-than-normal"); len(f) > 0 {
		t.Errorf("within the budget: %+v", f)
	}
}

// TestBaseline: another folder says what is normal; so does the incident itself,
// where enough of it is healthy, but then no rule of its own speaks of it.
func TestBaseline(t *testing.T) {
	good := newWorld()
	for i := range 10 {
		good.request(1130+i, 1131+i)
	}
	base := Learn(good.c.Journeys, "good")
	bad := newWorld()
	bad.request(1280, 1281)
	d := Run(bad.c, Options{Baseline: &base})
	if f := of(d, "slower-than-normal"); len(f) == 0 || !strings.Contains(f[0].Text, "good") {
		t.Fatalf("%+v", f)
	}
	if v := d.Judge("https", string(pcapflow.HTTPWait), 180*ms); !v.Slow || v.Against != "baseline" {
		t.Errorf("%+v", v)
	}
	for range 3 {
		good.request(1280, 1281)
	}
	d = Run(good.c, Options{})
	if v := d.Judge("https", string(pcapflow.HTTPWait), 180*ms); !v.Slow || v.Against != "incident" {
		t.Errorf("%+v", v)
	}
	if f := of(d, "slower-than-normal"); len(f) > 0 {
		t.Errorf("%+v", f)
	}
	if v := Run(bad.c, Options{}).Judge("https", string(pcapflow.HTTPWait), time.Hour); v.Against != "" || v.Slow {
		t.Errorf("one journey tells what is normal: %+v", v)
	}
}

// TestCheckSettings: what no rule knows is refused in words.
func TestCheckSettings(t *testing.T) {
	for _, x := range []struct {
		thresholds map[string]map[string]float64
		budgets    map[string]float64
		want       string
	}{
		{nil, nil, ""},
		{map[string]map[string]float64{"app-slow": {"slow": 0.3}}, map[string]float64{"http.wait": 0.3, "total": 2}, ""},
		{map[string]map[string]float64{"app-fast": {"slow": 0.3}}, nil, "app-fast"},
		{map[string]map[string]float64{"app-slow": {"fast": 0.3}}, nil, `"fast"`},
		{map[string]map[string]float64{"app-slow": {"slow": -1}}, nil, "out of range"},
		{nil, map[string]float64{"http.think": 1}, "http.think"},
		{nil, map[string]float64{"http.wait": -1}, "out of range"},
	} {
		for _, l := range []lang.Lang{lang.EN, lang.ES} {
			got := CheckSettings(x.thresholds, x.budgets, l)
			if (got == "") != (x.want == "") || l == lang.EN && !strings.Contains(got, x.want) {
				t.Errorf("%v %v: %q", x.thresholds, x.budgets, got)
			}
		}
	}
}

// TestThresholdsListed: a rule compares with no figure that it does not list,
// and each has its words.
func TestThresholdsListed(t *testing.T) {
	for _, x := range allTrials() {
		w := newWorld()
		x.build(w)
		dc := newCase(w.c, Options{})
		for _, r := range checkOrder(rules) {
			r.Check(dc, r)
		}
		for _, s := range dc.unlisted {
			t.Errorf("%s/%s: %s", x.rule, x.name, s)
		}
	}
	for _, r := range Rules() {
		names := map[string]bool{}
		for _, x := range r.Thresholds {
			if names[x.Name] || x.Means.EN == "" || x.Means.ES == "" || x.Value(lang.EN) == "" {
				t.Errorf("%s: threshold %q twice, or without words", r.Name, x.Name)
			}
			names[x.Name] = true
		}
	}
}

// TestThresholdsHold: what a threshold of each rule is set to is what it
// compares with.
func TestThresholdsHold(t *testing.T) {
	for _, x := range []struct {
		trial, threshold string
		value            float64
	}{
		{"app-slow/without a log", "slow", 5}, {"slow-body/trickles", "slow", 5}, {"dns-retry/the first query has no answer", "wait", 60},
		{"syn-lost/repeated after a second", "wait", 60}, {"dns-slow-resolver/one slow answer", "slow", 60}, {"ssh-late-banner/three seconds", "late", 60},
		{"nat-state-lost/RST after an hour of silence", "idle", 1e6}, {"clock-offset/two seconds", "smallest", 60}, {"tls-long-chain/20 kB of certificates", "chain", 1e6},
		{"ssh-auth-backend/three seconds of PAM", "pause", 60}, {"cold-start/only the first is slow", "later", 99}, {"ssh-slow-kex/a second of computing", "slow", 60},
	} {
		found := false
		for _, tr := range allTrials() {
			if tr.rule+"/"+tr.name != x.trial {
				continue
			}
			found = true
			w := newWorld()
			tr.build(w)
			if f := of(Run(w.c, Options{Thresholds: map[string]map[string]float64{tr.rule: {x.threshold: x.value}}}), tr.rule); len(f) > 0 {
				t.Errorf("%s with %s = %g: %+v", x.trial, x.threshold, x.value, f)
			}
		}
		if !found {
			t.Errorf("there is no trial %s", x.trial)
		}
	}
}
