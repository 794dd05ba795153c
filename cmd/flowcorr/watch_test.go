package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/watch"
)

// shared is a buffer that is read while it is written to.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestWatch: an incident that grows while it is watched is told of once, and
// the report of the end is that of the whole.
func TestWatch(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	out, diag := &shared{}, &shared{}
	run := func() (stop func() error) {
		env := &environment{in: strings.NewReader(""), out: out, diag: diag, options: options{format: "jsonl", color: "never"}}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- env.watch(ctx, watch.Options{Paths: []string{dir}, State: state, Every: 50 * time.Millisecond, FromStart: true})
		}()
		t.Cleanup(cancel)
		return func() error { cancel(); return <-done }
	}
	stop := run()
	pour(t, filepath.Join("..", "..", "samples", "slow-application", "input"), dir)
	for deadline := time.Now().Add(60 * time.Second); strings.Count(out.String(), `"rule":"app-slow"`) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("app-slow was not found: %s\n%s", out, diag)
		}
	}
	time.Sleep(time.Second) // logs are looked at four times a second
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), `{"rule":"app-slow"`); n != 1 {
		t.Errorf("app-slow was told %d times", n)
	}
	first := out.String()

	t.Run("restarted", func(t *testing.T) {
		stop := run()
		time.Sleep(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		again := strings.TrimPrefix(out.String(), first)
		if strings.Contains(again, `{"rule":"app-slow"`) {
			t.Error("what was told before the restart was told again")
		}
		if reportIn(t, first) != reportIn(t, again) {
			t.Error("the report of the end is another after a restart")
		}
	})
}

// reportIn counts, in the report that ends the output, what was read.
func reportIn(t *testing.T, out string) (n struct{ Journeys, Lines, Findings int }) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Report struct {
			Journeys []struct{ Lines []any }
			Findings []any
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	n.Journeys, n.Findings = len(last.Report.Journeys), len(last.Report.Findings)
	for _, j := range last.Report.Journeys {
		n.Lines += len(j.Lines)
	}
	if n.Journeys == 0 || n.Lines == 0 {
		t.Errorf("the report of the end holds %+v", n)
	}
	return n
}

// pour copies a folder in pieces, as if it were written meanwhile.
func pour(t *testing.T, from, to string) {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path)
		if err != nil || e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(to, rel))
		if err != nil {
			return err
		}
		for _, part := range [][]byte{whole[:len(whole)/3], whole[len(whole)/3:]} {
			if _, err := f.Write(part); err != nil {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"watch", "nothing to watch given"},
		{"watch --format xml x", "xml"},
	} {
		var out, diag bytes.Buffer
		if status := run(strings.Fields(c.args), strings.NewReader(""), &out, &diag); status != exitUsage || !strings.Contains(diag.String(), c.want) || !strings.Contains(diag.String(), "hint: ") {
			t.Errorf("%s: status %d, %s", c.args, status, diag.String())
		}
	}
}
