package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// stamps of the logs of samples, as they begin: shifting by whole days leaves the rest.
var stampDays = []struct {
	find   *regexp.Regexp
	layout string
}{
	{regexp.MustCompile(`\b\d\d/[A-Z][a-z]{2}/20\d\d\b`), "02/Jan/2006"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d\b`), "2006-01-02"},
	{regexp.MustCompile(`\b\d\d-[A-Z][a-z]{2}-20\d\d\b`), "02-Jan-2006"},
}

// addDays adds a sample to an archive as if it had been so many days later: captures
// and logs bear the day in their names.
func addDays(t *testing.T, name, archive string, days int) {
	t.Helper()
	from := sample(t, name)
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(archive, rel), 0o755))
		}
		dir, base := filepath.Split(rel)
		day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days).Format("20060102")
		if stem, ok := strings.CutSuffix(base, ".pcap"); ok {
			return cutCapture(path, filepath.Join(archive, dir, stem+"-"+day+".pcap"), func() int { return 1 << 30 }, int64(days)*86400e9)
		}
		b, err := os.ReadFile(path)
		text := string(b)
		for _, s := range stampDays {
			text = s.find.ReplaceAllStringFunc(text, func(d string) string {
				at, err := time.Parse(s.layout, d)
				if err != nil {
					return d
				}
				return at.AddDate(0, 0, days).Format(s.layout)
			})
		}
		return errors.Join(err, os.WriteFile(filepath.Join(archive, dir, fmt.Sprintf("%s-%s", base, day)), []byte(text), 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// began is when a journey did, ns.
var began = regexp.MustCompile(` \d{19} `)

// TestCopies: what is played again on later days is told once for each day, however
// large windows are.
func TestCopies(t *testing.T) {
	one := t.TempDir()
	runOn(t, sample(t, "slow-application"), one, 1<<30)
	want, _ := told(t, one)
	in := t.TempDir()
	for _, days := range []int{0, 1, 8} {
		addDays(t, "slow-application", in, days)
	}
	for _, memory := range []int64{1 << 30, small} {
		out := t.TempDir()
		r := runOn(t, in, out, memory)
		got, _ := told(t, out)
		count := map[string]int{} // without when it began
		for _, j := range got {
			count[began.ReplaceAllString(j, "")]++
		}
		for _, j := range want {
			if n := count[began.ReplaceAllString(j, "")]; n != 3 {
				t.Errorf("%d times: %s", n, j)
			}
		}
		t.Logf("%d windows, %d journeys, of one day %d", r.Windows, len(got), len(want))
		if len(got) != 3*len(want) {
			t.Errorf("%d journeys of three days, %d of one", len(got), len(want))
		}
	}
}
