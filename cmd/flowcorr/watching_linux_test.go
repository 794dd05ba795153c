package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// watched is a folder that flowcorr watch follows, in which it may write its state.
type watched struct {
	t         *testing.T
	in, state string
	findings  []string // told so far, over all runs
	out       string   // of the run that ended last
}

func newWatched(t *testing.T) *watched {
	dir := open(t)
	w := &watched{t: t, in: filepath.Join(dir, "in"), state: own(t, filepath.Join(dir, "state"))}
	if err := os.Mkdir(w.in, 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// run begins to watch.
func (w *watched) run(args ...string) *process {
	return start(w.t, "", append([]string{"watch", w.in, "--state", w.state, "--every", "100ms", "--from-start", "--format", "jsonl"}, args...)...)
}

// until waits for what a run prints.
func (w *watched) until(p *process, what string, ok func(out, diag string) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(p.out.String(), p.diag.String()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not seen in\n%s\n%s", what, p.out, p.diag)
		}
	}
}

// end stops a run by a signal, and keeps the findings it told: each line is one of JSON.
func (w *watched) end(p *process, by syscall.Signal) {
	w.t.Helper()
	_ = p.Process.Signal(by)
	status := p.status()
	if by != syscall.SIGKILL && (status < 0 || status > exitFindings) {
		w.t.Fatalf("status %d after %v: %s", status, by, p.diag)
	}
	w.out = p.out.String()
	reports := 0
	for _, line := range strings.Split(strings.TrimSpace(w.out), "\n") {
		var row struct {
			Rule, Client, Name, Text string
			Start                    json.RawMessage
			Report                   json.RawMessage
		}
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			w.t.Errorf("%v: %.200s", err, line)
		}
		if row.Report != nil {
			reports++
			continue
		}
		told := fmt.Sprintf("%s %s %s %s", row.Rule, row.Client, row.Name, row.Start)
		if row.Start == nil { // about no journey: its words tell it from others
			told += row.Text
		}
		if slices.Contains(w.findings, told) {
			w.t.Errorf("told twice: %s", told)
		}
		w.findings = append(w.findings, told)
	}
	if want := map[bool]int{true: 0, false: 1}[by == syscall.SIGKILL]; reports != want {
		w.t.Errorf("%d reports at the end by %v, want %d", reports, by, want)
	}
}

func (w *watched) told(rule string) (n int) {
	for _, f := range w.findings {
		if strings.HasPrefix(f, rule+" ") {
			n++
		}
	}
	return n
}

// TestWatchProcess: an incident is written while it is watched; the watcher is killed,
// interrupted and terminated, and started again; its log is rotated meanwhile in every
// way. Each finding is told once, every end but by kill -9 with the report, which knows
// each line once.
func TestWatchProcess(t *testing.T) {
	w := newWatched(t)
	sample := filepath.Join("..", "..", "samples", "slow-application", "input")
	log := strings.SplitAfter(strings.TrimSpace(string(readFile(t, filepath.Join(sample, "web", "access.log"))))+"\n", "\n")
	log = log[:len(log)-1]
	path := filepath.Join(w.in, "web", "access.log")
	if err := os.Mkdir(filepath.Join(w.in, "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	written := 0
	write := func(n int) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.WriteString(strings.Join(log[written:written+n], ""))
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		written += n
	}
	packets := readFile(t, filepath.Join(sample, "client.pcap"))
	grow := func(n int) { // the capture, its last packet cut
		if err := os.WriteFile(filepath.Join(w.in, "client.pcap"), packets[:n], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	settle := func() { time.Sleep(1200 * time.Millisecond) } // logs are looked at four times a second

	write(3)
	grow(len(packets) / 3)
	p := w.run()
	settle()
	write(2)
	settle()
	w.end(p, syscall.SIGKILL)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(2)
	p = w.run()
	settle()
	grow(len(packets) - 7)
	w.until(p, "app-slow", func(out, _ string) bool { return strings.Contains(out, `"rule":"app-slow"`) })
	w.end(p, syscall.SIGTERM)
	first := w.told("app-slow")
	t.Logf("%d of %d lines after the restart", linesOf(t, w.out, "web/access.log"), written)
	if err := os.Chmod(path, 0); err != nil { // may not be read for a while
		t.Fatal(err)
	}
	p = w.run()
	settle()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	write(1)
	settle()
	if err := os.Truncate(path, 0); err != nil { // as copytruncate does
		t.Fatal(err)
	}
	settle()
	write(2)
	settle()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	settle()
	write(len(log) - written)
	settle()
	w.end(p, syscall.SIGINT)
	if first != 1 || w.told("app-slow") != 1 {
		t.Errorf("app-slow was told %d times at first, %d in all", first, w.told("app-slow"))
	}
	got := linesOf(t, w.out, "web/access.log")
	if got != len(log) {
		t.Errorf("the report of the end knows %d lines of the log, %d were written\n%s", got, len(log), p.diag)
	}
}

// linesOf is how many records of a file the report of the end knows.
func linesOf(t *testing.T, out, name string) int {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Report struct {
			Evidence []struct {
				Path    string
				Records int
			}
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	for _, e := range last.Report.Evidence {
		if e.Path == name {
			return e.Records
		}
	}
	return -1
}

// TestWatchRing: tcpdump rotates a ring of files into the folder watched, the oldest are
// overwritten; the finding is told, once.
func TestWatchRing(t *testing.T) {
	tcpdump := need.Program(t, "tcpdump")
	w := newWatched(t)
	p := w.run("--window", "1m")
	ring := exec.Command(tcpdump, "-Z", "root", "-n", "-r", filepath.Join("..", "..", "samples", "tcp-loss", "input", "client.pcap"), "-C", "1", "-W", "4", "-w", filepath.Join(w.in, "ring.pcap"))
	if os.Getuid() != 0 {
		ring.Args = slices.Delete(ring.Args, 1, 3)
	}
	if out, err := ring.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.until(p, "a finding", func(out, _ string) bool { return strings.Contains(out, `{"rule":`) })
	w.end(p, syscall.SIGINT)
	if len(w.findings) == 0 {
		t.Error("nothing was told")
	}
	p = w.run("--window", "1m")
	time.Sleep(2 * time.Second)
	w.end(p, syscall.SIGINT) // nothing is told twice
}

// TestWatchFull: while the disk of its state is full, the watcher says so and goes on;
// with room again it tells what it found.
func TestWatchFull(t *testing.T) {
	if os.Getuid() != 0 {
		need.Optional(t, "root: to mount a small disk")
	}
	w := newWatched(t)
	if err := syscall.Mount("tmpfs", w.state, "tmpfs", 0, "size=8k,mode=777"); err != nil {
		need.Optional(t, "the right to mount a small disk")
	}
	t.Cleanup(func() { _ = syscall.Unmount(w.state, syscall.MNT_DETACH) })
	p := w.run()
	time.Sleep(500 * time.Millisecond)
	copyOf(t, "slow-application", w.in)
	w.until(p, "the full disk", func(_, diag string) bool { return strings.Contains(diag, "no space left on device") })
	if err := syscall.Mount("tmpfs", w.state, "tmpfs", syscall.MS_REMOUNT, "size=64m,mode=777"); err != nil {
		t.Fatal(err)
	}
	w.until(p, "app-slow", func(out, _ string) bool { return strings.Contains(out, `"rule":"app-slow"`) })
	w.end(p, syscall.SIGINT)
}
