//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// nobody is the user that processes of these tests run as where the test is root's:
// permissions say nothing to root.
const nobody = 65534

// open is a temporary folder that nobody may enter.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "flowcorr-process-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// built is the program, built once and, as the delivered one, without C: each thread
// of a C library reserves tens of MB, which count under a limit on addresses. Or it is
// the one that PROGRAM names.
var built = sync.OnceValues(func() (string, error) {
	if program := os.Getenv("PROGRAM"); program != "" {
		return program, nil
	}
	dir, err := os.MkdirTemp("", "flowcorr-built-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "flowcorr")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return program, os.Chmod(dir, 0o755)
})

// process is a run of the program.
type process struct {
	*exec.Cmd
	out, diag *shared
	ended     chan struct{}
}

// start begins a run, in a shell after prelude where that is not empty. It is killed
// when the test ends, or takes longer than two minutes.
func start(t *testing.T, prelude string, args ...string) *process {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(stop)
	p := &process{out: &shared{}, diag: &shared{}, ended: make(chan struct{})}
	p.Cmd = exec.CommandContext(ctx, program, args...)
	if prelude != "" {
		p.Cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", prelude + `; exec "$0" "$@"`, program}, args...)...)
	}
	p.Stdout, p.Stderr, p.Dir = p.out, p.diag, os.TempDir()
	p.Env = append(os.Environ(), "GOGC=", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "HOME=/nonexistent", "XDG_CACHE_HOME=")
	if os.Getuid() == 0 {
		p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
	return p
}

// status waits for the end: the exit status, -1 of what a signal ended.
func (p *process) status() int {
	<-p.ended
	return p.ProcessState.ExitCode()
}

// ran is a run to its end.
func ran(t *testing.T, prelude string, args ...string) *process {
	t.Helper()
	p := start(t, prelude, args...)
	p.status()
	return p
}

// own makes a folder that the processes may write to.
func own(t *testing.T, dir string) string {
	t.Helper()
	err := os.MkdirAll(dir, 0o755)
	if err == nil && os.Getuid() == 0 {
		err = os.Chown(dir, nobody, nobody)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyOf is the evidence of a sample in a folder of its own.
func copyOf(t *testing.T, sample, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(filepath.Join("..", "..", "samples", sample, "input"))); err != nil {
		t.Fatal(err)
	}
	return to
}

// resultOf are the files of a result, without its index.
func resultOf(t *testing.T, out string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(out, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == "index" {
			return filepath.SkipDir
		}
		if err == nil && !e.IsDir() {
			all[path[len(out):]], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sameResult tells what of two results is not the same.
func sameResult(t *testing.T, what string, want, got map[string][]byte) {
	t.Helper()
	for name := range want {
		if !bytes.Equal(want[name], got[name]) {
			t.Errorf("%s: %s is another: %d bytes, want %d", what, name, len(got[name]), len(want[name]))
		}
	}
	if len(want) != len(got) || len(want) == 0 {
		t.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
}
