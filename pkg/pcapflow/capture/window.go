package capture

import "io"

// chunk is how much is asked of the file at a time: large enough to make system
// calls cheap, small enough to stay in the cache of one core. It is less at first: of
// files that hold a few packets there may be a hundred thousand.
const chunk, firstChunk = 128 << 10, 16 << 10

// window is the part of the input in memory. Bytes before pos are spent; a
// record that crosses the end of a chunk is moved to the front with need.
type window struct {
	r        io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset in the input of buf[0]
	limit    int   // buf never grows over this
	err      error // why there is no more; io.EOF where all is well
	move     Mover // nil: bytes are moved within buf
}

// Mover is called before the bytes of packets that were yielded are moved or
// overwritten: old holds them and is the callee's from now on. It returns the
// room to go on in, of size bytes or more.
type Mover func(old []byte, size int) []byte

func newWindow(r io.Reader, limit int) *window {
	return &window{r: r, buf: make([]byte, min(firstChunk, limit)), limit: limit}
}

func (w *window) offset() int64  { return w.base + int64(w.pos) }
func (w *window) unread() []byte { return w.buf[w.pos:w.end] }

// need tells whether n bytes stand at pos, reading more where they do not yet.
// It moves the bytes in memory: views taken before are void.
func (w *window) need(n int) bool {
	if w.end-w.pos >= n {
		return true
	}
	if w.err != nil || n > w.limit {
		return false
	}
	// The room follows what the input holds, never what a length claims. For
	// long records it is twice their length, so that a row of them does not move
	// the same bytes in memory once each; and it grows to a chunk.
	if w.end == len(w.buf) && max(2*n, min(chunk, w.limit)) > len(w.buf) {
		w.grow()
	}
	if w.pos > 0 {
		to := w.buf
		if w.move != nil {
			to = w.move(w.buf, len(w.buf))
		}
		w.end = copy(to, w.buf[w.pos:w.end])
		w.buf = to
		w.base += int64(w.pos)
		w.pos = 0
	}
	for idle := 0; w.end < n && w.err == nil; {
		if w.end == len(w.buf) {
			w.grow()
		}
		m, err := w.r.Read(w.buf[w.end:])
		w.end += m
		w.err = err
		if m == 0 && err == nil {
			if idle++; idle == 100 {
				w.err = io.ErrNoProgress
			}
		}
	}
	return w.end >= n
}

func (w *window) grow() {
	if len(w.buf) < w.limit {
		w.buf = append(make([]byte, 0, min(2*len(w.buf), w.limit)), w.buf[:w.end]...)
		w.buf = w.buf[:cap(w.buf)]
	}
}
