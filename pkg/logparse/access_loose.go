package logparse

import (
	"bytes"
	"io"
	"time"
)

// customAccess is an access log in a format of somebody's own, of which no
// template is given: each line holds a stamp, a request and a status, in
// whatever order and between whatever marks. What a number without a name says
// is not guessed.
var customAccess = &Format{
	Name:  "custom-access",
	Apart: true,
	Score: func(head []byte) int { return scoreLines(head, 60, (&looseAccess{}).line) },
	Open: func(r io.Reader, src Source) Decoder {
		if src.Template != "" {
			return openAccess(src.Server)(r, src)
		}
		return newMixedDecoder(r, src, (&looseAccess{src: src}).line)
	},
	Why: func([]byte) string {
		return "each line holds a stamp, a request and a status; the log_format or LogFormat would tell more"
	},
}

type looseAccess struct {
	src   Source
	clock commonClock
	buf   []byte
	words [64]looseWord
}

type looseWord struct {
	text   []byte
	quoted bool // in quotation marks or brackets
}

func (l *looseAccess) line(b []byte, e *Event) bool {
	l.buf = l.buf[:0]
	n := l.split(b)
	if n < 4 {
		return false
	}
	words := l.words[:n]
	var st stamp
	stamped, request := false, -1
	for i, w := range words {
		switch {
		case len(w.text) == 0:
		case l.stamp(w.text, &st, &stamped):
		case request < 0 && l.request(words, i, e):
			request = i
		case w.quoted && looseGroup(w.text, e):
		case looseNamed(w.text, e):
		default:
			l.value(w, e)
		}
	}
	if !stamped {
		return false
	}
	for i := 0; request < 0 && i+1 < n; i++ { // what is no request, with the status behind it
		if words[i].quoted && statusWord(words[i+1]) > 0 {
			request = i
			e.Text = view(unescape(nil, words[i].text))
		}
	}
	if request < 0 {
		return false
	}
	if e.Status == 0 {
		looseStatus(words, request, e)
	}
	if e.Status == 0 || !e.Client.IsValid() && e.Name == "" {
		return false
	}
	e.set(st, &l.src)
	e.Kind = HTTPRequest
	if l.src.Server == "nginx" || e.Duration >= 0 || len(e.Upstream) > 0 { // three decimals are nginx's
		e.Means, e.Lag = RequestEnd, cachedClock
	} else if l.src.Server == "apache" {
		e.Means = RequestStart
	}
	return true
}

// split cuts a line into words, at bars or tabs where there are several, else
// at spaces outside quotation marks and brackets.
func (l *looseAccess) split(b []byte) (n int) {
	for _, mark := range [...]byte{'|', '\t'} {
		if bytes.Count(b, []byte{mark}) < 4 {
			continue
		}
		for more := true; more && n < len(l.words); n++ {
			var word []byte
			word, b, more = cutAt(b, mark)
			word = bytes.TrimSpace(word)
			plain := bytes.Trim(word, "\"[]")
			l.words[n] = looseWord{plain, len(plain) < len(word)}
		}
		return n
	}
	for n < len(l.words) {
		b = bytes.TrimLeft(b, " ")
		if len(b) == 0 {
			break
		}
		end, skip := bytes.IndexByte(b, ' '), 0
		switch b[0] {
		case '"':
			if i := quoteEnd(b[1:]); i >= 0 {
				end, skip = i+1, 1
			}
		case '[':
			if i := bytes.IndexByte(b, ']'); i > 0 {
				end, skip = i, 1
			}
		}
		if end < 0 {
			end = len(b)
		}
		l.words[n] = looseWord{b[skip:end], skip > 0}
		n++
		b = b[min(end+max(skip, 0), len(b)):]
	}
	return n
}

