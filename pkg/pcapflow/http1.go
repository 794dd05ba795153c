package pcapflow

import "bytes"

// http1 follows HTTP/1.0 and HTTP/1.1 in both directions (RFC 9112), in the
// clear or decrypted. It keeps lines while they are read, and nothing of bodies.
type http1 struct {
	f      *Flow
	env    *Env
	list   []Exchange
	answer int // index in list of the exchange whose answer is next
	side   [2]http1Side
	tunnel httpTunnel
	off    bool // too much outstanding: given up

	pipelines bool // an answer began when the request behind its own had come, and the capture had all
	missed    bool // whole answers may be among what the capture lost of the server's bytes
}

type httpTunnel uint8

const (
	tunnelNone  httpTunnel = iota
	tunnelBytes            // CONNECT, or an upgrade to something else
	tunnelHTTP2            // an upgrade to h2c
)

type http1State uint8

const (
	http1Start     http1State = iota // a start line is next
	http1Headers                     // header fields, up to the empty line
	http1Body                        // left bytes of a body of known length
	http1ChunkSize                   // the line before a chunk
	http1Chunk                       // left bytes of a chunk and its line end
	http1Trailers                    // header fields after the last chunk
	http1UntilEnd                    // a body that ends with the connection
	http1Lost                        // nothing can be told until a start line begins a piece
)

// maxLine is as much of a line as is kept; the rest is counted only.
const maxLine = 8192

// maxOutstanding bounds the unanswered requests of one connection.
const maxOutstanding = 4096

type http1Side struct {
	state    http1State
	line     []byte // the line so far, where it came in pieces
	left     int64
	begun    bool  // bytes of a start line have been seen
	first    Stamp // of the message's first byte
	readable Stamp // when that byte could be read: under TLS at its record's end
	last     Stamp // of its last byte so far
	bytes    int64 // of the message's head so far, before its exchange exists

	message http1Message
	refusal []byte // the first bytes of a 400's body, to see why
	lost    bool   // said once: framing was lost
}

// http1Message is what a head says about the message that follows.
type http1Message struct {
	length   int64 // Content-Length; -1: none
	chunked  bool
	expect   bool // Expect: 100-continue
	upgrade  httpTunnel
	interim  bool // a 1xx answer
	exchange int  // index in list; -1: none
}

func newHTTP1(f *Flow) *http1 {
	h := &http1{f: f}
	for d := range h.side {
		h.side[d].message.reset()
	}
	return h
}

func (m *http1Message) reset() { *m = http1Message{length: -1, exchange: -1} }

// data takes bytes of side d. first and last are the instants of the piece's
// first and last byte; what begins in it began at first, what ends in it ended
// at last. What follows a change of protocol is returned.
func (h *http1) data(d Dir, first, last Stamp, b []byte) []byte {
	side := &h.side[d]
	if side.state == http1Lost && h.tunnel == tunnelNone {
		h.resume(d, b)
	}
	for len(b) > 0 && h.tunnel == tunnelNone && !h.off {
		if d == Server && side.state == http1Start && !side.begun && h.answer < len(h.list) && h.list[h.answer].Version == "HTTP/0.9" {
			h.simpleAnswer(first, last)
		}
		switch side.state {
		case http1Body, http1Chunk:
			if h.bodyLeftOut(d, b) {
				continue
			}
			n := int(min(side.left, int64(len(b))))
			if side.state == http1Chunk && !side.endsChunk(b[:n]) {
				h.chunkError(d, "a chunk is longer than its size says")
				continue
			}
			h.readRefusal(d, b[:n])
			side.left -= int64(n)
			h.count(d, last, int64(n), side.state == http1Body)
			b = b[n:]
			if side.left == 0 {
				h.endOfPart(d, last)
			}
		case http1UntilEnd:
			h.readRefusal(d, b)
			h.count(d, last, int64(len(b)), true)
			return nil
		case http1Lost:
			h.count(d, last, int64(len(b)), false)
			return nil
		default:
			b = b[h.readLine(d, first, last, b):]
		}
	}
	return b
}

// readLine takes bytes up to the end of a line and says how many.
func (h *http1) readLine(d Dir, first, last Stamp, b []byte) int {
	side := &h.side[d]
	if side.state == http1Start && !side.begun {
		if b[0] == '\r' || b[0] == '\n' { // RFC 9112 §2.2: empty lines before a request line
			return 1
		}
		side.begun, side.first, side.readable, side.bytes = true, first, last, 0
	}
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		side.line = appendBounded(side.line, b)
		h.count(d, last, int64(len(b)), false)
		if side.state == http1Start && !plausibleStart(d, side.line) {
			h.malformed(d, last)
		}
		return len(b)
	}
	line := b[:n]
	if len(side.line) > 0 {
		side.line = appendBounded(side.line, line)
		line = side.line
	}
	h.count(d, last, int64(n), false)
	for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
		line = line[:n-1]
	}
	switch side.state {
	case http1Start:
		h.startLine(d, last, line)
	case http1Headers:
		if len(line) == 0 {
			h.endOfHead(d, last)
		} else {
			h.field(d, line)
		}
	case http1ChunkSize:
		h.chunkSize(d, last, line)
	case http1Trailers:
		if len(line) == 0 {
			h.endOfMessage(d, last)
		}
	}
	side.line = side.line[:0]
	return n
}

