package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// shift copies a capture with all its stamps moved, n times one behind the other, each
// a minute later than the one before and by what leaps says for it.
func shift(t *testing.T, from, to string, by time.Duration, n int, leaps ...time.Duration) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w, copied := capture.NewWriter(f, false), 0
	for i := range n {
		by := by + time.Duration(i)*time.Minute
		if len(leaps) > 0 {
			by += leaps[i%len(leaps)]
		}
		set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
		for p := (capture.Packet{}); set.Next(&p) == nil; {
			p.Time += int64(by)
			copied++
			if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
				t.Fatal(err)
			}
		}
		set.Close()
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil || copied == 0 {
		t.Fatalf("%d packets of %s: %v", copied, from, err)
	}
}

// TestVanishing: captures that are removed, cut short, or replaced by a pipe, a folder
// or by others after they were looked at and before they are read stop nothing; when
// they are back as they were they are read, and the result is that of an archive at
// rest.
func TestVanishing(t *testing.T) {
	dir := open(t)
	in, out := filepath.Join(dir, "in"), own(t, filepath.Join(dir, "out"))
	sample := filepath.Join("..", "..", "samples", "slow-application", "input", "client.pcap")
	names := []string{"b", "c", "d", "e", "f"}
	for i, name := range append([]string{"a"}, names...) {
		if err := os.MkdirAll(filepath.Join(in, name), 0o755); err != nil {
			t.Fatal(err)
		}
		n := 1
		if name == "a" {
			n = 600 // read long enough for the others to change meanwhile
		}
		shift(t, sample, filepath.Join(in, name, name+".pcap"), time.Duration(i)*24*time.Hour, n)
	}
	path := func(name string) string { return filepath.Join(in, name, name+".pcap") }
	args := func(result string) []string {
		return []string{"batch", in, "--out", filepath.Join(out, result), "--jobs", "1"}
	}
	if p := ran(t, "", args("rest")...); p.status() != exitDone {
		t.Fatal(p.diag)
	}
	aside := filepath.Join(dir, "aside")
	if err := os.Mkdir(aside, 0o755); err != nil {
		t.Fatal(err)
	}
	p := start(t, "", args("moving")...)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(out, "moving", "index", "files.json")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was looked at")
		}
	}
	for _, name := range names {
		if err := os.Rename(path(name), filepath.Join(aside, name)); err != nil {
			t.Fatal(err)
		}
	}
	whole := readFile(t, filepath.Join(aside, "c"))
	err := errors.Join(
		os.WriteFile(path("c"), whole[:len(whole)/2], 0o644), syscall.Mkfifo(path("d"), 0o644), os.Mkdir(path("e"), 0o755), os.WriteFile(path("f"), readFile(t, filepath.Join(aside, "b")), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if p.status() != exitDone {
		t.Fatalf("status %d: %s", p.status(), p.diag)
	}
	for _, want := range []string{"b/b.pcap: failed: no such file", "c/c.pcap: in part: byte", "d/d.pcap: failed: not a regular file", "e/e.pcap: failed: not a regular file"} {
		if !strings.Contains(p.diag.String(), want) {
			t.Errorf("%q is not told:\n%s", want, p.diag)
		}
	}
	for _, name := range names {
		if err := errors.Join(os.RemoveAll(path(name)), os.Rename(filepath.Join(aside, name), path(name))); err != nil {
			t.Fatal(err)
		}
	}
	if p := ran(t, "", args("moving")...); p.status() != exitDone {
		t.Fatal(p.diag)
	}
	sameResult(t, "when all are back", resultOf(t, filepath.Join(out, "rest")), resultOf(t, filepath.Join(out, "moving")))
}

// TestClocksOfYears: stamps that leap over years and back, between captures and in
// one, cost neither time nor memory, and each journey is told.
func TestClocksOfYears(t *testing.T) {
	dir := open(t)
	out := own(t, filepath.Join(dir, "out"))
	year := 365 * 24 * time.Hour
	journeys := func(name string, apart time.Duration) int {
		in := filepath.Join(dir, name)
		if err := os.Mkdir(in, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, sample := range []string{"slow-application", "tcp-loss", "three-clocks"} {
			shift(t, filepath.Join("..", "..", "samples", sample, "input", "client.pcap"), filepath.Join(in, sample+".pcap"), time.Duration(i-1)*apart, 1)
		}
		p := ran(t, "ulimit -v 3000000", "batch", in, "--out", filepath.Join(out, name), "--memory", "256MB")
		if p.status() != exitDone {
			t.Fatalf("status %d: %s", p.status(), p.diag)
		}
		if p := ran(t, "ulimit -v 3000000", "report", in); p.status() > exitFindings || p.status() < 0 {
			t.Errorf("report: status %d: %.500s", p.status(), p.diag)
		}
		return strings.Count(ran(t, "", "batch", "--query", "--out", filepath.Join(out, name)).out.String(), "\n")
	}
	if a, b := journeys("days", 24*time.Hour), journeys("years", 40*year); a != b || a < 20 {
		t.Errorf("%d journeys over days, %d over years", a, b)
	}
	// One capture that leaps ahead and back at every turn.
	leaping := filepath.Join(dir, "leaping")
	if err := os.Mkdir(leaping, 0o755); err != nil {
		t.Fatal(err)
	}
	shift(t, filepath.Join(dir, "days", "tcp-loss.pcap"), filepath.Join(leaping, "a.pcap"), 0, 3, 20*year, -20*year, 0)
	p := ran(t, "ulimit -v 3000000", "batch", leaping, "--out", filepath.Join(out, "leaping"), "--memory", "256MB")
	if p.status() != exitDone || !strings.Contains(p.out.String(), "Windows: ") {
		t.Errorf("leaping: status %d: %s", p.status(), p.diag)
	}
}

// TestPowerCut: killed at any instant, with what was not on the disk yet cut short,
// batch goes on and comes to the same.
func TestPowerCut(t *testing.T) {
	dir := open(t)
	in, out := copyOf(t, "tcp-loss", filepath.Join(dir, "in")), own(t, filepath.Join(dir, "out"))
	run := func(result string) *process {
		return start(t, "", "batch", in, "--out", filepath.Join(out, result), "--memory", "1MB")
	}
	begun := time.Now()
	if p := run("whole"); p.status() != exitDone {
		t.Fatal(p.diag)
	}
	took := time.Since(begun)
	want, cut := resultOf(t, filepath.Join(out, "whole")), 0
	for i := range 8 {
		p, killed := run("cut"), time.Now()
		time.Sleep(took * time.Duration(i+1) / 9)
		_ = p.Process.Kill()
		p.status()
		// What was written within the last moments is half there, or not at all.
		err := filepath.WalkDir(filepath.Join(out, "cut"), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() || e.Name() == "lock" {
				return err
			}
			st, err := e.Info()
			if err != nil || st.ModTime().Before(killed.Add(took*time.Duration(i)/9)) {
				return err
			}
			cut++
			return os.Truncate(path, st.Size()/2*int64(cut%2))
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if p := run("cut"); p.status() != exitDone {
		t.Fatalf("status %d: %s", p.status(), p.diag)
	}
	if cut == 0 {
		t.Error("nothing was cut")
	}
	sameResult(t, "after the cuts", want, resultOf(t, filepath.Join(out, "cut")))
}
