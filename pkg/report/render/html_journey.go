package render

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// journey packs what the table and the waterfall of all journeys show.
func (p *packer) journey(j *report.Journey) htmlJourney {
	start := startOf(j)
	what := j.Name
	if j.Request != nil && j.Request.Path != "" {
		what = strings.TrimSpace(what + " " + strings.TrimSpace(j.Request.Method+" "+j.Request.Path))
	}
	out := htmlJourney{
		ID: p.text(j.ID), Service: p.text(j.Service), Name: p.text(what), Client: p.text(j.Client), Server: p.text(j.Server),
		Start: p.at(start), Outcome: p.outcome(j.Outcome), File: p.file(j.Evidence), Phases: [][]int64{},
	}
	if j.Total != nil {
		total := int64(*j.Total) / 1000
		out.Total = &total
	}
	if j.Request != nil {
		out.Status = j.Request.Status
	}
	for _, f := range j.Phases {
		row := []int64{int64(p.phase(f.Name)), 0, -1, int64(p.outcome(f.Outcome)), 1}
		if f.Start != nil {
			row[1], row[4] = micros(*f.Start)-micros(j.Start), 0
			if k := p.file(f.Evidence); k >= 0 { // seen by another clock than the journey's own
				row[1] = p.corrected(p.out.Files[k].Clock, *f.Start) - p.at(start)
			}
		}
		if f.Seconds != nil {
			row[2] = int64(*f.Seconds) / 1000
		}
		if f.Slow != "" && f.Limit != nil {
			row = append(row, int64(*f.Limit)/1000)
		}
		out.Phases = append(out.Phases, row)
	}
	for _, s := range j.Breakdown {
		out.Shares = append(out.Shares, []int64{int64(p.cause(s.Cause)), int64(s.Seconds) / 1000})
	}
	for i := range j.Instants {
		if m := &j.Instants[i]; trouble(m.Name) {
			out.Resent = append(out.Resent, micros(m.At())-micros(start))
		}
	}
	for _, l := range j.Lines {
		if l.Status == "matched" {
			out.Lines++
		}
	}
	return out
}

// micros are the whole µs of an instant; differences of them are exact, those
// of instants would be rounded twice.
func micros(t report.Instant) int64 { return int64(t) / 1000 }

// details packs the instants and lines that are shown of one journey alone.
func (p *packer) details(out *htmlJourney, j *report.Journey) {
	start := startOf(j)
	if j.Daemon != nil {
		out.Daemon = foreign(j.Daemon.Text, longestLine)
	}
	for i := range j.Instants {
		m := &j.Instants[i]
		if finer[m.Name] {
			continue
		}
		row := htmlMoment{At: micros(m.At()) - micros(start), Raw: micros(m.Time) - micros(m.At()), Kind: p.moment(m.Name), From: known(m.From, []string{"client", "server", "resolver", "neighbour", "path"}), File: p.file(m.Evidence), Frame: m.Frame, Detail: p.text(p.d.momentDetail(m.Name, m.Detail))}
		for _, s := range m.Elsewhere {
			at := s.Time
			if s.Corrected != nil {
				at = *s.Corrected
			}
			row.Others = append(row.Others, []int64{int64(p.file(s.Evidence)), int64(s.Frame), micros(at) - micros(start), micros(s.Time) - micros(at)})
		}
		out.Moments = append(out.Moments, row)
	}
	for _, l := range j.Lines {
		row := htmlLine{File: p.file(l.Evidence), Line: l.Line, Sure: int(100*float64(l.Confidence) + 0.5), Fits: l.Status == "matched", Text: lineText(l.Text, l.Shown, longestLine, foreign), By: p.text(l.By)}
		if l.Time != nil {
			at := *l.Time
			if l.Corrected != nil {
				at = *l.Corrected
				row.Raw = micros(*l.Time) - micros(at)
				if l.Low != nil && l.High != nil {
					low, high := micros(*l.Low)-micros(at), micros(*l.High)-micros(at)
					row.Low, row.High = &low, &high
				}
			}
			since := micros(at) - micros(start)
			row.At = &since
		}
		out.Quotes = append(out.Quotes, row)
	}
}
