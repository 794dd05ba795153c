package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// recordFile lists records of what happened between two notes of a capture point,
// flows that ended or entries of a journal, in a file of blocks that are read one by
// one.
type recordFile struct {
	Name   string        `json:"name"`
	Blocks []recordBlock `json:"blocks,omitempty"`

	base int64 // where in the file they begin
}

// recordBlock is a run of records: their heads, packed, and then the records, packed.
type recordBlock struct {
	Offset int64 `json:"offset"`
	Heads  int   `json:"heads"`   // bytes of those, packed
	Size   int   `json:"size"`    // of heads and records, packed
	From   int64 `json:"from_ns"` // the least from of a record in it
	To     int64 `json:"to_ns"`   // the greatest to
}

// blockBytes is how much is packed at a time.
const blockBytes = 512 << 10

// headBytes are those of a record's head: its length, first and last beginning of a
// journey, the end, the addresses, what names the flow in every capture, and the packets
// of the first and the last beginning.
const headBytes = 4 + 8 + 8 + 8 + 16 + 16 + 8 + 8 + 8

// recordHead tells of a record whether it has to be looked at. That of a journal entry
// has its time alone.
type recordHead struct {
	from, to       int64 // first and last beginning of a journey, raw ns
	end            int64 // its last packet
	client, server [16]byte
	same           uint64   // equal where another capture shows the same flow; 0: not known
	frames         [2]int64 // numbers of the packets of the first and the last of them
}

