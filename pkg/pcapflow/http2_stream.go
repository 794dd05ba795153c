package pcapflow

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// h2Stream is one open stream.
type h2Stream struct {
	exchange int // index in list
	ended    [2]bool
	status   bool // the final answer's fields have begun
	window   [2]int64
	blocked  [2]Stamp // since when that side waits for its window to open; unseen: it does not
	begun    bool     // a frame of the answer was seen
	busy     int64    // where begun: the connection's at the end of the latest one
}

// endBlock comes when a field block is complete.
func (h *http2) endBlock(d Dir, last Stamp) {
	side := &h.side[d]
	b := &side.block
	b.open = false
	if !side.blind {
		if err := side.decoder.Close(); err != nil {
			side.blind = true
		}
	}
	if b.typ == h2Push {
		return
	}
	if d == Client {
		h.request(b, last)
	} else {
		h.answer(b, last)
	}
}

func (h *http2) request(b *h2Block, last Stamp) {
	s := h.streams[b.stream]
	if s == nil {
		if len(h.streams) >= maxStreams {
			h.stop("more open HTTP/2 streams than are followed")
			return
		}
		e := Exchange{Ordinal: len(h.list) + 1, Version: "HTTP/2", StreamID: int(b.stream), Exact: true, RequestFirst: b.first,
			Method: b.fields.exchange.Method, Path: b.fields.exchange.Path, Host: b.fields.exchange.Host, RequestID: b.fields.exchange.RequestID, Forwarded: b.fields.exchange.Forwarded}
		h.list = append(h.list, e)
		s = &h2Stream{exchange: len(h.list) - 1}
		h.streams[b.stream] = s
		h.concurrency(s, &h.list[s.exchange])
	}
	e := &h.list[s.exchange]
	e.RequestLast = last
	e.RequestBytes += b.size
	if b.end {
		h.end(Client, b.stream, s)
	}
}

func (h *http2) answer(b *h2Block, last Stamp) {
	s := h.streams[b.stream]
	if s == nil {
		return
	}
	e := &h.list[s.exchange]
	if status := b.fields.status; !s.status && status >= 100 && status < 200 {
		e.Interim = append(e.Interim, b.first)
		return
	}
	if !s.status {
		s.status = true
		from := &b.fields.exchange
		e.Status, e.Date, e.ServerName, e.Age, e.Location, e.Timing = b.fields.status, from.Date, from.ServerName, from.Age, from.Location, from.Timing
		if e.RequestID == "" {
			e.RequestID = from.RequestID
		}
		e.ResponseFirst, e.ResponseReadable = b.first, last
	}
	e.ResponseBytes += b.size
	e.ResponseLast = last
	h.headOfLine(s, last)
	if b.end {
		h.end(Server, b.stream, s)
	}
}

func (h *http2) endData(d Dir, last Stamp) {
	side := &h.side[d]
	s := h.streams[side.stream]
	h.sent(d, s, last)
	if s == nil {
		return
	}
	e := &h.list[s.exchange]
	n := int64(side.length + len(side.header))
	if d == Server {
		h.headOfLine(s, last)
	}
	if d == Client {
		e.RequestBytes += n
		e.RequestLast = last
	} else {
		e.ResponseBytes += n
		e.ResponseLast = last
		body := int64(max(0, side.length-side.pad))
		e.BodyBytes += body
		e.ContentBytes += body
	}
	if side.flags&h2EndStream != 0 {
		h.end(d, side.stream, s)
	}
}

// end closes one side of a stream.
func (h *http2) end(d Dir, id uint32, s *h2Stream) {
	s.ended[d] = true
	if s.ended[Client] && s.ended[Server] {
		delete(h.streams, id)
	}
}

// reset handles RST_STREAM (RFC 9113 §6.4).
func (h *http2) reset(d Dir, last Stamp) {
	side := &h.side[d]
	s := h.streams[side.stream]
	if s == nil {
		return
	}
	e := &h.list[s.exchange]
	if !s.ended[Server] {
		e.Reset, e.Truncated, e.Aborted, e.Exact = true, true, d, false
		if side.length >= 4 {
			e.ResetCode = h2ErrorName(binary.BigEndian.Uint32(side.fixed[:]))
		}
		if d == Server && !e.ResponseFirst.Seen() {
			e.ResponseFirst, e.ResponseReadable, e.ResponseLast = side.first, last, last
		}
	}
	delete(h.streams, side.stream)
}

// goAway takes GOAWAY.
func (h *http2) goAway(d Dir, last Stamp) {
	side := &h.side[d]
	if side.length < 8 || side.stream != 0 {
		return
	}
	code := binary.BigEndian.Uint32(side.fixed[4:])
	if code != 0 {
		noteOnce(h.f, fmt.Sprintf("HTTP/2 GOAWAY by the %v: %s", d, h2ErrorName(code)))
	}
	if h.f.Away[d] == nil {
		h.f.Away[d] = &GoAway{Stamp: last, Code: h2ErrorName(code), Last: int(binary.BigEndian.Uint32(side.fixed[:]) &^ (1 << 31))}
	}
}

// finish tells the exchanges, after the end of the connection.
func (h *http2) finish() []Exchange {
	open := make([]uint32, 0, len(h.streams))
	for id := range h.streams {
		open = append(open, id)
	}
	slices.Sort(open)
	for _, id := range open {
		s := h.streams[id]
		e := &h.list[s.exchange]
		e.Unsent = !s.ended[Client]
		if s.status && !s.ended[Server] {
			e.Truncated, e.Aborted, e.Exact = true, h.f.endedBy(), false
		}
	}
	for i := range h.list {
		if e := &h.list[i]; e.Status == 0 && !e.ResponseFirst.Seen() {
			e.ResponseBytes, e.BodyBytes, e.ContentBytes = -1, -1, -1
		}
	}
	return h.list
}

// h2ErrorName names an error code (RFC 9113 §7).
func h2ErrorName(code uint32) string {
	names := [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
		"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprintf("error %d", code)
}
