package correlate

import (
	"bytes"
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
				got := offsets(analysed(t, changed(t, base, func(name string, b []byte) map[string][]byte {
					if strings.HasSuffix(name, "/access.log") || strings.HasSuffix(name, "/app.log") || strings.HasSuffix(name, "/error.log") {
						b = change(b)
					}
					return map[string][]byte{name: b}
				})))
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

// TestCopiesOf: lines alike are copies where all are, or where the clock is too
// fine to show one instant twice.
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
		"every one twice":   {log(second, 1, 1, 2, 2, 3, 3), ".x.x.x"},
		"one after another": {log(second, 1, 2, 3, 1, 2, 3), "...xxx"},
		"bursts doubled":    {log(second, 1, 1, 1, 1, 2, 2, 3, 3), "..xx.x.x"},
		"three times":       {log(second, 1, 1, 1, 2, 2, 2, 3, 3, 3), ".xx.xx.xx"},
		"one burst":         {log(second, 1, 1, 1, 1), ""},
		"a fine clock":      {log(1000, 1, 1, 2, 3, 4), ".x..."},
	} {
		var got strings.Builder
		for _, x := range copiesOf(c.log) {
			mark := byte('.')
			if x {
				mark = 'x'
			}
			got.WriteByte(mark)
		}
		if got.String() != c.want {
			t.Errorf("%s: %q, want %q", name, got.String(), c.want)
		}
	}
}
