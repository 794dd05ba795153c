package logparse

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// curlVerbose reads what -v and --trace-ascii print.
//
// The time of day of --trace-time has no date and no zone. curl takes its
// fraction of a second from the monotonic clock and its seconds from the other
// (measured with 7.88), so it is off by a constant of less than a second
// either way; the times between its lines are right.
type curlVerbose struct {
	current bool  // the last transfer pending is the one it tells of
	done    bool  // that transfer's answer is complete, or its connection gone
	body    bool  // lines that are none of its own are the answer's body
	behind  bool  // no line of the body has come: it may stand behind all else, where both outputs of curl went into one file
	asked   bool  // its request has begun, and no answer
	stream  int64 // of HTTP/2, the next request's; 0: not told
	several bool  // requests were sent side by side: whose an answer is, is not told
	first   int   // of those, in pending
	dump    byte  // '>' or '<' while the octets of --trace-ascii are those of a header
	last    int64 // ns of the day, the last stamp; later days count on
	days    int64
}

const dayNS = 86400 * int64(time.Second)

// line takes a line that begins with one of curl's marks. It returns false for
// others.
func (v *curlVerbose) line(line []byte, at place, c *curlText) bool {
	rest, ns, stamped := timeOfDay(line[meter(line):])
	if len(rest) > 2 && rest[0] == '[' { // --trace-ids: "[0-0] "
		if inner, after, ok := bytes.Cut(rest[1:], []byte("] ")); ok && len(inner) < 24 && bytes.Trim(inner, "0123456789-x") == nil {
			rest = after
		}
	}
	mark, text, ok := v.marked(rest, stamped)
	if !ok {
		return false
	}
	if stamped {
		if ns+v.days*dayNS < v.last-dayNS/2 {
			v.days++
		}
		ns += v.days * dayNS
		v.last = ns
	}
	if v.starts(mark, text) || !v.current {
		c.transfer(at, func(*Event) bool { return false })
		v.current, v.done, v.body, v.asked, v.several = true, false, false, false, false
	} else if mark == '>' && v.asked && asksLine(text) {
		v.beside(at, c)
	}
	c.told = c.told || stamped || tells(mark, text)
	e := &c.pending[len(c.pending)-1]
	e.reach(at)
	if stamped && !e.NoDate {
		e.NoDate, e.Time, e.Width, e.Slack, e.Zone, e.Means = true, ns, time.Microsecond, time.Second, ZoneUnknown, ClientStart
	}
	switch mark {
	case '*':
		v.info(text, e, ns, stamped)
	case '>':
		v.sent(text, e, ns, stamped)
	case '<':
		if v.several {
			break
		}
		v.received(text, e, ns, stamped)
	case '{':
		if v.body && stamped {
			e.mark("http.receive", ns) // so far: it moves on with each piece
		}
	}
	return true
}

// beside begins the transfer of a request that is sent while another one waits for
// its answer (curl -Z). Of both is known what was asked and when, and no more: the
// lines before are of any connection, those behind of any answer.
func (v *curlVerbose) beside(at place, c *curlText) {
	last := &c.pending[len(c.pending)-1]
	if !v.several {
		v.several, v.first = true, len(c.pending)-1
	}
	last.Marks = slices.DeleteFunc(last.Marks, func(m Mark) bool { return m.Name != "http.send" })
	if len(last.Marks) > 0 {
		last.Time = last.Marks[0].Time % dayNS // as of the others: when it was sent
	}
	last.Timing.Local = netip.AddrPort{}
	remote, name := last.Timing.Remote, last.Name
	e := c.transfer(at, func(*Event) bool { return false })
	e.Timing.Remote, e.Name = remote, name
	v.current = true
}

// asksLine tells the first line of a request's head.
func asksLine(text []byte) bool {
	var f [3][]byte
	return words(text, f[:]) == 3 && bytes.HasPrefix(f[2], []byte("HTTP/"))
}

// meter is how long the progress meter is that stands before a line of -v; it
// ends without one of its own.
func meter(line []byte) int {
	i := bytes.IndexByte(line, '*')
	if i < 0 || !bytes.Contains(line[:i], []byte("--:--:--")) || len(bytes.Trim(line[:i], "0123456789 .:-kMG\r")) > 0 {
		return 0
	}
	return i
}