func appendBounded(line, b []byte) []byte {
	return append(line, b[:min(len(b), maxLine-min(len(line), maxLine))]...)
}

// count adds bytes of side d to its exchange.
func (h *http1) count(d Dir, last Stamp, n int64, body bool) {
	side := &h.side[d]
	side.last = last
	i := side.message.exchange
	if i < 0 {
		side.bytes += n
		return
	}
	e := &h.list[i]
	if d == Client {
		e.RequestBytes += n
		e.RequestLast = last
		return
	}
	if side.message.interim {
		return
	}
	e.ResponseBytes += n
	e.ResponseLast = last
	if side.state == http1Body || side.state == http1UntilEnd || side.state == http1Chunk || side.state == http1ChunkSize || side.state == http1Trailers {
		e.BodyBytes += n
		if body {
			e.ContentBytes += n
		}
	}
}

// endOfHead decides how the message's body ends (RFC 9112 §6.3).
func (h *http1) endOfHead(d Dir, last Stamp) {
	side := &h.side[d]
	m := &side.message
	if d == Client {
		switch {
		case m.chunked:
			side.state = http1ChunkSize
		case m.length > 0:
			side.state, side.left = http1Body, m.length
		default:
			h.endOfMessage(d, last)
		}
		return
	}
	e := &h.list[m.exchange]
	switch {
	case m.interim:
		side.state, side.begun = http1Start, false
		side.message.reset()
	case e.Status == 101:
		h.endOfMessage(d, last)
		h.tunnel = tunnelBytes
		if m.upgrade != tunnelNone {
			h.tunnel = m.upgrade
		}
	case e.Method == "CONNECT" && e.Status < 300:
		h.endOfMessage(d, last)
		h.tunnel = tunnelBytes
	case e.Method == "HEAD", e.Status == 204, e.Status == 304:
		h.endOfMessage(d, last)
	case m.chunked:
		side.state = http1ChunkSize
	case m.length > 0:
		side.state, side.left = http1Body, m.length
	case m.length == 0:
		h.endOfMessage(d, last)
	default:
		side.state = http1UntilEnd
	}
}

// chunkSize reads the line before a chunk (RFC 9112 §7.1).
func (h *http1) chunkSize(d Dir, last Stamp, line []byte) {
	side := &h.side[d]
	size, digits := int64(0), 0
	for _, c := range bytes.TrimSpace(line) {
		v := hexDigit(c)
		if v < 0 || digits > 14 {
			break
		}
		size = size<<4 | int64(v)
		digits++
	}
	switch {
	case digits == 0 || digits > 14:
		h.chunkError(d, "chunk size is not a number")
	case size == 0:
		side.state = http1Trailers
	default:
		side.state, side.left = http1Chunk, size+2
		if i := side.message.exchange; d == Server && i >= 0 {
			h.list[i].ContentBytes += size
		}
	}
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// endOfPart comes when left has run down to zero.
func (h *http1) endOfPart(d Dir, last Stamp) {
	if side := &h.side[d]; side.state == http1Chunk {
		side.state = http1ChunkSize
		return
	}
	h.endOfMessage(d, last)
}

// endOfMessage makes side d ready for the next one.
func (h *http1) endOfMessage(d Dir, last Stamp) {
	side := &h.side[d]
	if d == Server && side.message.exchange >= 0 {
		h.answer = side.message.exchange + 1
	}
	side.state, side.begun = http1Start, false
	side.line = side.line[:0]
	side.message.exchange = -1
	side.refusal = side.refusal[:0]
}

// close ends the connection: a body may end with it, or be cut by it.
func (h *http1) close() {
	h.f.HTTP = append(h.f.HTTP, h.finish()...)
}

// finish tells the exchanges, after the end of the connection.
func (h *http1) finish() []Exchange {
	side := &h.side[Server]
	if i := side.message.exchange; i >= 0 && h.tunnel == tunnelNone && !side.message.interim {
		e := &h.list[i]
		if side.state == http1UntilEnd {
			e.Truncated = !h.f.closedBy(Server)
		} else {
			e.Truncated = i >= h.answer && side.state != http1Lost
		}
		if e.Truncated {
			e.Aborted = h.f.endedBy()
			e.Exact = false
			if side.message.chunked {
				e.ContentBytes = -1
			}
		}
	}
	if c := &h.side[Client]; c.message.exchange >= 0 && c.state != http1Start && c.state != http1Lost && h.tunnel == tunnelNone {
		h.list[c.message.exchange].Unsent = true
	}
	for i := range h.list {
		if e := &h.list[i]; e.Status == 0 && !e.ResponseFirst.Seen() {
			e.ResponseBytes, e.BodyBytes, e.ContentBytes = -1, -1, -1
		}
	}
	return h.list
}
