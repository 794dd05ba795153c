package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// bench is a folder that is watched, with what the watcher sees of it.
type bench struct {
	t      *testing.T
	dir    string
	state  string
	window time.Duration
	clocks func() reading
	set    func(Set)
	stop   func()
	done   chan error

	mu    sync.Mutex
	seen  string          // of the log, at the latest analysis
	files map[string]bool // in the evidence, at the latest analysis
	wrong []string
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, dir: t.TempDir(), state: t.TempDir(), stop: func() {}}
}

func (b *bench) log() string { return filepath.Join(b.dir, "app.log") }

// start begins a run that goes on until halt.
func (b *bench) start() {
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.done = stop, make(chan error, 1)
	go func() {
		_, err := Run(ctx, Options{
			Set: b.set, clocks: b.clocks,
			Paths: []string{b.dir}, State: b.state, Every: 20 * time.Millisecond, Window: b.window, FromStart: true,
			Analyse: b.analyse, Found: func(*report.Report, *report.Finding) error { return nil },
			Problem: func(path string, err error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.wrong = append(b.wrong, path+": "+err.Error())
			},
		})
		b.done <- err
	}()
	b.t.Cleanup(stop)
}

func (b *bench) analyse(_ context.Context, folder string) (*report.Report, error) {
	text, _ := os.ReadFile(filepath.Join(folder, "app.log"))
	files := map[string]bool{}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		files[e.Name()] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen, b.files = string(text), files
	return &report.Report{Evidence: []report.Evidence{{ID: "e1", Path: "app.log"}}}, err
}

func (b *bench) halt() {
	b.t.Helper()
	b.stop()
	if err := <-b.done; err != nil {
		b.t.Fatal(err)
	}
}

// until waits for the watcher to see what is expected.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b.mu.Lock()
		yes := ok()
		b.mu.Unlock()
		if yes {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: not seen; the log is %q, problems %q", what, b.seen, b.wrong)
		}
	}
}

