package redact

import "github.com/flowcorr/flowcorr/pkg/report"

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
