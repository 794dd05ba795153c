package archive

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/unpack"
)

func TestSeriesOf(t *testing.T) {
	log := func(name string, first, last int64) *File {
		return &File{Path: name, Kind: "nginx-access", First: first * 1e9, Last: last * 1e9, Outcome: Done}
	}
	for name, c := range map[string]struct {
		files []*File
		want  string
	}{
		"numbers":   {[]*File{log("w/a.log", 1000, 1000), log("w/a.log.1", 1000, 1000), log("w/a.log.10.gz", 900, 990), log("w/a.log.2.gz", 1000, 1000)}, "w/a.log: 10.gz 2.gz 1 log"},
		"dates":     {[]*File{log("a-20260102.gz", 2000, 2001), log("a-20260101.gz", 1000, 1001), log("a", 3000, 3001)}, "a: 20260101.gz 20260102.gz a"},
		"overlap":   {[]*File{log("a.log", 1000, 2000), log("a.log.1", 1000, 2000)}, "a.log.1: 1; a.log: log"},
		"other way": {[]*File{log("a.log.1", 1000, 1100), log("a.log.2", 2000, 2100)}, "a.log: 1 2"},
		"hosts":     {[]*File{log("x/a.log.1", 1000, 1100), log("y/a.log.1", 1100, 1200)}, "x/a.log: 1; y/a.log: 1"},
		"timeless":  {[]*File{{Path: "curl.1", Outcome: Done}, {Path: "curl.2", Outcome: Done}}, "curl.1: 1; curl.2: 2"},
	} {
		var got []string
		for _, s := range seriesOf(c.files) {
			text := s.name + ":"
			for _, f := range s.files {
				parts := strings.SplitN(filepath.Base(f.Path), ".", 2)
				if i := strings.LastIndexAny(strings.TrimSuffix(f.Path, ".gz"), ".-"); i >= 0 {
					parts = []string{f.Path[i+1:]}
				}
				text += " " + parts[0]
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

// TestJoinedLines: a line of a joined log is found where it stands.
func TestJoinedLines(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	var files []*File
	for i, text := range []string{"a\nb", "", "c\n\nd\n", "e\n"} {
		f := &File{Path: string(rune('0' + i)), open: filepath.Join(in, string(rune('0'+i)))}
		if err := os.WriteFile(f.open, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	at, err := lay(context.Background(), filepath.Join(out, "w"), []series{{"log", files}}, unpack.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, "w", "log"))
	if err != nil || string(b) != "a\nb\nc\n\nd\ne\n" {
		t.Fatalf("%q %v", b, err)
	}
	for line, want := range map[int]string{1: "0:1", 2: "0:2", 3: "2:1", 4: "2:2", 5: "2:3", 6: "3:1"} {
		file, n := at.place("log", line)
		if got := file + ":" + string(rune('0'+n)); got != want {
			t.Errorf("line %d stands at %s, want %s", line, got, want)
		}
	}
}
