package capture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Writer writes packets as a pcapng file (draft-ietf-opsawg-pcapng), each with
// the interface it came from as that was described: read again they have the
// same links, stamps, lengths and clocks. It allocates nothing per packet.
type Writer struct {
	w       *bufio.Writer
	numbers map[ClockID]uint // of interfaces described so far
	b       []byte           // the block being made
	err     error
}

// NewWriter begins a file. merged says that the interfaces are of more than one
// section, which may take turns: as mergecap does, they are put into one and
// each is told to have a clock of its own.
func NewWriter(w io.Writer, merged bool) *Writer {
	n := &Writer{w: bufio.NewWriterSize(w, 256<<10), numbers: map[ClockID]uint{}}
	b := n.begin(blockSection)
	b = binary.LittleEndian.AppendUint32(b, 0x1a2b3c4d)
	b = append(b, 1, 0, 0, 0) // version 1.0
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	if merged {
		b = append(appendOption(b, optComment, []byte(mergedComment)), 0, 0, 0, 0)
	}
	n.end(b)
	return n
}

// Merged tells whether a Writer must be told that interfaces are merged.
func Merged(list []Interface) bool {
	for i := range list {
		if list[i].Section != list[0].Section {
			return true
		}
	}
	return false
}

// Packet writes one packet with an interface of list, which is what its Source
// tells of them, and a comment where there is one. A packet without a time of
// its own gets that of the Unix epoch: a block of its kind would lose its
// interface.
func (w *Writer) Packet(p *Packet, list []Interface, comment string) error {
	if int(p.Clock) >= len(list) {
		return fmt.Errorf("packet %d came from an interface that was not described", p.Frame)
	}
	it := &list[p.Clock]
	number, known := w.numbers[p.Clock]
	if !known {
		number = uint(len(w.numbers))
		w.numbers[p.Clock] = number
		w.describe(it, p.Link)
	}
	ticks := uint64(0)
	if p.HasTime {
		ticks = uint64(p.Time / tickOf(it))
	}
	b := w.begin(blockPacket)
	b = binary.LittleEndian.AppendUint32(b, uint32(number))
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.WireLen))
	b = padTo4(append(b, p.Data...))
	if comment != "" {
		b = appendOption(b, optComment, []byte(comment))
		b = append(b, 0, 0, 0, 0)
	}
	w.end(b)
	return w.err
}

// Close writes what is left. A file without packets is a section without
// interfaces.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}

// tickOf is the unit that an interface's stamps are written in, ns: its own
// where that is a power of ten.
func tickOf(it *Interface) int64 {
	for tick := int64(1); tick <= 1e9; tick *= 10 {
		if it.Unit == tick {
			return tick
		}
	}
	return 1
}

// describe writes an Interface Description Block.
func (w *Writer) describe(it *Interface, link LinkType) {
	b := w.begin(blockInterface)
	b = append(b, byte(link), byte(link>>8), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(it.SnapLen))
	if it.Name != "" {
		b = appendOption(b, ifName, []byte(it.Name))
	}
	digits := byte(9)
	for tick := tickOf(it); tick > 1; tick /= 10 {
		digits--
	}
	b = appendOption(b, ifResolution, []byte{digits})
	if it.FCS >= 0 {
		b = appendOption(b, ifFCS, []byte{byte(it.FCS)})
	}
	w.end(append(b, 0, 0, 0, 0))
}

// begin makes the head of a block; its length is set by end.
func (w *Writer) begin(kind uint32) []byte {
	return append(binary.LittleEndian.AppendUint32(w.b[:0], kind), 0, 0, 0, 0)
}

func (w *Writer) end(b []byte) {
	n := uint32(len(b) + 4)
	binary.LittleEndian.PutUint32(b[4:], n)
	b = binary.LittleEndian.AppendUint32(b, n)
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
	w.b = b
}

func appendOption(b []byte, code uint16, value []byte) []byte {
	value = value[:min(len(value), 65535)]
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return padTo4(append(b, value...))
}

func padTo4(b []byte) []byte {
	for len(b)&3 != 0 {
		b = append(b, 0)
	}
	return b
}
