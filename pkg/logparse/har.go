package logparse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"strings"
	"time"
)

// HAR 1.2, which browsers and proxies write: one event an entry. The stamp is
// when the request was queued, with its zone; the timings are milliseconds,
// -1 for what did not happen. "connect" holds "ssl".

var har = &Format{
	Name: "har",
	Score: func(head []byte) int {
		start := bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
		if len(start) == 0 || start[0] != '{' || !bytes.Contains(head, []byte(`"log"`)) {
			return 0
		}
		for _, sign := range []string{`"entries"`, `"creator"`, `"startedDateTime"`, `"pages"`} {
			if bytes.Contains(head, []byte(sign)) {
				return 97
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newHARDecoder(r, src) },
	Hints: []string{".har"},
}

// harEntry is what is read of an entry; bodies, headers and cookies are not.
type harEntry struct {
	Started    string  `json:"startedDateTime"`
	Time       float64 `json:"time"`
	ServerIP   string  `json:"serverIPAddress"`
	Connection string  `json:"connection"`
	Request    struct {
		Method  string `json:"method"`
		URL     string `json:"url"`
		Version string `json:"httpVersion"`
	} `json:"request"`
	Response struct {
		Status   int    `json:"status"`
		Version  string `json:"httpVersion"`
		BodySize int64  `json:"bodySize"`
		Error    string `json:"_error"`
	} `json:"response"`
	Timings struct {
		Blocked *float64 `json:"blocked"`
		DNS     *float64 `json:"dns"`
		Connect *float64 `json:"connect"`
		SSL     *float64 `json:"ssl"`
		Send    *float64 `json:"send"`
		Wait    *float64 `json:"wait"`
		Receive *float64 `json:"receive"`
	} `json:"timings"`
}

// maxHARValue bounds what is held in memory at once: a browser keeps bodies in
// the entry.
const maxHARValue = 256 << 20

var errHARValue = errors.New("one value is longer than 256 MiB")

type harDecoder struct {
	src      Source
	lines    lineCounter
	in       *json.Decoder
	inside   bool // of log.entries
	done     bool
	problems problemList
}

func newHARDecoder(r io.Reader, src Source) *harDecoder {
	text := bufio.NewReader(r)
	if start, _ := text.Peek(len(bom)); bytes.Equal(start, bom) {
		text.Discard(len(bom)) // it is there: it was peeked at
	}
	d := &harDecoder{src: src, lines: lineCounter{r: text}}
	d.in = json.NewDecoder(&d.lines)
	return d
}

func (d *harDecoder) Problems() []Problem { return d.problems.list }

func (d *harDecoder) Lines() int { return d.lines.count }

func (d *harDecoder) Next(e *Event) error {
	for !d.done {
		if !d.inside {
			if err := d.seek(); err != nil {
				return d.fail(err)
			}
			continue
		}
		if !d.in.More() {
			if _, err := d.in.Token(); err != nil {
				return d.fail(err)
			}
			d.done = true
			break
		}
		offset := d.in.InputOffset()
		d.lines.limit = offset + maxHARValue
		var entry harEntry
		if err := d.in.Decode(&entry); err != nil {
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &wrong) { // this entry alone
				d.problems.add(d.lines.at(offset), offset, "an entry that is not as HAR says: "+wrong.Field)
				continue
			}
			return d.fail(err)
		}
		*e = begin(ClientHTTP, place{d.lines.at(offset), offset})
		if !d.entry(&entry, e) {
			d.problems.add(e.Line, offset, "an entry without startedDateTime or url")
			continue
		}
		return nil
	}
	return io.EOF
}

// fail ends the reading: a text that is cut off or no JSON is a problem with
// its position, not an error.
func (d *harDecoder) fail(err error) error {
	d.done = true
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || err == io.ErrUnexpectedEOF || err == io.EOF || err == errHARValue {
		offset := d.in.InputOffset()
		d.problems.add(d.lines.at(offset), offset, "the JSON ends before log.entries does: "+err.Error())
		return io.EOF
	}
	return err
}

// seek reads on to the array log.entries.
func (d *harDecoder) seek() error {
	depth := 0
	key := ""
	for {
		d.lines.limit = d.in.InputOffset() + maxHARValue
		t, err := d.in.Token()
		if err != nil {
			return err
		}
		switch v := t.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				if v == '[' && key == "entries" && depth == 2 {
					d.inside = true
					return nil
				}
				depth++
			default:
				depth--
			}
			key = ""
		case string:
			key = v
		default:
			key = ""
		}
	}
}

