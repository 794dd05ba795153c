package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// flowFile lists flows that ended between two notes of a capture point, in a
// file of blocks that are read one by one.
type flowFile struct {
	Name   string      `json:"name"`
	Blocks []flowBlock `json:"blocks,omitempty"`
}

// flowBlock is a run of flows, packed.
type flowBlock struct {
	Offset int64 `json:"offset"`
	Size   int   `json:"size"` // packed
	Plain  int   `json:"plain"`
	From   int64 `json:"from_ns"` // of the first journey that begins in it
	To     int64 `json:"to_ns"`   // of the last
}

// blockBytes is how much is packed at a time.
const blockBytes = 1 << 20

// headBytes are those of a record's head: length, first and last beginning of a
// journey, the end, the addresses, and what names the flow in every capture.
const headBytes = 4 + 8 + 8 + 8 + 16 + 16 + 8

// flowHead tells of a flow, in its file, whether it has to be looked at.
type flowHead struct {
	from, to       int64 // first and last beginning of a journey, raw ns
	end            int64 // its last packet
	client, server [16]byte
	same           uint64 // equal where another capture shows the same flow; 0: not known
}

func headOf(f *pcapflow.Flow) flowHead {
	h := flowHead{end: f.End.Time, client: f.Client.Addr().As16(), server: f.Server.Addr().As16(), same: sameness(f)}
	first := true
	beginnings(f, func(t int64) {
		if first || t < h.from {
			h.from = t
		}
		if first || t > h.to {
			h.to = t
		}
		first = false
	})
	return h
}

// sameness names a flow by what address translation and another clock leave as
// it is.
func sameness(f *pcapflow.Flow) uint64 {
	const m = 0x9e3779b97f4a7c15
	switch {
	case f.Conn != nil && f.Conn.ISN != [2]uint32{}:
		return (uint64(f.Conn.ISN[0])<<32|uint64(f.Conn.ISN[1]))*m | 1
	case len(f.Marks) > 0:
		x := &f.Marks[0]
		return (uint64(x.Seq)<<32|uint64(x.Sum))*m ^ uint64(x.Len) | 1
	}
	return 0
}

// beginnings calls use with each instant at which a journey on f may begin.
func beginnings(f *pcapflow.Flow, use func(int64)) {
	use(f.Start.Time)
	for i := range f.HTTP {
		if s := f.HTTP[i].RequestFirst; i > 0 && s.Seen() {
			use(s.Time)
		}
	}
	for i := range f.DNS {
		if s := f.DNS[i].Query; i > 0 && s.Seen() {
			use(s.Time)
		}
	}
	for i := range f.NTP {
		if s := f.NTP[i].Request.Stamp; i > 0 && s.Seen() {
			use(s.Time)
		}
	}
}

// flowWriter writes a flowFile.
type flowWriter struct {
	file  *os.File
	buf   *bufio.Writer
	at    int64
	block []byte
	now   flowBlock
	pack  *zstd.Encoder
	out   flowFile
	err   error
}

func newFlowWriter(folder, name string) (*flowWriter, error) {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &flowWriter{file: f, buf: bufio.NewWriterSize(f, 256<<10), pack: pack, out: flowFile{Name: name}}, nil
}

func (w *flowWriter) add(f *pcapflow.Flow) {
	h := headOf(f)
	at := len(w.block)
	w.block = append(w.block, make([]byte, headBytes)...)
	b, err := pcapflow.AppendFlow(w.block, f)
	if err != nil {
		w.err = errors.Join(w.err, err)
		w.block = w.block[:at]
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
		w.now = flowBlock{From: h.from, To: h.to}
	}
	w.now.From, w.now.To = min(w.now.From, h.from), max(w.now.To, h.to)
	if len(w.block) >= blockBytes {
		w.flush()
	}
}

func (w *flowWriter) flush() {
	if len(w.block) == 0 {
		return
	}
	packed := w.pack.EncodeAll(w.block, nil)
	w.now.Offset, w.now.Size, w.now.Plain = w.at, len(packed), len(w.block)
	w.out.Blocks = append(w.out.Blocks, w.now)
	_, err := w.buf.Write(packed)
	w.err = errors.Join(w.err, err)
	w.at += int64(len(packed))
	w.block = w.block[:0]
}

// end completes the file on disk.
func (w *flowWriter) end() (flowFile, error) {
	w.flush()
	err := errors.Join(w.err, w.buf.Flush(), w.file.Sync(), w.file.Close(), w.pack.Close())
	return w.out, err
}

// eachRecord calls use with every record of a flow file whose blocks touch
// from … to. The bytes are valid during the call only.
func (l *flowFile) eachRecord(folder string, from, to int64, use func(h *flowHead, record []byte) error) error {
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
		if _, err := file.ReadAt(packed, b.Offset); err != nil {
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
			h := flowHead{
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

// unpacker unpacks blocks; it may be used by several goroutines at a time.
var unpacker = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		panic(err) // of options that are wrong
	}
	return d
}()

// flowOf reads the flow of a record.
func flowOf(record []byte) (*pcapflow.Flow, error) { return pcapflow.FlowOf(record[headBytes:]) }

// spread counts beginnings of journeys over time, within bounded room: its steps
// grow, by doubling, with what it has to hold. It does not depend on the order in
// which they come.
type spread struct {
	Shift int           // a step is 1<<Shift ns
	Count map[int64]int // by step
}

const (
	finestStep = 28      // 0.27 s
	mostSteps  = 1 << 16 // held at one time
)

func newSpread() *spread { return &spread{finestStep, map[int64]int{}} }

func (s *spread) add(t int64, n int) {
	s.Count[t>>s.Shift] += n
	if len(s.Count) > mostSteps {
		s.coarsen()
	}
}

func (s *spread) coarsen() {
	s.Shift++
	old := s.Count
	s.Count = make(map[int64]int, len(old))
	for step, n := range old {
		s.Count[step>>1] += n
	}
}

func (s *spread) merge(o *spread) {
	for s.Shift < o.Shift {
		s.coarsen()
	}
	for step, n := range o.Count {
		s.add(step<<o.Shift, n)
	}
}
