package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// cutIncidents are those from which folders are cut, by name: the shared ones, samples,
// and what else is recorded in the folders that RECORDINGS lists.
func cutIncidents(t *testing.T) map[string]string {
	inputs := map[string]string{}
	folders := append(filepath.SplitList(os.Getenv("RECORDINGS")), filepath.Join("..", "..", "samples"), need.Shared(t, "incidents"))
	for _, folder := range folders {
		all, err := filepath.Glob(filepath.Join(folder, "*", "input"))
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range all {
			inputs[filepath.Base(filepath.Dir(input))] = input
		}
	}
	return inputs
}

// mostFindings of one incident are cut for; of one of more than manyJourneys, that takes
// seconds for each cut, only a journey, a finding and a client.
const (
	mostFindings = 1
	manyJourneys = 500
)

// TestExtractTells: the folder cut for a journey, a client, a stretch of time and each
// finding tells, read anew, of the same journeys at the same instants, on the same clock,
// and the same finding about them; and so do those cut by the index of an archive.
func TestExtractTells(t *testing.T) {
	if testing.Short() {
		t.Skip("many reports")
	}
	for name, input := range cutIncidents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCutting(t, input)
			loud := c.loud()
			if len(loud) == 0 {
				t.Skip("no finding about a journey")
			}
			index := filepath.Join(t.TempDir(), "index")
			c.run("batch", input, "--out", index, "--quiet")
			first := journeyOf(c.whole, loud[0].Journeys[0])
			client := choice{clients: []string{first.Client[:strings.LastIndexByte(first.Client, ':')]}}
			starts := make([]report.Instant, 0, len(c.whole.Journeys))
			for i := range c.whole.Journeys {
				starts = append(starts, c.whole.Journeys[i].Start)
			}
			slices.Sort(starts)
			span := choice{since: starts[len(starts)/3].String(), until: starts[len(starts)/2].String()}
			c.cutAbout("journey", nil, []*report.Journey{first}, first.ID)
			c.cutByIndex("client by index", nil, client, index)
			if len(c.whole.Journeys) > manyJourneys {
				c.found(loud[0])
				return
			}
			c.cutChosen("time", span)
			c.cutByIndex("time by index", nil, span, index)
			for _, f := range loud {
				c.found(f)
			}
			// An archive is told in windows: there a rule may hold for fewer journeys.
			rule := choice{rules: []string{loud[0].Rule}}
			if about := c.chosen(rule); c.indexed(index, loud[0].Rule) == len(about) {
				c.cutByIndex("rule by index", loud[0], rule, index)
			} else {
				t.Logf("%s: %d journeys in the archive, %d in the whole", loud[0].Rule, c.indexed(index, loud[0].Rule), len(about))
			}
			t.Logf("%d findings; of %d lines %d are matched again", len(loud), c.lines, c.kept)
			if c.kept < c.lines*4/5 {
				t.Errorf("of %d lines only %d are matched again", c.lines, c.kept)
			}
		})
	}
}

// cutting is what is cut from one incident.
type cutting struct {
	t           *testing.T
	env         *environment
	input       string
	analyses    []*analysed // of all its files, then of those that an index named
	whole       *report.Report
	lines, kept int // of the journeys cut, matched: in the whole, and again
}

// analysed is what is known of some files: many cuts are made from the same.
type analysed struct {
	evidence *correlate.Case
	report   *report.Report
	only     map[string]bool // nil: all
}

func newCutting(t *testing.T, input string) *cutting {
	t.Helper()
	c := &cutting{t: t, input: input}
	c.env = &environment{in: strings.NewReader(""), out: io.Discard, diag: io.Discard, options: options{frames: true, jobs: runtime.NumCPU()}}
	c.whole = c.analysed(nil).report
	return c
}

