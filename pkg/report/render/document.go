// Package render turns a report into what people read. Each output is one file
// and a function of the report alone; none computes.
package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// block is one piece of a document; one of its parts is set.
type block struct {
	heading string
	text    string   // a paragraph
	answer  bool     // the paragraph is the answer: shown with weight
	bullets []string //
	aside   bool     // what only some readers want: folded away where an output can
	table   *table
	figure  []string // drawn in characters: shown as it is, below the text
}

// table with a header; cells hold foreign text as it is.
type table struct {
	header []string
	rows   [][]string
	right  []bool // columns of numbers
	quotes []int  // columns of foreign text as it was written: log lines, paths
	spare  []int  // columns that are left out first where even narrow ones do not fit
	yields []int  // columns that are narrowed first where the width is short
	lowers []int  // columns that may stand below the rows, in the order they go there; nil: those that yield
	every  bool   // a page shows all rows: their number is bounded where they are made
	fold   bool   // a cell too wide goes on below; otherwise it is cut short
}

// document lays a report out in the order people read it: the answer first.
func document(r *report.Report, l lang.Lang) []block {
	d := &layout{r: r, l: l}
	d.summary()
	d.breakdown()
	d.timeline()
	d.lines()
	d.proof()
	d.others()
	d.clocks()
	d.checklist()
	d.journeys()
	d.files(fewUnknown)
	return d.out
}

// layout builds a document.
type layout struct {
	r   *report.Report
	l   lang.Lang
	out []block
	ids map[string]*report.Evidence // the files, once they were asked for
}

// evidence is a file by its identifier, or nil.
func (d *layout) evidence(id string) *report.Evidence {
	if d.ids == nil {
		d.ids = make(map[string]*report.Evidence, len(d.r.Evidence))
		for i := range d.r.Evidence {
			if e := &d.r.Evidence[i]; d.ids[e.ID] == nil {
				d.ids[e.ID] = e
			}
		}
	}
	return d.ids[id]
}

func (d *layout) say(t lang.Text, args ...any) string { return fmt.Sprintf(t.In(d.l), args...) }

// count is a number with its noun, in the singular or the plural.
func (d *layout) count(n int, one, many lang.Text) string {
	if n == 1 {
		return d.say(one, n)
	}
	return d.say(many, n)
}

func (d *layout) heading(t lang.Text, args ...any) {
	d.out = append(d.out, block{heading: d.say(t, args...)})
}

// asideHeading begins a section that is folded away where an output can.
func (d *layout) asideHeading(t lang.Text, args ...any) {
	d.heading(t, args...)
	d.out[len(d.out)-1].aside = true
}

func (d *layout) para(text string) { d.out = append(d.out, block{text: text}) }

// findingLine is the small print of a finding.
func (d *layout) findingLine(f *report.Finding) string {
	text := fmt.Sprintf("%s · %s · %s", f.Rule, d.word(f.Severity), d.say(lang.Text{EN: "confidence %s", ES: "confianza %s"}, d.word(f.Confidence)))
	if n := len(f.Journeys); n > 0 {
		text += " · " + d.countJourneys(n)
	}
	return text
}

func (d *layout) breakdown() {
	j := d.r.Focus()
	if j == nil || len(j.Breakdown) == 0 {
		return
	}
	d.heading(lang.Text{EN: "Where the time went", ES: "Dónde se fue el tiempo"})
	d.para(d.journeyName(j))
	d.breakdownOf(j)
}

func (d *layout) breakdownOf(j *report.Journey) {
	d.causes(j.Breakdown)
	if len(j.WhatIf) > 0 {
		d.out = append(d.out, block{bullets: d.whatIf(j)})
	}
	if p := d.phases(j); p != nil {
		d.out = append(d.out, block{table: p})
	}
	if v := j.ServerView; v != nil {
		d.para(d.serverTitle(v))
		d.causes(v.Breakdown)
	}
}

