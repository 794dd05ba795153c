package main

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// cutIncidents are incidents from which folders are cut, with the rules that tell of
// what the cut cannot hold: that a client was offered the time is known of the host
// that a capture was taken on, and that a query never arrived of the capture at the
// resolver, which a few packets do not show.
var cutIncidents = map[string][]string{
	"s02_slow_app": nil, "s03_slow_dns": {"dns-never-reached-resolver"}, "s04_loss": nil, "s08_ntp_clocks": {"ntp-not-applied"}, "s14_two_points": nil,
}

// TestExtractTells: the folder cut for a journey, a client, a stretch of time and each
// finding tells, read anew, of the same journeys at the same instants, on the same clock,
// and the same finding about them.
func TestExtractTells(t *testing.T) {
	if testing.Short() {
		t.Skip("many reports")
	}
	for name, untold := range cutIncidents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := filepath.Join(need.Shared(t, "incidents", name), "input")
			whole := reportOn(t, input)
			var loud []*report.Finding
			for i := range whole.Findings {
				f := &whole.Findings[i]
				if len(f.Journeys) > 0 && f.Severity != "info" && f.Confidence != "not-evaluable" && len(loud) < 5 {
					loud = append(loud, f)
				}
			}
			first := journeyOf(whole, loud[0].Journeys[0])
			host := first.Client[:strings.LastIndexByte(first.Client, ':')]
			starts := make([]report.Instant, 0, len(whole.Journeys))
			for i := range whole.Journeys {
				starts = append(starts, whole.Journeys[i].Start)
			}
			slices.Sort(starts)
			cuts := map[string][]string{
				"journey": {"--about", first.ID}, "client": {"--client", host},
				"time": {"--since", starts[len(starts)/3].String(), "--until", starts[len(starts)/2].String()},
			}
			of := map[string]*report.Finding{}
			for _, f := range loud {
				cuts["finding "+f.ID+" "+f.Rule] = []string{"--about", f.ID}
				of["finding "+f.ID+" "+f.Rule] = f
			}
			lines, kept := 0, 0
			for kind, choice := range cuts {
				var out bytes.Buffer
				small := filepath.Join(t.TempDir(), "cut")
				if status := run(append([]string{"extract", input, "--out", small, "--lang", "en"}, choice...), strings.NewReader(""), &out, &out); status != exitDone {
					t.Fatalf("%s: status %d: %s", kind, status, out.String())
				}
				cut := reportOn(t, small)
				var chosen []*report.Journey
				switch f := of[kind]; {
				case f != nil:
					for _, id := range f.Journeys {
						chosen = append(chosen, journeyOf(whole, id))
					}
				case kind == "journey":
					chosen = []*report.Journey{first}
				default:
					part := reportOn(t, input, choice...)
					for i := range part.Journeys {
						chosen = append(chosen, journeyOf(whole, part.Journeys[i].ID))
					}
				}
				again := map[string]string{}
				for _, j := range chosen {
					g := sameJourney(t, kind, whole, cut, j)
					if g == nil {
						continue
					}
					again[j.ID] = g.ID
					lines, kept = lines+matchedLines(j), kept+min(matchedLines(j), matchedLines(g))
				}
				sameClocks(t, kind, whole, cut)
				if f := of[kind]; f != nil && !slices.Contains(untold, f.Rule) && !slices.ContainsFunc(cut.Findings, func(g report.Finding) bool {
					return g.Rule == f.Rule && !slices.ContainsFunc(f.Journeys, func(id string) bool { return !slices.Contains(g.Journeys, again[id]) })
				}) {
					t.Errorf("%s: not told of the cut: %s", kind, f.Text)
				}
			}
			t.Logf("%d cuts; of %d lines %d are matched again", len(cuts), lines, kept)
			if kept < lines*4/5 {
				t.Errorf("of %d lines only %d are matched again", lines, kept)
			}
		})
	}
}

