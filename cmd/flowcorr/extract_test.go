package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestExtract: what is cut out of an incident tells the same of the journeys it
// was cut for, also when an index says which files to read.
func TestExtract(t *testing.T) {
	input := filepath.Join("..", "..", "samples", "slow-application", "input")
	call := func(want int, args ...string) string {
		t.Helper()
		var out, diag bytes.Buffer
		if status := run(append([]string{"--lang", "en"}, args...), strings.NewReader(""), &out, &diag); status != want {
			t.Fatalf("%v: status %d: %s", args, status, diag.String())
		}
		return out.String()
	}
	slow := func(path string) []string {
		var r report.Report
		if err := json.Unmarshal([]byte(call(exitDone, "report", "--format", "json", "--fail-on", "never", "--rule", "app-slow", path)), &r); err != nil {
			t.Fatal(err)
		}
		var all []string
		for i := range r.Journeys {
			j := &r.Journeys[i]
			line := fmt.Sprint(j.Service, j.Client, j.Server, j.Name, j.Start, *j.Total, j.Outcome)
			for _, p := range j.Phases {
				line += fmt.Sprint(" ", p.Name, p.Outcome, p.Seconds != nil && *p.Seconds > 0)
			}
			all = append(all, line)
		}
		slices.Sort(all)
		return all
	}
	want := slow(input)
	if len(want) < 5 {
		t.Fatalf("only %d slow journeys in the sample", len(want))
	}
	small := filepath.Join(t.TempDir(), "small")
	call(exitDone, "extract", input, "--rule", "app-slow", "--out", small)
	if got := slow(small); !slices.Equal(got, want) {
		t.Errorf("cut out:\n%s\nwhole:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	index, again := filepath.Join(t.TempDir(), "index"), filepath.Join(t.TempDir(), "again")
	call(exitDone, "batch", input, "--out", index)
	call(exitDone, "extract", input, "--index", index, "--server", "203.0.113.194", "--min-total", "1s", "--out", again)
	var r report.Report
	if err := json.Unmarshal([]byte(call(exitDone, "report", "--format", "json", "--fail-on", "never", input)), &r); err != nil {
		t.Fatal(err)
	}
	f := r.Findings[slices.IndexFunc(r.Findings, func(f report.Finding) bool { return f.Rule == "app-slow" })]
	j := r.Journeys[slices.IndexFunc(r.Journeys, func(j report.Journey) bool { return j.ID == f.Journeys[0] })]
	client := j.Client[:strings.LastIndexByte(j.Client, ':')]
	for name, c := range map[string]struct {
		choice []string
		all    bool // of the slow journeys
	}{
		"finding": {[]string{"--about", f.ID}, true},
		"journey": {[]string{"--about", j.ID}, false},
		"client":  {[]string{"--client", client}, true},
		"time":    {[]string{"--since", r.Journeys[0].Start.String(), "--until", r.Journeys[len(r.Journeys)-1].End.String()}, true},
		"index":   {[]string{"--index", index, "--rule", "app-slow"}, true},
		"by rows": {[]string{"--index", index, "--client", client}, true},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "part")
			call(exitDone, append([]string{"extract", input, "--out", out}, c.choice...)...)
			got := slow(out)
			if c.all && !slices.Equal(got, want) || len(got) == 0 || slices.ContainsFunc(got, func(line string) bool { return !slices.Contains(want, line) }) {
				t.Errorf("cut out:\n%s\nwhole:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	call(exitUsage, "extract", input, "--rule", "app-slow", "--out", small) // not empty
	call(exitUsage, "extract", input, "--out", filepath.Join(t.TempDir(), "x"))
	call(exitUsage, "extract", input, "--about", "j999", "--out", filepath.Join(t.TempDir(), "x"))
	call(exitNoInput, "extract", input, "--client", "192.0.2.77", "--out", filepath.Join(t.TempDir(), "x"))
}
