package logparse

import "bytes"

// unwrap takes a line out of what container engines put around it, with the
// engine's stamp:
//
//	2026-11-22T10:00:00.123456789Z stdout F LINE      the CRI format (containerd, CRI-O)
//	{"log":"LINE\n","stream":"stdout","time":"…"}     Docker's json-file
//	web-1  | LINE                                     docker compose logs
//	2026-11-22T10:00:00.123456789Z LINE               docker logs -t, kubectl logs --timestamps
//
// buf holds the line where its escapes had to be undone.
func unwrap(b []byte, buf *[]byte) (inner []byte, st stamp, ok bool) {
	if name, rest, found := bytes.Cut(b, []byte(" | ")); found && len(name) < 64 {
		if name = bytes.TrimRight(name, " "); len(name) > 0 && bytes.IndexByte(name, ' ') < 0 {
			if inner, st, ok = unwrapEngine(rest, buf); !ok {
				inner = rest
			}
			return inner, st, true
		}
	}
	return unwrapEngine(b, buf)
}

// unwrapEngine is unwrap without the names of docker compose.
func unwrapEngine(b []byte, buf *[]byte) (inner []byte, st stamp, ok bool) {
	if bytes.HasPrefix(b, []byte(`{"log":"`)) {
		return unwrapDocker(b, buf)
	}
	st, n := isoTime(b)
	if n == 0 || st.zone != ZoneStated || n+2 > len(b) || b[n] != ' ' || b[10] != 'T' {
		return nil, st, false
	}
	inner = b[n+1:]
	for _, stream := range [...]string{"stdout F ", "stderr F ", "stdout P ", "stderr P "} {
		if rest, found := bytes.CutPrefix(inner, []byte(stream)); found {
			return rest, st, true
		}
	}
	return inner, st, true
}

func unwrapDocker(b []byte, buf *[]byte) (inner []byte, st stamp, ok bool) {
	var m jsonMembers
	m.begin(b)
	at := len(*buf)
	for m.next() {
		switch {
		case string(m.name) == "log" && m.isString:
			*buf = jsonUnescape(*buf, m.value)
			ok = true
		case string(m.name) == "time":
			st, _ = isoTime(m.value)
		}
	}
	return bytes.TrimRight((*buf)[at:], "\r\n"), st, ok && m.whole()
}

// parseWrapped tries a line as it is, then without the colours of a terminal,
// and then without its envelope. With colours at its beginning it is none.
func parseWrapped(parse func([]byte, *Event) bool, line []byte, buf *[]byte, e *Event) bool {
	if !bytes.HasPrefix(line, colour) && parse(line, e) {
		return true
	}
	if bytes.Contains(line, colour) {
		if line = uncoloured(line); len(line) == 0 {
			return false
		}
		if e.again(); parse(line, e) {
			return true
		}
	}
	if c := line[0]; c != '{' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
		return false
	}
	*buf = (*buf)[:0]
	inner, _, ok := unwrap(line, buf)
	if !ok || len(inner) == 0 {
		return false
	}
	e.again()
	return parse(inner, e)
}

// colour begins the control sequences of ECMA-48, section 5.4.
var colour = []byte("\x1b[")

// uncoloured is a line without control sequences: ESC [, parameters, a letter.
func uncoloured(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for len(line) > 0 {
		before, rest, found := bytes.Cut(line, colour)
		out = append(out, before...)
		if !found {
			break
		}
		i := 0
		for i < len(rest) && rest[i] >= 0x20 && rest[i] < 0x40 {
			i++
		}
		line = rest[min(i+1, len(rest)):]
	}
	return out
}

// again makes e as it was before a line was tried.
func (e *Event) again() {
	line, offset := e.Line, e.Offset
	e.clear()
	e.Line, e.Offset = line, offset
}

// otherLines reads lines that do not belong into a file by its other lines:
// two formats in one file, as of a web server that writes errors and accesses
// to one place.
type otherLines struct {
	access access
	nginx  nginxErrors
	apache apacheErrors
	app    appLines
	syslog *syslog
}

func newOtherLines(src Source) *otherLines {
	return &otherLines{
		access: access{src: src, server: src.Server}, nginx: nginxErrors{src: src}, apache: apacheErrors{src: src},
		app: appLines{src: src}, syslog: newSyslog(src),
	}
}

func (o *otherLines) line(b []byte, e *Event) bool {
	for _, parse := range [...]func([]byte, *Event) bool{o.access.line, o.nginx.line, o.apache.line} {
		e.again()
		if parse(b, e) && e.Kind != "" {
			return true
		}
	}
	if b[0] == '{' {
		e.again()
		return o.app.line(b, e)
	}
	e.again()
	return o.syslog.line(b, e) && e.Process != ""
}
