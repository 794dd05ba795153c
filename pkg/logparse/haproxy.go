package logparse

import (
	"bytes"
	"io"
	"time"
)

// haproxyLog is HAProxy's HTTP and TCP log (configuration manual, chapter 8.2),
// plain or behind syslog's header. The stamp in brackets is local time without
// zone, to the millisecond: of the request's first byte (%tr, since 1.7) or of
// the connection (TCP). Five timers follow, -1 where a phase was not reached.
var haproxyLog = &Format{
	Name:  "haproxy",
	Score: func(head []byte) int { return scoreLines(head, 93, newHAProxy(Source{Year: 2000}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newMixedDecoder(r, src, newHAProxy(src).line) // "option httplog clf" writes the common format
	},
	Hints: []string{"haproxy"},
}

type haproxyLines struct {
	src    Source
	syslog *syslog
}

func newHAProxy(src Source) *haproxyLines {
	return &haproxyLines{src: src, syslog: newSyslog(src)}
}

func (h *haproxyLines) line(b []byte, e *Event) bool {
	if haproxyMessage(b, &h.src, e) {
		return true
	}
	if !h.syslog.line(b, e) {
		return false
	}
	return e.Kind == "" || e.Process == "haproxy"
}

// haproxyMessage reads "CLIENT:PORT [STAMP] FRONTEND …".
func haproxyMessage(b []byte, src *Source, e *Event) bool {
	client, rest, ok := cutAt(b, ' ')
	ap, ok2 := addressPort(client)
	if !ok || !ok2 && !bytes.HasPrefix(client, []byte("unix:")) && !bytes.Equal(client, []byte("-:-")) || len(rest) < 30 || rest[0] != '[' {
		return false
	}
	st, n := commonTime(rest[1:])
	if n == 0 || st.width != time.Millisecond || !bytes.HasPrefix(rest[1+n:], []byte("] ")) {
		return false
	}
	rest = rest[n+3:]
	frontend, after, ok := cutAt(rest, ' ')
	if !ok {
		return false
	}
	if bytes.HasSuffix(frontend, []byte{':'}) { // "fe/be: SSL handshake failure"
		e.set(st, src)
		e.Client, e.Kind, e.Means, e.Text, e.Process, e.Outcome = ap, HTTPError, Written, view(after), "haproxy", "failed"
		return true
	}
	var f [16][]byte
	words := haproxyWords(after, f[:])
	if words < 5 {
		return false
	}
	timers := bytes.Count(f[1], []byte{'/'})
	if timers != 4 && timers != 2 {
		return false
	}
	e.set(st, src)
	e.Client, e.Process, e.Kind = ap, "haproxy", HTTPRequest
	e.UpstreamTo = view(f[0])
	if timers == 2 {
		e.Means, e.Kind = Accepted, Message
		return haproxyTimers(f[1], e) && haproxyTCP(f[2:words], e)
	}
	e.Means = RequestStart
	if !haproxyTimers(f[1], e) || words < 9 {
		return false
	}
	if n := digits(f[2], 3); n >= 100 && len(f[2]) == 3 {
		e.Status = n
	}
	setSize(&e.Sent, bytes.TrimPrefix(f[3], []byte{'+'}))
	haproxyState(f[6], e)
	request := f[words-1]
	if len(request) >= 2 && request[0] == '"' {
		requestLine(bytes.Trim(request, "\""), e)
	}
	return true
}

// haproxyWords cuts at spaces outside braces and quotation marks; the last
// word takes the rest.
func haproxyWords(b []byte, f [][]byte) int {
	n := 0
	for len(b) > 0 && n < len(f) {
		end := bytes.IndexByte(b, ' ')
		switch b[0] {
		case '{':
			if i := bytes.Index(b, []byte("} ")); i >= 0 {
				end = i + 1
			}
		case '"':
			end = -1
		}
		if end < 0 || n == len(f)-1 {
			f[n] = b
			return n + 1
		}
		if end > 0 {
			f[n] = b[:end]
			n++
		}
		b = b[end+1:]
	}
	return n
}

// haproxyTimers reads TR/Tw/Tc/Tr/Ta or Tw/Tc/Tt, in ms.
func haproxyTimers(b []byte, e *Event) bool {
	var t [5]time.Duration
	n := 0
	for more := true; more && n < len(t); n++ {
		var word []byte
		word, b, more = cutAt(b, '/')
		v, ok := integer(bytes.TrimPrefix(word, []byte{'+'}))
		if !ok {
			return false
		}
		t[n] = time.Duration(v) * time.Millisecond
		if v < 0 {
			t[n] = -1
		}
	}
	total, connect := t[n-1], t[1]
	if n == 5 {
		connect = t[2]
		if t[0] >= 0 && t[1] >= 0 && t[2] >= 0 && t[3] >= 0 {
			e.FirstByte = t[0] + t[1] + t[2] + t[3]
		}
		if t[3] >= 0 {
			e.UpstreamHeader = append(e.UpstreamHeader[:0], t[3])
		}
	}
	if connect >= 0 {
		e.UpstreamConnect = append(e.UpstreamConnect[:0], connect)
	}
	if total >= 0 {
		e.Duration, e.DurationWidth = total, time.Millisecond
	}
	return true
}

// haproxyTCP reads "BYTES STATE …".
func haproxyTCP(f [][]byte, e *Event) bool {
	if len(f) < 2 {
		return false
	}
	setSize(&e.Sent, bytes.TrimPrefix(f[0], []byte{'+'}))
	haproxyState(f[1], e)
	e.Text = "connection " + e.Outcome
	return true
}

// haproxyState reads how a session ended: "--…" in order, else who ended it
// and in which phase ("sH", "CD", …).
func haproxyState(b []byte, e *Event) {
	if len(b) >= 2 && string(b[:2]) == "--" {
		e.Outcome = "ok"
	} else {
		e.Outcome = view(b)
	}
}