func (d *harDecoder) entry(h *harEntry, e *Event) bool {
	st, n := isoTime([]byte(h.Started))
	u, err := url.Parse(h.Request.URL)
	if n == 0 || err != nil || h.Request.URL == "" {
		return false
	}
	e.set(st, &d.src)
	e.Process, e.Means = "browser", ClientStart
	e.Method, e.Name, e.Path = h.Request.Method, strings.ToLower(u.Hostname()), u.RequestURI()
	e.Proto, e.Status, e.Connection = harVersion(h.Response.Version, h.Request.Version), h.Response.Status, h.Connection
	if h.Response.BodySize >= 0 {
		e.Body = h.Response.BodySize
	}
	t := noTiming()
	e.Timing = t
	t.URL, t.Status = h.Request.URL, max(h.Response.Status, 0)
	number := u.Port()
	if number == "" {
		number = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443"}[u.Scheme]
	}
	t.Remote = socket(strings.Trim(h.ServerIP, "[]"), number)
	e.Server = t.Remote
	h.timings(t)
	e.Outcome = "ok"
	if h.Response.Status <= 0 {
		e.Outcome, e.Text, t.Error = "failed", h.Response.Error, h.Response.Error
	}
	return true
}

func harVersion(versions ...string) string {
	for _, v := range versions {
		switch strings.ToLower(v) {
		case "h2", "http/2", "http/2.0":
			return "HTTP/2"
		case "h3", "http/3", "h3-29":
			return "HTTP/3"
		case "http/1.1", "http/1.0":
			return strings.ToUpper(v)
		}
	}
	return ""
}

// timings turns the parts into instants from the start.
func (h *harEntry) timings(t *Timing) {
	at := time.Duration(0)
	part := func(ms *float64) bool {
		if ms == nil || *ms < 0 || *ms > 1e12 || math.IsNaN(*ms) {
			return false
		}
		at += time.Duration(*ms * 1e6)
		return true
	}
	w := &h.Timings
	part(w.Blocked)
	if part(w.DNS) {
		t.NameLookup = at
	}
	before := at
	if part(w.Connect) {
		t.Connect = at
		if w.SSL != nil && *w.SSL >= 0 && *w.SSL <= *w.Connect {
			t.AppConnect = at
			t.Connect = before + time.Duration((*w.Connect-*w.SSL)*1e6)
		}
	} else {
		t.Reused = t.Status > 0
	}
	t.PreTransfer = at
	if part(w.Send) && part(w.Wait) && t.Status > 0 {
		t.StartTransfer = at
	}
	part(w.Receive)
	t.Total = at
	if ms := h.Time; ms > 0 && ms < 1e12 {
		t.Total = time.Duration(ms * 1e6)
	}
}

// lineCounter counts the lines that went through it, and keeps where those
// end that a position may still be asked for.
type lineCounter struct {
	r      io.Reader
	count  int   // lines begun
	offset int64 // bytes read
	passed int   // line ends before ends[0]
	ends   []int64
	last   byte
	limit  int64 // bytes: no more is read beyond
}

func (l *lineCounter) Read(p []byte) (int, error) {
	if l.offset > l.limit {
		return 0, errHARValue
	}
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if l.offset == 0 && i == 0 || l.last == '\n' {
			l.count++
		}
		l.last = c
		if c == '\n' {
			l.ends = append(l.ends, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

// at is the line of an offset, which never goes back.
func (l *lineCounter) at(offset int64) int {
	k := 0
	for k < len(l.ends) && l.ends[k] < offset {
		k++
	}
	l.passed += k
	l.ends = append(l.ends[:0], l.ends[k:]...)
	return l.passed + 1
}
