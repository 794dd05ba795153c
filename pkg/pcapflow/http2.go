package pcapflow

import (
	"encoding/binary"

	"golang.org/x/net/http2/hpack"
)

// http2Preface is what a client begins with (RFC 9113 §3.4).
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Frame types and flags (RFC 9113 §6).
const (
	h2Data         = 0
	h2Headers      = 1
	h2Reset        = 3
	h2Settings     = 4
	h2Push         = 5
	h2GoAway       = 7
	h2WindowUpdate = 8
	h2Continuation = 9

	h2EndStream  = 1
	h2Ack        = 1
	h2EndHeaders = 4
	h2Padded     = 8
	h2Priority   = 32
)

// http2 follows HTTP/2 in both directions (RFC 9113), in the clear or
// decrypted. Of bodies and fields nothing is kept but what an Exchange holds.
type http2 struct {
	f       *Flow
	list    []Exchange
	streams map[uint32]*h2Stream // those that are open
	side    [2]h2Side
	flow    [2]h2Window
	off     bool

	servedAt Stamp // end of the latest frame of an answer
	busy     int64 // ns that frames of answers took
}

// maxStreams bounds the streams open at one time.
const maxStreams = 4096

// h2Side is one direction: where in its frames it stands.
type h2Side struct {
	preface int // bytes of the client's preface read
	header  [9]byte
	have    int
	typ     byte
	flags   byte
	stream  uint32
	length  int
	left    int
	first   Stamp // of the frame's first byte

	fixed   [8]byte // the payload's first bytes, where they matter
	pad     int     // bytes of padding at the frame's end
	block   h2Block
	decoder *hpack.Decoder
	blind   bool // the header compression's state is lost: fields cannot be read
}

// h2Block is a field block being decoded: HEADERS or PUSH_PROMISE with their
// CONTINUATIONs.
type h2Block struct {
	open   bool
	typ    byte
	end    bool // END_STREAM
	stream uint32
	first  Stamp
	size   int64
	fields h2Fields
}

// h2Fields are the fields that matter of a block.
type h2Fields struct {
	exchange Exchange // as keepField fills it
	status   int
}

const (
	maxBlock      = 256 << 10 // bytes of one field block
	maxTable      = 64 << 10  // bytes of the dynamic table
	maxFieldBytes = 16 << 10
)

func newHTTP2(f *Flow) *http2 {
	h := &http2{f: f, streams: map[uint32]*h2Stream{}}
	for d := range h.side {
		side := &h.side[d]
		h.flow[d] = h2Window{connection: initialWindow, initial: initialWindow}
		side.decoder = hpack.NewDecoder(4096, nil)
		side.decoder.SetMaxStringLength(maxFieldBytes)
		side.decoder.SetAllowedMaxDynamicTableSize(maxTable)
	}
	h.side[Server].preface = len(http2Preface)
	h.listen()
	return h
}

// listen has the fields that are read given to h.
func (h *http2) listen() {
	for d := range h.side {
		h.side[d].decoder.SetEmitFunc(func(field hpack.HeaderField) { h.field(Dir(d), field) })
	}
}

// upgrade turns a connection of HTTP/1.1 into one of HTTP/2: the request that
// asked for it is stream 1 (RFC 7540 §3.2).
func (h *http1) upgrade() *http2 {
	n := newHTTP2(h.f)
	n.list = h.list
	if len(n.list) > 0 {
		e := &n.list[len(n.list)-1]
		e.Interim = append(e.Interim, e.ResponseFirst)
		e.Status, e.ResponseBytes, e.BodyBytes, e.ContentBytes = 0, 0, 0, 0
		e.ResponseFirst, e.ResponseReadable, e.ResponseLast = Stamp{}, Stamp{}, Stamp{}
		e.Version, e.StreamID = "HTTP/2", 1
		s := &h2Stream{exchange: len(n.list) - 1, ended: [2]bool{true, false}}
		n.streams[1] = s
		n.concurrency(s, e)
	}
	return n
}

// data takes bytes of side d.
func (h *http2) data(d Dir, first, last Stamp, b []byte) {
	side := &h.side[d]
	for len(b) > 0 && !h.off {
		if side.preface < len(http2Preface) {
			n := min(len(b), len(http2Preface)-side.preface)
			if string(b[:n]) != http2Preface[side.preface:side.preface+n] {
				h.stop("HTTP/2 joined half-way: not followed")
				return
			}
			side.preface += n
			b = b[n:]
			continue
		}
		if side.have < len(side.header) {
			if side.have == 0 {
				side.first = first
			}
			n := copy(side.header[side.have:], b)
			side.have += n
			b = b[n:]
			if side.have == len(side.header) {
				h.beginFrame(d)
				if side.left == 0 && !h.off {
					h.endFrame(d, last)
				}
			}
			continue
		}
		n := min(side.left, len(b))
		h.payload(d, last, b[:n])
		side.left -= n
		b = b[n:]
		if side.left == 0 {
			h.endFrame(d, last)
		}
	}
}

// stop gives the connection up.
func (h *http2) stop(text string) {
	h.off = true
	noteOnce(h.f, text)
}

