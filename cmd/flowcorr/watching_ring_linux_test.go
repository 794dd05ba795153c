package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// slowServer answers on the loopback with so many bytes; every fifth answer comes late.
func slowServer(t *testing.T, bytes int) string {
	n, body := 0, strings.Repeat("hello, ", 1+bytes/7)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%5 == 0 {
			time.Sleep(400 * time.Millisecond)
		}
		fmt.Fprintln(w, body)
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
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
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

// rotations are ways in which programs leave what they capture in a folder. Those that are
// rings overwrite or remove the oldest: in the report of the end the first connections
// are missing.
var rotations = []struct {
	name, program string
	args          string // IN and PORT stand for the folder and the port
	ring          bool
}{
	{"tcpdump -G", "tcpdump", "-Z root -U -n -i lo -G 1 -w IN/web-%s.pcap tcp port PORT", false},
	{"tcpdump -G -C", "tcpdump", "-Z root -U -n -i lo -G 2 -C 1 -w IN/web-%s.pcap tcp port PORT", false},
	{"tcpdump -C", "tcpdump", "-Z root -U -n -i lo -C 1 -w IN/web.pcap tcp port PORT", false},
	{"tcpdump -C -W", "tcpdump", "-Z root -U -n -i lo -C 1 -W 4 -w IN/web.pcap tcp port PORT", true},
	{"dumpcap -b duration", "dumpcap", "-q -g -i lo -b duration:2 -w IN/web.pcapng -f|tcp port PORT", false},
	{"dumpcap -b filesize", "dumpcap", "-q -g -P -i lo -b filesize:1000 -w IN/web.pcap -f|tcp port PORT", false},
	{"dumpcap -b files", "dumpcap", "-q -g -i lo -b filesize:1000 -b files:4 -w IN/web.pcapng -f|tcp port PORT", true},
}

// TestWatchRotation: a program rotates what it captures, by time and by size, into the
// folder watched. All connections that the files hold are in the report of the end, and
// each finding is told once, also after a restart.
func TestWatchRotation(t *testing.T) {
	for _, c := range rotations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := need.Program(t, c.program)
			w := newWatched(t)
			if os.Getuid() == 0 { // what dumpcap writes its group alone may read
				if err := errors.Join(os.Chown(w.in, -1, nobody), os.Chmod(w.in, 0o755|os.ModeSetgid)); err != nil {
					t.Fatal(err)
				}
			}
			server := slowServer(t, 100_000)
			_, port, _ := net.SplitHostPort(server)
			options, filter, _ := strings.Cut(strings.NewReplacer("IN", w.in, "PORT", port).Replace(c.args), "|")
			args := append([]string{program}, strings.Fields(options)...)
			if filter != "" {
				args = append(args, filter)
			}
			p := w.run("--window", "5m")
			stop := capturing(t, w.in, args...)
			time.Sleep(300 * time.Millisecond) // it captures when its file is there, or soon after
			ask(t, server, 30)
			w.until(p, "app-slow", func(out, _ string) bool { return strings.Contains(out, `"rule":"app-slow"`) })
			time.Sleep(time.Second) // what was told is written down behind its line: killed between the two, it is told again
			w.end(p, syscall.SIGKILL)
			p = w.run("--window", "5m")
			ask(t, server, 20)
			time.Sleep(1500 * time.Millisecond)
			stop()
			time.Sleep(1500 * time.Millisecond)
			w.end(p, syscall.SIGINT)
			files, _ := filepath.Glob(filepath.Join(w.in, "*.pcap*"))
			n := journeysOf(t, w.out, c.ring)
			t.Logf("%d files, %d journeys at the end, told: %q", len(files), n, w.findings)
			if c.ring && (n < 20 || n >= 50) || !c.ring && n != 50 || len(files) < 3 || w.told("app-slow") != 1 {
				t.Errorf("%d journeys of 50 in %d files, app-slow told %d times\n%s", n, len(files), w.told("app-slow"), p.diag)
			}
		})
	}
}

// journeysOf are those of the report of the end, each with the answer it got; cut: one
// may have begun before the oldest packet.
func journeysOf(t *testing.T, out string, cut bool) (n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Report struct {
			Journeys []struct{ Service, Client, Outcome, Start string }
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range last.Report.Journeys {
		if cut && (j.Service != "http" || j.Outcome != "done") {
			cut = false
			continue
		}
		one := j.Client + " " + j.Start // a port may serve again
		if j.Service != "http" || j.Outcome != "done" || seen[one] {
			t.Errorf("%+v", j)
		}
		seen[one] = true
		n++
	}
	return n
}
