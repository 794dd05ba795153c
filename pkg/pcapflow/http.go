package pcapflow

import (
	"bytes"
	"slices"
)

// httpDissector follows clear HTTP/1.0, HTTP/1.1 and HTTP/2 with prior
// knowledge or by upgrade.
var httpDissector = &Dissector{
	Name:      "http",
	Transport: TCP,
	Probe:     probeHTTP,
	Open:      openHTTP,
}

// httpPorts are those where a client that speaks something else may still be
// answered in HTTP; there the server's bytes are waited for.
var httpPorts = []uint16{80, 443, 3000, 3128, 5000, 8000, 8008, 8080, 8081, 8443, 8888, 9000}

// probeHTTP asks for a request line or a status line.
func probeHTTP(first [2][]byte, port uint16) Verdict {
	client, server := first[Client], first[Server]
	if bytes.HasPrefix(server, []byte("HTTP/1.")) {
		return Yes
	}
	v := probeRequest(client)
	if v == Yes && port == portSSH { // a stray request to an SSH server is SSH's to tell
		if len(server) == 0 {
			return Maybe
		}
		return No
	}
	if v == No && len(server) == 0 && slices.Contains(httpPorts, port) {
		return Maybe
	}
	return v
}

// probeRequest judges the first bytes of a client: a method, a target, and
// where the line is complete a version (RFC 9112 §3).
func probeRequest(b []byte) Verdict {
	b = bytes.TrimLeft(b, "\r\n")
	space := bytes.IndexByte(b, ' ')
	method := b
	if space >= 0 {
		method = b[:space]
	}
	if len(method) > 24 || bytes.IndexFunc(method, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' && r != '_' }) >= 0 {
		return No
	}
	if space < 0 {
		return Maybe
	}
	if space == 0 {
		return No
	}
	line, _, whole := bytes.Cut(b, []byte("\n"))
	if whole {
		if i := bytes.LastIndexByte(line, ' '); i > space && bytes.HasPrefix(line[i+1:], []byte("HTTP/")) || isSimpleRequest(line) {
			return Yes
		}
		return No
	}
	if slices.Contains(knownMethods, string(method)) && len(b) > space+1 && bytes.IndexByte([]byte("/*hH"), b[space+1]) >= 0 {
		if len(b) < 64 {
			return Maybe // the version may come yet: SIP and RTSP begin alike
		}
		return Yes
	}
	return Maybe
}

// isSimpleRequest recognises HTTP/0.9: a GET without a version.
func isSimpleRequest(line []byte) bool {
	target, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n "), []byte("GET /"))
	return ok && bytes.IndexByte(target, ' ') < 0
}

var knownMethods = []string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND", "REPORT", "SEARCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PRI"}

// httpStream is one connection of clear HTTP.
type httpStream struct {
	f     *Flow
	env   *Env
	h1    *http1
	h2    *http2 // after an upgrade, or from the start
	inner Stream // what a CONNECT tunnel carries

	chosen  bool // between HTTP/1 and HTTP/2
	nStart  int  // bytes of the client's that may be HTTP/2's preface
	startAt Stamp

	answer   [9]byte // the server's first bytes, while they may be a TLS alert or HTTP/2
	nAnswer  int
	answerAt Stamp
	heard    bool // the server's first bytes have been judged
}

func openHTTP(f *Flow, env *Env) Stream {
	s := take(&env.pools.http)
	if s == nil {
		s = &httpStream{h1: newHTTP1(f)}
	}
	s.f, s.env = f, env
	s.h1.f, s.h1.env = f, env
	return s
}

// reuse implements reusable.
func (s *httpStream) reuse(env *Env) {
	if inner, ok := s.inner.(reusable); ok {
		inner.reuse(env)
	}
	h := s.h1
	for d := range h.side {
		side := &h.side[d]
		*side = http1Side{}
		side.message.reset()
	}
	env.pools.asked.giveBack(h.list)
	*h = http1{side: h.side}
	*s = httpStream{h1: h}
	layBy(&env.pools.http, s)
}

// Data implements Stream.
func (s *httpStream) Data(d Dir, at Stamp, b []byte) {
	if d == Server && !s.heard {
		if b = s.firstAnswer(at, b); len(b) == 0 {
			return
		}
	}
	if !s.chosen {
		if b = s.choose(d, at, b); len(b) == 0 {
			return
		}
	}
	if s.inner == nil && s.h2 == nil {
		b = s.h1.data(d, at, at, b)
		if s.h1.tunnel == tunnelNone || len(b) == 0 {
			return
		}
		s.openInner(d, b)
	}
	switch {
	case s.inner != nil:
		s.inner.Data(d, at, b)
	case s.h2 != nil:
		s.h2.data(d, at, at, b)
	}
}

