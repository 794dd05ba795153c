package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"time"
)

// w3cAccess is the W3C extended log (IIS, CloudFront and others): the line
// "#Fields:" names the columns. IIS stamps in UTC, in whole seconds, when the
// answer was done; time-taken is in ms there and in seconds with decimals
// elsewhere.
var w3cAccess = &Format{
	Name: "w3c-access",
	Score: func(head []byte) int {
		if !bytes.Contains(head[:min(len(head), 4096)], []byte("#Fields:")) {
			return 0
		}
		return scoreLines(head, 96, (&w3cLines{}).line)
	},
	Open: func(r io.Reader, src Source) Decoder {
		return newLineDecoder(r, (&w3cLines{src: src}).line)
	},
	Hints: []string{"inetpub", "w3svc", "iis"},
}

type w3cLines struct {
	src    Source
	fields []string
	date   []byte // of "#Date:", for files whose lines have the time alone
	east   int    // of "#GMT-Offset:"
	path   []byte
}

func (w *w3cLines) line(b []byte, e *Event) bool {
	if b[0] == '#' {
		w.directive(b[1:])
		return true
	}
	if len(w.fields) == 0 {
		return false
	}
	var words [64][]byte
	n := quotedWords(b, words[:])
	if n < len(w.fields)-1 || n < 2 { // the last column may be empty
		return false
	}
	w.path = w.path[:0]
	var date, clockText, query []byte
	local := false
	for i, name := range w.fields[:min(len(w.fields), n)] {
		v := words[i]
		switch name {
		case "date", "date-local":
			date = v
		case "time", "time-local":
			clockText = v
			local = name == "time-local"
		case "cs-uri-query":
			query = dash(v)
		default:
			w.field(name, v, e)
		}
	}
	if date == nil {
		date = w.date
	}
	if clockText == nil || !w.stamp(date, clockText, local, e) {
		return false
	}
	if query != nil && e.Path != "" {
		w.path = append(append(append(w.path, e.Path...), '?'), query...)
		e.Path = view(w.path)
	}
	e.Kind, e.Means = HTTPRequest, RequestEnd
	return true
}

func (w *w3cLines) directive(b []byte) {
	name, value, _ := cutAt(b, ':')
	value = bytes.TrimSpace(value)
	switch string(name) {
	case "Fields":
		w.fields = w.fields[:0]
		for _, f := range bytes.Fields(value) {
			if len(w.fields) < 64 {
				w.fields = append(w.fields, string(bytes.ToLower(f)))
			}
		}
	case "Date", "Start-Date":
		w.date = append(w.date[:0], upTo(value, ' ')...)
	case "GMT-Offset":
		if east, n := zone(value); n == len(value) {
			w.east = east
		}
	}
}

func (w *w3cLines) stamp(date, text []byte, local bool, e *Event) bool {
	var b [64]byte
	text = bytes.Trim(text, "\"")
	date = bytes.Trim(date, "\"")
	if len(date) != 10 || len(text) > 40 {
		return false
	}
	full := append(append(append(b[:0], date...), ' '), text...)
	st, n := isoTime(full)
	if n == 0 {
		return false
	}
	if st.zone == ZoneUnknown && !local {
		st.zone, st.east = ZoneStated, w.east
		st.time -= int64(w.east) * 1e9
	}
	e.set(st, &w.src)
	return true
}

func (w *w3cLines) field(name string, v []byte, e *Event) {
	if dash(v) == nil || len(v) == 0 {
		return
	}
	switch name {
	case "c-ip":
		if a, ok := address(v); ok {
			e.Client = netip.AddrPortFrom(a, e.Client.Port())
		}
	case "c-port":
		if p, ok := port(v); ok {
			e.Client = netip.AddrPortFrom(e.Client.Addr(), p)
		}
	case "s-ip":
		if a, ok := address(v); ok {
			e.Server = netip.AddrPortFrom(a, e.Server.Port())
		}
	case "s-port":
		if p, ok := port(v); ok {
			e.Server = netip.AddrPortFrom(e.Server.Addr(), p)
		}
	case "cs-method":
		e.Method = view(v)
	case "cs-uri-stem", "cs-uri":
		e.Path = view(v)
	case "cs-version", "cs-protocol-version":
		e.Proto = view(v)
	case "cs-username":
		e.User = view(v)
	case "cs-host", "cs(host)", "x-host-header":
		e.Name = view(v)
	case "s-computername":
		e.Host = view(v)
	case "cs(user-agent)":
		e.Agent = view(v)
	case "x-forwarded-for", "cs(x-forwarded-for)":
		forwarded(bytes.ReplaceAll(v, []byte{'+'}, nil), e)
	case "sc-status":
		if n := digits(v, 3); n >= 100 && len(v) == 3 {
			e.Status = n
		}
	case "sc-bytes", "bytes":
		setSize(&e.Sent, v)
	case "cs-bytes":
		setSize(&e.Received, v)
	case "time-taken", "timetakenms":
		unit := time.Millisecond
		if bytes.IndexByte(v, '.') >= 0 {
			unit = time.Second
		}
		if d, ok := amount(v, unit); ok {
			e.Duration, e.DurationWidth = d, time.Millisecond
		}
	case "time-to-first-byte":
		if d, ok := amount(v, time.Second); ok {
			e.FirstByte = d
		}
	case "x-edge-request-id":
		e.RequestID = view(v)
	}
}
