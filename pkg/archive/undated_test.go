package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/shifted"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// isoStamp begins the lines of the sample's log.
var isoStamp = regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\dT[\d:.]{8,}\+00:00`)

// withoutYear gives a log the stamps that syslog has written for forty years.
func withoutYear(text string) string {
	return isoStamp.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return s
		}
		return at.Format(time.Stamp)
	})
}

// authLines are the lines of a log that belong to journeys, by day, counted: those that
// stand where the lines of the day do, from a line for each day on. The other days are
// copies, down to the ports.
func authLines(t *testing.T, out, log string, begin map[string]int, lines int) map[string]int {
	t.Helper()
	all := map[string]int{}
	err := EachRow(out, "journeys", func(j *trend.JourneyRow) error {
		for _, l := range j.Lines {
			day := trend.DayOf(j.Start)
			if at := int(l.Line) - begin[day]; l.File == log && at >= 0 && at < lines {
				all[day+" "+l.Status]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLogWithoutYears: a log of months whose lines state no year, over New Year, is cut
// by windows as others are: its year follows once from the archive, each window has its
// own lines, and they tell what they do where they stand alone.
func TestLogWithoutYears(t *testing.T) {
	const log = "ssh/auth.log"
	from := sample(t, "reverse-dns")
	b, err := os.ReadFile(filepath.Join(from, log))
	if err != nil {
		t.Fatal(err)
	}
	shifts := []int{0, 30, 40} // 2026-11-26, 2026-12-26, 2027-01-05
	in, want := t.TempDir(), map[string]int{}
	var real []string
	for _, days := range shifts {
		one, out := t.TempDir(), t.TempDir()
		for _, to := range []string{one, in} {
			if err := shifted.Captures(from, to, time.Duration(days)*24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		text := withoutYear(shifted.Text(string(b), days))
		real = append(real, text)
		if err := os.WriteFile(filepath.Join(one, log), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		runOn(t, one, out, 1<<30)
		for k, n := range authLines(t, out, log, nil, 1<<30) {
			want[k] += n
		}
	}
	// Other lines, every six hours, long ones, from summer to spring, with those in their places.
	var whole strings.Builder
	begin := map[string]int{}
	at, end := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	for day := time.Date(2026, 11, 26, 18, 0, 0, 0, time.UTC); at.Before(end); at = at.Add(6 * time.Hour) {
		if i := slices.IndexFunc(shifts, func(d int) bool { return day.AddDate(0, 0, d).Equal(at) }); i >= 0 {
			begin[at.Format(time.DateOnly)] = strings.Count(whole.String(), "\n") + 1
			whole.WriteString(real[i])
			continue
		}
		fmt.Fprintf(&whole, "%s ssh CRON[%d]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)%s\n", at.Format(time.Stamp), 1000+at.Unix()/720%30000, strings.Repeat(" and more", 300))
	}
	if err := os.WriteFile(filepath.Join(in, log), []byte(whole.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{1 << 30, small} {
		out := t.TempDir()
		r := runOn(t, in, out, memory)
		got := authLines(t, out, log, begin, strings.Count(real[0], "\n"))
		if fmt.Sprint(got) != fmt.Sprint(want) || len(want) < 3 {
			t.Errorf("%v, want %v", got, want)
		}
		i := slices.IndexFunc(r.Files, func(f *File) bool { return f.Path == log })
		f := r.Files[i]
		if f.Year != 2026 || f.First != time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC).UnixNano() || time.Unix(0, f.Last).UTC().Year() != 2027 || f.Dated || len(f.Blocks) < 5 {
			t.Errorf("%d blocks from %d to %d, year %d", len(f.Blocks), f.First, f.Last, f.Year)
		}
		for _, days := range shifts {
			middle := time.Date(2026, 11, 26, 20, 23, 0, 0, time.UTC).AddDate(0, 0, days).UnixNano()
			wanted := (&archive{}).wanted(&window{from: middle, to: middle + 60e9}, nil)
			runs := f.runs(func(b *logBlock) bool { return wanted(&series{log, []*File{f}}, f, b) })
			if len(runs) != 1 || runs[0].to == 0 || runs[0].to-runs[0].from > f.Size/2 || f.yearAt(runs[0].line) != 2026 && days < 40 {
				t.Errorf("%d days on: %v of %d bytes, from %d", days, runs, f.Size, f.yearAt(runs[0].line))
			}
		}
	}
}

// TestYearOf: a log begins in the year that puts it into the time of the other files, or
// near it; where several do, nothing is told.
func TestYearOf(t *testing.T) {
	at := func(year int, month time.Month, day int) int64 {
		return time.Date(year, month, day, 12, 0, 0, 0, time.UTC).UnixNano()
	}
	autumn := []Span{{at(2026, 11, 20), at(2026, 12, 3)}}
	long := []Span{{at(2025, 1, 1), at(2026, 12, 3)}}
	for name, c := range map[string]struct {
		first, last int64
		spans       []Span
		year        int
		several     bool
	}{
		"inside":                  {at(2000, 11, 22), at(2000, 11, 25), autumn, 2026, false},
		"around":                  {at(2000, 3, 1), at(2001, 2, 1), autumn, 2026, false},
		"over New Year":           {at(2000, 12, 2), at(2001, 1, 9), autumn, 2026, false},
		"longer than a year":      {at(2000, 12, 9), at(2002, 11, 25), autumn, 0, true},
		"a leap day":              {at(2000, 2, 29), at(2000, 11, 30), autumn, 2026, false},
		"weeks before":            {at(2000, 10, 20), at(2000, 11, 1), autumn, 2026, false},
		"far":                     {at(2000, 6, 1), at(2000, 6, 30), autumn, 0, false},
		"an archive of two years": {at(2000, 6, 1), at(2000, 6, 30), long, 0, true},
		"and yet but one":         {at(2000, 12, 20), at(2000, 12, 30), long, 2025, false},
		"or its whole length":     {at(2000, 6, 1), at(2002, 5, 30), long, 0, true},
	} {
		year, several := yearOf(&undated{First: c.first, Last: c.last}, c.spans)
		if several != c.several || !several && year != c.year {
			t.Errorf("%s: %d %t, want %d", name, year, several, c.year)
		}
	}
}
