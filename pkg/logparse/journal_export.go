package logparse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
)

// journalExport is the Journal Export Format (systemd's documentation of that
// name; journalctl -o export): fields a line each, an entry ends with an empty
// line. A field whose value is not plain text comes as its name, a line end, the
// length as 64 bits little-endian, the value, a line end; the value may hold
// empty lines.
var journalExport = &Format{
	Name: "journal-export",
	Score: func(head []byte) int {
		if !bytes.HasPrefix(head, []byte("__REALTIME_TIMESTAMP=")) && !bytes.Contains(head, []byte("\n__REALTIME_TIMESTAMP=")) {
			return 0
		}
		first := upTo(head, '\n')
		if name, _, _ := cutAt(first, '='); !isJournalName(name) {
			return 0
		}
		return 98
	},
	Open: func(r io.Reader, src Source) Decoder {
		return &exportDecoder{r: bufio.NewReaderSize(r, exportBuffer), messages: newMessages(src)}
	},
}

const (
	exportBuffer = 256 << 10
	// maxField is how much of one value is kept: a message longer than this is
	// cut.
	maxField = 64 << 10
	// maxEntry is how much of one entry is kept.
	maxEntry = 1 << 20
	// maxLength is the longest value taken for real; the journal itself refuses
	// more than 768 MiB.
	maxLength = 1 << 30
)

type exportDecoder struct {
	r        *bufio.Reader
	messages *messages
	problems problemList
	entry    journalEntry
	text     []byte // values of the entry
	spans    []exportField
	line     int // lines read
	offset   int64
	cutOff   bool // the last line had no end
	err      error
}

// exportField is one field of the entry, its name and value in text; the
// entry's views are made when text no longer grows.
type exportField struct{ name, value, end int }

func (d *exportDecoder) Problems() []Problem { return d.problems.list }
func (d *exportDecoder) Lines() int          { return d.line }

func (d *exportDecoder) Next(e *Event) error {
	for {
		line, offset := d.line+1, d.offset
		more, bad := d.read()
		if !more && len(d.spans) == 0 && !bad {
			return d.err
		}
		if bad {
			continue
		}
		if len(d.spans) == 0 {
			continue
		}
		d.fill()
		e.clear()
		e.Line, e.Offset, e.Lines = line, offset, d.line-line+1
		if !d.entry.event(d.messages, e) {
			d.problems.add(line, offset, "a journal entry without time")
			continue
		}
		return nil
	}
}

// fill takes the fields of the entry that was read.
func (d *exportDecoder) fill() {
	d.entry.reset()
	for _, s := range d.spans {
		d.entry.field(d.text[s.name:s.value], d.text[s.value:s.end])
	}
}

// read reads one entry up to its empty line. more is false at the end; bad
// where the entry is not understood, which is then noted and skipped.
func (d *exportDecoder) read() (more, bad bool) {
	d.text, d.spans = d.text[:0], d.spans[:0]
	for {
		line, at := d.line+1, d.offset
		text, cut, ok := d.readLine()
		if !ok {
			return false, false
		}
		if len(text) == 0 {
			if len(d.spans) > 0 {
				return true, false
			}
			continue
		}
		name, value, plain := cutAt(text, '=')
		if !isJournalName(name) {
			d.problems.add(line, at, "no field of a journal entry: "+strconv.Quote(string(text[:min(len(text), 60)])))
			return d.skipEntry(), true
		}
		keep := d.entry.wanted(name) && len(d.text) < maxEntry
		start := len(d.text)
		d.text = append(d.text, name...)
		field := exportField{start, len(d.text), len(d.text)}
		if !plain {
			if why := d.binary(keep); why != "" {
				d.problems.add(line, at, "field "+string(d.text[field.name:field.value])+": "+why)
				return d.skipEntry(), true
			}
		} else if keep {
			d.text = append(d.text, value...)
			if cut > 0 {
				d.problems.add(line, at, "field "+string(name)+" is longer than "+strconv.Itoa(maxField)+" bytes; the rest is left out")
			}
		}
		field.end = len(d.text)
		switch {
		case d.cutOff && plain:
			d.problems.add(line, at, "the file ends within a field, which is left out")
		case keep:
			d.spans = append(d.spans, field)
		default:
			d.text = d.text[:start]
		}
	}
}

// readLine reads a line without its end. What is beyond maxField is skipped.
func (d *exportDecoder) readLine() (text []byte, cut int64, ok bool) {
	if d.err != nil {
		return nil, 0, false
	}
	d.cutOff = false
	text, err := d.r.ReadSlice('\n')
	d.offset += int64(len(text))
	for errors.Is(err, bufio.ErrBufferFull) {
		if cut == 0 {
			text = bytes.Clone(text[:maxField])
		}
		var more []byte
		more, err = d.r.ReadSlice('\n')
		d.offset += int64(len(more))
		cut += int64(len(more))
	}
	if err != nil {
		d.err, d.cutOff = err, true
		if len(text) == 0 {
			return nil, 0, false
		}
	}
	d.line++
	text = bytes.TrimSuffix(text, []byte{'\n'})
	if len(text) > maxField {
		cut += int64(len(text) - maxField)
		text = text[:maxField]
	}
	return text, cut, true
}

// binary appends the value of a binary field to d.text if it is wanted; why tells what is
// wrong with it.
func (d *exportDecoder) binary(wanted bool) (why string) {
	if d.err != nil {
		return "the file ends before its length"
	}
	var size [8]byte
	n, err := io.ReadFull(d.r, size[:])
	d.offset += int64(n)
	if err != nil {
		d.err = eof(err)
		return "the file ends within its length"
	}
	length := binary.LittleEndian.Uint64(size[:])
	if length > maxLength {
		return "a length of " + strconv.FormatUint(length, 10) + " bytes cannot be"
	}
	left := int64(length)
	keep := min(left, maxField)
	if !wanted {
		keep = 0
	}
	for keep > 0 {
		chunk, err := d.r.Peek(int(min(keep, exportBuffer/2)))
		d.text = append(d.text, chunk...)
		d.line += bytes.Count(chunk, []byte{'\n'})
		k, _ := d.r.Discard(len(chunk))
		d.offset += int64(k)
		keep, left = keep-int64(k), left-int64(k)
		if err != nil {
			d.err = eof(err)
			return "the file ends within its value"
		}
	}
	for left > 0 {
		k, err := d.r.Discard(int(min(left, exportBuffer)))
		d.offset += int64(k)
		left -= int64(k)
		if err != nil {
			d.err = eof(err)
			return "the file ends within its value"
		}
	}
	end, err := d.r.ReadByte()
	if err != nil {
		d.err = eof(err)
		return ""
	}
	d.offset++
	d.line++
	if end != '\n' {
		return "no line end after its value"
	}
	return ""
}

func eof(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// skipEntry goes on to the next empty line; false at the end.
func (d *exportDecoder) skipEntry() bool {
	d.spans = d.spans[:0]
	for {
		text, _, ok := d.readLine()
		if !ok {
			return false
		}
		if len(text) == 0 {
			return true
		}
	}
}

// isJournalName tells a field's name: capital letters, digits, underscores, at
// most 64.
func isJournalName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 || b[0] >= '0' && b[0] <= '9' {
		return false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
