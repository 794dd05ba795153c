package regular

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNeverWaits: what is a folder or a socket is refused; TestHazards has pipes.
func TestNeverWaits(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	for _, path := range []string{dir, socket, filepath.Join(dir, "none")} {
		begun := time.Now()
		if f, err := Open(path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: %v", path, took)
		}
	}
}

// TestHoles: a file is read up to the hole with which there are more than 1 GiB of
// them, in whatever way it is read.
func TestHoles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("holes are found on Linux alone")
	}
	path := filepath.Join(t.TempDir(), "sparse")
	const block = 1 << 20 // larger than that of any file system
	text := strings.Repeat("x", block)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), 8*block); err != nil { // a small hole before
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil {
		t.Skip(err)
	}
	for name, read := range map[string]func(*File) (int64, error){
		"Read":    func(f *File) (int64, error) { return io.Copy(io.Discard, struct{ io.Reader }{f}) },
		"WriteTo": func(f *File) (int64, error) { return io.Copy(io.Discard, f) },
		"behind": func(f *File) (int64, error) {
			_, err := f.Seek(1<<39, io.SeekStart)
			return 9 * block, errors.Join(err, second(f.Read(make([]byte, 1))))
		},
	} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := read(f)
		f.Close()
		if n != 9*block || !errors.Is(err, ErrHole) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

func second(_ int, err error) error { return err }
