package pcapflow

import (
	"bytes"
	"slices"
)

// malformed: the side does not send HTTP. What was seen is kept: an exchange
// without a method.
func (h *http1) malformed(d Dir, last Stamp) {
	side := &h.side[d]
	if d == Client {
		if e := h.request(last); e != nil {
			e.Malformed = true
		}
		noteOnce(h.f, "request is not HTTP")
	} else {
		noteOnce(h.f, "answer is not HTTP")
	}
	side.state = http1Lost
	side.line = side.line[:0]
	side.begun = false
}

// maxRefusal is as much of a 400's body as is looked at.
const maxRefusal = 512

// wantsTLS are the words of servers that were spoken to in clear HTTP on a port
// that speaks TLS: nginx, Apache, Go, Tomcat.
var wantsTLS = [][]byte{[]byte("plain HTTP request was sent to HTTPS port"), []byte("plain HTTP to an SSL-enabled server port"),
	[]byte("HTTP request to an HTTPS server"), []byte("host and port requires TLS")}

// readRefusal looks into the body of a 400 for the reason, and keeps none of it.
func (h *http1) readRefusal(d Dir, b []byte) {
	side := &h.side[d]
	i := side.message.exchange
	if d == Client || i < 0 || h.list[i].Status != 400 || len(side.refusal) == maxRefusal {
		return
	}
	side.refusal = append(side.refusal, b[:min(len(b), maxRefusal-len(side.refusal))]...)
	for _, words := range wantsTLS {
		if bytes.Contains(side.refusal, words) {
			h.list[i].PortWantsTLS = true
		}
	}
}

// bodyLeftOut tells, and turns to the next request, where a client that asked
// to be told to continue was refused and sends none of the body it announced
// (RFC 9110 §10.1.1).
func (h *http1) bodyLeftOut(d Dir, b []byte) bool {
	side := &h.side[d]
	m := &side.message
	if d == Server || !m.expect || side.left != m.length || m.exchange >= h.answer || probeRequest(b) == No {
		return false
	}
	h.endOfMessage(d, side.last)
	return true
}

// lose gives up the framing of one side.
func (h *http1) lose(d Dir, text string) {
	side := &h.side[d]
	side.state = http1Lost
	side.line = side.line[:0]
	side.begun = false
	if !side.lost && text != "" {
		side.lost = true
		noteOnce(h.f, text)
	}
}

// chunkError gives up a body whose chunks do not add up (RFC 9112 §7.1).
func (h *http1) chunkError(d Dir, text string) {
	if i := h.side[d].message.exchange; i >= 0 {
		h.list[i].ChunkError = true
	}
	h.lose(d, text)
}

// endsChunk tells whether a piece of a chunk has the line end where one must be:
// in its last two bytes.
func (side *http1Side) endsChunk(b []byte) bool {
	const end = "\r\n"
	from := max(0, side.left-int64(len(end))) // bytes before the line end
	for i := from; i < int64(len(b)); i++ {
		if b[i] != end[int64(len(end))-(side.left-i)] {
			return false
		}
	}
	return true
}

// resume looks whether a piece begins with a start line after the framing was lost.
func (h *http1) resume(d Dir, b []byte) {
	side := &h.side[d]
	if d == Client && probeRequest(b) != Yes && !beginsRequest(b) || d == Server && !bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return
	}
	if d == Server && h.answer < len(h.list)-1 && h.list[h.answer].Status != 0 {
		h.answer++
	}
	side.state, side.begun = http1Start, false
	side.message.reset()
}

// beginsRequest tells whether b, which may end anywhere, is the beginning of a
// request line with a path.
func beginsRequest(b []byte) bool {
	method, rest, ok := bytes.Cut(b, []byte(" "))
	return ok && len(rest) > 0 && rest[0] == '/' && plausibleStart(Client, b) && slices.Contains(methods, string(method))
}

// methods of RFC 9110 and RFC 5789: what tells a request line that the capture
// cut from other bytes.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// cutRequest takes a request line of which the capture holds the beginning
// alone. Its path is known where the version begins behind it.
func (h *http1) cutRequest(at Stamp) {
	side := &h.side[Client]
	if side.state != http1Start || !side.begun || !beginsRequest(side.line) {
		return
	}
	e := h.request(at)
	if e == nil {
		return
	}
	method, rest, _ := bytes.Cut(side.line, []byte(" "))
	e.Method, e.Gap = string(method), true
	if path, _, ok := bytes.Cut(rest, []byte(" HTTP/")); ok {
		e.Path = string(path)
	}
	side.state = http1Headers
}

// passMissed passes over the requests whose answers the capture lost: who does not
// send a request before the last one is answered has the answers to all but the
// latest (RFC 9112 §9.3).
func (h *http1) passMissed() {
	h.pipelines = h.pipelines || !h.missed && h.answer < len(h.list)-1
	for ; h.missed && !h.pipelines && h.answer < len(h.list)-1; h.answer++ {
		h.list[h.answer].Gap = true
	}
	h.missed = false
}

// gap skips n bytes that the capture lacks.
func (h *http1) gap(d Dir, at Stamp, n int64) {
	side := &h.side[d]
	if h.tunnel != tunnelNone || h.off {
		return
	}
	if d == Client {
		h.cutRequest(at)
	} else if side.state == http1Start && side.begun && len(side.line) > len("HTTP/1.1 200") && bytes.HasPrefix(side.line, []byte("HTTP/1.")) {
		h.statusLine(at, side.line)
	}
	if i := side.message.exchange; i >= 0 {
		h.list[i].Gap = true
	}
	switch side.state {
	case http1Body, http1Chunk:
		k := min(n, side.left)
		side.left -= k
		h.count(d, at, k, side.state == http1Body)
		n -= k
		if side.left == 0 {
			h.endOfPart(d, at)
		}
	case http1UntilEnd:
		h.count(d, at, n, true)
		return
	}
	if n > 0 {
		h.missed = h.missed || d == Server
		h.count(d, at, n, false)
		h.lose(d, "")
		if side.message.exchange >= 0 {
			h.list[side.message.exchange].Exact = false
		}
	}
}
