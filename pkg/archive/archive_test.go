package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// sample is the folder of a sample's evidence.
func sample(t *testing.T, name string) string {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "samples", name, "input")
}

// cutSample copies a sample with each of its captures cut into files of at most
// n packets, named as tcpdump -C does.
func cutSample(t *testing.T, name string, n func() int) string { return shiftedSample(t, name, n, nil) }

// shiftedSample does that with the clocks of some captures, by name, ahead by so many ns.
func shiftedSample(t *testing.T, name string, n func() int, ahead map[string]int64) string {
	from, to := sample(t, name), t.TempDir()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(target, 0o755))
		}
		if strings.Contains(rel, ".pcap") {
			return cutCapture(path, target, n, ahead[rel])
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func cutCapture(from, to string, n func() int, ahead int64) error {
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
	var p capture.Packet
	next, ending := set.Next(&p), ""
	for file := 1; next == nil; file++ {
		f, err := os.Create(strings.TrimSuffix(strings.TrimSuffix(to, ".pcapng"), ".pcap") + ".pcap" + ending)
		if err != nil {
			return err
		}
		ending = fmt.Sprint(file)
		w := capture.NewWriter(f, false)
		for left := n(); left > 0 && next == nil; left-- {
			p.Time += ahead
			if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
				return err
			}
			next = set.Next(&p)
		}
		if err := errors.Join(w.Close(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func diagnosed(_ context.Context, c *correlate.Case) (*report.Report, error) {
	return report.Build(c, diagnose.Run(c, diagnose.Options{}), lang.EN, "test"), nil
}

// small is memory for windows of a few journeys.
const small = 1 << 20

func runOn(t *testing.T, in, out string, memory int64) *Result {
	t.Helper()
	r, err := Run(context.Background(), Options{Paths: []string{in}, Out: out, Memory: memory, Report: diagnosed})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told are the journeys of a result without the places they were found at, and
// how many lines were matched to them: those of a window know less of a clock
// than those of the whole.
func told(t *testing.T, out string) (all []string, lines int) {
	t.Helper()
	err := EachRow(out, "journeys", func(j *trend.JourneyRow) error {
		for _, l := range j.Lines {
			if l.Status == "matched" {
				lines++
			}
		}
		all = append(all, fmt.Sprint(j.Service, " ", j.Client, ":", j.ClientPort, " ", j.Server, ":", j.ServerPort, " ", j.Name, " ", j.Start, " ", j.Ordinal, " ", *j.Total, " ", j.Outcome, " ", j.Status, " ", j.Phases, " ", j.Failed))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all, lines
}

// TestAnyCut: flows and journeys that go on from file to file, and from window
// to window, are those of the whole.
func TestAnyCut(t *testing.T) {
	for _, name := range []string{"slow-application", "tcp-loss"} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			if r := runOn(t, cutSample(t, name, func() int { return 1 << 30 }), out, 1<<30); r.Windows != 1 {
				t.Fatalf("%d windows of the whole", r.Windows)
			}
			want, lines := told(t, out)
			rnd := rand.New(rand.NewPCG(1, 2))
			for cut, memory := range map[string]int64{"files": 1 << 30, "windows": small} {
				t.Run(cut, func(t *testing.T) {
					out := t.TempDir()
					r := runOn(t, cutSample(t, name, func() int { return 50 + rnd.IntN(200) }), out, memory)
					if memory == small && r.Windows < 2 {
						t.Errorf("%d windows", r.Windows)
					}
					got, matched := told(t, out)
					if matched < lines*9/10 {
						t.Errorf("%d lines matched, %d in the whole", matched, lines)
					}
					missing, extra := apart(want, got), apart(got, want)
					t.Logf("%d windows, %d journeys, %d differ", r.Windows, len(want), len(missing))
					if len(missing)+len(extra) > 0 {
						t.Errorf("missing:\n%s\nextra:\n%s", strings.Join(missing, "\n"), strings.Join(extra, "\n"))
					}
				})
			}
		})
	}
}

// apart gives what of a is not in b.
func apart(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { _, ok := slices.BinarySearch(b, s); return ok })
}

// contents of a result, by name, without the index.
func contents(t *testing.T, out string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(out, path)
		if err != nil || e.IsDir() {
			if rel == "index" {
				return filepath.SkipDir
			}
			return err
		}
		b, err := os.ReadFile(path)
		all[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, what string, a, b map[string]string) {
	t.Helper()
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s: %s is another (%d and %d bytes)", what, name, len(a[name]), len(b[name]))
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d and %d files", what, len(a), len(b))
	}
}

// TestResumed: ended after any step, the next run goes on, and the result is the
// same, byte for byte. A further run analyses nothing.
func TestResumed(t *testing.T) {
	in := cutSample(t, "tcp-loss", func() int { return 300 })
	whole, out := t.TempDir(), t.TempDir()
	var steps atomic.Int64
	run := func(out string, end int64) error {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		steps.Store(0)
		_, err := Run(ctx, Options{Paths: []string{in}, Out: out, Memory: small, Jobs: 1, NoteEvery: 1, Report: diagnosed, Progress: func(Step) {
			if steps.Add(1) == end {
				stop()
			}
		}})
		return err
	}
	if err := run(whole, -1); err != nil {
		t.Fatal(err)
	}
	want, ends := contents(t, whole), 0
	for at := int64(1); ; at += 7 {
		if run(out, at) == nil {
			break
		}
		ends++
	}
	if ends < 3 {
		t.Errorf("only %d runs were ended", ends)
	}
	same(t, "resumed", want, contents(t, out))
	if again := runOn(t, in, out, small); again.Fresh != 0 || again.Windows < 2 {
		t.Errorf("a run on what is known analysed %d of %d windows", again.Fresh, again.Windows)
	}
	same(t, "again", want, contents(t, out))
}

// TestTorn: whatever an ended run left half written is made anew.
func TestTorn(t *testing.T) {
	in, out := cutSample(t, "slow-application", func() int { return 200 }), t.TempDir()
	runOn(t, in, out, small)
	want := contents(t, out)
	var paths []string
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Base(path) != "lock" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		switch {
		case strings.Contains(path, "index"+string(filepath.Separator)) && i%2 == 0:
			b, _ := os.ReadFile(path)
			if filepath.Ext(path) == ".json" {
				err = os.WriteFile(path, b[:len(b)/2], 0o644)
			}
		default:
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 2 {
			runOn(t, in, out, small)
			same(t, "after "+path, want, contents(t, out))
		}
	}
}

// TestGrown: files that come to be later leave what was known, and the result
// is that of all at once.
func TestGrown(t *testing.T) {
	in, out := cutSample(t, "tcp-loss", func() int { return 300 }), t.TempDir()
	later, err := filepath.Glob(filepath.Join(in, "client.pcap[3-9]"))
	if err != nil || len(later) == 0 {
		t.Fatal("no later files", err)
	}
	aside := t.TempDir()
	move := func(from, to string) {
		for _, p := range later {
			if err := os.Rename(filepath.Join(from, filepath.Base(p)), filepath.Join(to, filepath.Base(p))); err != nil {
				t.Fatal(err)
			}
		}
	}
	move(in, aside)
	runOn(t, in, out, small)
	move(aside, in)
	grown := runOn(t, in, out, small)
	whole := t.TempDir()
	all := runOn(t, in, whole, small)
	same(t, "grown", contents(t, whole), contents(t, out))
	t.Logf("%d of %d windows analysed after growing", grown.Fresh, all.Fresh)
}

// TestBadFiles: what cannot be used is told with its reason, and stops nothing.
func TestBadFiles(t *testing.T) {
	in, out := cutSample(t, "slow-application", func() int { return 1 << 30 }), t.TempDir()
	captures, _ := filepath.Glob(filepath.Join(in, "*.pcap"))
	if len(captures) == 0 {
		captures, _ = filepath.Glob(filepath.Join(in, "*", "*.pcap"))
	}
	b, err := os.ReadFile(captures[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty.pcap": {}, "noise.bin": bytes.Repeat([]byte{7, 0, 200}, 500), "copy.pcap": b, "cut.pcap.gz": {0x1f, 0x8b, 8, 0, 0},
		"new\nline.pcap": b[:len(b)*2/3],
	} {
		if err := os.WriteFile(filepath.Join(in, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(in, filepath.Join(in, "loop")); err != nil {
		t.Fatal(err)
	}
	r := runOn(t, in, out, 1<<30)
	got := map[string]string{}
	for _, f := range r.Files {
		got[f.Path] = f.Outcome
		if f.Outcome != Done && f.Reason == "" {
			t.Errorf("%s: %s without a reason", f.Path, f.Outcome)
		}
	}
	// Of two equal files the one whose name comes first counts.
	for name, want := range map[string]string{"empty.pcap": Failed, "noise.bin": Failed, "cut.pcap.gz": Failed, "new\nline.pcap": Partial} {
		if got[name] != want {
			t.Errorf("%q: %s, want %s", name, got[name], want)
		}
	}
	copies := 0
	for _, outcome := range got {
		if outcome == Copy {
			copies++
		}
	}
	if copies != 1 {
		t.Errorf("%d copies, want 1: %v", copies, got)
	}
	if all, _ := told(t, out); len(all) == 0 {
		t.Error("the good files gave nothing")
	}
}

// TestAlone: two runs on one folder keep out of each other's way.
func TestAlone(t *testing.T) {
	in, out := sample(t, "slow-application"), t.TempDir()
	_, err := Run(context.Background(), Options{Paths: []string{in}, Out: out, Report: diagnosed, Progress: func(Step) {
		if _, err := Run(context.Background(), Options{Paths: []string{in}, Out: out, Report: diagnosed}); !errors.Is(err, ErrBusy) {
			t.Errorf("a second run: %v", err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestParquet: both forms of a table hold the same rows.
func TestParquet(t *testing.T) {
	out := t.TempDir()
	runOn(t, sample(t, "slow-application"), out, 1<<30)
	sameRows[trend.JourneyRow](t, out, "journeys")
	sameRows[trend.FindingRow](t, out, "findings")
	sameRows[trend.ClockRow](t, out, "clocks")
}

func sameRows[T any](t *testing.T, out, table string) {
	t.Helper()
	lines, err := rowsOf[T](out, table)
	if err != nil || len(lines) == 0 {
		t.Fatalf("%s: %d rows: %v", table, len(lines), err)
	}
	var rows []T
	err = filepath.WalkDir(filepath.Join(out, table), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		more, err := parquet.ReadFile[T](path)
		rows = append(rows, more...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asJSON(t, rows), asJSON(t, lines); a != b {
		t.Errorf("%s: as Parquet\n%s\nas lines\n%s", table, a, b)
	}
}

func rowsOf[T any](out, table string) (all []T, err error) {
	err = EachRow(out, table, func(row *T) error { all = append(all, *row); return nil })
	return all, err
}

func asJSON(t *testing.T, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
