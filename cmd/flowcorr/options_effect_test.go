package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// optionBench is the evidence that options are tried on, that of a sample with a
// capture whose end is missing and a line that is none, and its report.
func optionBench(t *testing.T) (input, saved string) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	input = filepath.Join(t.TempDir(), "input")
	if err := os.CopyFS(input, os.DirFS(filepath.Join(root, "samples", "three-clocks", "input"))); err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, filepath.Join(input, "router.pcap"))
	if err := os.WriteFile(filepath.Join(input, "router.pcap"), whole[:len(whole)-7], 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(input, "web", "access.log")
	if err := os.WriteFile(log, append(readFile(t, log), "and then it broke\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	saved = filepath.Join(filepath.Dir(input), "saved.json")
	tried(t, "report", "--fail-on", "never", "-q", "-o", saved, input)
	return input, saved
}

// outcome is all that a run shows.
type outcome struct {
	status    int
	out, diag string
}

func tried(t *testing.T, args ...string) outcome {
	t.Helper()
	var out, diag bytes.Buffer
	status := run(args, strings.NewReader(""), &out, &diag)
	if status == exitUsage || status == exitNoInput {
		t.Errorf("flowcorr %s: status %d: %s", strings.Join(args, " "), status, diag.String())
	}
	return outcome{status, out.String(), diag.String()}
}

// TestOptionsTakeEffect: every shared option that a command takes changes what it
// prints, says or returns; none is taken and ignored.
func TestOptionsTakeEffect(t *testing.T) {
	input, saved := optionBench(t)
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	casePath := filepath.Join(t.TempDir(), "case.yaml")
	if err := os.WriteFile(casePath, []byte("hosts:\n  dns:\n    zone: Asia/Tokyo\n    offset: 3\nreference: web\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{
		"case": {casePath}, "tz": {"dns=Asia/Tokyo"}, "offset": {"web=+7"}, "reference": {"web"}, "no-correct": nil,
		"since": {"23:06:11"}, "until": {"23:06:05"}, "around": {"23:06:10"}, "window": {"1s", "--around", "23:06:10"},
		"client": {"fd7f:1::/64"}, "server": {"203.0.113.204:443"}, "name": {"app.ejemplo.com"}, "service": {"ssh"}, "min-total": {"1s"},
		"rule": {"app-slow"}, "severity": {"error"}, "redact": nil, failOn: {"info"}, "strict": nil, "lang": {"es"}, "verbose": nil, "quiet": nil,
		"color": {"always"}, "format": {"json"}, "baseline": {filepath.Join(root, "samples", "slow-application", "input")},
	}
	// What is not to be seen in this way, and why.
	elsewhere := map[string]string{
		"jobs": "the result does not depend on it", "keylog": "the sample has no TLS secrets", "output": "TestOutputOfParts",
	}
	unseen := map[string][]string{
		"tz":         {"explain", "match", "check", "compare"}, // the clock's offset makes up for it: corrected instants stay
		"offset":     {"compare", "detect"},                    // lengths of phases are of one clock
		"reference":  {"compare", "check"},
		"no-correct": {"compare", "detect"},
		"case":       {"check", "compare"},
		"baseline":   {"clocks", "detect", "match", "timeline"}, // what is slow and findings rest on it
		"color":      {"flows", "events", "clocks", "timeline"},
		"verbose":    {"render"}, // it reads no evidence
		"quiet":      {"render"},
	}
	for name, args := range map[string][]string{
		"report": {input}, "explain": {input, "--about", "10.42.51.83"}, "check": {input}, "clocks": {input}, "detect": {input}, "timeline": {input},
		"match": {input}, "compare": {input, "--by", "server"}, "render": {saved}, "flows": {filepath.Join(input, "router.pcap")}, "events": {input},
	} {
		command, _, err := newRoot(&environment{}).Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		base := append([]string{name}, args...)
		plain := tried(t, base...)
		command.InheritedFlags()
		for i := range sharedOptions {
			option := sharedOptions[i].name
			if command.Flags().Lookup(option) == nil || elsewhere[option] != "" {
				continue
			}
			value := values[option]
			if option == failOn && plain.status == exitFindings {
				value = []string{"never"}
			}
			got := tried(t, append(slices.Clone(base), append([]string{"--" + option}, value...)...)...)
			want := !slices.Contains(unseen[option], name)
			if changed := got != plain; changed != want {
				t.Errorf("%s --%s: changes something: %v, expected %v", name, option, changed, want)
			}
		}
	}
}
