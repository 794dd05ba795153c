package redact

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Rows redacts rows of a table in place: their JSON, as what it is of (journeys,
// findings, clocks, evidence).
func Rows[T any](r *Redactor, of string, rows []T) error {
	for i := range rows {
		text, err := json.Marshal(&rows[i])
		if err != nil {
			return err
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var out bytes.Buffer
		w := rewriter{r: r, d: d, out: &out}
		if err := w.value("", of); err != nil {
			return err
		}
		var row T
		if err := json.Unmarshal(out.Bytes(), &row); err != nil {
			return fmt.Errorf("redacted: %w", err)
		}
		rows[i] = row
	}
	return nil
}

// FlowRow replaces what a row of a table of flows tells of who and where.
func (r *Redactor) FlowRow(f report.FlowRow) report.FlowRow {
	f.Evidence, f.Client, f.Server = r.File(f.Evidence), r.Endpoint(f.Client), r.Endpoint(f.Server)
	return f
}

// EventRow does the same for a row of a table of events.
func (r *Redactor) EventRow(e report.EventRow) report.EventRow {
	r.gatherUsers(e.What)
	e.Evidence, e.What = r.File(e.Evidence), r.Foreign(e.What)
	if e.Client != "" {
		e.Client = r.Endpoint(e.Client)
	}
	return e
}
