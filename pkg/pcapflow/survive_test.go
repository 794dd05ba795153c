package pcapflow_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// cuts is at how many places each capture is cut: make survive asks for a
// hundred.
func cuts() int {
	if n, err := strconv.Atoi(os.Getenv("CUTS")); err == nil {
		return n
	}
	if pcapflow.RaceEnabled {
		return 3
	}
	return 10
}

// longest is how long one capture may take, ns.
const longest = 10 * time.Second

// TestSurviveCaptures analyses every third-party capture, whole and cut at many
// places: no panic, and in time.
func TestSurviveCaptures(t *testing.T) {
	n := 0
	eachCapture(t, func(name string, data []byte) {
		n++
		survive(t, name, data)
		for i, places := 1, cuts(); i < places; i++ {
			survive(t, name, data[:len(data)*i/places])
		}
	})
	if n < 2000 {
		t.Errorf("only %d captures", n)
	}
}

func survive(t *testing.T, name string, data []byte) {
	begin := time.Now()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s, %d bytes: panic: %v", name, len(data), p)
		}
		if took := time.Since(begin); took > longest {
			t.Errorf("%s, %d bytes: %v", name, len(data), took)
		}
	}()
	r, err := capture.NewReader(bytes.NewReader(data), capture.Options{})
	if err != nil {
		return
	}
	if _, err := pcapflow.Analyse(r, pcapflow.Options{}); err != nil {
		t.Errorf("%s, %d bytes: %v", name, len(data), err)
	}
}

// eachCapture visits the chosen captures and the archive of further ones.
func eachCapture(t *testing.T, visit func(name string, data []byte)) {
	dir := need.Shared(t, "captures")
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) > 8<<20 {
			return err
		}
		if _, ok := capture.Recognise(data); ok {
			visit(e.Name(), data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "more.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			visit(h.Name, data)
		}
	}
}
