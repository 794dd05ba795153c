package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// The access formats that nginx and Apache (and what imitates them) share:
// common, combined, vhost_combined, each with any tail. The same text means two
// things: nginx stamps the end of a request (ngx_http_log_module, when it
// writes the line), Apache the start (mod_log_config %t). Which server wrote a
// file must come from elsewhere; see access_server.go.

// cachedClock is how old the time may be that nginx puts into a line: it reads
// the clock once a turn of its event loop.
const cachedClock = 2 * time.Millisecond

// access reads lines of one file.
type access struct {
	src    Source
	in     *lineReader // nil: lines of any origin
	server string      // "nginx", "apache", "": not known
	clock  commonClock
	buf    []byte // text whose escapes were undone; renewed each line
	json   jsonLine
}

func openAccess(server string) func(io.Reader, Source) Decoder {
	return func(r io.Reader, src Source) Decoder {
		a := &access{src: src, server: server}
		if server == "" {
			a.server = src.Server
		}
		if src.Template == "" {
			d := newMixedDecoder(r, src, a.line)
			a.in = d.in
			return d
		}
		d, err := openTemplate(r, src)
		if err != nil {
			plain := newMixedDecoder(r, src, a.line)
			plain.problems.add(0, 0, "the format given for this file is not used: "+err.Error())
			return plain
		}
		return d
	}
}

func (a *access) line(b []byte, e *Event) bool {
	a.buf = a.buf[:0]
	if a.quick(b, e) {
		return true
	}
	if len(b) > 0 && b[0] == '{' {
		return a.object(b, e)
	}
	at, st, n := a.findTime(b)
	return n > 0 && at >= 2 && a.rest(b, at, st, n, e)
}

// rest reads a line whose time, of n bytes, is at b[at].
func (a *access) rest(b []byte, at int, st stamp, n int, e *Event) bool {
	if !a.who(b[:at-2], e) {
		return false
	}
	e.set(st, &a.src)
	e.Kind = HTTPRequest
	a.mean(e)
	b = b[at+n:]
	if len(b) < 3 || b[0] != ']' || b[1] != ' ' || b[2] != '"' {
		return false
	}
	b = b[3:]
	end := requestEnd(b)
	if end < 0 {
		return false
	}
	a.request(b[:end], e)
	b, ok := a.result(b[end+1:], e)
	if !ok || len(b) == 0 {
		return ok
	}
	return a.tail(b, e)
}

// mean says what the stamp means, where the server is known.
func (a *access) mean(e *Event) {
	switch a.server {
	case "nginx":
		e.Means, e.Lag = RequestEnd, cachedClock
	case "apache":
		e.Means = RequestStart
	}
}

// object reads a line of JSON, as a log_format or LogFormat of one's own
// writes it. A line with a level or a message is an application's.
func (a *access) object(b []byte, e *Event) bool {
	if !a.json.read(b, &a.src, e) {
		return false
	}
	r := &a.json.record
	if !r.stamped || r.level || r.message || e.Status == 0 && e.Method == "" || r.nginx == 0 && !e.Client.IsValid() {
		return false
	}
	e.Kind = HTTPRequest
	a.mean(e)
	if a.server == "" && r.nginx >= 2 {
		e.Means, e.Lag = RequestEnd, cachedClock
	}
	return true
}

// findTime finds the time in brackets; at is the place of its first digit.
func (a *access) findTime(b []byte) (at int, st stamp, n int) {
	for {
		i := bytes.IndexByte(b[at:], '[')
		if i < 0 {
			return 0, st, 0
		}
		at += i + 1
		if st, n = a.clock.read(b[at:]); n > 0 {
			return at, st, n
		}
	}
}

// who reads "client ident user", or "vhost:port client ident user".
func (a *access) who(b []byte, e *Event) bool {
	first, rest, ok := cutAt(b, ' ')
	if !ok {
		return false
	}
	client, ok := address(first)
	if !ok {
		second, rest2, _ := cutAt(rest, ' ')
		if client, ok = address(second); ok {
			rest = rest2
			if i := bytes.LastIndexByte(first, ':'); i >= 0 {
				if p, ok := port(first[i+1:]); ok {
					e.Server = netip.AddrPortFrom(netip.Addr{}, p)
					first = first[:i]
				}
			}
			e.Name = view(first)
		}
	}
	e.Client = netip.AddrPortFrom(client, 0)
	// ident may not hold a space, the user may.
	_, user, ok := cutAt(rest, ' ')
	if !ok {
		user = rest
	}
	e.User = view(dash(bytes.TrimRight(user, " ")))
	return true
}

