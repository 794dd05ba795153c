package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// envoyAccess is Envoy's access log: the default format, Istio's, and JSON
// under the usual names. The stamp is the begin of the request (START_TIME).
var envoyAccess = &Format{
	Name:  "envoy-access",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 93, (&envoyLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, (&envoyLines{src: src}).line)
	},
	Hints: []string{"envoy", "istio"},
}

type envoyLines struct {
	src  Source
	json jsonLine
}

func (v *envoyLines) line(b []byte, e *Event) bool {
	if len(b) > 0 && b[0] == '{' {
		return v.json.read(b, &v.src, e) && envoyEvent(&v.json.record, e)
	}
	if len(b) < 30 || b[0] != '[' {
		return false
	}
	st, n := isoTime(b[1:])
	if n == 0 || st.zone != ZoneStated || !bytes.HasPrefix(b[1+n:], []byte("] \"")) {
		return false
	}
	b = b[n+4:]
	end := quoteEnd(b)
	if end < 0 || end+1 == len(b) {
		return false
	}
	e.set(st, &v.src)
	e.Kind, e.Means = HTTPRequest, RequestStart
	if string(b[:end]) != "- - -" { // a connection that is proxied as it is
		requestLine(b[:end], e)
	}
	return envoyResult(b[end+1:], e)
}

// envoyResult reads CODE FLAGS [DETAILS TERMINATION "REASON"] RECEIVED SENT
// DURATION SERVICE_TIME "XFF" "AGENT" "ID" "AUTHORITY" "UPSTREAM" …, what
// stands in brackets in Istio's format only.
func envoyResult(b []byte, e *Event) bool {
	var f [24][]byte
	n := quotedWords(b, f[:])
	if n < 11 {
		return false
	}
	code, ok := integer(f[0])
	if !ok || code < 0 || code > 999 {
		return false
	}
	e.Status = int(code)
	e.Outcome = "ok"
	if dash(f[1]) != nil {
		e.Outcome = view(f[1])
	}
	at := 2
	if _, ok := integer(f[2]); !ok {
		at = 5
	}
	if n < at+9 {
		return false
	}
	setSize(&e.Body, f[at+1])
	ms, ok := integer(f[at+2])
	if !ok || ms < 0 {
		return false
	}
	e.Duration, e.DurationWidth = time.Duration(ms)*time.Millisecond, time.Millisecond
	if up, ok := integer(f[at+3]); ok && up >= 0 {
		e.UpstreamHeader = append(e.UpstreamHeader[:0], time.Duration(up)*time.Millisecond)
	}
	forwarded(f[at+4], e)
	e.Agent, e.RequestID, e.Name = view(dash(f[at+5])), view(dash(f[at+6])), view(dash(f[at+7]))
	e.UpstreamTo = view(authority(dash(f[at+8])))
	if at == 5 && n >= at+13 { // CLUSTER UPSTREAM_LOCAL DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE
		e.Server, _ = addressPort(f[at+11])
		e.Client, _ = addressPort(f[at+12])
	}
	if !e.Client.IsValid() && len(e.Peers) > 0 {
		e.Client = netip.AddrPortFrom(e.Peers[0], 0)
	}
	return true
}

// quotedWords cuts at spaces; a word in quotation marks may hold some, and
// comes without its marks.
func quotedWords(b []byte, f [][]byte) int {
	n := 0
	for n < len(f) {
		b = bytes.TrimLeft(b, " \t")
		if len(b) == 0 {
			break
		}
		if b[0] == '"' {
			i := quoteEnd(b[1:])
			if i < 0 {
				break
			}
			f[n], b = b[1:1+i], b[i+2:]
		} else {
			i := bytes.IndexAny(b, " \t")
			if i < 0 {
				i = len(b)
			}
			f[n], b = b[:i], b[i:]
		}
		n++
	}
	return n
}
