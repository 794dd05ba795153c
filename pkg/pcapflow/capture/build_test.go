package capture

import (
	"encoding/binary"
	"io"
	"testing"
)

// order is what the builders write numbers with.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var orders = map[string]order{"little": binary.LittleEndian, "big": binary.BigEndian}

// packet is one packet to write, or as read, with its own bytes.
type packet struct {
	time  int64
	data  string
	wire  int
	clock ClockID
	frame int
	cut   bool
}

func pcapHeader(o order, magic uint32, snap, network uint32) []byte {
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(b, 2)
	b = o.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = o.AppendUint32(b, snap)
	return o.AppendUint32(b, network)
}

func pcapRecord(o order, b []byte, sec, frac uint32, wire int, data string) []byte {
	for _, v := range []uint32{sec, frac, uint32(len(data)), uint32(wire)} {
		b = o.AppendUint32(b, v)
	}
	return append(b, data...)
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// block wraps body in a pcapng block.
func block(o order, b []byte, typ uint32, body []byte) []byte {
	body = pad(body)
	n := uint32(len(body) + 12)
	b = o.AppendUint32(o.AppendUint32(b, typ), n)
	return o.AppendUint32(append(b, body...), n)
}

func option(o order, b []byte, code uint16, v string) []byte {
	b = o.AppendUint16(o.AppendUint16(b, code), uint16(len(v)))
	return pad(append(b, v...))
}

func section(o order, b []byte, opts ...[]byte) []byte {
	body := o.AppendUint32(nil, 0x1a2b3c4d)
	body = o.AppendUint16(o.AppendUint16(body, 1), 0)
	body = o.AppendUint64(body, 1<<64-1)
	for _, opt := range opts {
		body = append(body, opt...)
	}
	return block(o, b, blockSection, body)
}

func interfaceDescription(o order, b []byte, link uint16, snap uint32, opts ...[]byte) []byte {
	body := o.AppendUint16(o.AppendUint16(nil, link), 0)
	body = o.AppendUint32(body, snap)
	for _, opt := range opts {
		body = append(body, opt...)
	}
	return block(o, b, blockInterface, body)
}

func enhanced(o order, b []byte, id uint32, stamp uint64, wire int, data string, opts ...[]byte) []byte {
	body := o.AppendUint32(nil, id)
	for _, v := range []uint32{uint32(stamp >> 32), uint32(stamp), uint32(len(data)), uint32(wire)} {
		body = o.AppendUint32(body, v)
	}
	body = pad(append(body, data...))
	for _, opt := range opts {
		body = append(body, opt...)
	}
	return block(o, b, blockPacket, body)
}

// readAll reads b to its end.
func readAll(t testing.TB, r io.Reader, opt Options) ([]packet, *Reader) {
	t.Helper()
	c, err := NewReader(r, opt)
	if err != nil {
		t.Fatal(err)
	}
	var all []packet
	var p Packet
	for {
		err := c.Next(&p)
		if err == io.EOF {
			return all, c
		}
		if err != nil {
			t.Fatal(err)
		}
		got := packet{p.Time, string(p.Data), p.WireLen, p.Clock, p.Frame, !p.HasTime}
		all = append(all, got)
	}
}