// reportOn is the report on a folder.
func reportOn(t *testing.T, path string, more ...string) *report.Report {
	t.Helper()
	var out, diag bytes.Buffer
	if status := run(append([]string{"report", "--lang", "en", "--format", "json", "--fail-on", "never", path}, more...), strings.NewReader(""), &out, &diag); status != exitDone {
		t.Fatalf("%s: status %d: %s", path, status, diag.String())
	}
	var r report.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func journeyOf(r *report.Report, id string) *report.Journey {
	i := slices.IndexFunc(r.Journeys, func(j report.Journey) bool { return j.ID == id })
	return &r.Journeys[i]
}

func matchedLines(j *report.Journey) (n int) {
	for _, l := range j.Lines {
		if l.Status == "matched" {
			n++
		}
	}
	return n
}

// sameJourney finds a journey again. An instant that another capture tells, as that of a
// lookup, moves by what is not known of the two clocks.
func sameJourney(t *testing.T, kind string, whole, cut *report.Report, j *report.Journey) *report.Journey {
	t.Helper()
	const moved = report.Instant(5 * time.Millisecond)
	i := slices.IndexFunc(cut.Journeys, func(g report.Journey) bool {
		return g.Service == j.Service && g.Client == j.Client && g.Server == j.Server && g.Name == j.Name && g.Ordinal == j.Ordinal && apart(g.Start, j.Start) <= moved
	})
	if i < 0 {
		t.Errorf("%s: %s %s of %s is gone", kind, j.Service, j.Name, j.Start)
		return nil
	}
	g := &cut.Journeys[i]
	if g.Outcome != j.Outcome || (g.Total == nil) != (j.Total == nil) || g.Total != nil && apart(report.Instant(*g.Total), report.Instant(*j.Total)) > moved || len(g.Phases) != len(j.Phases) {
		t.Errorf("%s: %s %s of %s: %s %v, was %s %v", kind, j.Service, j.Name, j.Start, g.Outcome, g.Total, j.Outcome, j.Total)
	}
	if g.StartCorrected == nil || j.StartCorrected == nil {
		if (g.StartCorrected == nil) != (j.StartCorrected == nil) {
			t.Errorf("%s: %s: corrected %v, was %v", kind, j.Start, g.StartCorrected, j.StartCorrected)
		}
		return g
	}
	if d := apart(*g.StartCorrected, *j.StartCorrected); d > widthOf(whole, j)+moved {
		t.Errorf("%s: %s: corrected to %s, was %s", kind, j.Start, *g.StartCorrected, *j.StartCorrected)
	}
	return g
}

func apart(a, b report.Instant) report.Instant { return max(a-b, b-a) }

// widthOf is how far apart the bounds of the clock of a journey are.
func widthOf(r *report.Report, j *report.Journey) (width report.Instant) {
	for i := range r.Clocks {
		c := &r.Clocks[i]
		if c.Kind != "capture" || !slices.Contains(c.Evidence, j.Evidence) {
			continue
		}
		for _, s := range c.Segments {
			width = max(width, report.Instant(s.High-s.Low))
		}
	}
	return width
}

// sameClocks: what was measured of a clock is known in the cut, and the two agree.
func sameClocks(t *testing.T, kind string, whole, cut *report.Report) {
	t.Helper()
	plain := func(name string) string {
		return strings.TrimSuffix(strings.TrimSuffix(name, "ng"), ".pcap")
	}
	for i := range cut.Clocks {
		g := &cut.Clocks[i]
		k := slices.IndexFunc(whole.Clocks, func(c report.Clock) bool { return plain(c.Name) == plain(g.Name) })
		if k < 0 {
			t.Errorf("%s: %s is no clock of the whole", kind, g.Name)
			continue
		}
		c := &whole.Clocks[k]
		if c.Status == "measured" && g.Status != "measured" || (c.Status == "reference") != (g.Status == "reference") {
			t.Errorf("%s: %s is %s, was %s", kind, g.Name, g.Status, c.Status)
		}
		low, high := math.Inf(1), math.Inf(-1)
		for _, s := range c.Segments {
			low, high = min(low, s.Low.Duration().Seconds()), max(high, s.High.Duration().Seconds())
		}
		for _, s := range g.Segments {
			if len(c.Segments) > 0 && (s.Low.Duration().Seconds() > high+1e-3 || s.High.Duration().Seconds() < low-1e-3) {
				t.Errorf("%s: %s: %v … %v, was %g … %g", kind, g.Name, s.Low, s.High, low, high)
			}
		}
	}
}
