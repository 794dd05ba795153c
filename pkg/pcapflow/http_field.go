package pcapflow

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
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
		if d == Client && m.exchange >= 0 {
			h.list[m.exchange].Upgrade = true
		}
		m.upgrade = tunnelBytes
		if hasToken(value, "h2c") {
			m.upgrade = tunnelHTTP2
		}
	case d == Client && isField(name, "expect"):
		m.expect = hasToken(value, "100-continue")
	}
	if m.exchange >= 0 && !m.interim {
		keepField(h.env, &h.list[m.exchange], d, name, value)
	}
}

// keepField takes what a report needs of a header field, and nothing else:
// cookies and credentials pass by.
func keepField(env *Env, e *Exchange, d Dir, name, value []byte) {
	if isRequestID(name) && (e.RequestID == "" || isField(name, "x-request-id")) {
		e.RequestID = string(fieldValue(value)) // hardly any comes twice
	}
	if d == Client {
		if isField(name, ":authority") || e.Host == "" && isField(name, "host") { // RFC 9113 §8.3.1: the former counts
			e.Host = env.text(withoutUser(fieldValue(value)))
		} else if a := forwardedFor(name, value); a.IsValid() && !e.Forwarded.IsValid() {
			e.Forwarded = a
		}
		return
	}
	switch {
	case isField(name, "date"):
		e.Date = env.date(value)
	case isField(name, "server"):
		e.ServerName = env.text(fieldValue(value))
	case isField(name, "age"), isField(name, "via"), isField(name, "x-cache"):
		e.Age = true
	case isField(name, "retry-after"):
		e.retryAfter(env, value)
	case isField(name, "location"):
		e.Location = env.text(fieldValue(value))
	case isField(name, "server-timing"):
		e.Timing = appendServerTiming(e.Timing, value)
	}
}

// withoutUser leaves out who asks, and by what password, of an authority (RFC 3986 §3.2.1):
// neither belongs there (RFC 9110 §4.2.4).
func withoutUser(authority []byte) []byte { return authority[bytes.LastIndexByte(authority, '@')+1:] }

// maxRetryAfter bounds what is believed of a Retry-After: a hundred years, in seconds.
const maxRetryAfter int64 = 100 * 366 * 86400

// retryAfter reads seconds or an instant.
func (e *Exchange) retryAfter(env *Env, value []byte) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		e.RetryAfter = n
	} else {
		e.RetryAt = env.date(value)
	}
}

// RetryWait is how long the server asks its client to wait, ns, an instant counted from
// its own Date; 0: it does not say.
func (e *Exchange) RetryWait() int64 {
	wait := e.RetryAfter
	if e.RetryAt > 0 && e.Date > 0 {
		wait = e.RetryAt - e.Date
	}
	if wait < 0 || wait > maxRetryAfter {
		return 0
	}
	return wait * int64(time.Second)
}

// maxTimings bounds the Server-Timing metrics of one answer.
const maxTimings = 16

// appendServerTiming reads "db;dur=53.2;desc=x, cache;dur=1" (W3C Server Timing
// §2). Descriptions are free text and pass by; so does what is malformed.
func appendServerTiming(list []ServerTiming, value []byte) []ServerTiming {
	for len(value) > 0 && len(list) < maxTimings {
		var metric []byte
		metric, value = cutUnquoted(value, ',')
		name, parameters := cutUnquoted(metric, ';')
		name = bytes.TrimSpace(name)
		if len(name) == 0 || bytes.IndexFunc(name, notToken) >= 0 {
			continue
		}
		t := ServerTiming{Name: string(name[:min(len(name), 64)]), Duration: -1}
		for len(parameters) > 0 {
			var p []byte
			p, parameters = cutUnquoted(parameters, ';')
			key, number, _ := bytes.Cut(p, []byte("="))
			if t.Duration >= 0 || !isField(bytes.TrimSpace(key), "dur") {
				continue
			}
			number = bytes.Trim(bytes.TrimSpace(number), `"`)
			if ms, err := strconv.ParseFloat(string(number), 64); err == nil && ms >= 0 && ms < 1e9 {
				t.Duration = int64(ms*1e6 + 0.5)
			}
		}
		list = append(list, t)
	}
	return list
}

// cutUnquoted cuts at the first separator outside of quotes.
func cutUnquoted(b []byte, separator byte) (before, after []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case quoted && b[i] == '\\':
			i++
		case !quoted && b[i] == separator:
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// notToken: no character of a token (RFC 9110 §5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// date reads the instant of a Date header as Unix seconds; 0: it is none. Answers
// of one second have the same.
func (v *Env) date(value []byte) int64 {
	value = value[:min(len(value), 64)]
	if v == nil {
		v = &Env{}
	}
	c := &v.pools.date
	if c.text != string(value) {
		c.text, c.seconds = string(value), 0
		if t, err := http.ParseTime(c.text); err == nil {
			c.seconds = t.Unix()
		}
	}
	return c.seconds
}

// fieldValue is as much of a value as is kept.
func fieldValue(value []byte) []byte { return value[:min(len(value), maxValue)] }

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
