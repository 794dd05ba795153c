package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// ltsvAccess is an access log of labelled values (LTSV, ltsv.org): "label:value"
// with tabs between, under the labels recommended there and under the names of
// nginx's variables. nginx stamps the end of a request and Apache its start; who
// wrote a line shows in its labels and in how its values are written.
var ltsvAccess = &Format{
	Name:  "ltsv-access",
	Score: func(head []byte) int { return scoreLines(head, 95, (&ltsvLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, (&ltsvLines{src: src, server: src.Server}).line)
	},
	Hints: []string{"ltsv"},
}

type ltsvLines struct {
	src    Source
	server string // "nginx", "apache"; "": no line has told yet
	record record
	buf    []byte // text whose escapes were undone
}

func (l *ltsvLines) line(b []byte, e *Event) bool {
	l.buf = l.buf[:0]
	r := &l.record
	r.begin(&l.src, e)
	labels := 0
	for len(b) > 0 {
		var pair []byte
		pair, b, _ = cutAt(b, '\t')
		label, v, ok := cutAt(pair, ':')
		if !ok || !isLabel(label) {
			return false
		}
		labels++
		l.tell(label, v)
		if bytes.IndexByte(v, '\\') >= 0 {
			at := len(l.buf)
			l.buf = jsonUnescape(l.buf, v)
			v = l.buf[at:]
		}
		l.field(label, v)
	}
	if labels < 3 || !r.stamped || e.Method == "" && e.Status == 0 {
		return false
	}
	r.finish()
	e.Kind, e.Means = HTTPRequest, Unspecified
	if r.nginx >= 2 {
		l.server = "nginx"
	}
	switch l.server {
	case "nginx":
		e.Means, e.Lag = RequestEnd, cachedClock
	case "apache":
		e.Means = RequestStart
	}
	return true
}

// isLabel tells whether b may be a label: letters, digits, '_', '.', '-'.
func isLabel(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return len(b) > 0
}

// tell looks for what only one server writes: Apache %t in brackets, %D and %T,
// which nginx has not; the upstream's time, which Apache has not; their escapes
// (see serverVotes).
func (l *ltsvLines) tell(label, v []byte) {
	switch string(label) {
	case "time":
		if len(v) > 0 && v[0] == '[' {
			l.server = "apache"
		}
	case "reqtime_microsec", "taken_sec":
		l.server = "apache"
	case "apptime":
		l.server = "nginx"
	case "reqtime":
		if i := bytes.IndexByte(v, '.'); i > 0 && len(v)-i == 4 {
			l.server = "nginx" // $request_time has three decimals
		}
	}
	if i := bytes.IndexByte(v, '\\'); i >= 0 && i+1 < len(v) {
		switch rest := v[i+1:]; {
		case rest[0] == '"' || rest[0] == '\\' || rest[0] == 't':
			l.server = "apache"
		case len(rest) >= 3 && rest[0] == 'x' && bytes.ContainsAny(rest[1:3], "ABCDEF"):
			l.server = "nginx"
		}
	}
}

// field takes one value: what the labels of LTSV mean otherwise than the names of
// other logs, and else as everywhere.
func (l *ltsvLines) field(label, v []byte) {
	e, r := l.record.e, &l.record
	if dash(v) == nil || len(v) == 0 {
		return
	}
	switch string(label) {
	case "host":
		r.client(v)
	case "port":
		if p, ok := port(v); ok {
			e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
		}
	case "forwardedfor":
		forwarded(v, e)
	case "req":
		r.request([]byte("request"), v)
	case "size":
		setSize(&e.Size, v)
	case "reqsize":
		setSize(&e.Received, v)
	case "reqid":
		e.RequestID = view(v)
	case "reqtime":
		l.took(v, time.Second, time.Millisecond)
	case "reqtime_microsec":
		l.took(v, time.Microsecond, time.Microsecond)
	case "taken_sec":
		l.took(v, time.Second, time.Second)
	case "apptime":
		e.Upstream = durations(e.Upstream[:0], v)
	default:
		r.field(label, v, true)
	}
}

// took takes the duration of a request, written in unit and no finer than width.
func (l *ltsvLines) took(v []byte, unit, width time.Duration) {
	if d, ok := amount(v, unit); ok && d >= 0 {
		l.record.e.Duration, l.record.e.DurationWidth = d, width
	}
}
