package correlate

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// TestRealJourneysShow: kinds of journeys, causes that waits are charged to and
// contradictions that the referee explains are met in recordings of real
// programs, and what a journey took is divided without rest.
func TestRealJourneysShow(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents"), "*", "input"))
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := filepath.Glob(filepath.Join("testdata", "recorded", "*"))
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]string{}
	for _, folder := range append(append(folders, shared...), recorded...) {
		inc, err := incident.Read(context.Background(), []string{folder}, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range Correlate(inc, Options{}).Journeys {
			where := folder + " " + j.ID
			checkDivided(t, where, j.Breakdown, j.Total())
			if v := j.ServerView; v != nil {
				checkDivided(t, where+" at the server", v.Breakdown, v.Total)
				met["server's view"] = where
			}
			for _, what := range shownBy(j) {
				met[what] = where
			}
		}
	}
	for _, what := range []string{
		"retry", "address", "redirect", "upstream", "side lookup of ssh", "side lookup of https", "two points", "three points", "translated",
		"known by sequence-numbers", "known by payload",
		"cause neighbour", "cause window", "cause delayed-ack", "cause idle",
		"cause dns", "cause resolver-retry", "cause network", "cause server", "cause client", "cause loss", "cause tls", "what if", "server's view",
		"why reused-connection", "why failed-printed-as-zero", "why resolver-thread", "why client-late", "why lingering-close", "why buffered-end",
		"why lay-unread", "why 100-continue", "why upload-begun", "why sending-counted", "why coarse-clock",
	} {
		if met[what] == "" {
			t.Errorf("no journey shows: %s", what)
		}
	}
}

// shownBy names what a journey is an example of.
func shownBy(j *Journey) []string {
	var list []string
	for _, l := range j.Links {
		list = append(list, l.Kind)
	}
	if len(j.SideLookups) > 0 {
		list = append(list, "side lookup of "+j.Service)
	}
	if len(j.Points) > 1 {
		list = append(list, "two points")
	}
	if len(j.Points) > 2 {
		list = append(list, "three points")
	}
	for _, p := range j.Points {
		if p.By != "" {
			list = append(list, "known by "+string(p.By))
		}
	}
	if j.ClientSeen.IsValid() {
		list = append(list, "translated")
	}
	for _, s := range j.Breakdown {
		if s.Time > time.Millisecond {
			list = append(list, "cause "+string(s.Cause))
		}
	}
	if len(j.WhatIf) > 0 {
		list = append(list, "what if")
	}
	for _, w := range j.Witnesses {
		if w.Why != "" {
			list = append(list, "why "+string(w.Why))
		}
	}
	return list
}

// checkDivided: the shares of a time are exclusive and leave no rest.
func checkDivided(t *testing.T, where string, shares []Share, total time.Duration) {
	t.Helper()
	if len(shares) == 0 {
		return
	}
	sum, all := time.Duration(0), 0.0
	for _, s := range shares {
		sum, all = sum+s.Time, all+s.Share
		if s.Time < 0 {
			t.Errorf("%s: %v for %s", where, s.Time, s.Cause)
		}
	}
	if sum != total || math.Abs(all-1) > 1e-9 {
		t.Errorf("%s: parts of %v add up to %v, shares to %v", where, total, sum, all)
	}
}
