package report

import (
	"cmp"
	"slices"
)

// Entry is one instant of the whole incident: a packet's or a log line's.
type Entry struct {
	Time       Instant  `json:"time"` // as written
	Corrected  *Instant `json:"time_corrected,omitempty"`
	Low        *Instant `json:"time_low,omitempty"` // the corrected instant lies between
	High       *Instant `json:"time_high,omitempty"`
	Journey    string   `json:"journey"`
	Service    string   `json:"service"`
	What       string   `json:"what"` // name of the instant; "line" for a log line
	Detail     string   `json:"detail,omitempty"`
	Shown      string   `json:"shown,omitempty"` // of a line: as of a LineLink
	Evidence   string   `json:"evidence"`
	Frame      int      `json:"frame,omitempty"`
	Line       int      `json:"line,omitempty"`
	Status     string   `json:"status,omitempty"` // of a line: matched | ambiguous
	Confidence *Ratio   `json:"confidence,omitempty"`
}

// At is where the entry stands on the reference clock, or as written where that
// is not known. A line's coarse stamp begins an interval: it stands in its
// middle.
func (e *Entry) At() Instant {
	switch {
	case e.Corrected == nil:
		return e.Time
	case e.Low != nil && e.High != nil:
		return *e.Low + (*e.High-*e.Low)/2
	}
	return *e.Corrected
}

// At is the instant on the reference clock, or as written where that is not
// known.
func (m *Moment) At() Instant {
	if m.Corrected != nil {
		return *m.Corrected
	}
	return m.Time
}

// Timeline merges the instants of all journeys and the lines that belong to
// them on the reference clock. A frame of two journeys is there once for each.
func (r *Report) Timeline() []Entry {
	var out []Entry
	for i := range r.Journeys {
		j := &r.Journeys[i]
		for _, m := range j.Instants {
			out = append(out, Entry{Time: m.Time, Corrected: m.Corrected, Journey: j.ID, Service: j.Service, What: m.Name, Detail: m.Detail, Evidence: m.Evidence, Frame: m.Frame})
		}
		for _, l := range j.Lines {
			if l.Time == nil {
				continue
			}
			sure := l.Confidence
			out = append(out, Entry{Time: *l.Time, Corrected: l.Corrected, Low: l.Low, High: l.High, Journey: j.ID, Service: j.Service, What: "line", Detail: l.Text, Shown: l.Shown, Evidence: l.Evidence, Line: l.Line, Status: l.Status, Confidence: &sure})
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return cmp.Compare(a.At(), b.At()) })
	return out
}
