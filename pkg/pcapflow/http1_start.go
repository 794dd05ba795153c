package pcapflow

import "bytes"

// plausibleStart tells whether the beginning of a start line can be one.
func plausibleStart(d Dir, line []byte) bool {
	if d == Server {
		n := min(len(line), len("HTTP/1."))
		return string(line[:n]) == "HTTP/1."[:n]
	}
	for _, c := range line {
		if c == ' ' {
			return true
		}
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(line) < 64
}

// startLine reads a request line or a status line.
func (h *http1) startLine(d Dir, last Stamp, line []byte) {
	if d == Client {
		h.requestLine(last, line)
		return
	}
	h.statusLine(last, line)
}

func (h *http1) requestLine(last Stamp, line []byte) {
	if isSimpleRequest(line) {
		if e := h.request(last); e != nil {
			e.Method, e.Path, e.Version = "GET", string(bytes.TrimSpace(line[4:])), "HTTP/0.9"
			h.endOfMessage(Client, last)
		}
		return
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	i := bytes.LastIndexByte(rest, ' ')
	if !ok || i < 0 || !bytes.HasPrefix(rest[i+1:], []byte("HTTP/")) || !plausibleStart(Client, line) {
		h.malformed(Client, last)
		return
	}
	e := h.request(last)
	if e == nil {
		return
	}
	e.Method = h.env.text(method)
	e.Path = h.env.text(bytes.TrimSpace(rest[:i]))
	e.Version = h.env.text(rest[i+1:])
	e.Exact = true
	h.side[Client].state = http1Headers
}

// rooms are those for lists of exchanges; nil: there are none.
func (h *http1) rooms() *rooms[Exchange] {
	if h.env == nil {
		return nil
	}
	return &h.env.pools.asked
}

// request adds an exchange for the message the client has begun.
func (h *http1) request(last Stamp) *Exchange {
	side := &h.side[Client]
	if len(h.list)-h.answer >= maxOutstanding {
		h.off = true
		noteOnce(h.f, "more unanswered requests than are followed")
		return nil
	}
	h.list = append(h.rooms().grow(h.list), Exchange{Ordinal: len(h.list) + 1, RequestFirst: side.first, RequestLast: last,
		RequestBytes: side.bytes, ResponseBytes: 0, BodyBytes: 0, ContentBytes: 0})
	side.message.reset()
	side.message.exchange = len(h.list) - 1
	return &h.list[len(h.list)-1]
}

// statusLine reads "HTTP/1.1 200 OK" (RFC 9112 §4).
func (h *http1) statusLine(last Stamp, line []byte) {
	side := &h.side[Server]
	status := 0
	if len(line) >= 12 && line[8] == ' ' {
		for _, c := range line[9:12] {
			if c < '0' || c > '9' {
				status = 0
				break
			}
			status = status*10 + int(c-'0')
		}
	}
	if status < 100 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		h.malformed(Server, last)
		return
	}
	if h.answer >= len(h.list) { // the request was not seen, or not whole
		h.list = append(h.list, Exchange{Ordinal: len(h.list) + 1, RequestBytes: -1, Version: h.env.text(line[:8])})
		if c := &h.side[Client]; c.begun && c.message.exchange < 0 {
			e := &h.list[len(h.list)-1]
			e.RequestFirst, e.RequestLast, e.RequestBytes = c.first, c.last, c.bytes
			c.message.exchange = len(h.list) - 1
		}
	}
	h.passMissed()
	e := &h.list[h.answer]
	side.message.reset()
	side.message.exchange = h.answer
	side.state = http1Headers
	if status < 200 && status != 101 {
		side.message.interim = true
		e.Interim = append(e.Interim, side.first)
		return
	}
	e.Status = status
	e.ResponseFirst, e.ResponseReadable, e.ResponseLast, e.ResponseBytes = side.first, side.readable, last, side.bytes
}

// simpleAnswer begins the answer of HTTP/0.9, which is nothing but a body.
func (h *http1) simpleAnswer(first, last Stamp) {
	side := &h.side[Server]
	e := &h.list[h.answer]
	e.ResponseFirst, e.ResponseReadable, e.ResponseLast = first, last, last
	side.message.reset()
	side.message.exchange = h.answer
	side.state = http1UntilEnd
}
