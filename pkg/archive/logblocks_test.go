package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// longLog gives a log lines of days before it and after it, and tells how many before.
func longLog(t *testing.T, path string) (before int) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	first := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	line := func(i int) {
		fmt.Fprintf(&text, "192.0.2.%d - - [%s] \"GET /other/%d HTTP/1.1\" 200 %d \"-\" \"curl/7.88.1\"\n", i%250+1, first.Add(time.Duration(i)*30*time.Second).Format("02/Jan/2006:15:04:05 -0700"), i, i%9000)
	}
	for before = range 30_000 { // to the day before
		line(before)
	}
	before++
	text.Write(b)
	for i := range 20_000 {
		line(before + 3000 + i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return before
}

// linesOf are the lines of a log that belong to journeys, as if it began so many lines
// later.
func linesOf(t *testing.T, out, of string, before int) map[string]int {
	t.Helper()
	all := map[string]int{}
	err := EachRow(out, "journeys", func(j *trend.JourneyRow) error {
		for _, l := range j.Lines {
			if l.File == of {
				all[fmt.Sprint(int(l.Line)-before, " ", l.Status)]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLongLog: of a log that is much longer than the captures a window reads its part
// alone, and finds the same lines in it.
func TestLongLog(t *testing.T) {
	const log = "web/access.log"
	in := cutSample(t, "slow-application", func() int { return 1 << 30 })
	for _, memory := range []int64{1 << 30, small} {
		plain, long := t.TempDir(), t.TempDir()
		runOn(t, in, plain, memory)
		grown := cutSample(t, "slow-application", func() int { return 1 << 30 })
		before := longLog(t, filepath.Join(grown, log))
		r := runOn(t, grown, long, memory)
		want, got := linesOf(t, plain, log, 0), linesOf(t, long, log, before)
		for k, n := range want {
			if got[k] != n {
				t.Errorf("line %s: %d times, not %d", k, got[k], n)
			}
		}
		if len(got) != len(want) || len(want) == 0 {
			t.Errorf("%d lines, not %d", len(got), len(want))
		}
		for _, f := range r.Files {
			if f.Path != log {
				continue
			}
			w := &window{from: 1795735255_000_000_000, to: 1795735270_000_000_000}
			folder := filepath.Join(t.TempDir(), "w")
			if _, err := lay(context.Background(), folder, []series{{log, []*File{f}}}, unpack.Options{}, (&archive{}).wanted(w, nil)); err != nil {
				t.Fatal(err)
			}
			st, err := os.Stat(filepath.Join(folder, log))
			if err != nil || st.Size() > f.Size/2 || st.Size() == 0 {
				t.Errorf("%d bytes laid of %d: %v", st.Size(), f.Size, err)
			}
		}
	}
}