// beginFrame reads the frame header (RFC 9113 §4.1).
func (h *http2) beginFrame(d Dir) {
	side := &h.side[d]
	p := side.header[:]
	side.length = int(p[0])<<16 | int(p[1])<<8 | int(p[2])
	side.left = side.length
	side.typ, side.flags = p[3], p[4]
	side.stream = uint32(p[5]&0x7f)<<24 | uint32(p[6])<<16 | uint32(p[7])<<8 | uint32(p[8])
	side.pad = 0
	b := &side.block
	switch side.typ {
	case h2Headers, h2Push:
		if b.open {
			h.stop("HTTP/2 framing is damaged")
			return
		}
		*b = h2Block{open: true, typ: side.typ, end: side.typ == h2Headers && side.flags&h2EndStream != 0, stream: side.stream, first: side.first}
		b.size = int64(side.length + len(side.header))
	case h2Continuation:
		if !b.open || b.stream != side.stream {
			h.stop("HTTP/2 framing is damaged")
			return
		}
		b.size += int64(side.length + len(side.header))
	default:
		if b.open {
			h.stop("HTTP/2 framing is damaged")
		}
	}
}

// payload sees a piece of a frame's payload.
func (h *http2) payload(d Dir, last Stamp, b []byte) {
	side := &h.side[d]
	at := side.length - side.left
	if at < len(side.fixed) {
		copy(side.fixed[at:], b)
	}
	switch side.typ {
	case h2Headers, h2Push, h2Continuation:
		h.fragment(d, at, b)
	case h2Data:
		if at == 0 && side.flags&h2Padded != 0 {
			side.pad = int(b[0]) + 1
		}
	case h2Settings:
		if side.flags&h2Ack == 0 {
			h.settings(d, at, b, last)
		}
	}
}

// fragment hands field block bytes to the decoder: what lies between the fields
// before the block and the padding behind it (RFC 9113 §6.2, §6.6).
func (h *http2) fragment(d Dir, at int, b []byte) {
	side := &h.side[d]
	if side.blind {
		return
	}
	begin := 0
	if side.typ != h2Continuation {
		if side.flags&h2Padded != 0 {
			if at == 0 {
				side.pad = int(b[0])
			}
			begin++
		}
		if side.typ == h2Push {
			begin += 4
		} else if side.flags&h2Priority != 0 {
			begin += 5
		}
	}
	end := side.length - side.pad
	from, to := max(begin-at, 0), min(end-at, len(b))
	if from >= to {
		return
	}
	if side.block.size > maxBlock {
		side.blind = true
	} else if _, err := side.decoder.Write(b[from:to]); err != nil {
		side.blind = true
	}
	if side.blind {
		noteOnce(h.f, "HTTP/2 header compression lost: methods and paths unknown from here on")
	}
}

// settings takes SETTINGS_HEADER_TABLE_SIZE and SETTINGS_INITIAL_WINDOW_SIZE,
// which bind the other side (RFC 9113 §6.5.2).
func (h *http2) settings(d Dir, at int, b []byte, last Stamp) {
	side := &h.side[d]
	for i, c := range b {
		k := (at + i) % 6
		side.fixed[k] = c
		if k < 5 || side.fixed[0] != 0 {
			continue
		}
		n := binary.BigEndian.Uint32(side.fixed[2:6])
		switch side.fixed[1] {
		case 1:
			h.side[d.Other()].decoder.SetAllowedMaxDynamicTableSize(min(n, 1<<20))
		case 4:
			h.initialWindowSize(d, min(n, 1<<31-1), last)
		}
	}
}

// endFrame comes after a frame's last byte.
func (h *http2) endFrame(d Dir, last Stamp) {
	side := &h.side[d]
	side.have = 0
	switch side.typ {
	case h2Headers, h2Push, h2Continuation:
		if side.flags&h2EndHeaders != 0 {
			h.endBlock(d, last)
		}
	case h2Data:
		h.endData(d, last)
	case h2Reset:
		h.reset(d, last)
	case h2WindowUpdate:
		h.windowUpdate(d, last)
	case h2GoAway:
		h.goAway(d, last)
	}
}

// field takes one decoded field.
func (h *http2) field(d Dir, f hpack.HeaderField) {
	fields := &h.side[d].block.fields
	switch f.Name {
	case ":method":
		fields.exchange.Method = f.Value[:min(len(f.Value), maxValue)]
	case ":path":
		fields.exchange.Path = f.Value[:min(len(f.Value), maxLine)]
	case ":status":
		n := 0
		for _, c := range f.Value {
			if c < '0' || c > '9' || n > 999 {
				return
			}
			n = n*10 + int(c-'0')
		}
		fields.status = n
	default:
		keepField(nil, &fields.exchange, d, []byte(f.Name), []byte(f.Value))
	}
}

// gap skips n bytes that the capture lacks, and tells whether the framing
// outlives it: only inside the payload of DATA.
func (h *http2) gap(d Dir, at Stamp, n int64) bool {
	side := &h.side[d]
	if h.off || side.have < len(side.header) || side.typ != h2Data || n > int64(side.left) {
		h.off = true
		return false
	}
	if s := h.streams[side.stream]; s != nil {
		h.list[s.exchange].Gap = true
	}
	side.left -= int(n)
	h.flow[d].unknown = true
	if side.left == 0 {
		h.endFrame(d, at)
	}
	return true
}