// stamp takes a word that is one; the finest counts.
func (l *looseAccess) stamp(b []byte, to *stamp, has *bool) bool {
	if len(b) < 10 || (b[0] < '0' || b[0] > '9') {
		return false
	}
	st, n := l.clock.read(b)
	if n == 0 {
		st, n = isoTime(b)
	}
	if n == 0 {
		if st, n = epochTime(b); n < 10 || st.width > time.Millisecond {
			n = 0
		}
	}
	if n == 0 || len(bytes.TrimSpace(b[n:])) > 0 {
		return false
	}
	if !*has || st.width < to.width {
		if *has && to.zone == ZoneStated && st.east == 0 {
			st.east = to.east
		}
		*to, *has = st, true
	}
	return true
}

// request takes "METHOD path HTTP/x" in one word, or a method, with the first
// word behind it that begins with a slash as its path.
func (l *looseAccess) request(words []looseWord, i int, e *Event) bool {
	b := words[i].text
	if bytes.Contains(b, []byte(" HTTP/")) {
		if bytes.IndexByte(b, '\\') >= 0 {
			at := len(l.buf)
			l.buf = unescape(l.buf, b)
			b = l.buf[at:]
		}
		requestLine(b, e)
		e.Text = ""
		return e.Method != ""
	}
	if !knownMethod(b) {
		return false
	}
	for _, w := range words[i+1:] {
		if len(w.text) > 0 && w.text[0] == '/' {
			e.Method, e.Path = view(b), view(w.text)
			return true
		}
	}
	return false
}

// knownMethod knows the methods of RFC 9110 and WebDAV: any word could be one.
func knownMethod(b []byte) bool {
	switch string(b) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH":
		return true
	}
	return false
}

// looseGroup takes "Client 192.0.2.1", "origin:example.com" and their like, as
// in brackets.
func looseGroup(b []byte, e *Event) bool {
	i := bytes.IndexAny(b, " :")
	if i < 0 {
		return false
	}
	value := bytes.TrimSpace(b[i+1:])
	switch string(bytes.ToLower(b[:i])) {
	case "client", "remote":
		if ap, ok := addressPort(value); ok {
			e.Client = ap
			return true
		}
	case "origin", "host":
		e.Name = view(value)
		return true
	case "useragent", "user-agent":
		e.Agent = view(value)
		return true
	case "length":
		setSize(&e.Body, value)
		return true
	case "sent-to":
		e.UpstreamTo = view(value)
		return true
	}
	return false
}

// looseNamed takes name=value.
func looseNamed(b []byte, e *Event) bool {
	n := nameEnd(b)
	if n == 0 {
		return false
	}
	setNamed(view(b[:n]), bytes.Trim(b[n+1:], "\""), e)
	return true
}

// value takes a word by its form: the first address is the client's, three
// decimals are a duration of nginx's.
func (l *looseAccess) value(w looseWord, e *Event) {
	if !w.quoted {
		if ap, ok := addressPort(w.text); ok && !e.Client.IsValid() {
			e.Client = ap
			return
		}
		if d, ok := milliDecimals(w.text); ok {
			e.Duration, e.DurationWidth = max(e.Duration, d), time.Millisecond
			return
		}
	}
	switch {
	case e.Name == "" && isHostName(w.text):
		e.Name = view(w.text)
	case e.Agent == "" && w.quoted && e.Method != "" && bytes.IndexByte(w.text, '/') > 0 && !bytes.Contains(w.text, []byte("://")):
		e.Agent = view(w.text)
	}
}

// isHostName tells a name with a dot and letters, nothing else.
func isHostName(b []byte) bool {
	dots, letters := 0, 0
	for _, c := range b {
		switch {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case c >= '0' && c <= '9' || c == '-':
		default:
			return false
		}
	}
	return dots > 0 && letters > 1 && len(b) < 254
}

// looseStatus takes the first number of three digits behind the request, or
// else the last one before it.
func looseStatus(words []looseWord, request int, e *Event) {
	for _, w := range words[request+1:] {
		if e.Status = statusWord(w); e.Status != 0 {
			return
		}
	}
	for i := request - 1; i >= 0; i-- {
		if e.Status = statusWord(words[i]); e.Status != 0 {
			return
		}
	}
}

func statusWord(w looseWord) int {
	if len(w.text) == 3 && !w.quoted {
		if v := digits(w.text, 3); v >= 100 && v < 600 {
			return v
		}
	}
	return 0
}