func (b *bench) write(lines ...string) {
	b.t.Helper()
	f, err := os.OpenFile(b.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestLinesOnce: whatever happens to the file and to the watcher, each line is
// seen once, in its order.
func TestLinesOnce(t *testing.T) {
	b := newBench(t)
	var want []string
	n := 0
	more := func(count int) {
		var lines []string
		for range count {
			n++
			lines = append(lines, fmt.Sprintf("line %d of this log", n))
		}
		want = append(want, lines...)
		b.write(lines...)
	}
	all := func() {
		t.Helper()
		b.until(fmt.Sprint(len(want), " lines"), func() bool { return b.seen == strings.Join(want, "\n")+"\n" })
	}
	rename := func(to string) {
		t.Helper()
		if err := os.Rename(b.log(), filepath.Join(b.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	more(3)
	b.start()
	all()
	more(40)
	all()
	t.Run("rotated", func(t *testing.T) {
		rename("app.log.1")
		time.Sleep(30 * time.Millisecond)
		more(2)
		all()
	})
	t.Run("rotated with lines not yet read", func(t *testing.T) {
		more(5)
		rename("app.log.2")
		more(5)
		all()
	})
	t.Run("cut short", func(t *testing.T) {
		if err := os.Truncate(b.log(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond) // so that it is seen to be empty
		more(1)
		all()
	})
	t.Run("gone and back", func(t *testing.T) {
		if err := os.Remove(b.log()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond)
		more(4)
		all()
	})
	t.Run("restarted", func(t *testing.T) {
		b.halt()
		more(3)
		b.start()
		all()
	})
	t.Run("rotated while nobody watched", func(t *testing.T) {
		more(30)
		all()
		b.halt()
		more(3)
		rename("app.log.3")
		more(2)
		b.start()
		all()
	})
	b.until("that rotated parts are not evidence of their own", func() bool { return len(b.files) == 1 && b.files["app.log"] })
	b.halt()
}

// TestFromEnd: without FromStart what a log held before does not count, but its
// lines do.
func TestFromEnd(t *testing.T) {
	b := newBench(t)
	b.write("old", "older")
	w := &watcher{opt: Options{Paths: []string{b.dir}, State: b.state}, state: &state{Logs: map[string]logState{}, held: map[string]*held{}}, logs: map[string]*followedLog{}, problems: map[string]time.Time{}, pieces: make(chan piece, 64)}
	w.opt.defaults()
	w.scan(false)
	b.write("new")
	w.take(<-w.pieces)
	w.stop()
	l := w.logs[b.log()]
	if l.spool.base != 2 || l.spool.lines != 1 {
		t.Errorf("%d lines before, %d new; want 2 and 1", l.spool.base, l.spool.lines)
	}
}

// TestFiles: captures are evidence as they are, once they are there, until they
// are gone or older than the window; one watcher uses a state folder.
func TestFiles(t *testing.T) {
	b := newBench(t)
	b.start()
	capture := filepath.Join(b.dir, "a.pcap")
	if err := os.WriteFile(capture, []byte("\xd4\xc3\xb2\xa1rest"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.until("the capture", func() bool { return b.files["a.pcap"] })
	if _, err := Run(context.Background(), Options{Paths: []string{b.dir}, State: b.state}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second watcher: %v", err)
	}
	if err := os.Remove(capture); err != nil {
		t.Fatal(err)
	}
	b.until("that it is gone", func() bool { b.write("makes it look again"); return !b.files["a.pcap"] })
	b.halt()
}

// TestClockSet: how long a capture is evidence does not depend on the wall clock, whichever
// way it is set while it is watched: stamps of files then lie an hour in the past or to
// come. When the watching begins, what is older than the window is left out.
func TestClockSet(t *testing.T) {
	b := newBench(t)
	b.window = 2 * time.Second
	put := func(name string, age time.Duration) {
		path := filepath.Join(b.dir, name)
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, []byte("\xd4\xc3\xb2\xa1rest"), 0o644), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	put("before.pcap", time.Hour)
	put("just.pcap", 0)
	put("ahead.pcap", -time.Hour)
	b.start()
	b.until("what has just come", func() bool { return b.files["just.pcap"] && b.files["ahead.pcap"] })
	put("forward.pcap", time.Hour)
	put("back.pcap", -time.Hour)
	b.until("what comes", func() bool {
		b.write("makes it look again")
		return b.files["forward.pcap"] && b.files["back.pcap"] && !b.files["before.pcap"]
	})
	if err := os.Rename(filepath.Join(b.dir, "back.pcap"), filepath.Join(b.dir, "back.pcap.1")); err != nil {
		t.Fatal(err)
	}
	b.until("that all is old", func() bool { b.write("makes it look again"); return len(b.files) == 1 && b.files["app.log"] })
	b.halt()
	if len(b.wrong) > 0 {
		t.Error(b.wrong)
	}
}

// TestRingTooSmall: what a ring overwrites before it can be certain is told; what it
// overwrites later, or only renames, is not.
func TestRingTooSmall(t *testing.T) {
	dir := t.TempDir()
	var told []string
	w := &watcher{opt: Options{Paths: []string{dir}, State: t.TempDir(), Problem: func(path string, err error) {
		told = append(told, filepath.Base(path)+": "+err.Error())
	}}, state: &state{Logs: map[string]logState{}, held: map[string]*held{}}, logs: map[string]*followedLog{}, problems: map[string]time.Time{}, begun: true}
	w.opt.defaults()
	put := func(name, first string, packets int) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\xd4\xc3\xb2\xa1"+first+strings.Repeat(".", 500*packets)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want ...string) {
		t.Helper()
		w.scan(true)
		if strings.Join(told, " ") != strings.Join(want, " ") {
			t.Errorf("%s: told %q, want %q", what, told, want)
		}
		told = nil
		clear(w.problems)
	}
	put("ring.pcap0", "first", 1)
	check("begun")
	put("ring.pcap0", "first", 2)
	check("grown")
	put("ring.pcap0", "second", 3)
	check("overwritten unseen", "ring.pcap0: "+errUnlooked.Error())
	w.look(time.Now())
	put("ring.pcap0", "third", 3)
	check("overwritten at once", "ring.pcap0: "+errUnlooked.Error())
	w.look(time.Now().Add(-time.Minute))
	if err := os.Rename(filepath.Join(dir, "ring.pcap0"), filepath.Join(dir, "ring.pcap1")); err != nil {
		t.Fatal(err)
	}
	put("ring.pcap0", "fourth", 1)
	check("renamed")
	if err := os.Remove(filepath.Join(dir, "ring.pcap1")); err != nil {
		t.Fatal(err)
	}
	check("removed after a while")
	if err := os.Remove(filepath.Join(dir, "ring.pcap0")); err != nil {
		t.Fatal(err)
	}
	check("removed unseen", "ring.pcap0: "+errUnlooked.Error())
}

// TestSpoolDrops: lines older than the window go, and are counted.
func TestSpoolDrops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in", "x.log")
	s, err := openSpool(path, 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int, text string) {
		for range n {
			if err := s.add(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(6, "first")
	if err := s.flush(time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	cut := time.Now()
	add(3, "second")
	if err := s.flush(cut); err != nil {
		t.Fatal(err)
	}
	add(1, "third")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "second\nsecond\nsecond\nthird\n"; string(got) != want || s.base != 16 || s.lines != 4 || s.size != int64(len(want)) {
		t.Errorf("%q, %d lines dropped, %d left, %d bytes", got, s.base, s.lines, s.size)
	}
}

// TestCertain: a finding is told when it stood twice and a journey of it had
// ended, and not again while it goes on.
func TestCertain(t *testing.T) {
	end := func(s int64) *report.Instant { i := report.Instant(s * 1e9); return &i }
	at := func(last int64, journeys ...string) *report.Report {
		r := &report.Report{Evidence: []report.Evidence{{ID: "e1", Path: "a.pcap", Vantage: "server", Last: end(last)}}}
		for i, id := range journeys {
			r.Journeys = append(r.Journeys, report.Journey{ID: id, Client: id, Start: report.Instant(i), End: end(10 + int64(i))})
		}
		r.Findings = []report.Finding{{ID: "f1", Rule: "app-slow", Severity: "warning", Confidence: "high", Journeys: journeys}}
		return r
	}
	c, now := certain{told: map[string]int64{}}, time.Now()
	told := func(r *report.Report, end bool) int {
		now = now.Add(3 * time.Second) // between two looks
		return len(c.of(r, now, 5*time.Second, false, end))
	}
	for i, step := range []struct {
		r    *report.Report
		end  bool
		want int
	}{
		{at(12, "a"), false, 0},      // seen once
		{at(14, "a"), false, 0},      // too near to the end of the evidence
		{at(20, "a"), false, 1},      // certain
		{at(30, "a", "b"), false, 0}, // it goes on
		{at(40, "b"), false, 0},      // and on, when its first journey has left the window
		{at(50, "c"), false, 0},      // another
		{at(50, "c"), true, 1},       // at the end all is certain
	} {
		if got := told(step.r, step.end); got != step.want {
			t.Errorf("step %d: %d told, want %d", i, got, step.want)
		}
	}
	if c.of(at(70, "e"), now, 5*time.Second, false, false); !c.pending {
		t.Error("what is not certain yet is not waited for")
	}
	if n := len(c.of(at(70, "e"), now, time.Hour, true, false)); n != 1 {
		t.Errorf("nothing came any more, and %d told", n)
	}
	r := at(60, "d")
	r.Findings[0].Confidence = "not-evaluable"
	if told(r, true) != 0 {
		t.Error("what is not evaluable was told")
	}
}

// TestRenumber: lines count from the beginning of the log.
func TestRenumber(t *testing.T) {
	r := &report.Report{
		Evidence:  []report.Evidence{{ID: "e1", Path: "a.log", Problems: []report.Problem{{Record: 2}, {Offset: 7}}}, {ID: "e2", Path: "b.pcap"}},
		Journeys:  []report.Journey{{Lines: []report.LineLink{{Evidence: "e1", Line: 1}}}},
		Unmatched: []report.Unmatched{{Evidence: "e1", Lines: []int{3}}},
		Findings:  []report.Finding{{Evidence: []report.FindingEvidence{{Evidence: "e1", Lines: []int{4}}, {Evidence: "e2", Frames: []int{5}}}}},
	}
	renumber(r, map[string]int{"a.log": 100})
	got := []int{r.Evidence[0].Problems[0].Record, r.Evidence[0].Problems[1].Record, r.Journeys[0].Lines[0].Line, r.Unmatched[0].Lines[0], r.Findings[0].Evidence[0].Lines[0], r.Findings[0].Evidence[1].Frames[0]}
	if want := []int{102, 0, 101, 103, 104, 5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNeverWritesToWhatItWatches: a file that was taken for a capture, and is one of
// lines by now, is not cut nor written to through the name it had in the evidence.
func TestNeverWritesToWhatItWatches(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.log(), []byte("\xd4\xc3\xb2\xa1 a capture, it seems"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.until("the link", func() bool { return b.files["app.log"] })
	text := "one line\nand another\n"
	if err := os.WriteFile(b.log(), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b.until("the lines", func() bool { return b.seen == text })
	time.Sleep(100 * time.Millisecond)
	b.halt()
	if got, err := os.ReadFile(b.log()); err != nil || string(got) != text {
		t.Errorf("the log is %q: %v", got, err)
	}
}
