package logparse

import (
	"bytes"
	"io"
)

// appLog is what applications write: one JSON object or one line of logfmt an
// event, with a time and either a level, a message, or the result of a request.
// A line with a result is written when the request is done.
var appLog = &Format{
	Name:  "app-log",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 85, (&appLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, (&appLines{src: src}).line)
	},
}

type appLines struct {
	src    Source
	json   jsonLine
	logfmt logfmtLine
}

func (a *appLines) line(b []byte, e *Event) bool {
	r := &a.json.record
	b = bytes.TrimLeft(b, " \t")
	if bytes.HasPrefix(b, []byte(`{"log":"`)) { // Docker's: the line is inside
		return false
	}
	if len(b) > 0 && b[0] == '{' {
		if !a.json.read(b, &a.src, e) {
			return false
		}
	} else {
		r = &a.logfmt.record
		if !a.logfmt.read(b, &a.src, e) {
			return false
		}
	}
	if !r.stamped && !r.started || !r.level && !r.message && !r.result {
		return false
	}
	appEvent(r, e)
	return true
}

// appEvent says what an application's line speaks of.
func appEvent(r *record, e *Event) {
	e.Kind, e.Means = Message, Written
	if e.Body < 0 && e.Size >= 0 {
		e.Body, e.Size = e.Size, -1 // an application knows of the body alone
	}
	if r.result && (e.Method != "" || e.Path != "" || e.RequestID != "" && e.Status != 0) {
		e.Kind, e.Means = AppRequest, RequestEnd
	}
}

// jsonLine reads a JSON object into an event by the names of its members.
type jsonLine struct {
	members jsonMembers
	record  record
	buf     []byte // text whose escapes were undone
}

// read is false where the line is not a JSON object.
func (j *jsonLine) read(b []byte, src *Source, e *Event) bool {
	j.buf = j.buf[:0]
	j.record.begin(src, e)
	m := &j.members
	m.begin(b)
	for m.next() {
		v := m.value
		if m.escaped {
			at := len(j.buf)
			j.buf = jsonUnescape(j.buf, v)
			v = j.buf[at:]
		}
		j.record.field(m.name, v, m.isString)
	}
	if !m.whole() {
		return false
	}
	j.record.finish()
	return true
}

// logfmtLine reads name=value pairs, values quoted where they hold a space.
type logfmtLine struct {
	record record
	buf    []byte
}

// read is false where the line does not consist of pairs.
func (l *logfmtLine) read(b []byte, src *Source, e *Event) bool {
	l.buf = l.buf[:0]
	l.record.begin(src, e)
	pairs, bare := 0, 0
	for {
		b = bytes.TrimLeft(b, " \t")
		if len(b) == 0 {
			break
		}
		n := nameEnd(b)
		if n == 0 {
			if pairs == 0 {
				return false
			}
			_, b, _ = cutAt(b, ' ') // a name alone is legal: it is true
			if bare++; bare > pairs {
				return false
			}
			continue
		}
		name := b[:n]
		b = b[n+1:]
		var v []byte
		quoted := len(b) > 0 && b[0] == '"'
		if quoted {
			i := quoteEnd(b[1:])
			if i < 0 {
				return false
			}
			v, b = b[1:1+i], b[i+2:]
			if bytes.IndexByte(v, '\\') >= 0 {
				at := len(l.buf)
				l.buf = jsonUnescape(l.buf, v)
				v = l.buf[at:]
			}
		} else {
			v, b, _ = cutAt(b, ' ')
		}
		pairs++
		l.record.field(name, v, quoted || len(v) > 0 && (v[0] < '0' || v[0] > '9'))
	}
	l.record.finish()
	return pairs >= 2
}
