package logparse

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// A template is nginx's log_format or Apache's LogFormat, compiled to the texts
// between the fields and what to do with each field. One pass over a line, no
// regular expression.

// templatePart is one field and the text behind it.
type templatePart struct {
	name string // as the template writes it
	// take puts the value into the event; nil for a value that is passed over.
	take func(t *templateLine, v []byte, e *Event)
	// length finds the end of the value where it is not simply the next
	// appearance of the text behind; 0 leaves it to that. nil: always.
	length func(b, after []byte) int
	ends   bool   // length alone tells where the value ends
	after  []byte // text up to the next field
	quoted bool   // the value lies in quotation marks
}

// template is a compiled format.
type template struct {
	before []byte // text before the first field
	parts  []templatePart
	apache bool
	json   bool // escapes are JSON's (nginx: escape=json)
	raw    bool // nothing is escaped (nginx: escape=none)
}

// CheckTemplate tells what is wrong with a log_format or LogFormat; nil if it
// can be read by.
func CheckTemplate(s string) error {
	_, err := compileTemplate(s)
	return err
}

// compileTemplate compiles a log_format (with '$') or a LogFormat (with '%').
// A log_format may begin with its parameter escape=json, escape=none or
// escape=default.
func compileTemplate(s string) (*template, error) {
	t := &template{}
	if rest, ok := strings.CutPrefix(s, "escape="); ok {
		kind, body, _ := strings.Cut(rest, " ")
		s = strings.TrimLeft(body, " ")
		switch kind {
		case "json":
			t.json = true
		case "none":
			t.raw = true
		case "default":
		default:
			return nil, fmt.Errorf("unknown escape=%s", kind)
		}
	}
	var err error
	switch {
	case apacheNicknames[s] != "":
		t.apache = true
		err = t.compileApache(apacheNicknames[s])
	case strings.Contains(s, "$"):
		err = t.compileNginx(s)
	case strings.Contains(s, "%"):
		t.apache = true
		err = t.compileApache(s)
	default:
		return nil, fmt.Errorf("no field in the format %q", s)
	}
	if err != nil {
		return nil, err
	}
	return t, t.check()
}

// check refuses formats whose lines cannot be taken apart.
func (t *template) check() error {
	if len(t.parts) == 0 {
		return fmt.Errorf("the format has no field")
	}
	for i := range t.parts[:len(t.parts)-1] {
		if p := &t.parts[i]; len(p.after) == 0 && !p.ends {
			return fmt.Errorf("nothing separates %s from %s", p.name, t.parts[i+1].name)
		}
	}
	last := t.before
	for i := range t.parts {
		p := &t.parts[i]
		p.quoted = bytes.HasSuffix(last, []byte{'"'}) && bytes.HasPrefix(p.after, []byte{'"'})
		last = p.after
	}
	return nil
}

// templateLine reads lines by a template.
type templateLine struct {
	*template
	src   Source
	clock commonClock
	buf   []byte // text whose escapes were undone; renewed each line
	times templateTimes
	args  []byte // of $args, to be put behind the path
}

// templateTimes gathers the stamps of a line, which may come in several fields.
type templateTimes struct {
	begin, end        stamp
	hasBegin, hasEnd  bool
	fraction          int64 // ns, of the begin's second
	fractionWidth     time.Duration
	civil             [6]int // year, month, day, hour, minute, second of the begin
	hasCivil, hasZone bool
	east              int
}

func openTemplate(r io.Reader, src Source) (Decoder, error) {
	t, err := compileTemplate(src.Template)
	if err != nil {
		return nil, err
	}
	line := &templateLine{template: t, src: src}
	plain := &access{src: src, server: "nginx"}
	if t.apache {
		plain.server = "apache"
	}
	return newLineDecoder(r, func(b []byte, e *Event) bool {
		if line.line(b, e) {
			return true
		}
		e.Kind = ""
		where, offset := e.Line, e.Offset
		e.clear()
		e.Line, e.Offset = where, offset
		return plain.line(b, e) // another format before a change of the configuration
	}), nil
}

