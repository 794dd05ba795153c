package watch

import "github.com/flowcorr/flowcorr/pkg/report"

// renumber makes the lines of a report count from the beginning of the watched
// logs: what the analysis read begins base lines later. Lines of a file that
// was rotated away and of the one that took its name count on.
func renumber(r *report.Report, bases map[string]int) {
	byID := map[string]int{}
	for i := range r.Evidence {
		e := &r.Evidence[i]
		base := bases[e.Path]
		byID[e.ID] = base
		for k := range e.Problems {
			if e.Problems[k].Record > 0 {
				e.Problems[k].Record += base
			}
		}
	}
	shift := func(id string, lines []int) {
		for i := range lines {
			lines[i] += byID[id]
		}
	}
	for i := range r.Journeys {
		for k := range r.Journeys[i].Lines {
			l := &r.Journeys[i].Lines[k]
			l.Line += byID[l.Evidence]
		}
	}
	for i := range r.Unmatched {
		shift(r.Unmatched[i].Evidence, r.Unmatched[i].Lines)
	}
	for i := range r.Findings {
		for _, e := range r.Findings[i].Evidence {
			shift(e.Evidence, e.Lines)
		}
	}
}
