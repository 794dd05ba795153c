package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestScore compares the reports on incidents with known truth with the figures
// recorded in testdata/score.txt: none may fall below. UPDATE=1 records.
func TestScore(t *testing.T) {
	incidents := need.Shared(t, "incidents")
	script := filepath.Join(need.Shared(t, "score"), "score.py")
	python := need.Program(t, "python3")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary is the program when it is called under its name.
	tool := filepath.Join(t.TempDir(), "flowcorr")
	if err := os.Symlink(exe, tool); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, script, "--all", incidents, "--", tool, "report", "--format", "json", "--fail-on", "never", "-q").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, all, _ := strings.Cut(string(out), "== all\n")
	fmt.Print(all)
	got := figures(all)
	const recorded = "testdata/score.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(recorded, []byte(all), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for name, share := range figures(string(want)) {
		if got[name] < share-1e-9 && !lowerIsBetter[name] {
			t.Errorf("%s: %.2f %%, was %.2f %%", name, got[name], share)
		}
	}
}

// lowerIsBetter are figures that may fall.
var lowerIsBetter = map[string]bool{"lines called ambiguous": true}

var figureLine = regexp.MustCompile(`^(.*?)\s+\d+ of\s+\d+\s+([\d.]+) %$`)

func figures(text string) map[string]float64 {
	out := map[string]float64{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if m := figureLine.FindStringSubmatch(s.Text()); m != nil {
			out[m[1]], _ = strconv.ParseFloat(m[2], 64)
		}
	}
	return out
}
