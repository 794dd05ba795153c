package pcapflow

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// said is one thing one side says.
type said struct {
	dir  Dir
	text string
}

func client(text string) said { return said{Client, text} }
func server(text string) said { return said{Server, text} }

// pieces numbers what is said: a frame each, a millisecond apart.
func pieces(talk ...said) []piece {
	var out []piece
	for i, s := range talk {
		out = append(out, piece{s.dir, Stamp{Time: int64(i+1) * 1e6, Frame: i + 1}, []byte(s.text)})
	}
	return out
}

// brief writes what matters of exchanges: one a line.
func brief(list []Exchange) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%d %s %s %s%s %d %d-%d/%d-%d %d/%d/%d/%d", e.Ordinal, e.Version, e.Method, e.Host, e.Path, e.Status,
			e.RequestFirst.Frame, e.RequestLast.Frame, e.ResponseFirst.Frame, e.ResponseLast.Frame,
			e.RequestBytes, e.ResponseBytes, e.BodyBytes, e.ContentBytes)
		for _, flag := range []struct {
			on   bool
			name string
		}{{e.Exact, "exact"}, {len(e.Interim) > 0, "interim"}, {e.Truncated, "truncated"}, {e.Malformed, "malformed"}, {e.Gap, "gap"},
			{e.Reset, "reset"}, {e.PortWantsTLS, "wants-tls"}, {e.Age, "age"}, {e.Estimated, "estimated"}} {
			if flag.on {
				b.WriteString(" " + flag.name)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n" // 27 bytes

var http1Cases = []struct {
	name string
	talk []said
	want string
}{
	{"one", []said{client(get), server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-2 27/43/5/5 exact\n"},
	{"keep-alive", []said{client(get), server("HTTP/1.1 204 No Content\r\n\r\n"), client(get), server("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")},
		"1 HTTP/1.1 GET a/ 204 1-1/2-2 27/27/0/0 exact\n2 HTTP/1.1 GET a/ 304 3-3/4-4 27/48/0/0 exact\n"},
	{"pipelined", []said{client(get + get + get), server("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy"), server("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-2 27/39/1/1 exact\n2 HTTP/1.1 GET a/ 200 1-1/2-2 27/40/2/2 exact\n3 HTTP/1.1 GET a/ 404 1-1/3-3 27/38/0/0 exact\n"},
	{"chunked", []said{client(get), server("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;x=y\r\nhello\r\n"), server("3\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-3 27/92/39/8 exact\n"},
	{"head", []said{client("HEAD / HTTP/1.1\r\n\r\n"), server("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), client(get), server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 HEAD / 200 1-1/2-2 19/40/0/0 exact\n2 HTTP/1.1 GET a/ 200 3-3/4-4 27/38/0/0 exact\n"},
	{"until close", []said{client("GET / HTTP/1.0\r\n\r\n"), server("HTTP/1.0 200 OK\r\n\r\nab"), server("cd")},
		"1 HTTP/1.0 GET / 200 1-1/2-3 18/23/4/4 exact\n"},
	{"truncated", []said{client(get), server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-2 27/42/2/2 truncated\n"},
	{"post", []said{client("POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\n"), client("abc"), server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 POST /p 200 1-2/3-3 42/38/0/0 exact\n"},
	{"chunked post", []said{client("POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), client(get)},
		"1 HTTP/1.1 POST /p 200 1-1/2-2 61/38/0/0 exact\n2 HTTP/1.1 GET a/ 0 3-3/0-0 27/-1/-1/-1 exact\n"},
	{"continue", []said{client("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"), server("HTTP/1.1 100 Continue\r\n\r\n"), client("abc"), server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 POST / 201 1-3/4-4 63/43/0/0 exact interim\n"},
	{"continue refused", []said{client("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"), server("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"), client(get), server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 POST / 417 1-1/2-2 60/38/0/0 exact\n2 HTTP/1.1 GET a/ 200 3-3/4-4 27/38/0/0 exact\n"},
	{"early hints", []said{client(get), server("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-2 27/38/0/0 exact interim\n"},
	{"upgrade", []said{client("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"), client("\x81\x82abcdef")},
		"1 HTTP/1.1 GET /ws 101 1-1/2-2 61/56/0/0 exact\n"},
	{"connect", []said{client("CONNECT b:443 HTTP/1.1\r\n\r\n"), server("HTTP/1.1 200 Connection established\r\n\r\n"), client("SSH-2.0-x\r\n"), server("SSH-2.0-y\r\n")},
		"1 HTTP/1.1 CONNECT b:443 200 1-1/2-2 26/39/0/0 exact\n"},
	{"not HTTP", []said{client("HOLA\r\n"), server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")},
		"1    400 1-1/2-2 6/47/0/0 malformed\n"},
	{"clear on a TLS port", []said{client(get), server("HTTP/1.1 400 Bad Request\r\nContent-Length: 49\r\n\r\n400 The plain HTTP request was sent to HTTPS port")},
		"1 HTTP/1.1 GET a/ 400 1-1/2-2 27/97/49/49 exact wants-tls\n"},
	{"timed out", []said{client("GET / HTTP/1.1\r\nHo"), server("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 GET / 408 1-1/2-2 18/51/0/0 exact\n"},
	{"dribbled", []said{client("GE"), client("T / HT"), client("TP/1.1\r\n\r"), client("\n"), server("HTTP/1.1 20"), server("0 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 GET / 200 1-4/5-6 18/38/0/0 exact\n"},
	{"answer alone", []said{server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAge: 3\r\n\r\n")},
		"1 HTTP/1.1   200 0-0/1-1 -1/46/0/0 age\n"},
	{"0.9", []said{client("GET /\r\n"), server("<html>")},
		"1 HTTP/0.9 GET / 0 1-1/2-2 7/6/6/6\n"},
	{"bad chunk", []said{client(get), server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nmore"), client(get), server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		"1 HTTP/1.1 GET a/ 200 1-1/2-2 27/55/4/0 exact\n2 HTTP/1.1 GET a/ 200 3-3/4-4 27/38/0/0 exact\n"},
}

func TestHTTP1(t *testing.T) {
	for _, c := range http1Cases {
		t.Run(c.name, func(t *testing.T) {
			p := pieces(c.talk...)
			f := follow(httpDissector, nil, p)
			if got := brief(f.HTTP); got != c.want {
				t.Errorf("got  %swant %s", got, c.want)
			}
			if c.name == "bad chunk" { // found again at the beginning of a piece: cutting matters
				return
			}
			for _, n := range []int{1, 2, 3, 5, 11} {
				if got := follow(httpDissector, nil, recut(p, n)); !reflect.DeepEqual(got, f) {
					t.Errorf("cut into pieces of %d bytes: %s\nnotes %q, want %q", n, brief(got.HTTP), got.Notes, f.Notes)
				}
			}
		})
	}
}

// TestHTTP1Fields: what is kept of header fields, and that nothing else is.
func TestHTTP1Fields(t *testing.T) {
	f := follow(httpDissector, nil, pieces(
		client("GET /a?b HTTP/1.1\r\nHOST: Example.com\r\nCookie: secret\r\nAuthorization: Basic secret\r\ntraceparent: 00-aa-bb-01\r\n\r\n"),
		server("HTTP/1.1 302 Found\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nserver: nginx\r\nSet-Cookie: secret\r\nVia: 1.1 x\r\nX-Request-ID: r-1\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")))
	e := f.HTTP[0]
	if e.Host != "Example.com" || e.Path != "/a?b" || e.Date != 1795341600 || e.ServerName != "nginx" || !e.Age || e.RequestID != "r-1" || e.Location != "/there" {
		t.Errorf("%+v", e)
	}
	if s := fmt.Sprintf("%+v", f); strings.Contains(s, "secret") {
		t.Errorf("a secret was kept: %s", s)
	}
}

// TestHTTP1Gap: bytes missing inside a body are counted, and a lost head is
// recovered from at the next start line.
func TestHTTP1Gap(t *testing.T) {
	f := testFlow()
	s := httpDissector.Open(f, &Env{})
	at := func(n int) Stamp { return Stamp{Time: int64(n), Frame: n} }
	s.Data(Client, at(1), []byte(get))
	s.Data(Server, at(2), []byte("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
	s.Gap(Server, at(3), 990)
	s.Data(Server, at(4), []byte("0123456789"))
	s.Data(Client, at(5), []byte(get))
	s.Data(Server, at(6), []byte("HTTP/1.1 200 OK\r\nServer: ng"))
	s.Gap(Server, at(6), 500)
	s.Data(Client, at(7), []byte(get))
	s.Data(Server, at(8), []byte("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))
	s.Close(at(9))
	want := "1 HTTP/1.1 GET a/ 200 1-1/2-4 27/1041/1000/1000 exact gap\n" +
		"2 HTTP/1.1 GET a/ 200 5-5/6-6 27/527/0/0 gap\n" +
		"3 HTTP/1.1 GET a/ 404 7-7/8-8 27/38/0/0 exact\n"
	if got := brief(f.HTTP); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// TestTLSAlertToClearRequest: a port that speaks TLS answers clear HTTP by an alert.
func TestTLSAlertToClearRequest(t *testing.T) {
	for _, n := range []int{1, 3, 100} {
		f := follow(httpDissector, nil, recut(pieces(client(get), server("\x15\x03\x01\x00\x02\x02\x0a")), n))
		if f.TLS == nil || !f.TLS.ClearRequest || len(f.TLS.Alerts) != 1 || f.TLS.Alerts[0].Description != "unexpected_message" || len(f.HTTP) != 1 {
			t.Errorf("%+v %+v", f.TLS, f.HTTP)
		}
	}
}

// TestHTTPToTLSClient: a clear port answers a ClientHello by a clear 400.
func TestHTTPToTLSClient(t *testing.T) {
	hello := talk(t, clientConfig(), serverConfig(), ask(1), answer)[0]
	for _, n := range []int{1, 4, 6, 1000} {
		f := follow(tlsDissector, nil, recut([]piece{hello, {Server, Stamp{Time: 5e6, Frame: 2}, []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")}}, n))
		if f.TLS.PlainAnswer != "http" || len(f.HTTP) != 1 || f.HTTP[0].Status != 400 || f.Phases[0].Outcome != Failed {
			t.Errorf("%+v %+v %+v", f.TLS, f.HTTP, f.Phases)
		}
	}
}

// TestMalformedAnswer: what means to be a record of TLS is no clear answer.
func TestMalformedAnswer(t *testing.T) {
	hello := talk(t, clientConfig(), serverConfig(), ask(1), answer)[0]
	for text, plain := range map[string]string{"\x15\x03\x01\x40\x02\x02\x28": "", "\x15\x03\x03\x00\x00\x02": "", "hello there": "other"} {
		f := follow(tlsDissector, nil, []piece{hello, {Server, Stamp{Time: 5e6, Frame: 2}, []byte(text)}})
		if f.TLS.PlainAnswer != plain || f.Phases[0].Outcome != Failed {
			t.Errorf("%q: %q, %+v", text, f.TLS.PlainAnswer, f.Phases)
		}
	}
}
