package logparse

import (
	"bytes"
	"io"
)

// textLog is any text whose lines begin with a stamp: the logs of databases,
// runtimes and programs of one's own, and the output of containers. A line
// without a stamp goes on with the one before.
var textLog = &Format{
	Name: "text-log",
	Score: func(head []byte) int {
		if n := scoreLines(head, 40, (&textLines{}).stamped); n > 0 {
			return n
		}
		// Most of a log may be what goes on from its stamped lines, or a title.
		first, stamped, all := countStamped(head)
		if stamped > 1 && (first || 20*stamped >= all) || stamped == 1 && all == 1 {
			return 15
		}
		return 0
	},
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, (&textLines{src: src, access: access{src: src, server: src.Server}}).line)
	},
}

// countStamped counts the lines that begin with a stamp; first: it is one of them.
func countStamped(text []byte) (first bool, stamped, all int) {
	t := &textLines{}
	var e Event
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		all++
		if e.clear(); t.stamped(line, &e) {
			stamped++
			first = first || all == 1
		}
	}
	return first, stamped, all
}

type textLines struct {
	src    Source
	access access
	began  bool
	buf    []byte
}

func (t *textLines) line(b []byte, e *Event) bool {
	if t.stamped(b, e) {
		t.began = true
		return true
	}
	if !t.began {
		return false
	}
	if t.access.line(b, e) { // a server that prints both to one place
		return true
	}
	e.again()
	return true
}

// stamped reads a line that begins with a stamp, in brackets or not.
func (t *textLines) stamped(b []byte, e *Event) bool {
	t.buf = t.buf[:0]
	if inner, st, ok := unwrap(b, &t.buf); ok && st.width > 0 {
		e.set(st, &t.src)
		b = inner
		if st2, n := textStamp(inner); n > 0 && st2.zone == ZoneStated { // the program's own says more
			e.set(st2, &t.src)
			b = inner[n:]
		}
	} else if st, n := textStamp(b); n > 0 {
		e.set(st, &t.src)
		b = b[n:]
	} else {
		return false
	}
	b = bytes.TrimLeft(b, " \t]:,-|")
	e.Kind, e.Means, e.Text = Message, Written, view(b)
	e.Level = view(levelIn(b))
	return true
}

// textStamp reads a stamp at the start of a line, brackets included.
func textStamp(b []byte) (stamp, int) {
	lead := 0
	if len(b) > 0 && b[0] == '[' {
		lead = 1
	}
	for _, read := range [...]func([]byte) (stamp, int){isoTime, slashTime, commonTime, ctimeTime, dashTime} {
		if st, n := read(b[lead:]); n > 0 {
			n += lead
			if n < len(b) && b[n] != ' ' && b[n] != ']' && b[n] != ':' && b[n] != ',' && b[n] != '|' && b[n] != '\t' && b[n] != 'Z' {
				return st, 0
			}
			return st, n
		}
	}
	return stamp{}, 0
}

// levelIn finds a level among the first words of a message.
func levelIn(b []byte) []byte {
	for range 4 {
		b = bytes.TrimLeft(b, " \t[<(|-")
		i := 0
		for i < len(b) && (b[i] >= 'A' && b[i] <= 'Z' || b[i] >= 'a' && b[i] <= 'z') {
			i++
		}
		switch string(bytes.ToUpper(b[:min(i, 10)])) {
		case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "CRITICAL", "CRIT", "FATAL", "PANIC", "SEVERE", "ALERT", "EMERG":
			return b[:i]
		}
		next := bytes.IndexByte(b, ' ')
		if next < 0 {
			return nil
		}
		b = b[next:]
	}
	return nil
}
