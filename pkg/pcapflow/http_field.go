package pcapflow

import (
	"bytes"
	"net/http"
	"strconv"
)

// maxValue bounds what is kept of a header field.
const maxValue = 1024

// field takes one header field line (RFC 9112 §5).
func (h *http1) field(d Dir, line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return
	}
	value = bytes.TrimSpace(value)
	m := &h.side[d].message
	switch {
	case isField(name, "content-length"):
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n >= 0 {
			m.length = n
		}
	case isField(name, "transfer-encoding"):
		m.chunked = m.chunked || hasToken(value, "chunked")
	case isField(name, "upgrade"):
		m.upgrade = tunnelBytes
		if hasToken(value, "h2c") {
			m.upgrade = tunnelHTTP2
		}
	case d == Client && isField(name, "expect"):
		m.expect = hasToken(value, "100-continue")
	}
	if m.exchange >= 0 && !m.interim {
		keepField(&h.list[m.exchange], d, name, value)
	}
}

// keepField takes what a report needs of a header field, and nothing else:
// cookies and credentials pass by.
func keepField(e *Exchange, d Dir, name, value []byte) {
	if isRequestID(name) && (e.RequestID == "" || isField(name, "x-request-id")) {
		e.RequestID = fieldText(value)
	}
	if d == Client {
		if isField(name, "host") || isField(name, ":authority") {
			e.Host = fieldText(value)
		}
		return
	}
	switch {
	case isField(name, "date"):
		if t, err := http.ParseTime(string(value[:min(len(value), 64)])); err == nil {
			e.Date = t.Unix()
		}
	case isField(name, "server"):
		e.ServerName = fieldText(value)
	case isField(name, "age"), isField(name, "via"), isField(name, "x-cache"):
		e.Age = true
	case isField(name, "location"):
		e.Location = fieldText(value)
	}
}

func fieldText(value []byte) string { return string(value[:min(len(value), maxValue)]) }

// requestIDFields carry an identifier that servers also log, best first.
var requestIDFields = []string{"x-request-id", "traceparent", "x-id", "x-correlation-id", "request-id", "x-amzn-trace-id"}

func isRequestID(name []byte) bool {
	for _, id := range requestIDFields {
		if isField(name, id) {
			return true
		}
	}
	return false
}

// isField compares a field name without regard to case; want is in lower case.
func isField(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// hasToken looks for a token in a comma-separated list, without regard to case.
func hasToken(list []byte, want string) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		item, _, _ = bytes.Cut(item, []byte(";"))
		if isField(bytes.TrimSpace(item), want) {
			return true
		}
	}
	return false
}
