// Package regular opens files that others may have replaced or blown up since they
// were listed.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// holes is how much of a sparse file may be holes, bytes: a file that was laid out
// ahead has some at its end, and all zeros are read at the cost of real bytes.
const holes = 1 << 30

// ErrHole says that a file is mostly holes, which nobody has written to.
var ErrHole = errors.New("a hole")

// File is a regular file that is read as far as it was written to.
type File struct {
	*os.File
	at   int64
	stop int64 // where reading ends with ErrHole
	hole int64 // bytes that nobody has written to there; 0: none, stop does not count
}

// Open opens a regular file for reading. It never waits: what is a pipe or a device
// by now is refused. Of a sparse file it gives at most 1 GiB of holes, and ends with
// ErrHole where there are more.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file (%v)", st.Mode().Type())}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r := &File{File: f}
	if st.Size() > holes && st.Size()-written(st) > holes {
		r.stop, r.hole = firstBeyond(f, st.Size())
	}
	return r, nil
}

// Read reads on, as far as the file was written to.
func (f *File) Read(p []byte) (int, error) {
	if f.hole > 0 {
		if f.at >= f.stop {
			return 0, fmt.Errorf("%w of %d bytes at byte %d: nothing from there on is read", ErrHole, f.hole, f.stop)
		}
		p = p[:min(int64(len(p)), f.stop-f.at)]
	}
	n, err := f.File.Read(p)
	f.at += int64(n)
	return n, err
}

// Seek moves to where the next Read begins.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	at, err := f.File.Seek(offset, whence)
	if err == nil {
		f.at = at
	}
	return at, err
}

// WriteTo is there so that nobody reads past Read.
func (f *File) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{f}) }
