package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBatchMemory: the program takes no more memory than it is given, or than it says at
// the start that it may take; it says so where it is given less.
func TestBatchMemory(t *testing.T) {
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, megabytes := range []int64{64, 128, 256, 512} {
		cmd := exec.Command(program, "--lang", "en", "batch", filepath.Join("..", "..", "samples", "tcp-loss", "input"), "--out", t.TempDir(), "--memory", fmt.Sprint(megabytes, "MB"))
		var diag strings.Builder
		cmd.Stderr = &diag
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, diag.String())
		}
		took := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
		t.Logf("--memory %d MB: %d MB", megabytes, took/1e6)
		if most := max(megabytes*1_000_000, leastMemory); took > most {
			t.Errorf("--memory %d MB: %d bytes, more than %d", megabytes, took, most)
		}
		if said := strings.Contains(diag.String(), "200 MB may be taken all the same"); said != (megabytes < 200) {
			t.Errorf("--memory %d MB: %s", megabytes, diag.String())
		}
	}
}
