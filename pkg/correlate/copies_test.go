package correlate

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// TestClocksOfDoubledLines: a log that was gathered into one file several times,
// line by line or one behind the other, tells of the clocks what it told once.
func TestClocksOfDoubledLines(t *testing.T) {
	ways := map[string]func(b []byte) []byte{
		"each line twice": func(b []byte) []byte {
			var out []byte
			for _, line := range bytes.SplitAfter(b, []byte("\n")) {
				out = append(append(out, line...), line...)
			}
			return out
		},
		"three times over": func(b []byte) []byte { return bytes.Repeat(b, 3) },
	}
	for _, name := range []string{"s11_apache", "s02_slow_app"} {
		base := need.Shared(t, "incidents", name, "input")
		want := offsets(analysed(t, base))
		if len(want) < 4 {
			t.Fatalf("%s: only %d files with a measured clock", name, len(want))
		}
		for way, change := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				inc, _ := leaveOutCopies(analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
					if strings.HasSuffix(name, "/access.log") || strings.HasSuffix(name, "/app.log") || strings.HasSuffix(name, "/error.log") {
						b = change(b)
					}
					return map[string][]byte{name: b}
				})))
				got := offsets(inc)
				if len(got) != len(want) {
					t.Errorf("%d files have a measured clock, %d had", len(got), len(want))
				}
				for name, w := range want {
					g, ok := got[name]
					if !ok {
						t.Errorf("%s is not measured any more", name)
					} else if abs64(g[1]-w[1]) > 1e6 {
						t.Errorf("%s: %v became %v", name, w, g)
					}
				}
			})
		}
	}
}

// TestLinksOfDoubledLines: of a log in which each line stands twice, one line of
// each pair finds what it found alone, and the other says that it is a copy.
func TestLinksOfDoubledLines(t *testing.T) {
	for _, name := range []string{"s02_slow_app", "s03_slow_dns", "s06_ssh", "s11_apache"} {
		t.Run(name, func(t *testing.T) {
			base := need.Shared(t, "incidents", name, "input")
			want := matchedLines(Correlate(analysed(t, base), Options{}))
			c := Correlate(analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
				if !regexp.MustCompile(`(access|app|auth|unbound|query|error)\.log$`).MatchString(name) {
					return map[string][]byte{name: b}
				}
				var out []byte
				for _, line := range bytes.SplitAfter(b, []byte("\n")) {
					out = append(append(out, line...), line...)
				}
				return map[string][]byte{name: out}
			})), Options{})
			got := matchedLines(c)
			copies := 0
			for _, u := range c.Unmatched {
				if u.Reason == reasonCopy {
					copies += len(u.Events)
				}
			}
			found := 0
			for k, id := range want {
				if got[k] == id {
					found++
					continue
				}
				if twice := (lineKey{k.file, 2*k.line - 1}); got[twice] == id {
					found++
				} else {
					t.Logf("%v of %s is with %q", twice, id, got[twice])
				}
			}
			if copies < len(want)/2 || found*50 < len(want)*49 {
				t.Errorf("%d of %d lines found what they found alone; %d copies", found, len(want), copies)
			}
		})
	}
}

// matchedLines maps lines to the journey each is matched with.
func matchedLines(c *Case) map[lineKey]string {
	lines := map[lineKey]string{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if l.Status == "matched" {
				lines[lineKey{l.Log.File.Path, l.Log.Events[l.Event].Line}] = j.ID
			}
		}
	}
	return lines
}

// TestCopiesOf: lines alike are copies where all are, or where the clock is too
// fine to show one instant twice, but not where requests come so often that pairs are no wonder.
func TestCopiesOf(t *testing.T) {
	const second = int64(1e9)
	log := func(width int64, at ...int64) *incident.Log {
		l := &incident.Log{}
		for _, x := range at {
			l.Events = append(l.Events, logparse.Event{Kind: logparse.HTTPRequest, HasTime: true, Time: x * second, Width: time.Duration(width)})
		}
		return l
	}
	for name, c := range map[string]struct {
		log  *incident.Log
		want string
	}{
		"none alike":        {log(second, 1, 2, 3, 4), ""},
		"some alike":        {log(second, 1, 1, 2, 3, 4), ""},
		"every one twice":   {log(second, 10, 10, 20, 20, 30, 30), ".x.x.x"},
		"two a second":      {log(second, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4), ""},
		"one after another": {log(second, 1, 2, 3, 1, 2, 3), "...xxx"},
		"bursts doubled":    {log(second, 10, 10, 10, 10, 20, 20, 30, 30), ".x.x.x.x"},
		"bursts once more":  {log(second, 1, 1, 2, 3, 1, 1, 2, 3), "....xxxx"},
		"three times":       {log(second, 10, 10, 10, 20, 20, 20, 30, 30, 30), ".xx.xx.xx"},
		"one burst":         {log(second, 1, 1, 1, 1), ""},
		"a fine clock":      {log(1000, 1, 1, 2, 3, 4), ".x..."},
	} {
		var got strings.Builder
		for _, x := range copiesOf(c.log) {
			mark := byte('.')
			if x >= 0 {
				mark = 'x'
			}
			got.WriteByte(mark)
		}
		if got.String() != c.want {
			t.Errorf("%s: %q, want %q", name, got.String(), c.want)
		}
	}
}
