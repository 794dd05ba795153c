package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/flowcorr/flowcorr/internal/regular"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// source is an open file: unpacked for who reads it, hashed as it is on the way.
type source struct {
	*unpack.Reader
	raw  io.Reader // what is hashed as it is read
	f    io.Closer
	sum  hash.Hash // nil: not asked for
	size int64
	it   *item
	dead error // why the packing's header cannot be read
}

func (s *source) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	if s.sum != nil {
		s.sum.Write(p)
	}
	return len(p), nil
}

func (s *source) Read(p []byte) (int, error) {
	if s.dead != nil {
		return 0, s.dead
	}
	return s.Reader.Read(p)
}

// begin opens a file.
func (it *item) begin(hashed bool) (*source, error) {
	s := &source{it: it}
	in := it.stream
	if in == nil {
		f, err := regular.Open(it.file.Open)
		if err != nil {
			return nil, short(err)
		}
		in, s.f = f, f
	}
	if it.progress != nil {
		in = &counted{in, it.progress}
	}
	if hashed {
		s.sum = sha256.New()
		s.raw = io.TeeReader(in, s)
	} else {
		s.raw = in
	}
	s.Reader, s.dead = unpack.NewReader(s.raw, it.unpack)
	it.file.Packing = s.Packing()
	return s, nil
}

// counted tells how many bytes were read.
type counted struct {
	io.Reader
	progress func(bytes int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(n)
	return n, err
}

// length is how many bytes a plain file holds; 0 where that is not known.
func (s *source) length() int64 {
	if f, ok := s.f.(*regular.File); ok && s.Packing() == "" {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return st.Size()
		}
	}
	return 0
}

// Close ends the reading. A hashed file is read to its end for that, and its
// sum and size are noted.
func (s *source) Close() error {
	if s.sum != nil {
		if _, err := io.Copy(io.Discard, s.raw); err != nil {
			s.it.file.problem("%v", short(err))
		} else {
			s.it.file.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
		}
		s.it.file.Bytes = s.size
		s.sum = nil
	}
	s.Reader.Close()
	if s.f != nil {
		return s.f.Close()
	}
	return nil
}

// stop closes what a stream still has open.
func (it *item) stop() {
	if it.open != nil {
		it.open.Close()
		it.open = nil
	}
}

// resume gives the bytes of a recognised file from its start, hashed.
func (it *item) resume() (*source, error) {
	if s := it.open; s != nil {
		it.open = nil
		return s, nil
	}
	return it.begin(true)
}

// Reopen gives the unpacked bytes of a file that was read before, to show parts
// of it. A stream cannot be read again.
func Reopen(f *File) (io.ReadCloser, error) {
	return unpack.Open(f.Open, unpack.Options{})
}
