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
	table   *table
}

// table with a header; cells hold foreign text as it is.
type table struct {
	header []string
	rows   [][]string
	right  []bool // columns of numbers
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
	d.journeys()
	d.checklist()
	d.files()
	return d.out
}

// layout builds a document.
type layout struct {
	r   *report.Report
	l   lang.Lang
	out []block
}

func (d *layout) say(t lang.Text, args ...any) string { return fmt.Sprintf(t.In(d.l), args...) }

func (d *layout) heading(t lang.Text, args ...any) {
	d.out = append(d.out, block{heading: d.say(t, args...)})
}

func (d *layout) para(text string) { d.out = append(d.out, block{text: text}) }

func (d *layout) summary() {
	first, last := "", ""
	for _, e := range d.r.Evidence {
		if e.First != nil && (e.Kind == "pcap" || e.Kind == "pcapng") {
			if t := e.First.String(); first == "" || t < first {
				first = t
			}
			if t := e.Last.String(); t > last {
				last = t
			}
		}
	}
	usable := 0
	for _, e := range d.r.Evidence {
		if e.Kind != "unrecognised" && e.Records > 0 {
			usable++
		}
	}
	d.heading(lang.Text{EN: "Answer", ES: "Respuesta"})
	if a := d.r.Answer(); a != nil {
		d.out = append(d.out, block{text: a.Text, answer: true})
		d.para(d.findingLine(a))
	} else {
		d.para(d.say(lang.Text{EN: "No hypothesis: the evidence shows nothing that the rules know.", ES: "Sin hipótesis: las pruebas no muestran nada que las reglas conozcan."}))
	}
	d.para(d.say(lang.Text{EN: "%d of %d files used, %d journeys, %d findings.", ES: "%d de %d archivos usados, %d recorridos, %d hallazgos."}, usable, len(d.r.Evidence), len(d.r.Journeys), len(d.r.Findings)))
	if first != "" {
		d.para(d.say(lang.Text{EN: "Packets from %s to %s.", ES: "Paquetes de %s a %s."}, first, last))
	}
}

// findingLine is the small print of a finding.
func (d *layout) findingLine(f *report.Finding) string {
	text := fmt.Sprintf("%s · %s · %s", f.Rule, d.word(f.Severity), d.say(lang.Text{EN: "confidence %s", ES: "confianza %s"}, d.word(f.Confidence)))
	if n := len(f.Journeys); n > 0 {
		text += d.say(lang.Text{EN: " · %d journeys", ES: " · %d recorridos"}, n)
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
	t := &table{header: []string{d.say(lang.Text{EN: "cause", ES: "causa"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), "%", ""}, right: []bool{false, true, true, false}}
	for _, s := range j.Breakdown {
		t.rows = append(t.rows, []string{d.word(s.Cause), span(s.Seconds), fmt.Sprintf("%.1f", 100*float64(s.Share)), strings.Repeat("█", int(float64(s.Share)*30+0.5))})
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
	if p := d.phases(j); p != nil {
		d.out = append(d.out, block{table: p})
	}
}

// phases of a journey as a table.
func (d *layout) phases(j *report.Journey) *table {
	t := &table{header: []string{d.say(lang.Text{EN: "phase", ES: "fase"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), d.say(lang.Text{EN: "result", ES: "resultado"}), ""}, right: []bool{false, true, false, false}}
	for _, p := range j.Phases {
		length, remark := "–", p.Reason
		if p.Seconds != nil {
			length = span(*p.Seconds)
		}
		if p.Attempts > 1 {
			remark = strings.TrimSpace(remark + " " + d.say(lang.Text{EN: "%d attempts", ES: "%d intentos"}, p.Attempts))
		}
		if p.RTT != nil {
			remark = strings.TrimSpace(remark + " " + d.say(lang.Text{EN: "round trip %s", ES: "ida y vuelta %s"}, span(*p.RTT)))
		}
		t.rows = append(t.rows, []string{p.Name, length, d.word(p.Outcome), remark})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return t
}

// journeyName tells which journey: service, request, both ends, length.
func (d *layout) journeyName(j *report.Journey) string {
	what := j.Name
	if j.Request != nil && j.Request.Path != "" {
		what += " " + strings.TrimSpace(j.Request.Method+" "+j.Request.Path)
	}
	text := fmt.Sprintf("%s: %s %s, %s → %s", j.ID, j.Service, strings.TrimSpace(what), j.Client, j.Server)
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
	case a < 10*time.Microsecond && a > 0:
		return fmt.Sprintf("%d ns", int64(d))
	case a < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case a < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3f s", d.Seconds())
}
