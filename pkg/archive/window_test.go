package archive

import (
	"testing"
	"time"
)

// TestWindows: a window ends with its day, and when it is full; a clock that is years
// off makes no window of its own.
func TestWindows(t *testing.T) {
	const shift = 30 // steps of about a second
	at := func(stamp string) int64 {
		s, err := time.Parse(time.DateTime, stamp)
		if err != nil {
			t.Fatal(err)
		}
		return s.UnixNano() >> shift
	}
	for _, c := range []struct {
		name  string
		count map[int64]int
		want  int
	}{
		{"one day", map[int64]int{at("2026-11-26 10:00:00"): 5, at("2026-11-26 23:00:00"): 5}, 1},
		{"over midnight", map[int64]int{at("2026-11-26 23:59:00"): 5, at("2026-11-27 00:01:00"): 5}, 2},
		{"a week without anything", map[int64]int{at("2026-11-19 10:00:00"): 5, at("2026-11-26 10:00:00"): 5}, 2},
		{"a clock never set", map[int64]int{at("2015-01-01 00:00:10"): 5, at("2026-11-26 10:00:00"): 5}, 1},
		{"a clock never set, and full", map[int64]int{at("2015-01-01 00:00:10"): 8, at("2026-11-26 10:00:00"): 5}, 2},
		{"full", map[int64]int{at("2026-11-26 10:00:00"): 8, at("2026-11-26 11:00:00"): 5}, 2},
	} {
		all := windowsOf(&spread{Shift: shift, Count: c.count}, 10)
		if len(all) != c.want {
			t.Errorf("%s: %d windows, want %d", c.name, len(all), c.want)
		}
		for i := range all[1:] {
			if all[i].to != all[i+1].from {
				t.Errorf("%s: window %d ends at %d, the next begins at %d", c.name, i, all[i].to, all[i+1].from)
			}
		}
	}
}
