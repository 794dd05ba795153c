package logparse

import (
	"bytes"
	"io"
)

// BlockBytes is the size of the buffers that Blocks fills.
const BlockBytes = fullChunk

// Blocks cuts a text into blocks of whole lines, so that several can be read at
// a time. Where it cuts depends on the text alone.
type Blocks struct {
	r      io.Reader
	carry  []byte // begin of the line that the last block did not hold whole
	lines  int    // before the next block
	offset int64  // of the next block
	err    error  // of r, once it was met
}

// Block is a part of a text.
type Block struct {
	text   []byte
	lines  int   // of the text before it
	offset int64 // of its first byte
	cut    int64 // bytes left out behind it, since its only line is longer than a block
	ended  bool  // its last line has an end, though the block does not hold it
}

// NewBlocks cuts the text of r. It is none of UTF-16 (see Parted).
func NewBlocks(r io.Reader) *Blocks { return &Blocks{r: r} }

// Next fills buf, of BlockBytes, with the next block; io.EOF after the last
// one. An error of the reader comes after the bytes before it.
func (b *Blocks) Next(buf []byte) (Block, error) {
	n := copy(buf, b.carry)
	b.carry = b.carry[:0]
	for idle := 0; n < len(buf) && b.err == nil; {
		var m int
		m, b.err = b.r.Read(buf[n:])
		n += m
		if idle++; m > 0 {
			idle = 0
		}
		if idle == 100 {
			b.err = io.ErrNoProgress
		}
	}
	if n == 0 {
		return Block{}, b.err
	}
	out := Block{text: buf[:n], lines: b.lines, offset: b.offset}
	b.offset += int64(n)
	if b.err != nil {
		return out, nil // to the end of the text
	}
	last := bytes.LastIndexByte(buf[:n], '\n') + 1
	if last == 0 {
		b.lines++
		b.skip(&out)
		return out, nil
	}
	b.carry = append(b.carry, buf[last:n]...)
	b.offset -= int64(n - last)
	out.text = buf[:last]
	b.lines += bytes.Count(out.text, []byte{'\n'})
	return out, nil
}

// skip reads to the end of a line that fills a block.
func (b *Blocks) skip(out *Block) {
	buf := make([]byte, firstChunk)
	for b.err == nil {
		var n int
		n, b.err = b.r.Read(buf)
		i := bytes.IndexByte(buf[:n], '\n')
		if i < 0 {
			out.cut += int64(n)
			continue
		}
		out.cut += int64(i)
		out.ended = true
		b.carry = append(b.carry, buf[i+1:n]...)
		b.offset += out.cut + 1
		return
	}
	b.offset += out.cut
}

// Parted tells whether a text that begins with head can be read in blocks: each
// of its lines tells the same whatever stands before it.
func (f *Format) Parted(head []byte) bool {
	_, wide := utf16Of(head)
	return f.Apart && !wide
}

// Cuttable tells whether such a text can be read from any event on, where the year of
// that is given or stated.
func (f *Format) Cuttable(head []byte) bool {
	_, wide := utf16Of(head)
	return (f.Apart || f.Cut) && !wide
}

// OpenBlock reads a block of a text that Parted allows.
func (f *Format) OpenBlock(b Block, src Source) Decoder {
	if src.Local != nil {
		src.Local = src.Local.again()
	}
	d := f.Open(nil, src)
	if lines, ok := d.(*lineDecoder); ok {
		lines.in.take(b)
	}
	return d
}

// take has a reader give the lines of a block.
func (l *lineReader) take(b Block) {
	l.buf, l.end, l.err = b.text, len(b.text), io.EOF
	l.base, l.line = b.offset, b.lines
	l.after, l.ended = b.cut, b.ended
	l.plain = bytes.IndexByte(b.text, '\\') < 0
	if b.offset == 0 && bytes.HasPrefix(b.text, bom) {
		l.start, l.searched = len(bom), len(bom)
	}
}

// JoinProblems appends those of a later part of a text.
func JoinProblems(list, later []Problem) []Problem {
	for i, p := range later {
		n := len(list)
		if i == 0 && n > 0 && p.Line == list[n-1].Line+list[n-1].Count+1 || n >= maxProblems {
			list[n-1].Count += 1 + p.Count
			continue
		}
		list = append(list, p)
	}
	return list
}
