package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Encode writes r as JSON, indented, with a final newline. Equal reports give
// equal bytes. Journeys are written one after the other: the text of all takes more
// room than they.
func Encode(w io.Writer, r *Report) error {
	if len(r.Journeys) == 0 {
		return EncodePart(w, r)
	}
	rest := *r
	rest.Journeys = []Journey{}
	var text bytes.Buffer
	if err := EncodePart(&text, &rest); err != nil {
		return err
	}
	head, tail, _ := bytes.Cut(text.Bytes(), []byte("\n \"journeys\": [],\n"))
	out := bufio.NewWriterSize(w, 64<<10)
	out.Write(head)
	out.WriteString("\n \"journeys\": [")
	var one bytes.Buffer
	e := json.NewEncoder(&one)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", " ")
	for i := range r.Journeys {
		one.Reset()
		if err := e.Encode(&r.Journeys[i]); err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n  ")
		if _, err := (InertJSON{out}).Write(bytes.TrimSuffix(one.Bytes(), []byte("\n"))); err != nil {
			return err
		}
	}
	out.WriteString("\n ],\n")
	out.Write(tail)
	return out.Flush()
}

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
