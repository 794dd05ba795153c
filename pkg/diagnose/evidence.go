package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// frames points to frames of a capture, one Evidence per file of a rotated set.
// Frames 0 (not seen) are left out; the rest is sorted, each once.
func frames(c *incident.Capture, numbers ...int) []Evidence {
	if c == nil {
		return nil
	}
	numbers = slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return n <= 0 })
	slices.Sort(numbers)
	var out []Evidence
	for i := 0; i < len(numbers); {
		file, _ := c.Locate(numbers[i])
		var in []int
		for ; i < len(numbers); i++ {
			f, n := c.Locate(numbers[i])
			if f != file {
				break
			}
			in = append(in, n)
		}
		in = slices.Compact(in)
		out = append(out, Evidence{File: c.Files[file], Frames: in, Filter: frameFilter(in)})
	}
	return out
}

// frameFilter is a display filter that selects exactly the frames given, which
// are ascending: frame.number in {1, 2, 5..9} (wireshark-filter(4), "Membership
// Operator").
func frameFilter(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		if k-i >= 2 {
			parts = append(parts, fmt.Sprintf("%d..%d", numbers[i], numbers[k]))
		} else {
			for ; i <= k; i++ {
				parts = append(parts, fmt.Sprint(numbers[i]))
			}
		}
		i = k + 1
	}
	return "frame.number in {" + strings.Join(parts, ", ") + "}"
}

// phaseFrames points to the frames of a journey's phases of the names given.
func phaseFrames(j *correlate.Journey, names ...string) []Evidence {
	var out []Evidence
	for _, p := range j.Phases {
		if slices.Contains(names, string(p.Name)) {
			out = append(out, frames(p.Capture, append([]int{p.Begin.Frame, p.End.Frame}, p.Frames...)...)...)
		}
	}
	return merge(out)
}

// lines points to events of a log.
func lines(l *incident.Log, events ...int) Evidence {
	e := Evidence{File: l.File}
	for _, i := range events {
		e.Lines = append(e.Lines, l.Events[i].Line)
	}
	slices.Sort(e.Lines)
	e.Lines = slices.Compact(e.Lines)
	return e
}

// journeyLines points to the matched log lines of a journey.
func journeyLines(j *correlate.Journey) []Evidence {
	var out []Evidence
	for _, l := range j.Lines {
		if l.Status == "matched" {
			out = append(out, lines(l.Log, l.Event))
		}
	}
	return merge(out)
}

// merge joins evidence of the same file, in order of first mention.
func merge(all []Evidence) []Evidence {
	type place struct {
		file   *incident.File
		frames bool
	}
	at := make(map[place]int, 2)
	var out []Evidence
	joined := make(map[int]bool, 2)
	for _, e := range all {
		p := place{e.File, len(e.Frames) > 0}
		i, known := at[p]
		if !known {
			at[p] = len(out)
			out = append(out, e)
			continue
		}
		o := &out[i]
		if !joined[i] {
			joined[i] = true
			o.Frames, o.Lines = slices.Clone(o.Frames), slices.Clone(o.Lines)
		}
		o.Frames, o.Lines = append(o.Frames, e.Frames...), append(o.Lines, e.Lines...)
	}
	for i := range joined {
		o := &out[i]
		o.Frames, o.Lines = sorted(o.Frames), sorted(o.Lines)
		if len(o.Frames) > 0 {
			o.Filter = frameFilter(o.Frames)
		}
	}
	return out
}

func sorted(n []int) []int {
	if len(n) == 0 {
		return nil
	}
	slices.Sort(n)
	return slices.Compact(n)
}
