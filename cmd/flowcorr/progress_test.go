package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// screen is what a bar is drawn on.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestProgress: long work shows stage, bytes, rate and time left; short work
// shows nothing.
func TestProgress(t *testing.T) {
	var s screen
	p := newProgress(&s, 10<<20, time.Millisecond, "reading", mpb.WithAutoRefresh(), mpb.WithWidth(100))
	for deadline := time.Now().Add(10 * time.Second); ; {
		p.add(1 << 10)
		if text := s.String(); regexp.MustCompile(`reading .*/ 10\.0 MiB +[0-9.]+ [KM]iB/s +−[0-9]`).MatchString(text) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("shown: %q", s.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.enter("correlating")
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.String(), "correlating"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("shown: %q", s.String())
		}
	}
	p.done()
	p.done()

	var small screen
	p = newProgress(&small, 10<<20, time.Millisecond, "reading", mpb.WithAutoRefresh(), mpb.WithWidth(40))
	for deadline := time.Now().Add(10 * time.Second); ; {
		p.add(1 << 10)
		if regexp.MustCompile(`reading .*[0-9]+[KM]iB/10MiB [0-9]+[KM]iB/s −[0-9]`).MatchString(small.String()) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("shown: %q", small.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.done()

	var quick screen
	p = newProgress(&quick, 100, time.Hour, "reading")
	p.add(100)
	p.done()
	if text := quick.String(); text != "" {
		t.Errorf("short work shows %q", text)
	}
}

// TestProgressOfBatch: an archive's progress shows bytes, files and the time left.
func TestProgressOfBatch(t *testing.T) {
	var s screen
	p := newProgress(&s, archivePasses*10<<20, time.Millisecond, "reading", mpb.WithAutoRefresh(), mpb.WithWidth(120))
	told := p.ofBatch(&environment{speaks: lang.EN})
	wanted := regexp.MustCompile(`reading .*[KM]iB / 30\.0 MiB  [0-9]+/5000 files +[0-9.]+ [KM]iB/s +−[0-9]`)
	for deadline := time.Now().Add(10 * time.Second); !wanted.MatchString(s.String()); time.Sleep(5 * time.Millisecond) {
		told(archive.Step{Stage: "read", Bytes: 1 << 10, Files: 1, Of: 5000})
		if time.Now().After(deadline) {
			t.Fatalf("shown: %q", s.String())
		}
	}
	p.done()
}

// TestProgressUnseen: away from a terminal nothing is counted at all.
func TestProgressUnseen(t *testing.T) {
	var out bytes.Buffer
	if p := (&environment{diag: &out}).watchProgress(nil, 1); p != nil || p.counter() != nil {
		t.Error("progress without a terminal")
	}
}

func TestSizeOf(t *testing.T) {
	dir := t.TempDir()
	for name, n := range map[string]int{"a": 10, "b": 5} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := sizeOf([]string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "none")}); got != 25 {
		t.Errorf("%d bytes, want 25", got)
	}
}
