package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// slowServer answers on the loopback; every fifth answer comes late.
func slowServer(t *testing.T) string {
	n := 0
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%5 == 0 {
			time.Sleep(400 * time.Millisecond)
		}
		fmt.Fprintln(w, "hello")
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// ask fetches n pages, each on a connection of its own.
func ask(t *testing.T, server string, n int) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range n {
		r, err := c.Get(fmt.Sprintf("http://%s/page/%d", server, i))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		time.Sleep(50 * time.Millisecond)
	}
}

// capturing starts a program that captures what a server of the loopback is asked.
func capturing(t *testing.T, into string, args ...string) (stop func()) {
	t.Helper()
	if os.Getuid() != 0 {
		need.Optional(t, "root: to capture")
	}
	log := &shared{}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(into, "*.pcap*")); len(files) > 0 {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			need.Optional(t, "the right to capture: "+log.String())
		}
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	}
}

// TestWatchRotation: tcpdump rotates what it captures, by time and by size, into the folder watched. All connections are in the report of the end, and each finding
// is told once, also after a restart.
func TestWatchRotation(t *testing.T) {
	for name, c := range map[string]struct {
		args func(in, port string) []string
	}{
		"tcpdump -G": {func(in, port string) []string {
			return []string{"-Z", "root", "-U", "-n", "-i", "lo", "-G", "1", "-w", filepath.Join(in, "web-%s.pcap"), "tcp port " + port}
		}},
		"tcpdump -G -C -W": {func(in, port string) []string {
			return []string{"-Z", "root", "-U", "-n", "-i", "lo", "-G", "2", "-C", "1", "-w", filepath.Join(in, "web-%s.pcap"), "tcp port " + port}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			program := need.Program(t, "tcpdump")
			w := newWatched(t)
			server := slowServer(t)
			_, port, _ := net.SplitHostPort(server)
			p := w.run("--window", "5m")
			stop := capturing(t, w.in, append([]string{program}, c.args(w.in, port)...)...)
			time.Sleep(300 * time.Millisecond) // it captures when its file is there, or soon after
			ask(t, server, 30)
			w.until(p, "app-slow", func(out, _ string) bool { return strings.Contains(out, `"rule":"app-slow"`) })
			time.Sleep(time.Second) // what was told is written down behind its line: killed between the two, it is told again
			w.end(p, syscall.SIGKILL)
			p = w.run("--window", "5m")
			ask(t, server, 15)
			time.Sleep(1500 * time.Millisecond)
			stop()
			time.Sleep(1500 * time.Millisecond)
			w.end(p, syscall.SIGINT)
			files, _ := filepath.Glob(filepath.Join(w.in, "*.pcap*"))
			n := journeysOf(t, w.out)
			t.Logf("%d files, %d journeys at the end, told: %q", len(files), n, w.findings)
			if n != 45 || len(files) < 3 || w.told("app-slow") != 1 {
				t.Errorf("%d journeys of 45 in %d files, app-slow told %d times", n, len(files), w.told("app-slow"))
			}
		})
	}
}

// journeysOf are those of the report of the end, each with the answer it got.
func journeysOf(t *testing.T, out string) (n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Report struct {
			Journeys []struct{ Service, Client, Outcome string }
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range last.Report.Journeys {
		if j.Service != "http" || j.Outcome != "done" || seen[j.Client] {
			t.Errorf("%+v", j)
		}
		seen[j.Client] = true
		n++
	}
	return n
}