// append writes the head of a record of n bytes.
func (h *recordHead) append(b []byte, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for _, t := range [...]int64{h.from, h.to, h.end} {
		b = binary.LittleEndian.AppendUint64(b, uint64(t))
	}
	b = append(append(b, h.client[:]...), h.server[:]...)
	for _, x := range [...]uint64{h.same, uint64(h.frames[0]), uint64(h.frames[1])} {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// headIn reads what append wrote.
func headIn(b []byte) (h recordHead, n int) {
	h = recordHead{
		from: int64(binary.LittleEndian.Uint64(b[4:])), to: int64(binary.LittleEndian.Uint64(b[12:])),
		end: int64(binary.LittleEndian.Uint64(b[20:])), same: binary.LittleEndian.Uint64(b[60:]),
	}
	copy(h.client[:], b[28:])
	copy(h.server[:], b[44:])
	h.frames = [2]int64{int64(binary.LittleEndian.Uint64(b[68:])), int64(binary.LittleEndian.Uint64(b[76:]))}
	return h, int(binary.LittleEndian.Uint32(b))
}

// recordWriter writes a recordFile.
type recordWriter struct {
	file   *os.File      // nil: they are kept in packed
	packed *bytes.Buffer // nil: they go to file
	buf    *bufio.Writer
	at     int64
	lanes  []lane
	latest int64 // end of a record so far
	out    recordFile
	err    error
}

// lane is a block that is being filled. Records whose beginnings lie as far back have
// one of their own, so that a block is of little time: a connection that ends after
// minutes would have it read by each window in between.
type lane struct {
	heads, records []byte
	from, to       int64
}

// flowLanes are those of flows: to 1, 4, 16, 64, 256 s, and more.
const flowLanes = 6

// laneOf is that of records that began so long ago.
func (w *recordWriter) laneOf(ago int64) *lane {
	return &w.lanes[min(len(w.lanes)-1, (bits.Len64(uint64(max(ago, 0)/1e9))+1)/2)]
}

// newRecordWriter writes to a file. With one lane records stay in order.
func newRecordWriter(folder, name string, lanes int) (*recordWriter, error) {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	return &recordWriter{file: f, buf: bufio.NewWriterSize(f, 256<<10), lanes: make([]lane, lanes), out: recordFile{Name: name}}, nil
}

// packedRecords keeps records in memory, packed, that become a part of a file.
func packedRecords(name string) *recordWriter {
	b := new(bytes.Buffer)
	return &recordWriter{packed: b, buf: bufio.NewWriterSize(b, 512), lanes: make([]lane, 1), out: recordFile{Name: name}}
}

// add writes a record: its head, and what encode appends.
func (w *recordWriter) add(h *recordHead, encode func([]byte) ([]byte, error)) {
	w.latest = max(w.latest, h.end)
	l := w.laneOf(sub(w.latest, h.from))
	at := len(l.records)
	b, err := encode(l.records)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	l.records = b
	if len(l.heads) == 0 {
		l.from, l.to = h.from, h.to
	}
	l.heads = h.append(l.heads, len(b)-at)
	l.from, l.to = min(l.from, h.from), max(l.to, h.to)
	if len(l.heads)+len(l.records) >= blockBytes {
		w.flush(l)
	}
}

func (w *recordWriter) flush(l *lane) {
	if len(l.heads) == 0 {
		return
	}
	packed := packer.EncodeAll(l.heads, nil)
	b := recordBlock{Offset: w.at, Heads: len(packed), From: l.from, To: l.to}
	packed = packer.EncodeAll(l.records, packed)
	b.Size = len(packed)
	w.out.Blocks = append(w.out.Blocks, b)
	_, err := w.buf.Write(packed)
	w.err = errors.Join(w.err, err)
	w.at += int64(len(packed))
	l.heads, l.records = l.heads[:0], l.records[:0]
}

// end completes the file on disk.
func (w *recordWriter) end() (recordFile, error) {
	for i := range w.lanes {
		w.flush(&w.lanes[i])
	}
	err := errors.Join(w.err, w.buf.Flush())
	if w.file != nil {
		err = errors.Join(err, w.file.Sync(), w.file.Close())
	}
	return w.out, err
}

// bytes that the file has on disk.
func (l *recordFile) bytes() int64 {
	if len(l.Blocks) == 0 {
		return 0
	}
	last := &l.Blocks[len(l.Blocks)-1]
	return last.Offset + int64(last.Size)
}

// recordReader reads recordFiles, one after the other. It needs no making.
type recordReader struct {
	packed, heads, records []byte // of a block
	chosen                 []record
}

// record is one that was read, valid while it is shown.
type record struct {
	recordHead
	head, body []byte
	at         int // in the records of its block
}

// each calls use with those records of a file that touch from … to and are wanted.
// Blocks of which none is are passed over, and so are all records where use is nil.
func (r *recordReader) each(l *recordFile, folder string, from, to int64, wanted func(*recordHead) bool, use func(*record) error) error {
	var file *os.File
	for _, b := range l.Blocks {
		if b.To < from || b.From > to {
			continue
		}
		if file == nil {
			f, err := os.Open(filepath.Join(folder, l.Name))
			if err != nil {
				return err
			}
			defer f.Close()
			file = f
		}
		var err error
		if r.heads, err = r.part(file, l.base+b.Offset, b.Heads, r.heads); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		if r.choose(from, to, wanted); len(r.chosen) == 0 || use == nil {
			continue
		}
		if r.records, err = r.part(file, l.base+b.Offset+int64(b.Heads), b.Size-b.Heads, r.records); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		for i := range r.chosen {
			x := &r.chosen[i]
			n := int(binary.LittleEndian.Uint32(x.head))
			if x.at+n > len(r.records) {
				return fmt.Errorf("%s: damaged", l.Name)
			}
			x.body = r.records[x.at : x.at+n]
			if err := use(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// part unpacks a part of a block into plain.
func (r *recordReader) part(file *os.File, at int64, size int, plain []byte) ([]byte, error) {
	r.packed = slices.Grow(r.packed[:0], size)[:size]
	if _, err := file.ReadAt(r.packed, at); err != nil {
		return plain, err
	}
	return unpacker.DecodeAll(r.packed, plain[:0])
}

// choose lists the records of the block that are wanted.
func (r *recordReader) choose(from, to int64, wanted func(*recordHead) bool) {
	r.chosen = r.chosen[:0]
	at := 0
	for rest := r.heads; len(rest) >= headBytes; rest = rest[headBytes:] {
		h, n := headIn(rest)
		if h.to >= from && h.from <= to && wanted(&h) {
			r.chosen = append(r.chosen, record{recordHead: h, head: rest[:headBytes], at: at})
		}
		at += n
	}
}

// packer packs blocks; it may be used by several goroutines at a time. It keeps twice the
// window for each of them, or little more than once, from then on.
var packer = newPacker()

func newPacker() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(blockBytes), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // of options that are wrong
	}
	return e
}

// unpacker unpacks blocks; it may be used by several goroutines at a time.
var unpacker = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		panic(err) // of options that are wrong
	}
	return d
}()
