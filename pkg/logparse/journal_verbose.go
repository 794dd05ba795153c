package logparse

import (
	"bytes"
	"io"
)

// journalVerbose is journalctl -o verbose: a line with the time and the cursor,
// then the fields, indented, a line each. Lines of a value that has several are
// indented further. The cursor holds what the journal stamped itself: b= the
// boot, m= and t= µs of both clocks in hexadecimal digits.
var journalVerbose = &Format{
	Name: "journal-verbose", PublicKind: "journal-export",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("\n    _BOOT_ID=")) || !bytes.Contains(head, []byte(";t=")) {
			return 0
		}
		return scoreTranscript(head, 96, newVerboseJournal(Source{}))
	},
	Open: func(r io.Reader, src Source) Decoder { return newTranscriptDecoder(r, newVerboseJournal(src)) },
}

type verboseJournal struct {
	messages *messages
	entry    journalEntry
	at, last place
	open     bool
	fields   [][2][]byte // of the entry, owned
}

func newVerboseJournal(src Source) *verboseJournal {
	return &verboseJournal{messages: newMessages(src)}
}

func (v *verboseJournal) line(line []byte, at place, out *outbox) bool {
	if len(line) > 0 && line[0] != ' ' {
		cursor, ok := journalCursor(line)
		if ok {
			v.end(out)
			v.open, v.at = true, at
			v.cursor(cursor)
		}
		v.last = at
		return ok || bytes.HasPrefix(line, []byte("-- "))
	}
	if !v.open {
		return len(bytes.TrimSpace(line)) == 0
	}
	v.last = at
	const most = 200 // fields of an entry
	text, field := bytes.CutPrefix(line, []byte("    "))
	name, value, pair := cutAt(text, '=')
	switch n := len(v.fields); {
	case field && pair && isJournalName(name):
		if n < most {
			v.fields = append(v.fields, [2][]byte{bytes.Clone(name), bytes.Clone(value)})
		}
	case n > 0 && len(v.fields[n-1][1]) < maxField: // a value of several lines
		last := &v.fields[n-1][1]
		*last = append(append(*last, '\n'), bytes.TrimLeft(line, " ")...)
	}
	return true
}

// journalCursor is what stands in brackets at the end of an entry's first line.
func journalCursor(line []byte) ([]byte, bool) {
	i := bytes.Index(line, []byte(" [s="))
	if i < 0 || line[len(line)-1] != ']' {
		return nil, false
	}
	return line[i+2 : len(line)-1], true
}

func (v *verboseJournal) cursor(cursor []byte) {
	v.entry.reset()
	v.fields = v.fields[:0]
	for part := range bytes.SplitSeq(cursor, []byte{';'}) {
		name, value, _ := cutAt(part, '=')
		switch string(name) {
		case "t":
			v.entry.realtime = hexMicroseconds(value)
		case "m":
			v.entry.monotonic = hexMicroseconds(value)
		case "b":
			v.entry.boot = bytes.Clone(value)
		}
	}
}

// hexMicroseconds reads a count of µs; -1 for anything else.
func hexMicroseconds(b []byte) int64 {
	var n int64
	for _, c := range b {
		d := hexDigit(c)
		if d > 15 || n > 1<<53 {
			return -1
		}
		n = n<<4 | int64(d)
	}
	if len(b) == 0 {
		return -1
	}
	return n
}

// end gives the entry that is open.
func (v *verboseJournal) end(out *outbox) {
	if !v.open {
		return
	}
	v.open = false
	v.fill()
	e := begin(Message, v.at)
	e.Lines = v.last.line - v.at.line + 1
	e.Kind = ""
	if v.entry.event(v.messages, &e) {
		out.put(e.Keep())
	}
}

// fill takes the fields of the entry.
func (v *verboseJournal) fill() {
	for _, f := range v.fields {
		v.entry.field(f[0], f[1])
	}
}
