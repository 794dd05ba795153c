package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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

// recordBlock is a run of records, packed.
type recordBlock struct {
	Offset int64 `json:"offset"`
	Size   int   `json:"size"` // packed
	Plain  int   `json:"plain"`
	From   int64 `json:"from_ns"` // the least from of a record in it
	To     int64 `json:"to_ns"`   // the greatest to
}

// blockBytes is how much is packed at a time.
const blockBytes = 1 << 20

// headBytes are those of a record's head: length, first and last beginning of a
// journey, the end, the addresses, and what names the flow in every capture.
const headBytes = 4 + 8 + 8 + 8 + 16 + 16 + 8

// recordHead tells of a record whether it has to be looked at. That of a journal entry
// has its time alone.
type recordHead struct {
	from, to       int64 // first and last beginning of a journey, raw ns
	end            int64 // its last packet
	client, server [16]byte
	same           uint64 // equal where another capture shows the same flow; 0: not known
}

// recordWriter writes a recordFile.
type recordWriter struct {
	file   *os.File      // nil: they are kept in packed
	packed *bytes.Buffer // nil: they go to file
	buf    *bufio.Writer
	at     int64
	block  []byte
	now    recordBlock
	out    recordFile
	err    error
}

func newRecordWriter(folder, name string) (*recordWriter, error) {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	return &recordWriter{file: f, buf: bufio.NewWriterSize(f, 256<<10), out: recordFile{Name: name}}, nil
}

// packedRecords keeps records in memory, packed, that become a part of a file.
func packedRecords(name string) *recordWriter {
	b := new(bytes.Buffer)
	return &recordWriter{packed: b, buf: bufio.NewWriterSize(b, 512), out: recordFile{Name: name}}
}

// add writes a record: its head, and what encode appends.
func (w *recordWriter) add(h *recordHead, encode func([]byte) ([]byte, error)) {
	at := len(w.block)
	b, err := encode(append(w.block, make([]byte, headBytes)...))
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.block = b
	head := b[at:]
	binary.LittleEndian.PutUint32(head, uint32(len(head)))
	binary.LittleEndian.PutUint64(head[4:], uint64(h.from))
	binary.LittleEndian.PutUint64(head[12:], uint64(h.to))
	binary.LittleEndian.PutUint64(head[20:], uint64(h.end))
	copy(head[28:], h.client[:])
	copy(head[44:], h.server[:])
	binary.LittleEndian.PutUint64(head[60:], h.same)
	if at == 0 {
		w.now = recordBlock{From: h.from, To: h.to}
	}
	w.now.From, w.now.To = min(w.now.From, h.from), max(w.now.To, h.to)
	if len(w.block) >= blockBytes {
		w.flush()
	}
}

func (w *recordWriter) flush() {
	if len(w.block) == 0 {
		return
	}
	packed := packer.EncodeAll(w.block, nil)
	w.now.Offset, w.now.Size, w.now.Plain = w.at, len(packed), len(w.block)
	w.out.Blocks = append(w.out.Blocks, w.now)
	_, err := w.buf.Write(packed)
	w.err = errors.Join(w.err, err)
	w.at += int64(len(packed))
	w.block = w.block[:0]
}

// end completes the file on disk.
func (w *recordWriter) end() (recordFile, error) {
	w.flush()
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

// eachRecord calls use with every record of a flow file whose blocks touch
// from … to. The bytes are valid during the call only.
func (l *recordFile) eachRecord(folder string, from, to int64, use func(h *recordHead, record []byte) error) error {
	var file *os.File
	var plain []byte
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
		packed := make([]byte, b.Size)
		if _, err := file.ReadAt(packed, l.base+b.Offset); err != nil {
			return err
		}
		var err error
		if plain, err = unpacker.DecodeAll(packed, plain[:0]); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		for rest := plain; len(rest) > 0; {
			n := 0
			if len(rest) >= headBytes {
				n = int(binary.LittleEndian.Uint32(rest))
			}
			if n < headBytes || n > len(rest) {
				return fmt.Errorf("%s: damaged", l.Name)
			}
			h := recordHead{
				from: int64(binary.LittleEndian.Uint64(rest[4:])), to: int64(binary.LittleEndian.Uint64(rest[12:])),
				end: int64(binary.LittleEndian.Uint64(rest[20:])), same: binary.LittleEndian.Uint64(rest[60:]),
			}
			copy(h.client[:], rest[28:])
			copy(h.server[:], rest[44:])
			if h.to >= from && h.from <= to {
				if err := use(&h, rest[:n]); err != nil {
					return err
				}
			}
			rest = rest[n:]
		}
	}
	return nil
}

// packer packs blocks; it may be used by several goroutines at a time.
var packer = func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	if err != nil {
		panic(err) // of options that are wrong
	}
	return e
}()

// unpacker unpacks blocks; it may be used by several goroutines at a time.
var unpacker = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		panic(err) // of options that are wrong
	}
	return d
}()
