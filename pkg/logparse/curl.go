package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// What curl prints: -w with any template that names its figures, or as
// %{json}; -v and --trace-ascii with or without --trace-time; its error lines;
// several runs in one text, each after its prompt. One event a transfer.
//
// curl prints no absolute time but the time of day of --trace-time. Its
// figures count from the start of the transfer and include its resolver
// thread, so "dns" may be longer than the query in a capture.

var curl = &Format{
	Name: "curl",
	Score: func(head []byte) int {
		c := newCurlText(Source{})
		signs := []string{"curl", "time_namelookup", "time_total", "time_starttransfer", "ttfb", "TTFB", "total=", "Connected to "}
		for _, sign := range signs {
			if bytes.Contains(head, []byte(sign)) {
				if score := scoreTranscript(head, 96, c); c.told {
					return score
				}
				return 0
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newTranscriptDecoder(r, newCurlText(src)) },
	Hints: []string{"curl"},
}

type curlText struct {
	given   *curlTemplate // of the source
	command curlCommand
	pending []Event // transfers of the command, not yet complete

	verbose curlVerbose
	told    bool // something that curl alone writes was among the lines: lists of other texts begin with "* " too
	advice  bool // curl's advice on certificates may follow
}

func newCurlText(src Source) *curlText {
	c := &curlText{}
	if src.Template != "" {
		c.given = compileCurlTemplate(src.Template)
	}
	c.command.template = c.given
	return c
}

// maxPending bounds the transfers of one command that are held back; beyond
// it the first ones are given without what the command's end would tell.
const maxPending = 1000

func (c *curlText) line(line []byte, at place, out *outbox) bool {
	if command, _, ok := prompt(line, "curl"); ok {
		c.told = true
		c.flush(out)
		c.command = readCurlCommand(arguments(command)[1:])
		if c.command.template == nil {
			c.command.template = c.given
		}
		c.command.known, c.command.at = true, at
		return true
	}
	if len(c.pending) > maxPending {
		out.put(c.complete(0))
		c.pending = c.pending[1:]
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return true
	}
	if rest, ok := bytes.CutPrefix(line, []byte("curl: (")); ok {
		return c.failure(rest, at)
	}
	if code, ok := exitLine(line); ok {
		c.exit(code)
		return true
	}
	if _, _, ok := timeLine(line); ok {
		return true
	}
	if c.verbose.line(line, at, c) {
		return true
	}
	if i := bytes.Index(line, []byte(`{"`)); i >= 0 && bytes.Contains(line, []byte(`"time_total"`)) {
		if t, e, ok := curlJSON(line[i:]); ok {
			c.figures(t, e, at)
			return true
		}
	}
	if c.timings(text, at) {
		return true
	}
	return c.chatter(line, text)
}

// chatter takes what curl prints beside: its progress, its advice, a body that
// was not sent to a file.
func (c *curlText) chatter(line, text []byte) bool {
	switch {
	case bytes.HasPrefix(text, []byte("% Total")), bytes.HasPrefix(text, []byte("Dload  Upload")), bytes.HasPrefix(text, []byte("DL% UL%")), bytes.HasPrefix(text, []byte("More details here: https://curl.")):
		c.advice = true
		return true
	case bytes.HasPrefix(text, []byte("curl failed to verify")), bytes.HasPrefix(text, []byte("establish a secure connection")), bytes.HasPrefix(text, []byte("how to fix it, please visit")), bytes.HasPrefix(text, []byte("To learn more about this situation")):
		return true
	}
	// The meter's lines of figures, several in one where it went back with CR.
	if first := text[0]; first >= '0' && first <= '9' || bytes.HasPrefix(text, []byte("--")) {
		var f [14][]byte
		if n := words(text, f[:]); bytes.Contains(text, []byte(":--:--")) || c.advice && n >= 4 && n <= 13 {
			return true
		}
	}
	if len(bytes.Trim(text, "-=_*")) == 0 && (c.command.known || len(c.pending) > 0) { // a rule in a template
		return true
	}
	if c.verbose.body {
		c.verbose.behind = false
	}
	return c.verbose.body
}

// transfer returns the transfer that a line belongs to: the last one if fits
// says so, else a new one.
func (c *curlText) transfer(at place, fits func(*Event) bool) *Event {
	if n := len(c.pending); n > 0 && fits(&c.pending[n-1]) {
		c.pending[n-1].reach(at)
		return &c.pending[n-1]
	}
	e := begin(ClientHTTP, at)
	e.Process, e.Means = "curl", ClientEnd
	e.Timing = noTiming()
	c.pending = append(c.pending, e)
	c.verbose.current = false
	return &c.pending[len(c.pending)-1]
}

// noTiming is a Timing of which nothing is stated.
func noTiming() *Timing {
	return &Timing{NameLookup: -1, Connect: -1, AppConnect: -1, PreTransfer: -1, StartTransfer: -1, Redirect: -1, Total: -1, Exit: -1}
}

// figures adds what -w printed to the transfer it is of.
func (c *curlText) figures(t *Timing, e Event, at place) {
	if v := &c.verbose; v.several && v.current { // whose figures they are is not told
		c.pending = c.pending[:v.first+1]
		c.pending[v.first].Path, v.several = "", false
	}
	to := c.transfer(at, func(last *Event) bool {
		return c.verbose.current && last.Timing.Total < 0 && last.Timing.StartTransfer < 0
	})
	was := to.Timing
	if !t.Remote.IsValid() {
		t.Remote = was.Remote
	}
	if t.Status == 0 {
		t.Status = was.Status
	}
	if t.URL == "" {
		t.URL = was.URL
	}
	t.Reused, t.Stream = t.Reused || was.Reused, was.Stream
	to.Timing = t
	c.told = true
	if e.Body >= 0 {
		to.Body = e.Body
	}
	if e.Received >= 0 {
		to.Received = e.Received
	}
	if e.Proto != "" {
		to.Proto = e.Proto
	}
	if e.Method != "" {
		to.Method = e.Method
	}
	c.verbose.current, c.verbose.body = false, false
	c.verbose.done = true
}

// failure reads "28) Operation timed out …" after "curl: (".
func (c *curlText) failure(rest []byte, at place) bool {
	number, text, ok := cutAt(rest, ')')
	code, good := integer(number)
	if !ok || !good || code < 1 || code > 255 {
		return false
	}
	e := c.transfer(at, func(last *Event) bool { return last.Timing.Error == "" && last.Timing.Exit <= 0 })
	e.Timing.Exit, e.Timing.Error = int(code), string(bytes.TrimSpace(text))
	c.told = true
	c.advice = false
	return true
}

// exit notes the code the shell saw: that of the last transfer, and of the
// others only what their own lines say.
func (c *curlText) exit(code int) {
	if n := len(c.pending); n > 0 {
		last := c.pending[n-1].Timing
		if last.Exit < 0 && (code == 0 || n == 1 || last.Status == 0) {
			last.Exit = code
		}
		return
	}
	if code != 0 && c.command.known { // curl -s: no line at all
		e := begin(ClientHTTP, c.command.at)
		e.Process, e.Means, e.Timing = "curl", ClientEnd, noTiming()
		e.Timing.Exit = code
		c.pending = append(c.pending, e)
	}
}

func (c *curlText) flush(out *outbox) {
	for i := range c.pending {
		out.put(c.complete(i))
	}
	c.pending = c.pending[:0]
	c.command = curlCommand{template: c.given}
	c.verbose = curlVerbose{}
	c.advice = false
}

func (c *curlText) end(out *outbox) { c.flush(out) }

// complete tells, once the command is over, what its zeros mean and which of
// its URLs a transfer fetched.
func (c *curlText) complete(i int) Event {
	e := c.pending[i]
	t := e.Timing
	answered := t.StartTransfer > 0 || t.Status > 0
	// A zero stands for a connection that was there already, and for one that
	// never came to be, a failed handshake's included.
	switch {
	case t.Connect == 0 && answered:
		t.Reused = true
	case t.Connect == 0:
		t.Connect = -1
		if t.NameLookup == 0 {
			t.NameLookup = -1
		}
	}
	if t.AppConnect == 0 && !t.Reused {
		t.AppConnect = -1
	}
	for _, d := range []*time.Duration{&t.PreTransfer, &t.StartTransfer} {
		if *d == 0 && !answered {
			*d = -1
		}
	}
	if t.Redirect == 0 {
		t.Redirect = -1
	}
	if t.URL == "" {
		t.URL = c.command.urlOf(i, len(c.pending))
	}
	target := t.URL
	if target == "" && e.Name == "" {
		e.Name = c.command.host()
	}
	if u, err := url.Parse(target); err == nil && target != "" {
		e.Name = lowerName([]byte(u.Hostname()))
		e.Path = u.RequestURI()
	}
	if e.Method == "" {
		e.Method = c.command.method
	}
	e.Status, e.Client, e.Server = t.Status, t.Local, t.Remote
	switch {
	case t.Error != "" || t.Exit > 0:
		e.Outcome = "failed"
	case answered:
		e.Outcome = "ok"
	}
	if e.Text == "" {
		e.Text = t.Error
	}
	return e
}

// socket joins an address and a port as curl's variables give them; a port of
// zero, of a connection that never was, leaves it invalid.
func socket(ip, number string) netip.AddrPort {
	a, ok := address([]byte(ip))
	p, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || p == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}
