package logparse

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonMembers walks the members of one JSON object (RFC 8259) without building
// it. Members of nested objects come with their names joined by dots, elements
// of an array each under the array's name.
//
// It is lenient: what matters is to find the members of a line that is JSON,
// not to refuse one that nearly is.
type jsonMembers struct {
	b    []byte // what is left
	name []byte // of the present member, escapes as written
	// value of the present member: a string without its quotation marks
	// (escapes as written), or a number, true, false or null as written.
	value    []byte
	isString bool
	escaped  bool // the string has escapes
	element  bool // the value is an element of an array
	bad      bool // it is not JSON

	path  []byte       // names of the open objects, a dot after each
	stack [32]jsonOpen // what is open
	depth int
}

type jsonOpen struct {
	array bool
	path  int // length of the path outside
}

// begin starts on a line.
func (j *jsonMembers) begin(b []byte) {
	j.b, j.path, j.depth, j.bad = bytes.TrimLeft(b, " \t"), j.path[:0], 0, false
	if len(j.b) == 0 || j.b[0] != '{' {
		j.bad = true
		return
	}
	j.b = j.b[1:]
	j.stack[0] = jsonOpen{}
	j.depth = 1
}

func (j *jsonMembers) skipSpace() byte {
	for len(j.b) > 0 {
		switch j.b[0] {
		case ' ', '\t', '\r', '\n':
			j.b = j.b[1:]
		default:
			return j.b[0]
		}
	}
	return 0
}

// next goes to the next member with a plain value; false at the end and where
// the line is not JSON (bad).
func (j *jsonMembers) next() bool {
	for j.depth > 0 && !j.bad {
		switch c := j.skipSpace(); {
		case c == 0:
			j.bad = true
		case c == ',':
			j.b = j.b[1:]
		case c == '}' || c == ']':
			j.b = j.b[1:]
			j.depth--
			if j.stack[j.depth].array != (c == ']') {
				j.bad = true
				return false
			}
			j.path = j.path[:j.stack[j.depth].path]
		case j.stack[j.depth-1].array:
			if j.readValue() {
				j.element = true
				j.name = j.path[:max(len(j.path)-1, 0)]
				return true
			}
		default:
			if j.member(c) {
				return true
			}
		}
	}
	return false
}

// member reads a name and its value; it is false where the value is an object
// or array, which is then open.
func (j *jsonMembers) member(c byte) bool {
	if c != '"' {
		j.bad = true
		return false
	}
	name, _, ok := j.readString()
	if !ok || j.skipSpace() != ':' {
		j.bad = true
		return false
	}
	j.b = j.b[1:]
	before := len(j.path)
	switch j.skipSpace() {
	case '{', '[':
		j.path = append(append(j.path, name...), '.')
		if !j.readValue() && !j.bad {
			j.stack[j.depth-1].path = before
		}
		return false
	}
	if !j.readValue() {
		return false
	}
	j.element = false
	j.name = name
	if before > 0 {
		j.path = append(j.path, name...)
		j.name = j.path
		j.path = j.path[:before]
	}
	return true
}

// readValue reads a plain value, or opens an object or array and is false.
func (j *jsonMembers) readValue() bool {
	switch c := j.skipSpace(); c {
	case 0:
		j.bad = true
		return false
	case '{', '[':
		if j.depth == len(j.stack) {
			j.bad = true
			return false
		}
		j.b = j.b[1:]
		j.stack[j.depth] = jsonOpen{array: c == '[', path: len(j.path)}
		j.depth++
		return false
	case '"':
		var ok bool
		j.value, j.escaped, ok = j.readString()
		j.isString, j.bad = true, !ok
		return ok
	}
	i := 0
	for i < len(j.b) && j.b[i] != ',' && j.b[i] != '}' && j.b[i] != ']' && j.b[i] > ' ' && j.b[i] != '"' && j.b[i] != ':' {
		i++
	}
	j.value, j.isString, j.escaped = j.b[:i], false, false
	j.b = j.b[i:]
	if i == 0 || !isJSONPlain(j.value) {
		j.bad = true
	}
	return !j.bad
}

func isJSONPlain(b []byte) bool {
	switch b[0] {
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true
	}
	switch string(b) {
	case "true", "false", "null", "NaN":
		return true
	}
	return false
}

// readString takes a string whose opening mark is at b[0].
func (j *jsonMembers) readString() (text []byte, escaped, ok bool) {
	b := j.b[1:]
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, false, false
	}
	if k := bytes.IndexByte(b[:i], '\\'); k >= 0 {
		escaped = true
		if i = quoteEnd(b); i < 0 {
			return nil, false, false
		}
	}
	j.b = b[i+1:]
	return b[:i], escaped, true
}

// whole tells whether nothing but space follows the object.
func (j *jsonMembers) whole() bool {
	return !j.bad && j.depth == 0 && len(bytes.TrimSpace(j.b)) == 0
}

// jsonUnescape appends the text of a JSON string to dst. Escapes of nginx's
// default kind (\x22) are understood too, since they occur in hand-made JSON.
func jsonUnescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			dst = append(dst, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'u':
			r, n := jsonRune(b[i+1:])
			if n == 0 {
				dst = append(dst, '\\', 'u')
				continue
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case '/':
			dst = append(dst, '/')
		default:
			dst = unescape(dst, b[i-1 : min(i+3, len(b))][:escapeLen(b[i-1:])])
			i += escapeLen(b[i-1:]) - 2
		}
	}
	return dst
}

// escapeLen is the length of the escape at b[0], a backslash.
func escapeLen(b []byte) int {
	if len(b) >= 4 && b[1] == 'x' {
		if _, ok := hexByte(b[2:]); ok {
			return 4
		}
	}
	return min(2, len(b))
}

// jsonRune reads XXXX or XXXX\uXXXX after "\u" and how many bytes that were.
func jsonRune(b []byte) (rune, int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := hex4(b[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 10
			}
		}
	}
	return r, 4
}

func hex4(b []byte) (rune, bool) {
	hi, ok := hexByte(b)
	if !ok || len(b) < 4 {
		return 0, false
	}
	lo, ok := hexByte(b[2:])
	return rune(hi)<<8 | rune(lo), ok
}
