package pcapflow

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// oneListener hands out one connection and then waits to be closed.
type oneListener struct {
	conn chan net.Conn
	done chan struct{}
}

func (l *oneListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneListener) Close() error   { return nil }
func (l *oneListener) Addr() net.Addr { return &net.TCPAddr{} }

// http2Talk lets net/http's client and server speak HTTP/2 over TLS on one
// connection and returns what passed with the key log.
func http2Talk(t testing.TB, handler http.Handler, use func(*http.Client)) ([]piece, *KeyLog) {
	t.Helper()
	var r recorder
	a, b := bufferedPipe()
	l := &oneListener{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conn <- &recordedConn{b, Server, &r}
	cert := testCertificates().ecdsa
	server := &http.Server{Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	go server.ServeTLS(l, "", "")
	var log lockedBuffer
	transport := &http.Transport{
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return &recordedConn{a, Client, &r}, nil
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &log},
	}
	use(&http.Client{Transport: transport})
	transport.CloseIdleConnections()
	close(l.done)
	server.Close()
	keys := &KeyLog{}
	if _, err := keys.Add([]byte(log.String())); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]piece(nil), r.pieces...), keys
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestHTTP2 compares the streams read from a decrypted connection with what
// net/http's client and server did.
func TestHTTP2(t *testing.T) {
	sizes := []int{0, 1, 100, 16_384, 70_000, 300_000}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("X-Got", strconv.Itoa(len(body)))
		w.WriteHeader(200 + n%7)
		io.WriteString(w, strings.Repeat("z", n))
	})
	type sent struct{ method, path string }
	want := map[sent]struct{ status, body, upload int }{}
	var mu sync.Mutex
	pieces, keys := http2Talk(t, handler, func(c *http.Client) {
		do := func(i int) {
			n := sizes[i%len(sizes)] + i
			s := sent{"GET", fmt.Sprintf("/item/%d?n=%d", i, n)}
			upload := 0
			if i%3 == 0 {
				s.method, upload = "POST", 10*i*i
			}
			req, _ := http.NewRequest(s.method, "https://server.example"+s.path, strings.NewReader(strings.Repeat("u", upload)))
			resp, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			mu.Lock()
			want[s] = struct{ status, body, upload int }{resp.StatusCode, len(b), upload}
			mu.Unlock()
		}
		do(0)
		var wg sync.WaitGroup
		for i := 1; i < 40; i++ {
			wg.Add(1)
			go func() { defer wg.Done(); do(i) }()
		}
		wg.Wait()
		do(40)
	})
	f := follow(tlsDissector, keys, pieces)
	if f.TLS.ALPN != "h2" || !f.TLS.Decrypted || len(f.Notes) > 0 {
		t.Fatalf("%+v, notes %q", f.TLS, f.Notes)
	}
	if len(f.HTTP) != len(want) {
		t.Errorf("%d exchanges, want %d", len(f.HTTP), len(want))
	}
	for _, e := range f.HTTP {
		w, ok := want[sent{e.Method, e.Path}]
		if !ok || e.Status != w.status || e.BodyBytes != int64(w.body) || e.Host != "server.example" || e.Truncated || e.Date == 0 ||
			e.RequestBytes < int64(w.upload) || e.ResponseBytes < int64(w.body) || e.Version != "HTTP/2" || !e.Exact {
			t.Errorf("%+v, want %+v", e, w)
		}
		if e.RequestFirst.Time > e.RequestLast.Time || e.RequestLast.Time >= e.ResponseLast.Time || e.ResponseFirst.Time > e.ResponseLast.Time {
			t.Errorf("order of instants: %+v", e)
		}
	}
	if got := follow(tlsDissector, keys, recut(pieces, 37)); !reflect.DeepEqual(got.HTTP, f.HTTP) {
		t.Error("cutting changes the result")
	}
}

// TestHTTP2ServerFirst: a server that speaks HTTP/2 alone may send its SETTINGS
// before the client's preface comes.
func TestHTTP2ServerFirst(t *testing.T) {
	const settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"
	const request = "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x84\x86" // GET, /, http
	p := pieces(server(settings), client(http2Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), client(request),
		server("\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88")) // 200
	want := "1 HTTP/2 GET / 200 3-3/4-4 12/10/0/0 exact\n"
	for _, n := range []int{1 << 10, 1, 2, 3, 8, 9} {
		f := follow(httpDissector, nil, recut(p, n))
		if got := brief(f.HTTP); got != want || len(f.Notes) > 0 {
			t.Errorf("cut into pieces of %d bytes: %swant %s%q", n, got, want, f.Notes)
		}
	}
}

// TestHTTP2WithoutKeys: requests one after the other are told apart by record
// lengths alone, with the bytes that decryption finds.
func TestHTTP2WithoutKeys(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("z", 5000))
	})
	pieces, keys := http2Talk(t, handler, func(c *http.Client) {
		for i := range 5 {
			resp, err := c.Get(fmt.Sprintf("https://server.example/item/%d", i))
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			time.Sleep(2 * time.Millisecond) // let window updates pass
		}
	})
	exact, f := follow(tlsDissector, keys, pieces), follow(tlsDissector, nil, pieces)
	if f.TLS.ALPN != "h2" || len(f.HTTP) != 5 || len(exact.HTTP) != 5 {
		t.Fatalf("%+v\n%s\n%s", f.TLS, brief(f.HTTP), brief(exact.HTTP))
	}
	for i, e := range f.HTTP {
		x := exact.HTTP[i]
		if e.RequestFirst != x.RequestFirst || e.ResponseFirst != x.ResponseFirst || e.ResponseLast != x.ResponseLast {
			t.Errorf("%d: without keys %s with keys %s", i, brief(f.HTTP[i:i+1]), brief(exact.HTTP[i:i+1]))
		}
	}
}

// TestHTTP2Reset: a client that gives up.
func TestHTTP2Reset(t *testing.T) {
	gone := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	pieces, keys := http2Talk(t, handler, func(c *http.Client) {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://server.example/slow", nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, 5))
		cancel()
		resp.Body.Close()
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			t.Error("the server did not hear of it")
		}
	})
	f := follow(tlsDissector, keys, pieces)
	if len(f.HTTP) != 1 || !f.HTTP[0].Reset || f.HTTP[0].ResetCode != "CANCEL" || !f.HTTP[0].Truncated || f.HTTP[0].Aborted != Client || f.HTTP[0].BodyBytes != 5 {
		t.Errorf("%+v", f.HTTP)
	}
}

// TestGoodbyeIsNoRequest: a client that says GOAWAY with a text and closes made one
// request, with keys and without.
func TestGoodbyeIsNoRequest(t *testing.T) {
	told := 0 // by those that say it before they close
	defer func() {
		if told != 2 {
			t.Errorf("GOAWAY read in %d connections", told)
		}
	}()
	for _, keys := range []string{"", "goodbye.keys"} {
		r := recorded(t, "goodbye.pcap", keys)
		if len(r.Flows) != 3 {
			t.Fatalf("%d connections", len(r.Flows))
		}
		for _, f := range r.Flows {
			if len(f.HTTP) != 1 || !f.HTTP[0].ResponseFirst.Seen() || f.HTTP[0].Version != "HTTP/2" {
				t.Errorf("keys %q, port %d: %+v", keys, f.Client.Port(), f.HTTP)
			}
			if g := f.Away[Client]; g != nil {
				if told++; g.Code != "NO_ERROR" || !g.Seen() {
					t.Errorf("keys %q, port %d: GOAWAY %+v", keys, f.Client.Port(), g)
				}
			}
		}
	}
}
