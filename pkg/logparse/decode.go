package logparse

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/flowcorr/flowcorr/internal/conceal"
)

// clear makes e an event of which nothing is stated.
func (e *Event) clear() {
	peers, upstream, connect, header := e.Peers[:0], e.Upstream[:0], e.UpstreamConnect[:0], e.UpstreamHeader[:0]
	*e = Event{}
	e.Peers, e.Upstream, e.UpstreamConnect, e.UpstreamHeader = peers, upstream, connect, header
	e.Sent, e.Body, e.Received, e.Size = -1, -1, -1, -1
	e.Duration, e.FirstByte = -1, -1
}

// lineDecoder is the Decoder of every format with one event a line.
//
// parse is given a line that is not empty and a cleared event. It returns false
// for a line it does not understand, and leaves Kind empty for one that carries
// no event (a title, a comment).
type lineDecoder struct {
	in       *lineReader
	parse    func(line []byte, e *Event) bool
	other    func(line []byte, e *Event) bool // for lines that parse does not understand; nil: none
	buf      []byte                           // of a line whose envelope had to be undone
	problems problemList
}

func newLineDecoder(r io.Reader, parse func(line []byte, e *Event) bool) *lineDecoder {
	return &lineDecoder{in: newLineReader(r), parse: parse}
}

// newMixedDecoder reads lines by parse, and those it does not understand as the
// formats that share files with others.
func newMixedDecoder(r io.Reader, src Source, parse func(line []byte, e *Event) bool) *lineDecoder {
	d := newLineDecoder(r, parse)
	var o *otherLines
	d.other = func(line []byte, e *Event) bool {
		if o == nil {
			o = newOtherLines(src)
		}
		return o.line(line, e)
	}
	return d
}

func (d *lineDecoder) Next(e *Event) error {
	for {
		line, err := d.in.next()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		e.clear()
		e.Line, e.Offset = d.in.line, d.in.offset
		if line[0] == 0 { // a file that was truncated under its writer
			if line = bytes.TrimLeft(line, "\x00"); len(line) == 0 {
				d.problems.add(d.in.line, d.in.offset, "a line of NUL bytes")
				continue
			}
			d.problems.add(d.in.line, d.in.offset, "NUL bytes before the line, left out")
		}
		if !parseWrapped(d.parse, line, &d.buf, e) && (d.other == nil || !parseWrapped(d.other, line, &d.buf, e)) {
			if len(bytes.TrimSpace(line)) > 0 {
				d.problems.addLine(d.in, line)
			}
			continue
		}
		if d.in.cut > 0 {
			d.problems.add(d.in.line, d.in.offset, "a line of "+strconv.FormatInt(int64(len(line))+d.in.cut, 10)+" bytes, of which the first "+strconv.Itoa(len(line))+" were read")
		}
		if e.Kind == "" {
			continue
		}
		return nil
	}
}

func (d *lineDecoder) Problems() []Problem { return d.problems.list }

func (d *lineDecoder) Lines() int { return d.in.line }

// maxProblems bounds the list; the last entry counts what comes after.
const maxProblems = 1000

type problemList struct{ list []Problem }

// add notes that a line was not understood. A line right after the last one
// noted joins it.
func (p *problemList) add(line int, offset int64, text string) {
	if p.joins(line) {
		return
	}
	p.list = append(p.list, Problem{Line: line, Offset: offset, Text: text})
}

// addLine notes a line that no rule fits.
func (p *problemList) addLine(in *lineReader, line []byte) {
	if p.joins(in.line) {
		return
	}
	const shown = 60
	text := "not understood: "
	if in.open {
		text = "the last line is cut off: "
	}
	quote, end := conceal.Secrets(string(line[:min(len(line), 10*shown)])), ""
	if len(quote) > shown {
		quote, end = quote[:shown], "…"
	}
	text += strconv.Quote(quote) + end
	p.add(in.line, in.offset, text)
}

func (p *problemList) joins(line int) bool {
	n := len(p.list)
	if n == 0 {
		return false
	}
	last := &p.list[n-1]
	if line == last.Line+last.Count && n < maxProblems { // a second problem of one line
		return false
	}
	if line == last.Line+last.Count+1 || n >= maxProblems {
		last.Count++
		return true
	}
	return false
}

// ReadAll reads every event of r as f and keeps them, with what was not
// understood and the number of lines. An error is of reading, and comes with
// what was read before.
func ReadAll(r io.Reader, f *Format, src Source) (events []Event, problems []Problem, lines int, err error) {
	d := f.Open(r, src)
	var e Event
	for {
		if err = d.Next(&e); err != nil {
			break
		}
		events = append(events, e.Keep())
	}
	if err == io.EOF {
		err = nil
	} else {
		err = fmt.Errorf("line %d: %w", d.Lines()+1, err)
	}
	return events, d.Problems(), d.Lines(), err
}
