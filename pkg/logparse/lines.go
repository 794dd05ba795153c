package logparse

import (
	"bytes"
	"io"
)

const (
	firstChunk = 64 << 10  // bytes: a small file needs no more
	fullChunk  = 512 << 10 // bytes: the longest line kept is this long, less its end
)

// lineReader cuts a text into lines, reading in large chunks. It keeps one
// chunk, whatever the length of the lines.
//
// A line ends with LF or CR LF; the last one may lack it. A byte order mark at
// the start is left out, and one of UTF-16 has the text turned into UTF-8.
// Nothing else is changed: NUL bytes and bytes that are no UTF-8 come as they
// are.
type lineReader struct {
	r   io.Reader
	buf []byte
	err error // of r, once it was met

	utf16 bool // r turns UTF-16 into UTF-8

	start, end int   // buf[start:end] is unread
	searched   int   // buf[start:searched] holds no LF
	base       int64 // offset of buf[0] in the text

	after int64 // of a block: bytes of its last line that it does not hold
	ended bool  // of a block: its last line has an end, though the block does not hold it
	plain bool  // of a block: it holds no backslash

	line   int   // number of the last line read, from 1
	offset int64 // offset of its first byte
	cut    int64 // bytes left out at its end, since it was longer than a chunk
	open   bool  // it ended with the text, without LF
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: r} }

// linesOf reads the lines of a text that is in memory, without a copy of it.
func linesOf(text []byte) *lineReader {
	return &lineReader{buf: text, end: len(text), err: io.EOF}
}

// next returns the next line without its end, valid until the next call, and
// io.EOF after the last one. An error of the reader comes after the bytes
// before it.
func (l *lineReader) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.searched:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.searched+i]
			l.begin(l.start)
			l.start = l.searched + i + 1
			l.searched = l.start
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
		l.searched = l.end
		if l.err != nil {
			return l.rest()
		}
		if l.end-l.start == fullChunk {
			return l.overlong()
		}
		l.fill()
	}
}

// begin notes where the line at buf[start] lies.
func (l *lineReader) begin(start int) {
	l.line++
	l.offset = l.base + int64(start)
	l.cut = 0
	l.open = false
}

// rest returns what follows the last LF.
func (l *lineReader) rest() ([]byte, error) {
	if l.start == l.end {
		return nil, l.err
	}
	line := l.buf[l.start:l.end]
	l.begin(l.start)
	l.open, l.cut = !l.ended, l.after
	l.start = l.end
	return line, nil
}

// overlong returns the chunk that holds no line end, and skips the rest of the
// line.
func (l *lineReader) overlong() ([]byte, error) {
	line := l.buf[l.start:l.end:l.end]
	l.begin(l.start)
	l.start = l.end
	l.base += int64(l.end)
	skip := make([]byte, firstChunk)
	for l.err == nil {
		n, err := l.r.Read(skip)
		l.err = err
		i := bytes.IndexByte(skip[:n], '\n')
		if i < 0 {
			l.cut += int64(n)
			l.base += int64(n)
			continue
		}
		l.cut += int64(i)
		// The chunk still holds the line: what follows it goes to another.
		l.base += int64(i + 1)
		l.buf = append(make([]byte, 0, fullChunk), skip[i+1:n]...)
		l.end = len(l.buf)
		l.start, l.searched = 0, 0
		l.buf = l.buf[:cap(l.buf)]
		return line, nil
	}
	l.open = true
	l.start, l.searched, l.end = 0, 0, 0
	return line, nil
}

// fill reads once, making room before.
func (l *lineReader) fill() {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.base += int64(l.start)
		l.end -= l.start
		l.searched -= l.start
		l.start = 0
	}
	if l.end == len(l.buf) {
		size := firstChunk
		if len(l.buf) > 0 {
			size = fullChunk
		}
		l.buf = append(make([]byte, 0, size), l.buf[:l.end]...)[:size]
	}
	n := 0
	for try := 0; n == 0 && l.err == nil; try++ {
		n, l.err = l.r.Read(l.buf[l.end:])
		if try == 100 && n == 0 && l.err == nil {
			l.err = io.ErrNoProgress
		}
	}
	l.end += n
	if big, ok := utf16Of(l.buf[:l.end]); ok && l.base == 0 && l.line == 0 && l.start == 0 && !l.utf16 {
		l.utf16 = true
		r := newUTF16Reader(l.buf[2:l.end], l.r, big)
		r.err = l.err
		l.r, l.err = r, nil
		l.end, l.searched = 0, 0
		return
	}
	if l.base == 0 && l.line == 0 && l.start == 0 && bytes.HasPrefix(l.buf[:l.end], bom) {
		l.start = len(bom)
		l.searched = max(l.searched, l.start)
	}
}

var bom = []byte{0xef, 0xbb, 0xbf}
