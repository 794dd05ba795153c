package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
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
		return nil, fmt.Errorf("not a report: %s", misread(err))
	}
	if r.Schema == "" {
		return nil, errors.New("not a report: JSON without a schema")
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("the report's schema is %q; this version reads %q", r.Schema, Schema)
	}
	r.mend()
	return &r, nil
}

// misread says why a text is no report, without the names of Go.
func misread(err error) string {
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return "it is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends too early"
	case errors.As(err, &syntax):
		return fmt.Sprintf("no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &other) && other.Field == "":
		return fmt.Sprintf("JSON, but of another kind (%s)", other.Value)
	case errors.As(err, &other):
		return fmt.Sprintf("JSON, but %s is of another kind (%s)", other.Field, other.Value)
	}
	return err.Error()
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
