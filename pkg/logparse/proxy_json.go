package logparse

import (
	"bytes"
	"io"
	"time"
)

// Access logs in JSON whose meaning is fixed by the program that writes them.

// caddyAccess is Caddy's structured log: an object a request when it is done
// (logger http.log.access), durations in seconds.
var caddyAccess = &Format{
	Name:  "caddy-access",
	Apart: true,
	Score: jsonScore(`"logger":"http.`, 92, caddyEvent),
	Open:  openJSON(caddyEvent),
	Hints: []string{"caddy"},
}

// traefikAccess is Traefik's access log in JSON, stamped to the nanosecond when
// the request began (StartUTC), and in its common format, where the stamp is
// the same instant in whole seconds.
var traefikAccess = &Format{
	Name:  "traefik-access",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 93, (&traefikLines{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, (&traefikLines{access: access{src: src, server: "traefik"}}).line)
	},
	Hints: []string{"traefik"},
}

func jsonScore(mark string, most int, event func(*record, *Event) bool) func([]byte) int {
	return func(head []byte) int {
		if !bytes.Contains(head, []byte(mark)) {
			return 0
		}
		return scoreLines(head, most, jsonLines(Source{}, event))
	}
}

func openJSON(event func(*record, *Event) bool) func(io.Reader, Source) Decoder {
	return func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, jsonLines(src, event))
	}
}

// jsonLines reads objects and has event say what each is.
func jsonLines(src Source, event func(*record, *Event) bool) func([]byte, *Event) bool {
	var j jsonLine
	return func(b []byte, e *Event) bool {
		return j.read(b, &src, e) && event(&j.record, e)
	}
}

func caddyEvent(r *record, e *Event) bool {
	if !r.stamped {
		return false
	}
	if e.Duration < 0 && r.unitless {
		e.Duration = r.number
	}
	appEvent(r, e)
	switch {
	case e.Text == "handled request":
		e.Kind, e.Means, e.Text = HTTPRequest, RequestEnd, ""
	case e.Method != "":
		e.Kind, e.Means = HTTPError, Written
	}
	return true
}

type traefikLines struct {
	access access
	json   jsonLine
}

func (t *traefikLines) line(b []byte, e *Event) bool {
	if len(b) > 0 && b[0] == '{' {
		if !t.json.read(b, &t.access.src, e) {
			return false
		}
		r := &t.json.record
		if !r.started || e.Status == 0 && e.Method == "" || !r.traefik {
			return false
		}
		e.set(r.start, &t.access.src)
		e.Kind, e.Means, e.Text = HTTPRequest, RequestStart, ""
		if e.Body < 0 {
			e.Body, e.Size = e.Size, -1
		}
		return true
	}
	// … "referer" "agent" COUNT "ROUTER" "URL" 12ms
	if len(b) < 4 || string(b[len(b)-2:]) != "ms" {
		return false
	}
	head, tail, ok := lastCut(b[:len(b)-2], "\" ")
	ms, isNumber := integer(tail)
	if !ok || !isNumber || ms < 0 {
		return false
	}
	head, url, ok := lastCut(head, " \"")
	if !ok || !t.access.line(head, e) {
		return false
	}
	e.Means, e.UpstreamTo = RequestStart, view(authority(dash(url)))
	e.Duration, e.DurationWidth = time.Duration(ms)*time.Millisecond, time.Millisecond
	e.Peers = e.Peers[:0]
	if e.Body < 0 {
		e.Body, e.Size = e.Size, -1
	}
	return true
}

// envoyEvent is an access log of Envoy in JSON under the names its gateways
// use: stamped when the request began, durations in milliseconds.
func envoyEvent(r *record, e *Event) bool {
	if !r.started || r.level {
		return false
	}
	e.set(r.start, r.src)
	e.Kind, e.Means = HTTPRequest, RequestStart
	if e.Duration < 0 && r.unitless {
		e.Duration, e.DurationWidth = r.number/1000, time.Millisecond
	}
	if e.Sent >= 0 { // %BYTES_SENT% counts the body
		e.Body, e.Sent = e.Sent, -1
	}
	return e.Status != 0 || e.Method != ""
}