// timeOfDay reads "10:53:13.064099 " at the start of a line: ns since
// midnight.
func timeOfDay(line []byte) (rest []byte, ns int64, ok bool) {
	hour, min, sec, frac, _, n := clock(line)
	if n == 0 || n >= len(line) || line[n] != ' ' || hour > 23 || min > 59 || sec > 60 {
		return line, 0, false
	}
	return line[n+1:], int64(hour*3600+min*60+sec)*1e9 + frac, true
}

// marked splits a line into its mark and its text.
func (v *curlVerbose) marked(b []byte, stamped bool) (mark byte, text []byte, ok bool) {
	switch {
	case bytes.HasPrefix(b, []byte("== Info: ")):
		v.dump = 0
		return '*', b[len("== Info: "):], true
	case bytes.HasPrefix(b, []byte("=> Send ")):
		v.dump = 0
		if bytes.HasPrefix(b, []byte("=> Send header")) {
			v.dump = '>'
		}
		return '}', b, true
	case bytes.HasPrefix(b, []byte("<= Recv ")):
		v.dump = 0
		if bytes.HasPrefix(b, []byte("<= Recv header")) {
			v.dump = '<'
		}
		return '{', b, true
	case len(b) >= 6 && b[4] == ':' && b[5] == ' ' && v.current && hexOffset(b[:4]):
		if v.dump != 0 {
			return v.dump, b[6:], true
		}
		return '}', b, true
	case len(b) == 1 && (b[0] == '>' || b[0] == '<' || b[0] == '*'):
		return b[0], nil, true
	case len(b) < 2 || b[1] != ' ':
		return 0, nil, false
	}
	switch b[0] {
	case '*', '>', '<':
		return b[0], b[2:], true
	case '{', '}':
		if stamped || bytes.HasSuffix(b, []byte(" bytes data]")) {
			return b[0], b[2:], true
		}
	}
	return 0, nil, false
}

func hexOffset(b []byte) bool {
	_, ok := hex(b)
	return ok
}

// starts tells a line that begins another transfer.
func (v *curlVerbose) starts(mark byte, text []byte) bool {
	if !v.current || !v.done || mark != '*' {
		return false
	}
	return beginsWith(bytes.TrimLeft(text, " "), curlStarts)
}

// curlStarts are the beginnings of lines that a transfer begins with.
var curlStarts = []string{"Trying ", "Found bundle for host", "Re-using existing ", "Hostname ", "Host ", "Could not resolve host", "Uses proxy env variable", "Added ", "Resolving host"}

func beginsWith(text []byte, any []string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return bytes.HasPrefix(text, []byte(s)) })
}

// tells tells whether no list or quotation of another text has such a line.
func tells(mark byte, text []byte) bool {
	switch text = bytes.TrimLeft(text, " "); mark {
	case '>':
		return asksLine(text)
	case '<':
		return bytes.HasPrefix(text, []byte("HTTP/"))
	case '*':
		return bytes.HasPrefix(text, []byte("Trying ")) && (bytes.HasSuffix(text, []byte("...")) || bytes.IndexByte(text, ':') > 0) ||
			bytes.HasPrefix(text, []byte("Connected to ")) || bytes.HasPrefix(text, []byte("Established connection to ")) ||
			bytes.HasPrefix(text, []byte("Could not resolve host")) || bytes.HasPrefix(text, []byte("Closing connection")) ||
			bytes.HasPrefix(text, []byte("Host ")) && bytes.HasSuffix(text, []byte(" was resolved.")) ||
			bytes.HasPrefix(text, []byte("Connection #")) && bytes.Contains(text, []byte("left intact"))
	}
	return false
}

// mark notes the instant a phase ended, the last one if it comes again.
func (e *Event) mark(name string, ns int64) {
	const most = 64
	for i := range e.Marks {
		if e.Marks[i].Name == name {
			e.Marks[i].Time = ns
			return
		}
	}
	if len(e.Marks) < most {
		e.Marks = append(e.Marks, Mark{name, ns})
	}
}

// curlTroubles are the beginnings of lines that say what went wrong.
var curlTroubles = []string{
	"Could not resolve host", "SSL certificate problem", "SSL: ", "Operation timed out", "Connection timed out", "Resolving timed out", "connect to ",
	"Failed to connect", "Recv failure", "Send failure", "Empty reply from server", "OpenSSL", "OpenSSL/", "GnuTLS, ", "SSL_connect", "TLS connect error",
	"Connection reset", "HTTP/2 stream", "transfer closed", "Immediate connect fail", "SSL connection timeout", "Received HTTP code",
}

