package main

import (
	"bufio"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// eventCounter counts events.
type eventCounter struct{ *report.EventCounts }

func (c eventCounter) Event(e *logparse.Event) { c.Add(e) }

func (c eventCounter) Part() incident.Sink { return eventCounter{&report.EventCounts{}} }

func (c eventCounter) Join(part incident.Sink) {
	p := part.(eventCounter)
	c.Merge(p.EventCounts)
	p.Reset()
}

// eventLines writes events as JSON Lines.
type eventLines struct {
	evidence string
	out      *bufio.Writer // nil: a part, which keeps its text
	stop     func()        // called when nobody reads on
	text     []byte
}

func (w *eventLines) Event(e *logparse.Event) {
	w.text = report.AppendEvent(w.text, w.evidence, e)
	if w.out != nil {
		w.Join(w)
	}
}

func (w *eventLines) Part() incident.Sink { return &eventLines{evidence: w.evidence} }

func (w *eventLines) Join(part incident.Sink) {
	p := part.(*eventLines)
	if _, err := w.out.Write(p.text); err != nil {
		w.stop()
	}
	p.text = p.text[:0]
}

// eventRows writes events as a table.
type eventRows struct {
	evidence string
	table    *render.EventTable // nil: a part, which keeps its rows
	hide     *redact.Redactor   // nil: nothing is hidden
	rows     []report.EventRow
}

func (w *eventRows) Event(e *logparse.Event) {
	row := report.EventRowOf(w.evidence, e)
	if w.table != nil {
		w.show(row)
		return
	}
	w.rows = append(w.rows, row)
}

func (w *eventRows) show(row report.EventRow) {
	if w.hide != nil {
		row = w.hide.EventRow(row)
	}
	w.table.Event(row)
}

func (w *eventRows) Part() incident.Sink { return &eventRows{evidence: w.evidence} }

func (w *eventRows) Join(part incident.Sink) {
	p := part.(*eventRows)
	for _, row := range p.rows {
		w.show(row)
	}
	p.rows = p.rows[:0]
}
