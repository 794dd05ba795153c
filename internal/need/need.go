// Package need gives tests what lies outside the repository, and says what was
// missing. Under CI=true nothing may be missing.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Shared returns the folder of shared test material beside the repository.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(append([]string{root, "..", "shared"}, elem...)...)
	if _, err := os.Stat(dir); err != nil {
		missing(t, "shared test material: "+filepath.Join(elem...))
	}
	return dir
}

// Program returns the path of an installed program.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "program: "+name)
	}
	return path
}

// Named returns the file that an environment variable names.
func Named(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		missing(t, "file named by the environment variable "+variable)
	}
	return path
}

// Root is the folder of go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working folder")
		}
		dir = up
	}
}

// missing skips the test and notes the reason in the file that SKIPPED names,
// which the test command prints at its end.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing %s", what)
	}
	note(t, what)
	t.Skipf("missing %s", what)
}

// Optional skips the test, also under CI=true, and notes the reason: for what a
// machine of the continuous integration need not have, such as root.
func Optional(t testing.TB, what string) {
	t.Helper()
	note(t, what)
	t.Skipf("missing %s", what)
}

// note writes the reason where the test command collects them.
func note(t testing.TB, what string) {
	if path := os.Getenv("SKIPPED"); path != "" {
		if f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			fmt.Fprintf(f, "%s: missing %s\n", t.Name(), what)
			f.Close()
		}
	}
}
