package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// apacheError is Apache's error log (core's ErrorLogFormat of 2.4 and the fixed
// form of 2.2): local time without zone, microseconds since 2.4, the client
// with its port since 2.4.
var apacheError = &Format{
	Name:  "apache-error",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 95, (&apacheErrors{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, (&apacheErrors{src: src}).line)
	},
	Hints: []string{"apache", "httpd"},
}

type apacheErrors struct{ src Source }

func (a *apacheErrors) line(b []byte, e *Event) bool {
	if len(b) < 22 || b[0] != '[' {
		return false
	}
	st, n := ctimeTime(b[1:])
	if n == 0 {
		if st, n = isoTime(b[1:]); n == 0 {
			return false
		}
	}
	if len(b) < n+3 || b[n+1] != ']' || b[n+2] != ' ' {
		return false
	}
	e.set(st, &a.src)
	e.Means, e.Process = Written, "apache"
	return apacheMessage(b[n+3:], e)
}

// apacheMessage reads what follows the time: groups in brackets in any order,
// then the text. At least a level must be there.
func apacheMessage(b []byte, e *Event) bool {
	e.Kind = Message
	for len(b) > 0 && b[0] == '[' {
		end := groupEnd(b)
		if end < 0 {
			break
		}
		if !apacheGroup(b[1:end], e) {
			break
		}
		b = bytes.TrimLeft(b[end+1:], " ")
	}
	if e.Level == "" {
		return false
	}
	e.Text = view(b)
	if _, rest, ok := bytes.Cut(b, []byte(": [client ")); ok && b[0] == '(' { // "(70014)End of file found: [client …] text"
		if ap, ok := apacheClient(upTo(rest, ']'), e.Width < time.Second); ok {
			e.Client = ap
		}
	}
	apacheReferences(b, e)
	switch e.Level {
	case "debug", "info", "notice":
	default:
		e.Kind = HTTPError
	}
	if e.Client.IsValid() {
		e.Kind = HTTPError
	}
	return true
}

// groupEnd is the place of the bracket that closes the group at b[0], which may
// hold an IPv6 address in brackets of its own.
func groupEnd(b []byte) int {
	end := bytes.IndexByte(b, ']')
	if inner := bytes.IndexByte(b[1:max(end, 1)], '['); inner >= 0 {
		if i := bytes.IndexByte(b[end+1:], ']'); i >= 0 {
			return end + 1 + i
		}
	}
	return end
}

// apacheGroup reads one group; it is false for one that belongs to the text.
func apacheGroup(g []byte, e *Event) bool {
	name, value, ok := cutAt(g, ' ')
	if !ok {
		module, level, ok := cutAt(g, ':')
		if !ok {
			module, level = nil, g
		}
		if !isApacheLevel(level) {
			return false
		}
		e.Level, e.Type = view(level), view(module)
		return true
	}
	switch string(name) {
	case "pid":
		if n := firstInteger(value); n >= 0 {
			e.PID = n
		}
	case "tid":
	case "client", "remote":
		ap, ok := apacheClient(value, e.Width < time.Second)
		if !ok {
			return string(name) == "client" // a host name
		}
		if string(name) == "client" || !e.Client.IsValid() {
			e.Client = ap
		}
	case "host", "vhost":
		e.Name = view(value)
	default:
		return false
	}
	return true
}

// apacheClient reads "10.9.0.2:48934", "2001:db8::1:48934" (Apache 2.4 puts
// the port behind an IPv6 address without brackets) or an address alone, as 2.2
// writes it, which has whole seconds only.
func apacheClient(b []byte, withPort bool) (ap netip.AddrPort, ok bool) {
	if withPort && bytes.Count(b, []byte{':'}) > 1 && b[0] != '[' {
		i := bytes.LastIndexByte(b, ':')
		if a, ok := address(b[:i]); ok {
			if p, ok := port(b[i+1:]); ok {
				return netip.AddrPortFrom(a, p), true
			}
		}
	}
	return addressPort(b)
}

// isApacheLevel knows the levels of LogLevel.
func isApacheLevel(b []byte) bool {
	switch string(b) {
	case "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug":
		return true
	}
	return len(b) == 6 && string(b[:5]) == "trace" && b[5] >= '1' && b[5] <= '8'
}

// apacheReferences reads what modules put into the text: the request's id of
// mod_unique_id and the path (mod_security).
func apacheReferences(b []byte, e *Event) {
	if bytes.IndexByte(b, '[') < 0 {
		return
	}
	if v := quotedAfter(b, "[unique_id \""); v != nil {
		e.RequestID = view(v)
	}
	if v := quotedAfter(b, "[uri \""); v != nil {
		e.Path = view(v)
	}
	if v := quotedAfter(b, "[hostname \""); v != nil && e.Name == "" {
		e.Name = view(v)
	}
}

// quotedAfter is the text between mark and the next quotation mark.
func quotedAfter(b []byte, mark string) []byte {
	i := bytes.Index(b, []byte(mark))
	if i < 0 {
		return nil
	}
	v, _, ok := cutAt(b[i+len(mark):], '"')
	if !ok {
		return nil
	}
	return v
}
