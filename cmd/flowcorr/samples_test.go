package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
)

// TestSamples: the report on each sample is the committed one, byte for byte
// (UPDATE=1 writes it); it finds what the sample's README says it must, and its
// warnings and errors are all told there.
func TestSamples(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(root, "samples", "*", "input"))
	if err != nil || len(samples) < 8 {
		t.Fatalf("%d samples: %v", len(samples), err)
	}
	t.Chdir(root)
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("COLUMNS", "100")
	for _, input := range samples {
		folder := filepath.Dir(input)
		relative := filepath.ToSlash(filepath.Join("samples", filepath.Base(folder), "input"))
		t.Run(filepath.Base(folder), func(t *testing.T) {
			compareReport(t, filepath.Join(folder, "report.txt"), printed(t, []string{"report", relative}, t.TempDir()))
			checkFindings(t, filepath.Join(folder, "README.md"), printed(t, []string{"report", "--format", "json", relative}, t.TempDir()))
			checkTruth(t, folder)
		})
	}
}

func compareReport(t *testing.T, path, got string) {
	t.Helper()
	want, err := os.ReadFile(path)
	if err == nil && string(want) == got {
		return
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s: the report is another (UPDATE=1 writes it): %s", path, firstDifference(want, []byte(got)))
}

var quoted = regexp.MustCompile("`([a-z0-9-]+)`")

// checkFindings compares the findings with the paragraph "flowcorr must find".
// A rule behind "no" must not be found.
func checkFindings(t *testing.T, readme, report string) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, paragraph, ok := bytes.Cut(text, []byte("**flowcorr must find**"))
	if !ok {
		t.Fatalf("%s does not say what flowcorr must find", readme)
	}
	paragraph, _, _ = bytes.Cut(paragraph, []byte("\n\n"))
	var must, mustNot []string
	for _, m := range quoted.FindAllSubmatchIndex(paragraph, -1) {
		rule := string(paragraph[m[2]:m[3]])
		if !slices.ContainsFunc(diagnose.Rules(), func(r *diagnose.Rule) bool { return r.Name == rule }) {
			continue
		}
		if bytes.HasSuffix(bytes.TrimSpace(paragraph[:m[0]]), []byte(" no")) {
			mustNot = append(mustNot, rule)
		} else {
			must = append(must, rule)
		}
	}
	var r struct {
		Findings []struct{ Rule, Severity, Confidence, Text string }
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range r.Findings {
		if f.Confidence == "not-evaluable" {
			continue
		}
		found[f.Rule] = true
		if loud := f.Severity == "warning" || f.Severity == "error"; loud && !slices.Contains(must, f.Rule) {
			t.Errorf("loud and not in the README: %s: %s", f.Rule, f.Text)
		}
	}
	if len(must) == 0 {
		t.Errorf("%s: no rule is named", readme)
	}
	for _, rule := range must {
		if !found[rule] {
			t.Errorf("not found: %s", rule)
		}
	}
	for _, rule := range mustNot {
		if found[rule] {
			t.Errorf("found, and must not be: %s", rule)
		}
	}
}

// checkTruth: every file that the truth speaks of is there, and the README says how
// the lab recorded it.
func checkTruth(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Scenario string
		Seed     int
		Captures []struct{ Files []string }
		Logs     []struct{ File string }
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	if readme, err := os.ReadFile(filepath.Join(folder, "README.md")); err != nil || !bytes.Contains(readme, fmt.Appendf(nil, "`lab/run %s --seed %d", truth.Scenario, truth.Seed)) {
		t.Errorf("the README does not say `lab/run %s --seed %d`: %v", truth.Scenario, truth.Seed, err)
	}
	files := []string{}
	for _, c := range truth.Captures {
		files = append(files, c.Files...)
	}
	for _, l := range truth.Logs {
		files = append(files, l.File)
	}
	if len(files) < 2 {
		t.Errorf("the truth names only %s", strings.Join(files, ", "))
	}
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(f))); err != nil {
			t.Error(err)
		}
	}
}
