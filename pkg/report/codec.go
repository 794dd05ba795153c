package report

import (
	"encoding/json"
	"fmt"
	"io"
)

// Encode writes r as JSON, indented, with a final newline. Equal reports give
// equal bytes.
func Encode(w io.Writer, r *Report) error { return EncodePart(w, r) }

// EncodePart writes one part of a report in the same manner.
func EncodePart(w io.Writer, part any) error {
	e := json.NewEncoder(InertJSON{w})
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(part)
}

// Decode reads a report written by Encode, of this schema version.
func Decode(rd io.Reader) (*Report, error) {
	var r Report
	if err := json.NewDecoder(rd).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("the report's schema is %q; this version reads %q", r.Schema, Schema)
	}
	r.mend()
	return &r, nil
}

// mend completes what a report that was changed by hand may lack and every
// output relies on.
func (r *Report) mend() {
	for i := range r.Evidence {
		e := &r.Evidence[i]
		if e.First == nil || e.Last == nil {
			e.First, e.Last = nil, nil
		}
	}
}