// choose tells HTTP/2's preface from a request line by the client's first
// bytes, and returns what is left to be read.
func (s *httpStream) choose(d Dir, at Stamp, b []byte) []byte {
	const start = "PRI "
	if d == Client {
		n := min(len(b), len(start)-s.nStart)
		if string(b[:n]) == start[s.nStart:s.nStart+n] {
			if s.nStart == 0 {
				s.startAt = at
			}
			s.nStart += n
			b = b[n:]
			if s.nStart == len(start) {
				s.chosen = true
				s.h2 = newHTTP2(s.f)
				s.h2.data(Client, s.startAt, at, []byte(start))
			}
			return b
		}
	}
	s.chosen = true
	if s.nStart > 0 {
		s.h1.data(Client, s.startAt, s.startAt, []byte(start[:s.nStart]))
	}
	return b
}

// openInner chooses who follows what a tunnel carries.
func (s *httpStream) openInner(d Dir, b []byte) {
	switch {
	case s.h1.tunnel == tunnelHTTP2:
		s.h2 = s.h1.upgrade()
		s.h1 = newHTTP1(s.f)
	case d == Client && probeHello(b, msgClientHello) == Yes:
		s.inner = openTLS(s.f, s.env)
	}
}

// firstAnswer judges the server's first bytes, and returns what is left. A TLS
// alert says that clear HTTP came to a port that speaks TLS; SETTINGS before the
// client has said anything come from a server that speaks HTTP/2 alone.
func (s *httpStream) firstAnswer(at Stamp, b []byte) []byte {
	if s.nAnswer == 0 && (len(b) == 0 || b[0] != recordAlert && (b[0] != 0 || s.chosen)) {
		s.heard = true
		return b
	}
	if s.nAnswer == 0 {
		s.answerAt = at
	}
	const alertBytes = 7
	whole := len(s.answer)
	if s.nAnswer == 0 && b[0] == recordAlert || s.answer[0] == recordAlert {
		whole = alertBytes
	}
	n := copy(s.answer[s.nAnswer:whole], b)
	s.nAnswer += n
	if s.nAnswer < whole {
		return nil
	}
	s.heard = true
	switch a := s.answer[:whole]; {
	case whole == alertBytes && plausibleHeader(a) && a[4] == 2:
		s.f.TLS = &TLS{ClearRequest: true, Alerts: []Alert{{
			Stamp: at, Dir: Server, Fatal: a[5] == 2, Code: int(a[6]), Description: alertName(int(a[6])),
		}}}
		s.h1.side[Server].state = http1Lost
	case whole == len(s.answer) && isSettingsFrame(a) && !s.chosen && s.nStart == 0:
		s.chosen = true
		s.h2 = newHTTP2(s.f)
		s.h2.data(Server, s.answerAt, at, a)
	case whole == len(s.answer):
		if !s.chosen {
			s.choose(Server, at, nil)
		}
		s.h1.data(Server, s.answerAt, at, a)
	}
	return b[n:]
}

// isSettingsFrame tells the header of a SETTINGS frame (RFC 9113 §6.5).
func isSettingsFrame(b []byte) bool {
	const settings, entry, most = 4, 6, 64
	n := int(b[1])<<8 | int(b[2])
	return b[0] == 0 && n%entry == 0 && n <= most*entry && b[3] == settings && b[4] == 0 && [4]byte(b[5:9]) == [4]byte{}
}

// Gap implements Stream.
func (s *httpStream) Gap(d Dir, at Stamp, n int64) {
	s.chosen = true
	switch {
	case s.inner != nil:
		s.inner.Gap(d, at, n)
	case s.h2 != nil:
		if !s.h2.gap(d, at, n) {
			noteOnce(s.f, "HTTP/2 framing lost where the capture lost bytes")
		}
	default:
		s.h1.gap(d, at, n)
	}
}

// Close implements Stream.
func (s *httpStream) Close(at Stamp) {
	s.h1.close()
	if s.h2 != nil {
		s.f.HTTP = append(s.f.HTTP, s.h2.finish()...)
	}
	if s.inner != nil {
		s.inner.Close(at)
		return
	}
	appendExchangePhases(s.f)
}
