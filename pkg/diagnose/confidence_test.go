package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// witnesses bring one kind of second evidence into a world.
var witnesses = map[string]func(*world){
	"a server's line": func(w *world) {
		for _, j := range w.c.Journeys {
			if j.Exchange != nil || j.SSH != nil || j.Service == "https" {
				w.said(j, logparse.Event{Kind: logparse.HTTPRequest, Duration: time.Hour, Status: statusOf(j)})
			}
		}
	},
	"what the client printed": func(w *world) {
		for _, j := range w.c.Journeys {
			w.said(j, logparse.Event{Kind: logparse.ClientHTTP, Duration: -1})
		}
	},
	"a second point": func(w *world) {
		for _, j := range w.c.Journeys {
			p := j.Points[0]
			other := *p.Flow
			k := &incident.Capture{Files: []*incident.File{{Path: "b.pcap"}}, Frames: []int{1}}
			k.Last = w.k.Last
			j.Points = append(j.Points, correlate.Point{Capture: k, Flow: &other, Exchange: p.Exchange})
			if j.Lookup != nil {
				j.Lookup.Others = append(j.Lookup.Others, &correlate.Lookup{Capture: k})
			}
		}
	},
	"a capture at the server that missed what was lost": func(w *world) {
		for _, j := range w.c.Journeys {
			if n := j.Points[0].Flow.Conn; n != nil && len(n.SYN) > 1 {
				at := w.twoPoints(j, pcapflow.VantageServer)
				at.SYN = n.SYN[1:]
			}
		}
	},
	"the error log": func(w *world) {
		w.log("nginx-error", logparse.Event{Kind: logparse.HTTPError, Text: "upstream timed out", UpstreamTo: "127.0.0.1:80"})
	},
}

// alone are worlds in which a rule of the table speaks from packets alone.
func alone(t *testing.T, rule string) []trial {
	var out []trial
	for _, x := range allTrials() {
		if x.rule != rule || !x.fires {
			continue
		}
		w := newWorld()
		x.build(w)
		f := of(Run(w.c, Options{}), rule)
		seconded := slices.ContainsFunc(f, func(f Finding) bool { return newCase(w.c, Options{}).seconded(grounds[rule].second, f.Journeys) })
		if len(f) > 0 && !seconded {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		t.Log(rule + ": never speaks from packets alone")
	}
	return out
}

// TestGrounds: a rule of the table is not sure of what packets at one point say
// alone, and is surer where a second kind of evidence says the same.
func TestGrounds(t *testing.T) {
	for rule := range grounds {
		if Find(rule) == nil {
			t.Errorf("there is no rule %s", rule)
		}
		for _, x := range alone(t, rule) {
			w := newWorld()
			x.build(w)
			before := of(Run(w.c, Options{}), rule)[0].Confidence
			if before > Medium {
				t.Errorf("%s/%s: %s from packets at one point alone", rule, x.name, before)
			}
			if before < Medium {
				continue // it says itself why it is not sure
			}
			helped := false
			for _, add := range witnesses {
				w := newWorld()
				x.build(w)
				add(w)
				f := of(Run(w.c, Options{}), rule)
				helped = helped || len(f) > 0 && f[0].Confidence == High
			}
			if !helped {
				t.Errorf("%s/%s: no second evidence makes it sure", rule, x.name)
			}
		}
	}
}

// TestContradicted: what a refuter overturns is less sure, or not said, whatever
// the rule.
func TestContradicted(t *testing.T) {
	for _, x := range allTrials() {
		w := newWorld()
		x.build(w)
		for _, f := range Run(w.c, Options{}).Findings {
			found := slices.ContainsFunc(f.Refuters, func(r Refuter) bool { return r.Status == "found" })
			if found && f.Confidence == High && !f.restated {
				t.Errorf("%s/%s: %s is sure though a refuter was found: %s", x.rule, x.name, f.Rule, f.Text)
			}
		}
	}
}

// TestNearest: what a side had in flight is read where that side was captured.
func TestNearest(t *testing.T) {
	w := newWorld()
	j, n := w.tcp(300)
	n.RTTServer, n.RTTClient = 20e6, 1e5
	far := *j.Points[0].Flow
	far.Conn = &pcapflow.Conn{RTTServer: 1e5, RTTClient: 20e6}
	j.Points = append(j.Points, correlate.Point{Capture: w.k, Flow: &far})
	if nearest(j, cl).Flow != j.Points[0].Flow || nearest(j, sv).Flow != &far {
		t.Error("not the point nearest to each side")
	}
}
