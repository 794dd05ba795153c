package logparse

import "io"

// Format is one kind of text.
//
// Adding one is one file with one Format, one line in the table formats, and
// test data.
type Format struct {
	Name string // the evidence kind of reports: "nginx-access", "auth-log", …
	// PublicKind is the evidence kind of reports where several formats share
	// one, as the logs of DNS servers do; "": it is Name.
	PublicKind string
	// Score looks at the first bytes of a file, whole lines, and says how sure
	// it is: 0 not mine, 100 certain.
	Score func(head []byte) int
	// Hints are words, in lower case, that speak for this format when they are
	// in a path. They decide only between equal scores.
	Hints []string
	// Why, where it is set, says what in the head spoke for the format.
	Why func(head []byte) string
	// Apart: a line tells the same whatever stands before it, and Open gives a
	// lineDecoder.
	Apart bool
	// Cut says that they do wherever an event begins, but for the year of those that
	// state none: it follows from the line before.
	Cut bool
	// Open starts to read. The decoder owns the reader until it ends.
	Open func(r io.Reader, src Source) Decoder
}

// EvidenceKind is the word for f in the evidence of a report.
func (f *Format) EvidenceKind() string {
	if f.PublicKind != "" {
		return f.PublicKind
	}
	return f.Name
}

// Source is what is known of a file beside its bytes.
type Source struct {
	Path  string     // as the report will name it
	Local *LocalTime // of stamps without a zone; nil: unknown
	Year  int        // year of a stamp without one, at the file's first line; 0: unknown
	// Template is the log_format / LogFormat / curl -w string to read by, where
	// the case file or a server's configuration gives one.
	Template string
	// Server is the program that wrote the file, where something beside it
	// tells: "nginx", "apache", …; "" if nothing does.
	Server string
}

// Decoder yields events.
type Decoder interface {
	// Next fills e with the next event. It returns io.EOF at the end. A line
	// that is not understood is not an error: it is counted in Problems.
	Next(e *Event) error
	Problems() []Problem
	Lines() int // lines read so far
}

// Problem is one line (or run of lines) that was not understood.
type Problem struct {
	Line   int
	Count  int // further lines like it, in a row
	Offset int64
	Text   string // why; foreign text in it is quoted
}
