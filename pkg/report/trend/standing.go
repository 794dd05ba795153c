package trend

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Standing is a finding about no journey, as of a clock, a capture or a resolver, as one
// window tells it. What it says holds for a time, so that the windows of that time all
// tell it; a day tells it once.
type Standing struct {
	Name  string     `json:"name"` // of what it says, whatever the figures: windows agree about it
	At    *int64     `json:"at_ns,omitempty"`
	Lines []uint64   `json:"lines,omitempty"` // that it rests on, the first of them written at At; see Proven
	Row   FindingRow `json:"row"`
}

// standing names a finding by its rule, by what it is about and by what it says.
func (n *names) standing(f *report.Finding, row FindingRow) Standing {
	sum := sha256.New()
	io.WriteString(sum, f.Rule+"\x00")
	var about []string
	for _, e := range f.Evidence {
		file := n.files[e.Evidence]
		if point := n.Point(file); point != "" {
			file = point
		}
		about = append(about, file)
	}
	slices.Sort(about)
	for _, of := range slices.Compact(about) {
		io.WriteString(sum, of+"\x00")
	}
	io.WriteString(sum, n.outline(f.Text))
	return Standing{Name: hex.EncodeToString(sum.Sum(nil)[:8]), At: (*int64)(f.At), Lines: n.linesOf(f), Row: row}
}

// linesOf names the lines that a finding of a rule rests on, the same in every window.
func (n *names) linesOf(f *report.Finding) (lines []uint64) {
	for _, e := range f.Evidence {
		for _, line := range e.Lines {
			file := n.files[e.Evidence]
			if n.Line != nil {
				file, line = n.Line(file, line)
			}
			sum := fnv.New64a()
			fmt.Fprintf(sum, "%s\x00%s\x00%d", f.Rule, file, line)
			lines = append(lines, sum.Sum64())
		}
	}
	return lines
}

// outline is a sentence without what changes from window to window though it is the same
// that is said: figures, and the files of a capture.
func (n *names) outline(text string) string {
	var words []string
	for _, word := range strings.Fields(text) {
		bare := strings.Trim(word, "()[],.;:±+-−%")
		_, noNumber := strconv.ParseFloat(bare, 64)
		_, noLength := time.ParseDuration(bare)
		_, noTime := time.Parse("15:04:05.999999999", bare)
		switch {
		case noNumber == nil || noLength == nil || noTime == nil:
			words = append(words, "#")
		case slices.Contains(units, bare) && len(words) > 0 && words[len(words)-1] == "#":
		default:
			if point := n.pointNamed(bare); point != "" {
				word = point
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// units of lengths follow the length: a second is written as 1 s, half of it as 500 ms.
var units = []string{"ns", "µs", "ms", "s", "m", "min", "h"}

// pointNamed is the capture point that a file of the report belongs to, by its path or by
// the end of it; "": it is none.
func (n *names) pointNamed(word string) string {
	if n.points == nil {
		n.points = map[string]string{}
		for _, file := range n.files {
			if point := n.Point(file); point != "" {
				n.points[file], n.points[path.Base(file)] = point, point
			}
		}
	}
	return n.points[word]
}

// Days gathers what windows tell about no journey, window by window.
type Days struct {
	days   map[string]*standingDay
	proven []uint64
}

type standingDay struct {
	windows int
	told    map[string][]Standing // by name
}

// Add takes what a window of the day tells, and the lines that its findings about journeys
// rest on: another window, in whose time the lines lie, may not have the journeys, which
// began long before.
func (d *Days) Add(day string, told []Standing, proven []uint64) {
	d.proven = append(d.proven, proven...)
	if d.days == nil {
		d.days = map[string]*standingDay{}
	}
	s := d.days[day]
	if s == nil {
		s = &standingDay{told: map[string][]Standing{}}
		d.days[day] = s
	}
	s.windows++
	for _, f := range told {
		s.told[f.Name] = append(s.told[f.Name], f)
	}
}

// Names are the days, in order. All windows are there.
func (d *Days) Names() []string {
	slices.Sort(d.proven)
	for _, s := range d.days {
		for name, told := range s.told {
			s.told[name] = slices.DeleteFunc(told, d.explained)
		}
	}
	return slices.Sorted(maps.Keys(d.days))
}

// explained tells whether findings about journeys rest on all the lines of one about none.
func (d *Days) explained(f Standing) bool {
	return len(f.Lines) > 0 && !slices.ContainsFunc(f.Lines, func(line uint64) bool {
		_, there := slices.BinarySearch(d.proven, line)
		return !there
	})
}

// Of are the findings of a day, each once, as its gravest window tells it, or the latest
// of those.
func (d *Days) Of(day string) []Standing {
	s := d.days[day]
	var all []Standing
	for _, name := range slices.Sorted(maps.Keys(s.told)) {
		told := s.told[name]
		slices.SortStableFunc(told, func(a, b Standing) int {
			return cmp.Or(cmp.Compare(instant(a.At), instant(b.At)), cmp.Compare(instant(a.Row.Start), instant(b.Row.Start)))
		})
		for len(told) > 0 {
			n := 1
			for n < len(told) && instant(told[n].At)-instant(told[n-1].At) <= sameMoment {
				n++
			}
			one := together(told[:n])
			// That nothing is wrong is true of a day where it is of all its windows.
			if told = told[n:]; one.Row.Rule != "healthy" || int(one.Row.Windows) == s.windows {
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(instant(a.Row.Start), instant(b.Row.Start)), cmp.Compare(a.Row.Rule, b.Row.Rule), cmp.Compare(a.Row.Text, b.Row.Text))
	})
	return all
}

// sameMoment is how far apart, ns, two windows may place the same event, as of a clock that
// was set.
const sameMoment = int64(20e9)

func instant(ns *int64) int64 {
	if ns == nil {
		return 0
	}
	return *ns
}

// together is a finding as several windows tell it, in order of time.
func together(told []Standing) Standing {
	one, windows := told[0], map[int64]bool{}
	start, end := one.Row.Start, one.Row.End
	var files []string
	for _, f := range told {
		windows[instant(f.Row.Start)] = true
		files = append(files, f.Row.Files...)
		if instant(f.Row.End) > instant(end) {
			end = f.Row.End
		}
		if report.SeverityRank(f.Row.Severity) >= report.SeverityRank(one.Row.Severity) {
			one = f
		}
	}
	one.Row.Windows, one.Row.Start, one.Row.End = int32(len(windows)), start, end
	if one.At != nil {
		one.Row.Start, one.Row.End = one.At, one.At
	}
	slices.Sort(files)
	one.Row.Files = slices.Compact(files)
	return one
}