func (t *templateLine) line(b []byte, e *Event) bool {
	t.buf, t.times, t.args = t.buf[:0], templateTimes{}, nil
	b, ok := bytes.CutPrefix(b, t.before)
	if !ok {
		return false
	}
	for i := range t.parts {
		p := &t.parts[i]
		n := t.end(p, b, i == len(t.parts)-1)
		if n < 0 || !bytes.HasPrefix(b[n:], p.after) {
			return false
		}
		if v := b[:n]; p.take != nil && len(v) > 0 {
			p.take(t, v, e)
		}
		b = b[n+len(p.after):]
	}
	if len(b) > 0 {
		return false
	}
	return t.finish(e)
}

// end finds where the value of p ends; -1 if the line does not fit.
func (t *templateLine) end(p *templatePart, b []byte, last bool) int {
	if p.length != nil {
		if n := p.length(b, p.after); n > 0 && n <= len(b) && bytes.HasPrefix(b[n:], p.after) {
			return n
		}
	}
	switch {
	case len(p.after) == 0:
		if last {
			return len(b)
		}
		return -1
	case last && bytes.HasSuffix(b, p.after) && !p.quoted:
		return len(b) - len(p.after)
	case !p.quoted:
		return bytes.Index(b, p.after)
	}
	for at := 0; ; {
		i := -1
		if t.raw {
			i = bytes.IndexByte(b[at:], '"')
		} else {
			i = quoteEnd(b[at:])
		}
		if i < 0 {
			return -1
		}
		if bytes.HasPrefix(b[at+i:], p.after) {
			return at + i
		}
		at += i + 1
	}
}

// plain undoes the escapes of the template's kind.
func (t *templateLine) plain(b []byte) []byte {
	if t.raw || bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	at := len(t.buf)
	if t.json {
		t.buf = jsonUnescape(t.buf, b)
	} else {
		t.buf = unescape(t.buf, b)
	}
	return t.buf[at:]
}

// finish puts together what came in several fields. A line without a stamp is
// none of a request.
func (t *templateLine) finish(e *Event) bool {
	w := &t.times
	w.join()
	switch {
	case w.hasBegin:
		e.set(w.begin, &t.src)
		e.Means = RequestStart
		if w.hasEnd && e.Duration < 0 && w.end.time >= w.begin.time {
			e.Duration, e.DurationWidth = time.Duration(w.end.time-w.begin.time), w.end.width
		}
	case w.hasEnd:
		e.set(w.end, &t.src)
		e.Means = RequestEnd
	default:
		return false
	}
	if !t.apache {
		e.Lag = cachedClock
	}
	if !e.Client.IsValid() && e.Peer.IsValid() {
		e.Client = netip.AddrPortFrom(e.Peer.Addr(), e.Client.Port())
	}
	if len(t.args) > 0 && e.Path != "" && strings.IndexByte(e.Path, '?') < 0 {
		at := len(t.buf)
		t.buf = append(append(append(t.buf, e.Path...), '?'), bytes.TrimPrefix(t.args, []byte{'?'})...)
		e.Path = view(t.buf[at:])
	}
	e.Kind = HTTPRequest
	return true
}

// join makes the begin of its parts: a date by strftime, a fraction, a zone.
func (w *templateTimes) join() {
	if w.hasCivil && !w.hasBegin {
		c := w.civil
		if s, ok := unix(c[0], c[1], c[2], c[3], c[4], c[5]); ok {
			w.begin = stamp{time: s * 1e9, width: time.Second, zone: ZoneUnknown}
			w.hasBegin = true
			if w.hasZone {
				w.begin.time -= int64(w.east) * 1e9
				w.begin.zone, w.begin.east = ZoneStated, w.east
			}
		}
	}
	if w.hasBegin && w.fractionWidth > 0 && w.begin.width == time.Second {
		w.begin.time += w.fraction
		w.begin.width = w.fractionWidth
	}
}

// finer keeps the stamp that says more, with the zone of the one that has it.
func finer(to *stamp, has *bool, st stamp) {
	if !*has || st.width < to.width {
		if *has && st.east == 0 {
			st.east = to.east
		}
		*to, *has = st, true
	} else if to.east == 0 {
		to.east = st.east
	}
}
