package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"strconv"
)

// nginxError is nginx's error log: local time without zone or fraction, stamped
// when the thing happened (ngx_log_error_core).
var nginxError = &Format{
	Name:  "nginx-error",
	Score: func(head []byte) int { return scoreLines(head, 95, (&nginxErrors{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, (&nginxErrors{src: src}).line)
	},
	Hints: []string{"nginx"},
}

type nginxErrors struct {
	src  Source
	open bool // the last line's text began a quotation that did not end
}

func (n *nginxErrors) line(b []byte, e *Event) bool {
	st, k := slashTime(b)
	if k == 0 || !bytes.HasPrefix(b[k:], []byte(" [")) {
		// What FastCGI and others print may take several lines.
		if n.open {
			n.open = bytes.Count(b, []byte{'"'})%2 == 0
			return true
		}
		return false
	}
	level, rest, ok := cutAt(b[k+2:], ']')
	if !ok || len(level) > 8 || len(rest) == 0 || rest[0] != ' ' {
		return false
	}
	rest = rest[1:]
	process, message, ok := cutAt(rest, ' ')
	if !ok || len(process) < 4 || process[len(process)-1] != ':' {
		return false
	}
	pid, _, ok := cutAt(process[:len(process)-1], '#')
	id, ok2 := integer(pid)
	if !ok || !ok2 {
		return false
	}
	e.set(st, &n.src)
	e.Means, e.Lag = Written, cachedClock
	e.Level, e.Process, e.PID = view(level), "nginx", int(id)
	n.open = bytes.Contains(message, []byte("in stderr: \"")) && bytes.Count(message, []byte{'"'})%2 == 1
	nginxMessage(message, e)
	return true
}

// nginxMessage reads what follows the process id, in the file as in syslog:
// the connection's serial, the text, and the context behind it.
func nginxMessage(b []byte, e *Event) {
	e.Kind = Message
	if len(b) > 1 && b[0] == '*' {
		if serial, rest, ok := cutAt(b[1:], ' '); ok {
			if _, ok := integer(serial); ok {
				e.Connection = view(serial)
				b = rest
			}
		}
	}
	text, context := b, []byte(nil)
	if i := bytes.Index(b, []byte(", client: ")); i >= 0 {
		text, context = b[:i], b[i+2:]
	}
	e.Text = view(text)
	if rest, ok := bytes.CutPrefix(text, []byte("client ")); ok { // of the mail and stream modules: with the port
		if from, to, ok := bytes.Cut(rest, []byte(" connected to ")); ok {
			e.Client, _ = addressPort(from)
			e.Server, _ = addressPort(to)
		}
	}
	for len(context) > 0 {
		var name, value []byte
		name, context, _ = cutAt(context, ' ')
		if len(name) < 2 || name[len(name)-1] != ':' {
			break
		}
		if value, context = contextValue(context); value == nil {
			break
		}
		nginxContext(view(name[:len(name)-1]), value, e)
	}
	switch e.Level {
	case "debug", "info", "notice":
	default:
		e.Kind = HTTPError
	}
	if e.Client.IsValid() || e.Method != "" {
		e.Kind = HTTPError
	}
}

// contextValue takes a value, quoted or bare, and the comma after it. A request
// is written as it came: its end is the quotation mark before a comma or the
// line's end.
func contextValue(b []byte) (value, rest []byte) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != '"' {
		if i := bytes.Index(b, []byte(", ")); i >= 0 {
			return b[:i], b[i+2:]
		}
		return b, nil
	}
	b = b[1:]
	if i := bytes.Index(b, []byte("\", ")); i >= 0 {
		return b[:i], b[i+3:]
	}
	return bytes.TrimSuffix(b, []byte{'"'}), nil
}

func nginxContext(name string, v []byte, e *Event) {
	switch name {
	case "client":
		if ap, ok := addressPort(v); ok {
			e.Client = ap
		}
	case "server":
		if ap, ok := addressPort(v); ok {
			e.Server = ap
		} else if e.Name == "" {
			e.Name = view(v)
		}
	case "request":
		text := e.Text
		requestLine(v, e)
		e.Text = text
	case "host":
		host, p, ok := cutAt(v, ':')
		if n, isPort := port(p); ok && isPort && bytes.IndexByte(p, ':') < 0 {
			v = host
			e.Server = netip.AddrPortFrom(e.Server.Addr(), n)
		}
		e.Name = view(v)
	case "upstream":
		e.UpstreamTo = view(authority(v))
	case "login":
		e.User = view(v)
	}
}

// authority is the host and port of an address such as
// "http://127.0.0.1:8081/path" or "fastcgi://unix:/run/php.sock:"; a socket's
// path stays whole.
func authority(v []byte) []byte {
	if i := bytes.Index(v, []byte("://")); i >= 0 {
		v = v[i+3:]
	}
	if bytes.HasPrefix(v, []byte("unix:")) {
		rest, _, _ := cutAt(v[len("unix:"):], ':')
		return v[:len("unix:")+len(rest)]
	}
	host, _, _ := cutAt(v, '/')
	return host
}

// firstInteger reads the digits at the start of b; -1 if there are none.
func firstInteger(b []byte) int {
	i := 0
	for i < len(b) && i < 10 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(view(b[:i]))
	if err != nil {
		return -1
	}
	return n
}
