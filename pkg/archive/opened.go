package archive

import (
	"errors"
	"io"

	"github.com/flowcorr/flowcorr/internal/regular"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

// begin opens a capture, and has the progress told of what is read.
func (f *File) begin(a *archive) (io.ReadCloser, error) {
	raw, err := regular.Open(f.open)
	if err != nil {
		return nil, errors.New(reasonOf(err))
	}
	in, err := unpack.NewReader(&metered{raw, a.opt.Progress, a.toRead}, a.opt.Unpack)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return &opened{in, raw}, nil
}

type opened struct {
	*unpack.Reader
	raw io.Closer
}

func (o *opened) Close() error { return errors.Join(o.Reader.Close(), o.raw.Close()) }

// metered tells the progress what is read.
type metered struct {
	io.Reader
	progress func(Step)
	of       int // captures
}

func (t *metered) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	t.progress(Step{"read", int64(n), 0, t.of})
	return n, err
}
