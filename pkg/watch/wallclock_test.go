package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const hour = int64(time.Hour)

// TestSetSince: what two readings tell of the clock between them.
func TestSetSince(t *testing.T) {
	before := reading{Wall: 100 * hour, Up: 7 * hour, Boot: "a"}
	for name, c := range map[string]struct {
		before, now reading
		by          int64
		atLeast     bool
	}{
		"left alone":               {before, reading{102 * hour, 9 * hour, "a"}, 0, false},
		"forward":                  {before, reading{103 * hour, 9 * hour, "a"}, hour, false},
		"back":                     {before, reading{101 * hour, 9 * hour, "a"}, -hour, false},
		"back, and not below":      {before, reading{100*hour + 1, 9 * hour, "a"}, -2*hour + 1, false},
		"started anew":             {before, reading{105 * hour, hour, "b"}, 0, false},
		"started anew, and back":   {before, reading{100 * hour, 2 * hour, "b"}, -2 * hour, true},
		"nothing but the wall":     {reading{Wall: 100 * hour}, reading{Wall: 98 * hour}, -2 * hour, true},
		"the first time":           {reading{}, reading{98 * hour, hour, "a"}, 0, false},
		"a moment between the two": {before, reading{100*hour + 1, 7*hour + 900_000_000, "a"}, 0, false},
	} {
		s := c.now.setSince(c.before)
		if s == nil && c.by == 0 {
			continue
		}
		if s == nil || int64(s.By) != c.by || s.AtLeast != c.atLeast {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestAge: how old files are where the clock was set by an hour within ten minutes.
func TestAge(t *testing.T) {
	const minute = int64(time.Minute)
	before := reading{Wall: 100 * hour, Up: hour, Boot: "a"}
	for name, c := range map[string]struct{ by, written, age int64 }{
		"forward, written before": {hour, 100*hour - minute, 11 * minute},
		"forward, between":        {hour, 100*hour + minute, 9 * minute},
		"forward, written after":  {hour, 101*hour + 9*minute, minute},
		"back, written before":    {-hour, 100*hour - minute, 11 * minute},
		"back, between":           {-hour, 100*hour + minute, 9 * minute},
		"back, written after":     {-hour, 99*hour + 9*minute, minute},
		"back, of an hour ago":    {-hour, 98*hour + 50*minute, 80 * minute},
		"not set":                 {0, 100*hour + minute, 9 * minute},
		"stamped later than now":  {0, 100*hour + 20*minute, 0},
	} {
		now := reading{Wall: before.Wall + 10*minute + c.by, Up: before.Up + 10*minute, Boot: "a"}
		if got := now.age(c.written, now.setSince(before)); got != c.age {
			t.Errorf("%s: %v", name, time.Duration(got))
		}
	}
}

// TestSetBetweenRuns: a clock that is set while nobody watches is told of, once, and
// captures of a minute before are evidence still.
func TestSetBetweenRuns(t *testing.T) {
	b := newBench(t)
	at := reading{Wall: time.Now().UnixNano(), Up: hour, Boot: "a"}
	var told []Set
	b.clocks, b.set = func() reading { return at }, func(s Set) { told = append(told, s) }
	if err := os.WriteFile(filepath.Join(b.dir, "a.pcap"), []byte("\xd4\xc3\xb2\xa1"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.until("the capture", func() bool { return b.files["a.pcap"] })
	b.halt()
	// The next run begins with a clock that shows an hour more: seen from there, the
	// file is an hour old, and the window a quarter of one.
	at = reading{Wall: at.Wall + hour + int64(time.Minute), Up: at.Up + int64(time.Minute), Boot: "a"}
	b.files = map[string]bool{}
	b.start()
	b.until("the capture again", func() bool { return b.files["a.pcap"] })
	b.halt()
	b.start()
	b.halt()
	if len(told) != 1 || told[0].By != time.Hour || told[0].AtLeast {
		t.Errorf("%+v", told)
	}
}
