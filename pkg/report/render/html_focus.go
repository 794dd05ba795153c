package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// focusView is the journey that shows the answer best, in full, as text.
type focusView struct {
	ID, Title, Total string
	Daemon           string // how it stood to the program that served it
	Measured         []blockView
	Shares           []shareView
	WhatIf           []string
	Server           string // how it stood with the server, where that was seen too
	ServerShares     []shareView
	Steps            []stepView
	MoreSteps        int
	Lines            []quoteView // its own
	OtherLines       []quoteView // of the answer's other journeys
	MoreLines        string
}

// shareView is a part of the time: a cell of the stacked bar and a row.
type shareView struct {
	Class, Word, Time, Percent string
	X, Width                   string // of the bar, in hundredths of its length
}

// stepView is a row of the timeline.
type stepView struct {
	Time, Bound, Raw, What, Detail, Where string
	Elsewhere                             []string
	Line, Bad                             bool
}

// quoteView is a log line as it stands in its file.
type quoteView struct{ Journey, Where, Raw, Corrected, Bound, Sure, Text string }

func (d *layout) focus(j *report.Journey) *focusView {
	v := &focusView{ID: foreign(j.ID, 100), Title: foreign(d.journeyName(j), 300), Shares: d.shares(j.Breakdown), WhatIf: d.whatIf(j)}
	if w := j.ServerView; w != nil {
		v.Server, v.ServerShares = d.serverTitle(w), d.shares(w.Breakdown)
	}
	v.Steps, v.MoreSteps = d.steps(j)
	if j.Length() > 0 {
		v.Total = span(*j.Total)
	}
	if j.Daemon != nil {
		v.Daemon = foreign(j.Daemon.Text, longestText)
	}
	v.Measured = blockViews(d.apart(func(d *layout) { d.metricsOf(j) }).out)
	d.quotes(v, j.ID)
	return v
}

func (d *layout) shares(list []report.Share) []shareView {
	var out []shareView
	at := 0.0
	for _, s := range list {
		width := 100 * float64(s.Share)
		out = append(out, shareView{
			"c-" + known(s.Cause, htmlCauses), foreign(d.word(s.Cause), 100), span(s.Seconds), fmt.Sprintf("%.1f %%", width),
			fmt.Sprintf("%.2f", at), fmt.Sprintf("%.2f", width),
		})
		at += width
	}
	return out
}

// trouble are the instants that a reader looks for.
func trouble(name string) bool {
	return strings.HasSuffix(name, "-retry") || slices.Contains([]string{"dns.retry", "tcp.retransmission", "tcp.reset", "tls.alert", "icmp.error"}, name)
}

// steps merges instants and matched lines on the reference clock, and says how
// many it leaves out at the end.
func (d *layout) steps(j *report.Journey) ([]stepView, int) {
	type placed struct {
		at  report.Instant
		row stepView
	}
	var all []placed
	for i := range j.Instants {
		m := &j.Instants[i]
		if finer[m.Name] {
			continue
		}
		row := stepView{Time: clockOf(m.At()), What: foreign(d.momentName(m.Name), 100), Detail: foreign(d.momentDetail(m.Name, m.Detail), longestLine), Where: d.shortPlace(m.Evidence, " #", m.Frame), Bad: trouble(m.Name)}
		if m.At() != m.Time {
			row.Raw = clockOf(m.Time)
		}
		for _, s := range m.Elsewhere {
			row.Elsewhere = append(row.Elsewhere, d.shortPlace(s.Evidence, " #", s.Frame)+" "+clockOf(s.Time))
		}
		all = append(all, placed{m.At(), row})
	}
	for _, l := range j.Lines {
		if l.Status != "matched" || l.Time == nil {
			continue
		}
		at, row := *l.Time, stepView{Time: clockOf(*l.Time), What: d.label("log-line"), Detail: lineText(l.Text, l.Shown, 140, foreign), Where: d.shortPlace(l.Evidence, ":", l.Line), Line: true}
		if l.Corrected != nil {
			at, row.Raw = middleOf(l), clockOf(*l.Time)
			row.Time, row.Bound = clockOf(at), around(l)
		}
		all = append(all, placed{at, row})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	out := make([]stepView, min(len(all), mostSteps))
	for i := range out {
		out[i] = all[i].row
	}
	return out, len(all) - len(out)
}

// middleOf a line's bounds is the time shown of it: a coarse stamp is the beginning
// of an interval.
func middleOf(l report.LineLink) report.Instant {
	if l.Low == nil || l.High == nil {
		return *l.Corrected
	}
	return *l.Low + (*l.High-*l.Low)/2
}

// around is how far the middle of a line's bounds may lie from the truth.
func around(l report.LineLink) string {
	if l.Low == nil || l.High == nil {
		return ""
	}
	return "± " + span(report.Seconds(*l.High-*l.Low)/2)
}

// quotes are the lines of the answer's journeys, the shown one's apart.
func (d *layout) quotes(v *focusView, own string) {
	journeys := d.answerJourneys()
	slices.SortStableFunc(journeys, func(a, b *report.Journey) int {
		return cmp.Compare(boolean(a.ID != own), boolean(b.ID != own))
	})
	left := 0
	for _, j := range journeys {
		for _, l := range j.Lines {
			switch {
			case len(v.Lines)+len(v.OtherLines) == mostLines:
				left++
			case j.ID == own:
				v.Lines = append(v.Lines, d.quote(j, l))
			default:
				v.OtherLines = append(v.OtherLines, d.quote(j, l))
			}
		}
	}
	if left > 0 {
		v.MoreLines = d.say(lang.Text{EN: "… and %d more lines, with their journeys below.", ES: "… y %d líneas más, junto a sus recorridos."}, left)
	}
}

func (d *layout) quote(j *report.Journey, l report.LineLink) quoteView {
	q := quoteView{Journey: foreign(j.ID, 100), Where: foreign(d.place(l.Evidence, ":", l.Line), longestLine), Sure: fmt.Sprintf("%s %.2f", foreign(d.word(l.Status), 100), float64(l.Confidence)), Text: lineText(l.Text, l.Shown, longestLine, foreign)}
	if l.Time != nil {
		q.Raw = clockOf(*l.Time)
	}
	if l.Corrected != nil {
		q.Corrected, q.Bound = clockOf(*l.Corrected), bounds(l)
	}
	return q
}

// shortPlace names a frame or line by the last part of the file's path, which
// is enough where few files are meant; the list of files has them in full.
func (d *layout) shortPlace(id, sep string, n int) string {
	name := d.filePath(id)
	name = name[strings.LastIndexByte(name, '/')+1:]
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s%s%d", name, sep, n)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
