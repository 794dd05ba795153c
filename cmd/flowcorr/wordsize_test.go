package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestSamples32: a program of 32-bit words writes the committed reports of the
// samples, byte for byte.
func TestSamples32(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		need.Optional(t, "Linux on amd64, which runs programs for 386")
	}
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	program := filepath.Join(t.TempDir(), "flowcorr")
	build := exec.Command("go", "build", "-o", program, "./cmd/flowcorr")
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := exec.Command(program, "version").Run(); err != nil {
		var ran *exec.ExitError
		if !errors.As(err, &ran) {
			need.Optional(t, "a kernel that runs programs for 386: "+err.Error())
		}
		t.Fatal(err)
	}
	samples, err := filepath.Glob("samples/*/report.txt")
	if err != nil || len(samples) < 8 {
		t.Fatalf("%d samples: %v", len(samples), err)
	}
	for _, path := range samples {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		report := exec.Command(program, "report", filepath.Join(filepath.Dir(path), "input"))
		report.Env = append(os.Environ(), "LANG=C.UTF-8", "COLUMNS=100")
		var diag strings.Builder
		report.Stderr = &diag
		out, err := report.Output()
		var ran *exec.ExitError
		if err != nil && !(errors.As(err, &ran) && ran.ExitCode() == exitFindings) {
			t.Fatalf("%s: %v: %s", path, err, diag.String())
		}
		if got := trimmed(string(out)); got != string(want) {
			t.Errorf("%s: 32 bits write another report: %s", path, firstDifference(want, []byte(got)))
		}
	}
}