// analysed reads those files, as extract does, where it has not.
func (c *cutting) analysed(only map[string]bool) *analysed {
	c.t.Helper()
	for _, a := range c.analyses {
		if maps.Equal(a.only, only) || len(only) == len(a.evidence.Incident.Files) && a.only == nil {
			return a
		}
	}
	a := &analysed{only: only}
	c.env.only = only
	var err error
	if a.evidence, err = c.env.analyse([]string{c.input}); err == nil {
		a.report, err = c.env.diagnosed(c.t.Context(), a.evidence)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.analyses = append(c.analyses, a)
	return a
}

// loud are findings about journeys.
func (c *cutting) loud() (all []*report.Finding) {
	for i := range c.whole.Findings {
		f := &c.whole.Findings[i]
		if len(f.Journeys) > 0 && f.Severity != "info" && f.Confidence != "not-evaluable" && len(all) < mostFindings {
			all = append(all, f)
		}
	}
	return all
}

// found cuts what a finding is about.
func (c *cutting) found(f *report.Finding) {
	c.t.Helper()
	var about []*report.Journey
	for _, id := range f.Journeys {
		about = append(about, journeyOf(c.whole, id))
	}
	c.cutAbout("finding "+f.ID+" "+f.Rule, f, about, f.ID)
}

func (c *cutting) run(args ...string) {
	c.t.Helper()
	var out bytes.Buffer
	if status := run(append(args, "--lang", "en"), strings.NewReader(""), &out, &out); status != exitDone {
		c.t.Fatalf("%v: status %d: %s", args, status, out.String())
	}
}

// chosen are the journeys of the whole that options choose.
func (c *cutting) chosen(by choice) (all []*report.Journey) {
	c.t.Helper()
	c.env.options.choice = by
	part, err := c.env.chosen(c.whole)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range part.Journeys {
		all = append(all, journeyOf(c.whole, part.Journeys[i].ID))
	}
	return all
}

// indexed is how many journeys a result knows that a rule holds for.
func (c *cutting) indexed(index, rule string) (n int) {
	c.t.Helper()
	err := archive.EachRow(index, "findings", func(row *trend.FindingRow) error {
		if row.Rule == rule {
			n += int(row.Journeys)
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// cutAbout cuts what a journey or a finding is about.
func (c *cutting) cutAbout(kind string, f *report.Finding, about []*report.Journey, id string) {
	c.t.Helper()
	c.env.options.choice = choice{}
	c.cut(kind, f, about, c.analyses[0], id)
}

// cutChosen cuts what options choose.
func (c *cutting) cutChosen(kind string, by choice) {
	c.t.Helper()
	c.cut(kind, nil, c.chosen(by), c.analyses[0], "")
}

// cutByIndex cuts what options choose, from the files that an index names.
func (c *cutting) cutByIndex(kind string, f *report.Finding, by choice, index string) {
	c.t.Helper()
	want := c.chosen(by)
	only, err := c.env.filesByIndex([]string{c.input}, index)
	if err != nil {
		c.t.Fatalf("%s: %v", kind, err)
	}
	c.cut(kind, f, want, c.analysed(only), "")
}

// cut cuts what is about id, where that is not empty, and what the options choose, and
// looks for the journeys, the clocks and the finding, if one is given, in the folder.
func (c *cutting) cut(kind string, f *report.Finding, want []*report.Journey, from *analysed, id string) {
	c.t.Helper()
	small := filepath.Join(c.t.TempDir(), "cut")
	chosen, err := c.env.journeysAbout(from.report, id)
	if err == nil {
		err = c.env.writeExtract(from.evidence, from.report, chosen, small)
	}
	if err != nil {
		c.t.Fatalf("%s: %v", kind, err)
	}
	cut, again := reportOn(c.t, small), map[string]string{}
	for _, j := range want {
		g := sameJourney(c.t, kind, c.whole, cut, j)
		if g == nil {
			continue
		}
		again[j.ID] = g.ID
		c.lines, c.kept = c.lines+matchedLines(j), c.kept+min(matchedLines(j), matchedLines(g))
	}
	sameClocks(c.t, kind, c.whole, cut)
	if f != nil && !slices.ContainsFunc(cut.Findings, func(g report.Finding) bool {
		return g.Rule == f.Rule && !slices.ContainsFunc(f.Journeys, func(id string) bool { return !slices.Contains(g.Journeys, again[id]) })
	}) {
		c.t.Errorf("%s: not told of the cut: %s", kind, f.Text)
	}
}

// reportOn is the report on a folder.
func reportOn(t *testing.T, path string) *report.Report {
	t.Helper()
	var out, diag bytes.Buffer
	if status := run([]string{"report", "--lang", "en", "--format", "json", "--fail-on", "never", path}, strings.NewReader(""), &out, &diag); status != exitDone {
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
		return strings.TrimSuffix(name, "ng") // of .pcapng
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