func (v *curlVerbose) info(text []byte, e *Event, ns int64, stamped bool) {
	t := e.Timing
	text = bytes.TrimLeft(text, " ")
	note := func(name string) {
		if stamped && !v.several {
			e.mark(name, ns)
		}
	}
	switch {
	case bytes.HasPrefix(text, []byte("Host ")) && bytes.HasSuffix(text, []byte(" was resolved.")):
		note("dns.lookup")
	case bytes.HasPrefix(text, []byte("Connected to ")), bytes.HasPrefix(text, []byte("Established connection to ")):
		note("tcp.connect")
		if a, ok := curlPeer(text); ok {
			t.Remote = a
		}
		if name, _, ok := bytes.Cut(text[bytes.Index(text, []byte("to "))+3:], []byte(" (")); ok && e.Name == "" {
			e.Name = strings.Clone(lowerName(name))
		}
		if _, from, ok := bytes.Cut(text, []byte(" from ")); ok {
			var f [4][]byte
			if words(from, f[:]) >= 3 && string(f[1]) == "port" {
				t.Local = socket(string(f[0]), string(f[2]))
			}
		}
	case bytes.HasPrefix(text, []byte("Re-using existing ")):
		t.Reused = true
	case bytes.HasPrefix(text, []byte("Using Stream ID: ")):
		var f [1][]byte
		if words(text[len("Using Stream ID: "):], f[:]) > 0 {
			v.stream, _ = integer(f[0])
		}
	case bytes.HasPrefix(text, []byte("[HTTP/2] [")) && bytes.Contains(text, []byte("] OPENED stream ")):
		n, _, _ := cutAt(text[len("[HTTP/2] ["):], ']')
		v.stream, _ = integer(n)
	case bytes.HasPrefix(text, []byte("SSL connection using ")):
		note("tls.handshake")
	case bytes.HasPrefix(text, []byte("Connection #")) && bytes.Contains(text, []byte("left intact")):
		note("http.receive")
		v.done, v.body = true, v.behind
	case bytes.HasPrefix(text, []byte("Closing connection")), bytes.HasPrefix(text, []byte("closing connection")):
		v.done, v.body = true, false
		note("closed")
	case bytes.HasPrefix(text, []byte("Issue another request to this URL")):
		v.done, v.body = false, false
	default:
		if beginsWith(text, curlTroubles) && !bytes.HasPrefix(text, []byte("SSL: certificate verif")) {
			e.Text = string(text)
			note("failed")
		}
	}
}

// curlPeer reads "NAME (10.20.0.10) port 443" and "NAME (10.20.0.10 port 443)".
func curlPeer(text []byte) (netip.AddrPort, bool) {
	_, rest, ok := cutAt(text, '(')
	if !ok {
		return netip.AddrPort{}, false
	}
	var f [4][]byte
	n := words(bytes.ReplaceAll(rest, []byte(")"), nil), f[:])
	if n < 3 || string(f[1]) != "port" {
		return netip.AddrPort{}, false
	}
	s := socket(string(f[0]), string(f[2]))
	return s, s.IsValid()
}

// sent reads a line of a request's head.
func (v *curlVerbose) sent(text []byte, e *Event, ns int64, stamped bool) {
	var f [3][]byte
	if words(text, f[:]) == 3 && bytes.HasPrefix(f[2], []byte("HTTP/")) {
		e.Method, e.Path, e.Proto = string(f[0]), string(f[1]), string(f[2])
		v.body, v.asked = false, true
		if v.stream > 0 {
			e.Timing.Stream, e.Timing.Reused, v.stream = v.stream, v.stream > 1, 0
		}
	}
	if host, ok := bytes.CutPrefix(text, []byte("Host: ")); ok {
		name, _, _ := cutAt(host, ':')
		e.Name = strings.Clone(lowerName(name))
	}
	if stamped {
		e.mark("http.send", ns)
	}
}

// received reads a line of an answer's head.
func (v *curlVerbose) received(text []byte, e *Event, ns int64, stamped bool) {
	v.asked = false
	if bytes.HasPrefix(text, []byte("HTTP/")) {
		var f [3][]byte
		if n := words(text, f[:]); n >= 2 {
			if code, ok := integer(f[1]); ok && code >= 100 && code < 1000 {
				e.Timing.Status = int(code)
			}
		}
		if stamped {
			e.mark("http.wait", ns)
		}
		v.behind = true
	}
	v.body = true
}
