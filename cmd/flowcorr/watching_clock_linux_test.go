package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestWatchClockSet: the wall clock is set forward and back by an hour while an incident is
// captured and watched. No connection is lost, the finding is told once, and nothing waits
// for the hour to pass. It happens on a kernel of its own, user-mode Linux: the clock of
// the machine is everybody's.
func TestWatchClockSet(t *testing.T) {
	if os.Getenv("OWN_CLOCK") != "" {
		setClock(t)
		return
	}
	uml, err := exec.LookPath("linux.uml")
	if err != nil {
		need.Optional(t, "program: linux.uml (package user-mode-linux)")
	}
	need.Program(t, "tcpdump")
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := open(t)
	log, begin := filepath.Join(dir, "log"), filepath.Join(dir, "init")
	script := fmt.Sprintf(`#!/bin/sh
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -m 1777 /run/tmp
ip link set lo up
cd %q
OWN_CLOCK=1 PROGRAM=%q TMPDIR=/run/tmp PATH=%q %q -test.run '^TestWatchClockSet$' -test.v > %q 2>&1
sync
echo o > /proc/sysrq-trigger
sleep 60
`, here, program, os.Getenv("PATH"), tests, log)
	if err := os.WriteFile(begin, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	kernel := exec.CommandContext(ctx, uml, "rootfstype=hostfs", "rootflags=/", "rw", "mem=768M", "init="+begin, "con=null", "con0=fd:0,fd:1")
	kernel.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kernel.Cancel = func() error { return syscall.Kill(-kernel.Process.Pid, syscall.SIGKILL) }
	said, err := kernel.CombinedOutput()
	told, _ := os.ReadFile(log)
	if len(told) == 0 {
		need.Optional(t, fmt.Sprintf("the right to run user-mode Linux: %v: %.500s", err, said))
	}
	t.Logf("%s", told)
	if !strings.Contains(string(told), "--- PASS: TestWatchClockSet") {
		t.Error("it did not go well there")
	}
}

// setClock is what happens on that kernel.
func setClock(t *testing.T) {
	w := newWatched(t)
	server := slowServer(t, 1000)
	_, port, _ := net.SplitHostPort(server)
	set := func(by time.Duration) {
		now := syscall.NsecToTimeval(time.Now().Add(by).UnixNano())
		if err := syscall.Settimeofday(&now); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	p := w.run("--window", "10m")
	stop := capturing(t, w.in, "tcpdump", "-Z", "root", "-U", "-n", "-i", "lo", "-G", "2", "-w", filepath.Join(w.in, "web-%s.pcap"), "tcp port "+port)
	time.Sleep(time.Second)
	ask(t, server, 10)
	set(time.Hour)
	ask(t, server, 10)
	w.until(p, "app-slow", func(out, _ string) bool { return strings.Contains(out, `"rule":"app-slow"`) })
	set(-2 * time.Hour)
	ask(t, server, 10)
	time.Sleep(7 * time.Second) // what is new were certain by then
	w.end(p, syscall.SIGTERM)
	set(90 * time.Minute) // while nobody watches
	p = w.run("--window", "10m")
	ask(t, server, 10)
	set(time.Hour)
	time.Sleep(2 * time.Second)
	stop()
	time.Sleep(2 * time.Second)
	w.end(p, syscall.SIGINT)
	if !strings.Contains(p.diag.String(), "set forward by 1h30m") {
		t.Errorf("a clock that was set while nobody watched: %s", p.diag)
	}
	n := journeysOf(t, w.out, false)
	t.Logf("%d journeys at the end, told: %q, after %v", n, w.findings, time.Since(begun))
	if n != 40 || w.told("app-slow") != 1 {
		t.Errorf("%d journeys of 40, app-slow told %d times\n%s", n, w.told("app-slow"), p.diag)
	}
}
