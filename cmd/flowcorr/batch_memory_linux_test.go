package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peak is the most memory that a process had in use at one time, as the kernel counts it
// for its program, asked for until it ends: what it tells at the end counts what the
// process was before it became that program.
func peak(t *testing.T, pid int, ended <-chan error) (bytes int64) {
	t.Helper()
	for {
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
			var kilobytes int64
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			if n, _ := fmt.Sscan(rest, &kilobytes); n == 1 {
				bytes = max(bytes, kilobytes*1024)
			}
		}
		select {
		case err := <-ended:
			if err != nil || bytes == 0 {
				t.Fatalf("%d bytes: %v", bytes, err)
			}
			return bytes
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// TestBatchMemory: the program takes no more memory than it is given, or than it says at
// the start that it may take; it says so where it is given less.
func TestBatchMemory(t *testing.T) {
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, megabytes := range []int64{64, 128, 256, 512} {
		cmd := exec.Command(program, "--lang", "en", "batch", filepath.Join("..", "..", "samples", "tcp-loss", "input"), "--out", t.TempDir(), "--memory", fmt.Sprint(megabytes, "MB"))
		cmd.Env = append(os.Environ(), "GOGC=")
		var diag strings.Builder
		cmd.Stderr = &diag
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		took := peak(t, cmd.Process.Pid, ended)
		t.Logf("--memory %d MB: %d MB", megabytes, took/1e6)
		if most := max(megabytes*1_000_000, leastMemory); took > most {
			t.Errorf("--memory %d MB: %d bytes, more than %d", megabytes, took, most)
		}
		if said := strings.Contains(diag.String(), "200 MB may be taken all the same"); said != (megabytes < 200) {
			t.Errorf("--memory %d MB: %s", megabytes, diag.String())
		}
	}
}
