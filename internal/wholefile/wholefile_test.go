package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "r.txt")
	for _, s := range []string{"first", "second", ""} {
		if err := Write(target, 0o600, text(s)); err != nil || content(t, target) != s {
			t.Fatalf("%q: %v", content(t, target), err)
		}
	}
	if info, _ := os.Stat(target); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if n := names(t, filepath.Dir(target)); n != "r.txt" {
		t.Errorf("left in the folder: %s", n)
	}
}

// TestFailedWrite: what was there stays, and nothing is left beside it.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "r.txt")
	if err := Write(target, 0o644, text("old")); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no more")
	err := Write(target, 0o644, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) || content(t, target) != "old" || names(t, dir) != "r.txt" {
		t.Errorf("%v; %q; %s", err, content(t, target), names(t, dir))
	}
	if err := Write(filepath.Join(dir, "missing", "r.txt"), 0o644, text("x")); err == nil {
		t.Error("a folder was made")
	}
	// The name belongs to a folder with something in it.
	if err := Write(dir, 0o644, text("x")); err == nil {
		t.Error("a folder was written over")
	}
	if n := names(t, filepath.Dir(dir)); strings.Contains(n, ending) {
		t.Errorf("left beside the folder: %s", n)
	}
}

// TestWriteThrough: a link is followed, and a device is not replaced by a file.
func TestWriteThrough(t *testing.T) {
	dir := t.TempDir()
	real, name := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", name); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(name, 0o644, text("through")); err != nil || content(t, real) != "through" {
		t.Errorf("%v", err)
	}
	if info, _ := os.Lstat(name); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Skip("no null device here")
	}
	if err := Write(os.DevNull, 0o644, text("nothing")); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(os.DevNull); err != nil || after.Mode() != before.Mode() {
		t.Fatal("the null device was replaced")
	}
}

// TestWritersAtOnce: whoever comes last, the file is one of theirs, whole.
func TestWritersAtOnce(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "r.txt")
	var wg sync.WaitGroup
	for _, c := range "abcdefgh" {
		wg.Go(func() {
			if err := Write(target, 0o644, text(strings.Repeat(string(c), 300<<10))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := content(t, target); len(s) != 300<<10 || strings.Trim(s, s[:1]) != "" {
		t.Errorf("%d bytes of several writers", len(s))
	}
	if n := names(t, dir); n != "r.txt" {
		t.Errorf("left: %s", n)
	}
}

// TestSweep: only what a killed run left goes.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{".r.txt.0badcafe.new", "r.txt", "r.new", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil || names(t, dir) != ".hidden r.new r.txt" {
		t.Errorf("%v; %s", err, names(t, dir))
	}
}
