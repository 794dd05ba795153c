package incident

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// eventsOf reads the events of files that are written to a new folder.
func eventsOf(t *testing.T, files map[string]string, opt Options) (map[string][]logparse.Event, []*File, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sinks := map[string]*keeping{}
	all, err := EachEvent(context.Background(), []string{dir}, opt, func(f *File) Sink {
		sinks[f.Path] = &keeping{}
		return sinks[f.Path]
	})
	got := map[string][]logparse.Event{}
	for path, s := range sinks {
		got[path] = s.events
	}
	return got, all, err
}

// keeping is a sink that keeps every event.
type keeping struct{ events []logparse.Event }

func (k *keeping) Event(e *logparse.Event) { k.events = append(k.events, e.Keep()) }

func (k *keeping) Part() Sink { return &keeping{} }

func (k *keeping) Join(part Sink) {
	p := part.(*keeping)
	k.events = append(k.events, p.events...)
	p.events = nil
}

// TestEachEventKnowsZoneAndYear: a line without either takes them from the
// other log of its host.
func TestEachEventKnowsZoneAndYear(t *testing.T) {
	got, _, err := eventsOf(t, map[string]string{
		"web/access.log": "10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n",
		"web/auth.log":   "Nov 22 11:55:36 web sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2\n",
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := got["web/auth.log"]
	if len(lines) != 1 {
		t.Fatalf("%d events", len(lines))
	}
	e := lines[0]
	want := time.Date(2026, 11, 22, 10, 55, 36, 0, time.UTC).UnixNano()
	if e.Time != want || !e.HasTime || e.Zone != logparse.ZoneInferred || !e.YearInferred {
		t.Errorf("time %v, zone %v", time.Unix(0, e.Time).UTC(), e.Zone)
	}
}

// TestEachEventWithoutYear: nothing tells the year, so that there is no time.
func TestEachEventWithoutYear(t *testing.T) {
	got, files, err := eventsOf(t, map[string]string{
		"auth.log": "Nov 22 11:55:36 web sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2\n",
	}, Options{})
	if err != nil || len(got["auth.log"]) != 1 || got["auth.log"][0].HasTime {
		t.Fatalf("%v, %+v", err, got)
	}
	if len(files[0].Problems) == 0 || !strings.Contains(files[0].Problems[0].Text, "no year") {
		t.Errorf("problems: %v", files[0].Problems)
	}
}

// TestEachEventSameWithManyWorkers: how many files are read at a time does not
// show, and Read tells the same numbers of lines.
func TestEachEventSameWithManyWorkers(t *testing.T) {
	files := map[string]string{"noise.bin": "nothing\nof use\n"}
	for i := range 9 {
		var b strings.Builder
		for s := range 50 + i {
			fmt.Fprintf(&b, "10.0.0.%d - - [22/Nov/2026:11:55:%02d +0100] \"GET /%d HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n", i, s%60, s)
		}
		files[fmt.Sprintf("h%d/access.log", i)] = b.String()
	}
	one, _, err := eventsOf(t, files, Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	many, all, err := eventsOf(t, files, Options{Workers: 8})
	if err != nil || len(one) != 9 || len(many) != 9 {
		t.Fatalf("%v, %d and %d logs", err, len(one), len(many))
	}
	for name, events := range one {
		paths := func(list []logparse.Event) (out []string) {
			for _, e := range list {
				out = append(out, e.Path)
			}
			return out
		}
		if !slices.Equal(paths(events), paths(many[name])) {
			t.Errorf("%s differs", name)
		}
	}
	for _, f := range all {
		if f.Kind != Unrecognised && f.Records != len(many[f.Path]) {
			t.Errorf("%s: %d records", f.Path, f.Records)
		}
	}
}

func TestEachEventNoInput(t *testing.T) {
	if _, _, err := eventsOf(t, map[string]string{"noise.bin": "nothing\nof use\n"}, Options{}); !errors.Is(err, ErrNoInput) {
		t.Errorf("error %v", err)
	}
	if _, _, err := eventsOf(t, nil, Options{}); !errors.Is(err, ErrNoInput) {
		t.Errorf("error %v", err)
	}
}

// TestEachEventInParts: a log of several blocks gives the same events, line
// numbers, offsets and problems as when it is read from start to end.
func TestEachEventInParts(t *testing.T) {
	var b strings.Builder
	b.WriteString("\xef\xbb\xbf")
	for i := 0; b.Len() < 3*logparse.BlockBytes; i++ {
		switch {
		case i%1000 == 7:
			fmt.Fprintf(&b, "\x00\x00no line of %d\r\n\n", i)
		case i == 2000:
			b.WriteString("10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] \"GET /" + strings.Repeat("x", 2*logparse.BlockBytes) + " HTTP/1.1\" 200 12\n")
		default:
			fmt.Fprintf(&b, "10.0.0.1 - - [22/Nov/2026:11:55:%02d +0100] \"GET /%d HTTP/1.1\" 200 %d \"-\" \"curl/8\"\n", i%60, i, i)
		}
	}
	b.WriteString("10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] \"GET /cut")
	text := b.String()
	whole, bad, lines, err := logparse.ReadAll(strings.NewReader(text), logparse.ByName("access-log"), logparse.Source{Path: "access.log"})
	if err != nil || len(bad) < 5 {
		t.Fatal(err, len(bad))
	}
	for _, parts := range []int{1, 2, 7} {
		got, files, err := eventsOf(t, map[string]string{"access.log": text}, Options{Parts: parts})
		if err != nil {
			t.Fatal(err)
		}
		f := files[0]
		if f.Records != lines || len(f.Problems) != len(bad) {
			t.Errorf("%d lines and %d problems, want %d and %d", f.Records, len(f.Problems), lines, len(bad))
		}
		for i, p := range f.Problems {
			if i < len(bad) && (p.Record != bad[i].Line || p.Offset != bad[i].Offset || !strings.HasPrefix(p.Text, bad[i].Text)) {
				t.Errorf("problem %+v, want %+v", p, bad[i])
			}
		}
		events := got["access.log"]
		if len(events) != len(whole) {
			t.Fatalf("%d events, want %d", len(events), len(whole))
		}
		for i := range whole {
			if !reflect.DeepEqual(events[i], whole[i]) {
				t.Fatalf("event %d: %+v\nwant %+v", i, events[i], whole[i])
			}
		}
	}
}

// TestEachEventYearNearby: a log that began weeks before the other evidence has
// the year that puts it there, across New Year's Day too; one of another season
// has none.
func TestEachEventYearNearby(t *testing.T) {
	access := "10.0.0.1 - - [10/Jan/2026:11:55:35 +0000] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n"
	for stamp, year := range map[string]int{"Dec 20": 2025, "Jan  9": 2026, "Jan 25": 2026, "Jul  1": 0} {
		got, _, err := eventsOf(t, map[string]string{
			"web/access.log": access, "web/auth.log": stamp + " 11:55:36 web sshd[12]: Accepted publickey for ana from 10.0.0.1 port 4000 ssh2\n",
		}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		e := got["web/auth.log"][0]
		if y := time.Unix(0, e.Time).UTC().Year(); year == 0 && e.HasTime || year != 0 && (y != year || !e.YearInferred) {
			t.Errorf("%s is of %d, want %d", stamp, y, year)
		}
	}
}

// TestZoneOfNeighboursChanges: where the lines of a host's other log change
// their zone, lines that state none change it as well.
func TestZoneOfNeighboursChanges(t *testing.T) {
	access := ""
	for _, at := range []string{"25/Oct/2026:01:30:00 +0200", "25/Oct/2026:02:59:59 +0200", "25/Oct/2026:02:00:30 +0100", "25/Oct/2026:04:00:00 +0100"} {
		access += "10.0.0.1 - - [" + at + "] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n"
	}
	line := " [error] 7#7: *9 open() failed, client: 10.0.0.1, server: _\n"
	errors := "2026/10/25 01:30:00" + line + "2026/10/25 02:30:00" + line + "2026/10/25 02:10:00" + line + "2026/10/25 03:30:00" + line
	inc := read(t, Options{}, write(t, map[string]string{"web/access.log": access, "web/error.log": errors}))
	for _, l := range inc.Logs {
		if l.File.Path != "web/error.log" {
			continue
		}
		var got []string
		for i := range l.Events {
			if l.Events[i].Zone != logparse.ZoneInferred {
				t.Errorf("%+v", &l.Events[i])
			}
			got = append(got, time.Unix(0, l.Events[i].Time).UTC().Format("02 15:04"))
		}
		if want := []string{"24 23:30", "25 00:30", "25 01:10", "25 02:30"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// TestEachEventSurvives: what goes wrong in one part of a log, and in its sink,
// is a problem of the file with what was read beside.
func TestEachEventSurvives(t *testing.T) {
	line := "10.0.0.1 - - [22/Nov/2026:11:55:35 +0100] \"GET / HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n"
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 2*logparse.BlockBytes/len(line))), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &failing{}
	files, err := EachEvent(context.Background(), []string{path}, Options{}, func(*File) Sink { return s })
	if err != nil || len(files[0].Problems) == 0 || !strings.Contains(files[0].Problems[0].Text, "internal error") {
		t.Errorf("%v, %+v", err, files[0].Problems)
	}
	if s.events < 1000 {
		t.Errorf("only %d events of the other parts", s.events)
	}
}

// failing is a sink of which the parts break at their third event, once.
type failing struct {
	broken *atomic.Bool
	events int
}

func (f *failing) Event(*logparse.Event) {
	if f.events++; f.events == 3 && f.broken.CompareAndSwap(false, true) {
		panic("broken")
	}
}

func (f *failing) Part() Sink {
	if f.broken == nil {
		f.broken = &atomic.Bool{}
	}
	return &failing{broken: f.broken}
}

func (f *failing) Join(part Sink) {
	p := part.(*failing)
	f.events += p.events
	p.events = 0
}
