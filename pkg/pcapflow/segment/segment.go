// Package segment has the rebuilding of flows as pure functions, for engines that
// spread work over machines: Read makes a segment of one file, Merge joins two,
// Finish makes flows of what was joined. Files may be read anywhere, and segments
// merged in any order and any tree, also twice: the flows are those of the files
// read one behind the other, byte for byte.
//
// A segment is of one capture point. That is the unit because a capture is more
// than its flows: which packets are copies that the capture made, how streams are
// numbered, which error quotes which flow and whose address a host asked for shows
// only in all of its packets. Points are independent of each other, and so are the
// files of a point until they are finished.
//
// A segment holds what was captured, packed, ordered by file. It cannot hold less:
// which bytes of a connection matter is known only to who follows it from its
// beginning, and a file in the middle does not. What has to be kept of a point
// that is read in order, by one program, is less: see pcapflow.Analysis.
package segment

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Segment is what was captured at one point, of one file or of many. The zero
// value is one of nothing. It is not changed once it is made.
type Segment struct {
	runs []run // in order, none twice
}

// run is one file.
type run struct {
	rank  int64
	first int64 // stamps of its packets, ns; both 0 without any
	last  int64
	name  string
	data  string // its bytes, packed
}

// File tells of the file that Read is given.
type File struct {
	Name string
	// Rank orders the files of a point where it is known, for example by the
	// counter in their names. Files of equal rank are in order of their first
	// stamps, then of their last, then of their names.
	Rank int64
}

// Read makes a segment of one capture file, unpacked. A damaged file is one as far
// as it can be read; the error is that of in.
func Read(f File, in io.Reader) (Segment, error) {
	var packed bytes.Buffer
	pack, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Segment{}, err
	}
	both := io.TeeReader(in, pack)
	out := run{rank: f.Rank, name: f.Name}
	if c, err := capture.NewReader(both, capture.Options{}); err == nil {
		var p capture.Packet
		for c.Next(&p) == nil {
			if !p.HasTime {
				continue
			}
			if out.first == 0 || p.Time < out.first {
				out.first = p.Time
			}
			out.last = max(out.last, p.Time)
		}
	}
	if _, err := io.Copy(io.Discard, both); err != nil { // what cannot be read now, Finish tells of
		return Segment{}, err
	}
	if err := pack.Close(); err != nil {
		return Segment{}, err
	}
	out.data = packed.String()
	return Segment{[]run{out}}, nil
}

// Merge joins two segments of one point. It is associative and commutative, and a
// segment merged with itself is itself.
func Merge(a, b Segment) Segment {
	out := make([]run, 0, len(a.runs)+len(b.runs))
	for i, j := 0, 0; i < len(a.runs) || j < len(b.runs); {
		order := 1
		switch {
		case j == len(b.runs):
			order = -1
		case i < len(a.runs):
			order = compare(&a.runs[i], &b.runs[j])
		}
		if order <= 0 {
			out = append(out, a.runs[i])
			i++
		}
		if order > 0 {
			out = append(out, b.runs[j])
		}
		if order >= 0 {
			j++
		}
	}
	return Segment{out}
}

func compare(a, b *run) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last), cmp.Compare(a.name, b.name), cmp.Compare(a.data, b.data))
}

// Finish rebuilds the flows of a point, as pcapflow.Analyse does: kept in the
// result, or given to opt.OnFlow one by one as they end. Frames are numbered
// through all files.
func Finish(s Segment, opt pcapflow.Options) (*pcapflow.Result, error) {
	var files []capture.File
	for i := range s.runs {
		files = append(files, capture.File{Name: s.runs[i].name, Open: s.runs[i].open})
	}
	set := capture.NewSet(files, capture.Options{})
	defer set.Close()
	return pcapflow.Analyse(set, opt)
}

func (r *run) open() (io.ReadCloser, error) {
	d, err := zstd.NewReader(strings.NewReader(r.data), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// Files of a segment, in order.
func (s Segment) Files() []File {
	var all []File
	for i := range s.runs {
		all = append(all, File{s.runs[i].name, s.runs[i].rank})
	}
	return all
}

var errDamaged = errors.New("not a segment")

// AppendBinary adds a segment to b; equal segments give equal bytes.
func (s Segment) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(len(s.runs)))
	for i := range s.runs {
		r := &s.runs[i]
		for _, n := range [...]int64{r.rank, r.first, r.last} {
			b = binary.AppendVarint(b, n)
		}
		for _, text := range [...]string{r.name, r.data} {
			b = binary.AppendUvarint(b, uint64(len(text)))
			b = append(b, text...)
		}
	}
	return b, nil
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (s Segment) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s *Segment) UnmarshalBinary(b []byte) error {
	d := decoder{b: b}
	n := d.number()
	var runs []run
	for range n {
		if d.failed || len(d.b) == 0 {
			return errDamaged
		}
		runs = append(runs, run{d.signed(), d.signed(), d.signed(), d.text(), d.text()})
	}
	if d.failed || len(d.b) > 0 || !slices.IsSortedFunc(runs, func(a, b run) int { return compare(&a, &b) }) {
		return errDamaged
	}
	s.runs = runs
	return nil
}

type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	return d.took(v, n)
}

func (d *decoder) took(v uint64, n int) uint64 {
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	return int64(d.took(uint64(v), n))
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
