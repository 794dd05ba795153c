package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// Options of a Reader. The zero value is right for most uses.
type Options struct {
	// MaxRecord is the longest record or block believed, in bytes; what claims
	// more is taken for damage. 0: 16 MiB.
	MaxRecord int
	// OnSecrets is given each TLS key log of a Decryption Secrets Block when it
	// is met, which is before the packets it opens. The text is the callee's.
	OnSecrets func(text []byte)
	// OnJournal is given each entry of a systemd journal that a pcapng file
	// holds between its packets, in the journal's export format, and where in the
	// unpacked file it begins. It is valid during the call only.
	OnJournal func(entry []byte, offset int64)
}

const (
	defaultMaxRecord = 16 << 20
	// usualRecord is the longest packet that capture programs write without
	// being asked to, and what a damaged length is measured against.
	usualRecord = 256 << 10
	// searchRoom is what the search for the next record may look ahead.
	searchRoom = 6 * usualRecord
	// Lists that a hostile file could make long end here; what goes beyond is
	// counted, not kept.
	maxProblems   = 1000
	maxInterfaces = 1 << 16
	maxComments   = 1 << 16
	maxNames      = 1 << 20
	maxSecrets    = 64 << 20 // bytes
)

// ErrFormat says that the input does not begin like any capture.
var ErrFormat = errors.New("not a capture file (pcap or pcapng)")

// Comment is what a person or program wrote into a pcapng file.
type Comment struct {
	Frame int // the packet it belongs to; 0: the section or an interface
	Text  string
}

// Reader yields the packets of one capture file. It allocates nothing per packet.
type Reader struct {
	w     *window
	opt   Options
	next  func(*Packet) error
	kind  string
	frame int
	last  int64 // time of the last good packet, ns
	timed bool  // last is known
	pcap  recordFormat
	ng    sections

	interfaces []Interface
	comments   []Comment
	names      map[netip.Addr][]string
	nameCount  int
	secrets    [][]byte
	secretSize int
	problems   []Problem
	more       int64 // problems beyond maxProblems
	odd        map[string]int
}

// NewReader reads the header of a capture. The input is the unpacked file.
// An error is ErrFormat, or an error of r before there was anything to read.
func NewReader(r io.Reader, opt Options) (*Reader, error) {
	if opt.MaxRecord <= 0 {
		opt.MaxRecord = defaultMaxRecord
	}
	c := &Reader{opt: opt, w: newWindow(r, 2*max(opt.MaxRecord+4096, searchRoom))}
	if !c.w.need(4) {
		if c.w.err != io.EOF {
			return nil, c.w.err
		}
		return nil, fmt.Errorf("%w: it holds %d bytes", ErrFormat, c.w.end)
	}
	if m, order, ok := findMagic(c.w.unread()); ok {
		c.kind, c.next = PCAP, c.nextRecord
		return c, c.openPCAP(m, order)
	}
	c.w.need(12)
	if kind, ok := Recognise(c.w.unread()); ok && kind == PCAPNG {
		c.kind, c.next = PCAPNG, c.nextBlock
		c.ng.order = binary.LittleEndian
		return c, nil
	}
	return nil, ErrFormat
}

// Next fills p with the next packet. It returns io.EOF at the end, and no other
// error: damage and errors of the input are Problems.
func (c *Reader) Next(p *Packet) error { return c.next(p) }

// Kind is PCAP or PCAPNG.
func (c *Reader) Kind() string { return c.kind }

// Interfaces met so far; a Packet's Clock is an index into it.
func (c *Reader) Interfaces() []Interface { return c.interfaces }

// Names from Name Resolution Blocks met so far.
func (c *Reader) Names() map[netip.Addr][]string { return c.names }

// Secrets are the texts of TLS key logs met so far.
func (c *Reader) Secrets() [][]byte { return c.secrets }

// Comments met so far, in the order of the file.
func (c *Reader) Comments() []Comment { return c.comments }

// Offset is where in the unpacked file the next record begins.
func (c *Reader) Offset() int64 { return c.w.offset() }

// Problems met so far, in the order of the file.
func (c *Reader) Problems() []Problem {
	if c.more == 0 {
		return c.problems
	}
	return append(c.problems[:len(c.problems):len(c.problems)],
		Problem{Record: c.frame, Offset: c.w.offset(), Text: fmt.Sprintf("%d further problems", c.more)})
}

func (c *Reader) problem(offset, lost int64, format string, args ...any) {
	if len(c.problems) >= maxProblems {
		c.more++
		return
	}
	c.problems = append(c.problems, Problem{Record: c.frame, Offset: offset, Lost: lost, Text: fmt.Sprintf(format, args...)})
}

// once notes an oddity that loses nothing, the first time it is met.
func (c *Reader) once(text string) {
	if c.odd == nil {
		c.odd = map[string]int{}
	}
	if c.odd[text]++; c.odd[text] == 1 {
		c.problem(c.w.offset(), 0, "%s", text)
	}
}

// finish tells of bytes that are no whole record at the end of the input, and
// of the input's own error, and ends the reading.
func (c *Reader) finish(what string) error {
	left := int64(c.w.end - c.w.pos)
	if left > 0 && what != "" {
		c.problem(c.w.offset(), left, "%s: the file ends after %d bytes of it", what, left)
	}
	c.w.pos = c.w.end
	if c.w.err != nil && c.w.err != io.EOF {
		c.problem(c.w.offset(), 0, "%v", c.w.err)
		c.w.err = io.EOF
	}
	return io.EOF
}

func (c *Reader) comment(frame int, text []byte) {
	if len(c.comments) < maxComments {
		c.comments = append(c.comments, Comment{frame, string(text)})
	}
}