// dash is nil for "-" and b for anything else.
func dash(b []byte) []byte {
	if len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// quoteEnd is the place of the next quotation mark that no backslash escapes,
// -1 if there is none.
func quoteEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return -1
		}
		i += at
		slashes := 0
		for j := i - 1; j >= 0 && b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		at = i + 1
	}
}

// requestEnd is the place of the quotation mark that ends a request: one that a
// status follows. Some servers leave quotation marks inside as they came.
func requestEnd(b []byte) int {
	for at := 0; at < len(b); {
		i := quoteEnd(b[at:])
		if i < 0 {
			return -1
		}
		i += at
		if rest := b[i+1:]; len(rest) >= 2 && rest[0] == ' ' && (rest[1] == '-' || digits(rest[1:], 3) >= 0) {
			return i
		}
		at = i + 1
	}
	return -1
}

// request takes a request line apart. What is none stays whole in Text.
func (a *access) request(b []byte, e *Event) {
	b = a.plain(b)
	requestLine(b, e)
}

func requestLine(b []byte, e *Event) {
	method, rest, ok := cutAt(b, ' ')
	if !ok || !isMethod(method) {
		if dash(b) != nil {
			e.Text = view(b)
		}
		return
	}
	if i := bytes.LastIndexByte(rest, ' '); i >= 0 && bytes.HasPrefix(rest[i+1:], []byte("HTTP/")) {
		e.Proto = view(rest[i+1:])
		rest = rest[:i]
	} else if bytes.HasPrefix(rest, []byte("HTTP/")) { // a request without path
		e.Proto, rest = view(rest), nil
	}
	e.Method, e.Path = view(method), view(rest)
}

// isMethod tells whether b may be a method: letters, as every registered one,
// with '-' or '_' between.
func isMethod(b []byte) bool {
	if len(b) == 0 || len(b) > 32 {
		return false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// result reads " status size" and "referer" "agent" where they follow, and
// returns the tail.
func (a *access) result(b []byte, e *Event) ([]byte, bool) {
	status, b, _ := cutAt(b[1:], ' ')
	if len(status) == 3 {
		v := digits(status, 3)
		if v < 0 {
			return nil, false
		}
		e.Status = v
	} else if dash(status) != nil {
		return nil, false
	}
	size, b, _ := cutAt(b, ' ')
	switch n, ok := integer(size); {
	case ok && a.server == "nginx":
		e.Body = n
	case ok:
		e.Size = n
	case len(size) == 1 && size[0] == '-': // Apache's %b, which counts the body
		e.Body = 0
	case len(size) > 0:
		return nil, false
	}
	if len(b) == 0 || b[0] != '"' {
		return b, true
	}
	_, b, ok := cutQuoted(b)
	if !ok {
		return nil, false
	}
	if len(b) > 0 && b[0] == '"' {
		agent, rest, ok := cutQuoted(b)
		if !ok { // cut off, as long agents are on their way through syslog
			agent, rest = b[1:], nil
		}
		e.Agent = view(a.plain(dash(agent)))
		b = rest
	}
	return b, true
}

// cutQuoted takes a quoted text from the start of b and the space after it.
func cutQuoted(b []byte) (text, rest []byte, ok bool) {
	i := quoteEnd(b[1:])
	if i < 0 {
		return nil, nil, false
	}
	text, rest = b[1:1+i], b[i+2:]
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return text, rest, true
}

// plain undoes escapes, if there are any.
func (a *access) plain(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	at := len(a.buf)
	a.buf = unescape(a.buf, b)
	return a.buf[at:]
}

// unescape appends b to dst, with the escapes of nginx (\x22) and Apache (\"
// \\ \n \t … \x16) undone.
func unescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '\\' || i+1 == len(b) {
			dst = append(dst, c)
			continue
		}
		i++
		switch b[i] {
		case 'x', 'X':
			if v, ok := hexByte(b[i+1:]); ok {
				dst = append(dst, v)
				i += 2
				continue
			}
			dst = append(dst, '\\', b[i])
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'v':
			dst = append(dst, '\v')
		case '"', '\\':
			dst = append(dst, b[i])
		default:
			dst = append(dst, '\\', b[i])
		}
	}
	return dst
}

func hexByte(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	hi, lo := hexDigit(b[0]), hexDigit(b[1])
	return hi<<4 | lo, hi < 16 && lo < 16
}

// hexDigit is the value of a digit, 255 if it is none.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
