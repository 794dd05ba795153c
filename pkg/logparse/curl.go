package logparse

import (
	"bytes"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
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
				return scoreTranscript(head, 96, c)
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
	t.Reused = t.Reused || was.Reused
	to.Timing = t
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

// curlCommand is what a prompt tells of a run.
type curlCommand struct {
	known    bool
	at       place
	urls     []string
	method   string
	parallel bool
	glob     bool
	template *curlTemplate
}

// urlOf is the URL of the i-th of n transfers, "" where it is not certain.
func (c *curlCommand) urlOf(i, n int) string {
	switch {
	case len(c.urls) == 1 && n == 1:
		return c.urls[0]
	case c.parallel || c.glob || n > len(c.urls) || i >= len(c.urls):
		return ""
	}
	return c.urls[i]
}

// host is the host of all URLs, "" if they differ.
func (c *curlCommand) host() string {
	name := ""
	for i, s := range c.urls {
		u, err := url.Parse(s)
		if err != nil || i > 0 && lowerName([]byte(u.Hostname())) != name {
			return ""
		}
		name = lowerName([]byte(u.Hostname()))
	}
	return name
}

// curlWithArgument are the options that take a word. Others take none, and
// what is left is a URL.
var curlWithArgument = map[string]bool{
	"-A": true, "-b": true, "-c": true, "-C": true, "-d": true, "-D": true, "-e": true, "-E": true, "-F": true, "-h": true, "-H": true, "-K": true, "-m": true, "-o": true,
	"-P": true, "-Q": true, "-r": true, "-t": true, "-T": true, "-u": true, "-U": true, "-w": true, "-x": true, "-X": true, "-y": true, "-Y": true, "-z": true,
	"--alt-svc": true, "--aws-sigv4": true, "--cacert": true, "--capath": true, "--cert": true, "--cert-type": true, "--ciphers": true, "--config": true,
	"--connect-timeout": true, "--connect-to": true, "--continue-at": true, "--cookie": true, "--cookie-jar": true, "--curves": true, "--data": true,
	"--data-ascii": true, "--data-binary": true, "--data-raw": true, "--data-urlencode": true, "--dns-interface": true, "--dns-ipv4-addr": true,
	"--dns-servers": true, "--doh-url": true, "--dump-header": true, "--expect100-timeout": true, "--form": true, "--form-string": true,
	"--happy-eyeballs-timeout-ms": true, "--header": true, "--interface": true, "--json": true, "--keepalive-time": true, "--key": true, "--key-type": true,
	"--limit-rate": true, "--local-port": true, "--max-filesize": true, "--max-redirs": true, "--max-time": true, "--netrc-file": true, "--noproxy": true,
	"--output": true, "--output-dir": true, "--parallel-max": true, "--pass": true, "--pinnedpubkey": true, "--preproxy": true, "--proto": true, "--proxy": true,
	"--proxy-header": true, "--proxy-user": true, "--range": true, "--rate": true, "--referer": true, "--request": true, "--request-target": true,
	"--resolve": true, "--retry": true, "--retry-delay": true, "--retry-max-time": true, "--socks4": true, "--socks5": true, "--socks5-hostname": true,
	"--speed-limit": true, "--speed-time": true, "--stderr": true, "--tls-max": true, "--tls13-ciphers": true, "--trace": true, "--trace-ascii": true,
	"--unix-socket": true, "--upload-file": true, "--url": true, "--url-query": true, "--user": true, "--user-agent": true, "--variable": true, "--write-out": true,
}

// readCurlCommand reads the words after "curl".
func readCurlCommand(args []string) curlCommand {
	c := curlCommand{method: "GET"}
	explicit, noGlob := false, false
	for i := 0; i < len(args); i++ {
		a := args[i]
		option, value := a, ""
		switch {
		case a == "|" || a == ">" || a == ">>" || a == "&&" || a == ";" || strings.HasPrefix(a, "2>"):
			i = len(args)
			continue
		case len(a) > 2 && a[0] == '-' && a[1] != '-': // -sSo/dev/null
			option = ""
			for k := 1; k < len(a) && option == ""; k++ {
				letter := "-" + a[k:k+1]
				if curlWithArgument[letter] {
					option, value = letter, a[k+1:]
				} else {
					c.flag(letter, &explicit, &noGlob)
				}
			}
			if option == "" {
				continue
			}
		case len(a) < 2 || a[0] != '-':
			c.address(a)
			continue
		}
		if !curlWithArgument[option] {
			c.flag(option, &explicit, &noGlob)
			continue
		}
		if value == "" && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch option {
		case "-w", "--write-out":
			if !strings.HasPrefix(value, "@") {
				c.template = compileCurlTemplate(value)
			}
		case "-X", "--request":
			c.method, explicit = value, true
		case "-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "-F", "--form", "--json":
			if !explicit {
				c.method = "POST"
			}
		case "-T", "--upload-file":
			if !explicit {
				c.method = "PUT"
			}
		case "--url":
			c.address(value)
		}
	}
	if noGlob {
		c.glob = false
	}
	return c
}

func (c *curlCommand) flag(option string, explicit, noGlob *bool) {
	switch option {
	case "-I", "--head":
		if !*explicit {
			c.method = "HEAD"
		}
	case "-Z", "--parallel":
		c.parallel = true
	case "-g", "--globoff":
		*noGlob = true
	}
}

func (c *curlCommand) address(a string) {
	if !strings.Contains(a, "://") {
		a = "http://" + a
	}
	if rest := a[strings.Index(a, "://")+3:]; strings.ContainsAny(rest, "{}") || strings.Contains(rest, "-") && strings.LastIndexByte(rest, '[') > 0 {
		c.glob = true // [1-9], {a,b}; an IPv6 address begins with its bracket
	}
	if len(c.urls) < maxPending {
		c.urls = append(c.urls, a)
	}
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
