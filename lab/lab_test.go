// Package lab_test tries the lab where it can run: as root, with its programs.
package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
)

// story is a short one: about 8 s of recording, in which two packets are lost.
const story = "dns-a"

// run starts the lab; it skips the test where the lab says that it lacks
// something (exit code 3).
func run(t *testing.T, ctx context.Context, args ...string) (*exec.Cmd, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "./run", args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		need.Optional(t, strings.TrimSpace(string(out)))
	}
	if err != nil {
		t.Logf("%s", out)
	}
	return cmd, err
}

// list is what the lab prints of its stories: a name, a flow and a title each.
func list(t *testing.T, lang string) []string {
	t.Helper()
	out, err := exec.Command("./run", "--list", "--lang", lang).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func TestListNamesEveryStory(t *testing.T) {
	need.Program(t, "python3")
	english, spanish := list(t, "en"), list(t, "es")
	files, err := filepath.Glob("flowlab/stories/*.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, flow := range []string{" web ", " ssh ", " dns ", " ntp ", " all "} {
		if !strings.Contains(strings.Join(english, "\n"), flow) {
			t.Errorf("no story of the flow%s", flow)
		}
	}
	if len(english) < len(files)-1 || len(spanish) != len(english) {
		t.Fatalf("%d stories, %d in Spanish, of %d files", len(english), len(spanish), len(files)-1)
	}
	for i, line := range english {
		if spanish[i] == line {
			t.Errorf("no Spanish title: %s", line)
		}
	}
}

func TestStory(t *testing.T) {
	need.Program(t, "python3")
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := run(t, ctx, story, "--seed", "11", "--offset", "dns=0.5", "--out", dir); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, story+"-11")
	if s, err := os.Stat(filepath.Join(folder, "input", "client.pcap")); err != nil || s.Size() < 1000 {
		t.Errorf("client.pcap: %v, %v", s, err)
	}
	truth := read(t, folder)
	if c := truth.Hosts["dns"].Clock; len(c) != 1 || c[0].Offset != 0.5 {
		t.Errorf("clock of dns: %v, set to 0.5 s", c)
	}
	if len(truth.Claims) < 5 {
		t.Errorf("only %d claims were checked", len(truth.Claims))
	}
	for _, c := range truth.Claims {
		if !c.Holds {
			t.Errorf("does not hold: %s", c.Claim)
		}
	}
	nothingLeft(t, dir)
}

// truth is what the tests look at of a truth.json.
type truth struct {
	Hosts map[string]struct {
		IP, IP6, MAC, TZ string
		Clock            []struct {
			Offset float64 `json:"offset_s"`
		}
	}
	Path   []struct{ Command string } `json:"imp_configs"`
	Claims []struct {
		Claim string
		Holds bool
	}
}

func read(t *testing.T, folder string) (all truth) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "truth.json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSeed: one seed is one incident, whenever it is recorded, and another seed is
// another: addresses, clocks, and what the path is told, which begins with the seed
// that its schedule is drawn from.
func TestSeed(t *testing.T) {
	need.Program(t, "python3")
	const quick = "mtu-discovered" // records for two seconds
	recorded := func(seed string) truth {
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if _, err := run(t, ctx, quick, "--seed", seed, "--out", dir); err != nil {
			t.Fatal(err)
		}
		all := read(t, filepath.Join(dir, quick+"-"+seed))
		if len(all.Path) < 3 || all.Path[0].Command != "seed "+seed {
			t.Errorf("seed %s: the path was told %v", seed, all.Path)
		}
		return truth{Hosts: all.Hosts, Path: all.Path}
	}
	first, again, other := recorded("21"), recorded("21"), recorded("22")
	if !reflect.DeepEqual(first, again) {
		t.Errorf("one seed, two incidents:\n%v\n%v", first, again)
	}
	if reflect.DeepEqual(first.Path[1:], other.Path[1:]) || reflect.DeepEqual(first.Hosts, other.Hosts) {
		t.Errorf("two seeds, one incident: %v", other)
	}
}

// TestDiagnoses: the rules that a story's intended diagnosis names are in the catalogue.
func TestDiagnoses(t *testing.T) {
	need.Program(t, "python3")
	out, err := exec.Command("python3", "-B", "-c", "import json\nfrom flowlab.diagnoses import RULES\nprint(json.dumps(RULES))").Output()
	if err != nil {
		t.Fatal(err)
	}
	var table map[string][]string
	if err := json.Unmarshal(out, &table); err != nil || len(table) < 60 {
		t.Fatalf("%d codes: %v", len(table), err)
	}
	known := map[string]bool{}
	for _, r := range diagnose.Rules() {
		known[r.Name] = true
	}
	for code, rules := range table {
		for _, r := range rules {
			if !known[r] {
				t.Errorf("%s: the catalogue has no rule %s", code, r)
			}
		}
	}
}

// TestReleaseBars: a sample's report reaches what a release must reach, and no longer does
// once its truth is another.
func TestReleaseBars(t *testing.T) {
	need.Program(t, "python3")
	program, sample := filepath.Join(t.TempDir(), "flowcorr"), "../samples/slow-application"
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/flowcorr").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command("./score", program, sample).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	truth, err := os.ReadFile(filepath.Join(sample, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	input, err := filepath.Abs(filepath.Join(sample, "input"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ figure, from, to string }{
		{"clock bounds hold the truth", `("offset_s": )(-?)([1-9]|0\.[1-9])`, "${1}${2}7$3"},
		{"links right", `("(?:client|client_seen|nat)": "\d+)(\.)(\d)`, "${1}.9$3"},
		{"diagnoses found", `("code": ")slow_application`, "${1}ssh_slow_kex"},
	} {
		dir := filepath.Join(t.TempDir(), "changed")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(input, filepath.Join(dir, "input")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "truth.json"), regexp.MustCompile(x.from).ReplaceAll(truth, []byte(x.to)), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("./score", program, dir).CombinedOutput()
		if err == nil || !regexp.MustCompile(x.figure+".*MISSED").Match(out) {
			t.Errorf("with another truth %q is reached still: %v\n%s", x.figure, err, out)
		}
	}
}

// TestInterrupted ends a recording in its middle, and before it has begun.
func TestInterrupted(t *testing.T) {
	need.Program(t, "python3")
	for _, at := range []struct {
		signal os.Signal
		after  time.Duration
	}{{os.Interrupt, 2500 * time.Millisecond}, {os.Kill, 2500 * time.Millisecond}, {syscall.SIGTERM, 300 * time.Millisecond}} {
		signal := at.signal
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), at.after)
		cmd := exec.CommandContext(ctx, "./run", story, "--out", dir)
		cmd.Cancel = func() error { return cmd.Process.Signal(signal) }
		cmd.WaitDelay = 20 * time.Second
		err := cmd.Run()
		cancel()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 3 {
			need.Optional(t, "root and the programs of the lab")
		}
		if err == nil {
			t.Errorf("%v: recorded in spite of it", signal)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%v: left in the folder: %v %v", signal, files, err)
		}
		nothingLeft(t, dir)
	}
}

// nothingLeft waits a moment for the kernel to clear up, then looks for
// processes of this recording, its devices and its mounts.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	var left []string
	for range 50 {
		left = nil
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, l := range lines {
			if text, err := os.ReadFile(l); err == nil && strings.Contains(string(text), dir) {
				left = append(left, strings.ReplaceAll(string(text), "\x00", " "))
			}
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	devices, _ := os.ReadFile("/proc/net/dev")
	if strings.Contains(string(mounts), "/run/lab") || strings.Contains(string(devices), "path-a") {
		left = append(left, "mounts or devices")
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
