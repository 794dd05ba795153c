package logparse

import (
	"bytes"
	"io"
)

// journalJSON is journalctl -o json, json-pretty, json-sse and json-seq: an
// object an entry; numbers are strings, a value that is no text is an array of
// its bytes, one that was too long is null, and a field that occurs several
// times is an array of strings.
var journalJSON = &Format{
	Name: "journal-json",
	Score: func(head []byte) int {
		if !bytes.Contains(head, []byte("\"__REALTIME_TIMESTAMP\"")) {
			return 0
		}
		d := journalObjects{messages: newMessages(Source{})}
		return scoreLines(head, 97, d.line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		d := journalObjects{messages: newMessages(src)}
		return newLineDecoder(r, d.line)
	},
}

type journalObjects struct {
	messages *messages
	members  jsonMembers
	entry    journalEntry
	buf      []byte
	binary   []byte // a MESSAGE that came as its bytes
	open     []byte // lines of an object that goes over several
	line1    int
	offset1  int64
}

// maxOpen bounds an object over several lines.
const maxOpen = 1 << 20

func (j *journalObjects) line(b []byte, e *Event) bool {
	b = bytes.TrimPrefix(bytes.TrimPrefix(b, []byte{0x1e}), []byte("data: "))
	if len(j.open) > 0 || bytes.Equal(bytes.TrimSpace(b), []byte{'{'}) {
		if len(j.open) == 0 {
			j.line1, j.offset1 = e.Line, e.Offset
		}
		j.open = append(j.open, b...)
		if len(b) == 0 || b[0] != '}' {
			if len(j.open) > maxOpen {
				j.open = j.open[:0]
				return false
			}
			return true
		}
		e.Lines = e.Line - j.line1 + 1
		e.Line, e.Offset = j.line1, j.offset1
		ok := j.object(j.open, e)
		j.open = j.open[:0]
		return ok
	}
	return j.object(b, e)
}

func (j *journalObjects) object(b []byte, e *Event) bool {
	return j.fields(b) && j.entry.event(j.messages, e)
}

// fields takes those of an entry, false where it is no whole object.
func (j *journalObjects) fields(b []byte) bool {
	j.entry.reset()
	j.buf, j.binary = j.buf[:0], j.binary[:0]
	m := &j.members
	m.begin(b)
	for m.next() {
		if !j.entry.wanted(m.name) {
			continue
		}
		v := m.value
		if !m.isString {
			if string(m.name) == "MESSAGE" && m.element {
				if n, ok := integer(v); ok && n >= 0 && n < 256 {
					j.binary = append(j.binary, byte(n))
				}
				continue
			}
			if string(v) == "null" {
				continue
			}
		}
		if m.escaped {
			at := len(j.buf)
			j.buf = jsonUnescape(j.buf, v)
			v = j.buf[at:]
		}
		j.entry.field(m.name, v)
	}
	if len(j.binary) > 0 {
		j.entry.field([]byte("MESSAGE"), j.binary)
	}
	return m.whole()
}