// causes lists what took the time, with bars.
func (d *layout) causes(shares []report.Share) {
	t := &table{header: []string{d.say(lang.Text{EN: "cause", ES: "causa"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), "%", ""}, right: []bool{false, true, true, false}, spare: []int{3}}
	for _, s := range shares {
		t.rows = append(t.rows, []string{d.word(s.Cause), span(s.Seconds), fmt.Sprintf("%.1f", 100*float64(s.Share)), strings.Repeat("█", int(float64(s.Share)*30+0.5))})
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
}

// whatIf says how long a journey would have taken without what went amiss.
func (d *layout) whatIf(j *report.Journey) []string {
	var list []string
	saved := report.Seconds(0)
	for _, w := range j.WhatIf {
		saved += w.Saved
		list = append(list, d.say(lang.Text{EN: "Without %s: %s", ES: "Sin %s: %s"}, d.word(w.Without), span(w.Total)))
	}
	if len(list) > 1 {
		list = append(list, d.say(lang.Text{EN: "Without all of that: %s", ES: "Sin todo ello: %s"}, span(j.Length()-saved)))
	}
	return list
}

func (d *layout) serverTitle(v *report.View) string {
	return d.say(lang.Text{EN: "As the server saw it (%s): %s", ES: "Como lo vio el servidor (%s): %s"}, d.filePath(v.Evidence), span(v.Total))
}

// phases of a journey as a table.
func (d *layout) phases(j *report.Journey) *table {
	t := &table{header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), d.say(lang.Text{EN: "result", ES: "resultado"}), "", ""}, right: []bool{false, true}, yields: []int{3}, spare: []int{4}, fold: true}
	for i := range j.Phases {
		p := &j.Phases[i]
		length, remark := "–", d.phrase(p.Reason)
		if p.Seconds != nil {
			length = span(*p.Seconds)
		}
		if p.Attempts > 1 {
			remark = strings.TrimSpace(remark + " " + d.say(lang.Text{EN: "%d attempts", ES: "%d intentos"}, p.Attempts))
		}
		if p.RTT != nil {
			remark = strings.TrimSpace(remark + " " + d.say(lang.Text{EN: "round trip %s", ES: "ida y vuelta %s"}, span(*p.RTT)))
		}
		t.rows = append(t.rows, []string{d.phaseWord(p.Name), length, d.word(p.Outcome), remark, waterfall(j, p)})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return t
}

// waterfall draws when in the journey a phase was, thirty columns for the whole;
// of a phase that another capture saw, or that did not end, nothing is known.
func waterfall(j *report.Journey, p *report.Phase) string {
	const width = 30
	length := j.Length()
	if p.Start == nil || p.Seconds == nil || p.Evidence != "" || length <= 0 {
		return ""
	}
	at := func(s report.Seconds) int { return int(float64(s)/float64(length)*width + 0.5) }
	begin := min(max(at(report.Seconds(*p.Start-j.Start)), 0), width-1)
	end := min(max(at(report.Seconds(*p.Start-j.Start)+*p.Seconds), begin+1), width)
	return strings.Repeat("·", begin) + strings.Repeat("█", end-begin) + strings.Repeat("·", width-end)
}

// journeyName tells which journey: service, request, both ends, length.
func (d *layout) journeyName(j *report.Journey) string {
	what := j.Name
	if j.Request != nil && j.Request.Path != "" {
		what += " " + strings.TrimSpace(j.Request.Method+" "+j.Request.Path)
	}
	text := fmt.Sprintf("%s: %s, %s → %s", j.ID, strings.TrimSpace(j.Service+" "+shorten(strings.TrimSpace(what), widestDetail)), j.Client, j.Server)
	if j.Total != nil {
		text += ", " + span(*j.Total)
	}
	return text
}

// clockOf writes the time of day in ms, UTC.
func clockOf(t report.Instant) string {
	return time.Unix(0, int64(t)).UTC().Format("15:04:05.000")
}

// span writes a duration as people read it.
func span(s report.Seconds) string {
	d := time.Duration(s)
	switch a := d.Abs(); {
	case a < time.Microsecond && a > 0:
		return fmt.Sprintf("%d ns", int64(d))
	case a < 10*time.Microsecond && a > 0:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case a < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case a < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3f s", d.Seconds())
}
