// Package unpack reads files that may be compressed. It recognises gzip, zstd,
// xz, lz4 and bzip2 by their first bytes, never by the name, and reads several
// packed one behind the other as one, as the programs of those names do.
//
// What it holds in memory is bounded by the largest window a format may ask
// for, and a file that unpacks to far more than any capture or log does is
// ended with ErrBomb. Data before a damaged place is delivered.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/flowcorr/flowcorr/internal/regular"
)

// Options bound the work. A zero field means its default.
type Options struct {
	MaxSize  int64  // bytes delivered; default 1 TiB
	MaxRatio int64  // bytes delivered for each packed one, once Slack is passed; default 250
	Slack    int64  // bytes to which MaxRatio does not apply; default 1 GiB
	Window   uint64 // bytes of earlier output a decoder may keep, 1 MiB to 2 GiB; default 128 MiB
}

func (o Options) filled() Options {
	set := func(p *int64, v int64) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&o.MaxSize, 1<<40)
	set(&o.MaxRatio, 250)
	set(&o.Slack, 1<<30)
	if o.Window == 0 {
		o.Window = 128 << 20
	}
	o.Window = min(max(o.Window, 1<<20), 1<<31)
	return o
}

// Reasons an Error wraps.
var (
	ErrBomb = errors.New("unpacks to more than the limit")
	ErrCut  = errors.New("the file ends too early")
	ErrTail = errors.New("what follows is not packed the same way")
)

// Error tells where the unpacking ended. What came before it was delivered.
type Error struct {
	Packing  string
	Packed   int64 // bytes taken from the file; the damage lies before
	Unpacked int64 // bytes delivered
	Err      error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %v: at byte %d of the packed file, %d unpacked", e.Packing, e.Err, e.Packed, e.Unpacked)
}

func (e *Error) Unwrap() error { return e.Err }

// Reader yields the unpacked bytes.
type Reader struct {
	in       *bufio.Reader
	taken    *counter
	closer   io.Closer
	opt      Options
	packing  *packing // nil: plain
	dec      io.Reader
	free     func()
	head     []byte // read by Head, not yet by Read
	headErr  error
	unpacked int64
	err      error
}

// counter counts what is taken from a file.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// NewReader recognises how r is packed. It fails only where a header that was
// recognised cannot be read.
func NewReader(r io.Reader, opt Options) (*Reader, error) {
	taken := &counter{r: r}
	u := &Reader{in: bufio.NewReaderSize(taken, 64<<10), taken: taken, opt: opt.filled()}
	head, _ := u.in.Peek(longestMagic)
	for i := range packings {
		if packings[i].match(head) {
			u.packing = &packings[i]
			return u, u.open()
		}
	}
	u.dec = u.in
	return u, nil
}

// Open opens a regular file. Close it.
func Open(path string, opt Options) (*Reader, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	u, err := NewReader(f, opt)
	if err != nil {
		f.Close()
		return nil, err
	}
	u.closer = f
	return u, nil
}

// Packing is "gzip", "zstd", "xz", "lz4", "bzip2", or "" for a plain file.
func (u *Reader) Packing() string {
	if u.packing == nil {
		return ""
	}
	return u.packing.name
}

// Head returns the first n unpacked bytes, fewer where the input has not so
// many or is damaged before. They are read again by Read. It is called before
// the first Read.
func (u *Reader) Head(n int) []byte {
	if len(u.head) >= n {
		return u.head[:n]
	}
	b := make([]byte, n)
	m := copy(b, u.head)
	for idle := 0; m < n && u.headErr == nil && idle < 100; idle++ {
		k, err := u.read(b[m:])
		if k > 0 {
			idle = 0
		}
		m += k
		u.headErr = err
	}
	u.head = b[:m]
	return u.head
}

func (u *Reader) Read(p []byte) (int, error) {
	if len(u.head) > 0 {
		n := copy(p, u.head)
		u.head = u.head[n:]
		return n, nil
	}
	if u.headErr != nil {
		return 0, u.headErr
	}
	return u.read(p)
}

// Close frees the decoder, and closes the file that Open opened.
func (u *Reader) Close() error {
	if u.free != nil {
		u.free()
		u.free = nil
	}
	if u.err == nil {
		u.err = os.ErrClosed
	}
	u.head, u.headErr = nil, nil
	if u.closer != nil {
		return u.closer.Close()
	}
	return nil
}

// packedBytes is how much of the file the decoder has taken.
func (u *Reader) packedBytes() int64 { return u.taken.n - int64(u.in.Buffered()) }

func (u *Reader) read(p []byte) (int, error) {
	if u.packing == nil {
		n, err := u.in.Read(p)
		u.unpacked += int64(n)
		return n, err
	}
	if u.err != nil {
		return 0, u.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := guarded(u.dec, p)
	u.unpacked += int64(n)
	if over := u.unpacked - u.opt.MaxSize; over > 0 {
		n = max(0, n-int(min(over, int64(n))))
		err = fmt.Errorf("%w of %d bytes", ErrBomb, u.opt.MaxSize)
	} else if u.unpacked > u.opt.Slack && u.unpacked/u.opt.MaxRatio > u.packedBytes() {
		err = fmt.Errorf("%w of %d times its size", ErrBomb, u.opt.MaxRatio)
	}
	switch {
	case err == nil:
	case err == io.EOF:
		u.err = u.next()
	default:
		u.err = u.failed(err)
	}
	if n > 0 {
		return n, nil
	}
	return n, u.err
}

// next goes on to what is packed behind the part that ended. Zeros there are
// what tapes and copies in blocks leave.
func (u *Reader) next() error {
	for {
		head, _ := u.in.Peek(longestMagic)
		if len(head) == 0 {
			return io.EOF
		}
		if u.packing.match(head) {
			return u.open()
		}
		zeros := len(head) - len(bytes.TrimLeft(head, "\x00"))
		if zeros == 0 {
			return u.failed(ErrTail)
		}
		u.in.Discard(zeros)
	}
}

// open begins to read a packed part.
func (u *Reader) open() error {
	if u.free != nil {
		u.free()
		u.free = nil
	}
	var err error
	if u.dec, u.free, err = u.packing.open(u.in, u.opt); err != nil {
		return u.failed(err)
	}
	return nil
}

func (u *Reader) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = ErrCut
	}
	return &Error{Packing: u.packing.name, Packed: u.packedBytes(), Unpacked: u.unpacked, Err: err}
}

// guarded reads, and makes an error of a decoder's panic on damaged input.
func guarded(r io.Reader, p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = 0, fmt.Errorf("the decoder gave up: %v", v)
		}
	}()
	return r.Read(p)
}
