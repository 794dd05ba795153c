package pcapflow

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

const (
	testRequest  = "GET /item/1?x=2 HTTP/1.1\r\nHost: server.example\r\nUser-Agent: test\r\nX-Request-Id: abc-1\r\n\r\n"
	testResponse = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nServer: test\r\nContent-Length: 300\r\n\r\n"
)

func testBody() string { return strings.Repeat("0123456789", 30) }

// ask sends n requests one after the other and reads the answers.
func ask(n int) func(*tls.Conn) error {
	return func(c *tls.Conn) error {
		r := bufio.NewReader(c)
		for range n {
			if _, err := io.WriteString(c, testRequest); err != nil {
				return err
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				return err
			}
		}
		return nil
	}
}

// answer reads requests and answers them until the client leaves.
func answer(c *tls.Conn) error {
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return nil
		}
		io.Copy(io.Discard, req.Body)
		if _, err := io.WriteString(c, testResponse+testBody()); err != nil {
			return err
		}
	}
}

type tlsCase struct {
	name           string
	client, server func(*tls.Config)
	version        uint16
}

func tlsCases() []tlsCase {
	var cases []tlsCase
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			fits := false
			for _, sv := range suite.SupportedVersions {
				fits = fits || sv == v
			}
			if !fits {
				continue
			}
			cases = append(cases, tlsCase{name: fmt.Sprintf("%s/%s", tls.VersionName(v), suite.Name), version: v,
				client: func(c *tls.Config) { c.MaxVersion = v; c.CipherSuites = []uint16{suite.ID} },
				server: func(c *tls.Config) { c.MaxVersion = v; c.CipherSuites = []uint16{suite.ID} }})
		}
	}
	nothing := func(*tls.Config) {}
	for _, g := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024} {
		cases = append(cases, tlsCase{name: "TLS 1.3/" + g.String(), version: tls.VersionTLS13,
			client: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{g} }, server: nothing})
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cases = append(cases, tlsCase{name: tls.VersionName(v) + "/no tickets", version: v,
			client: func(c *tls.Config) { c.MaxVersion = v }, server: func(c *tls.Config) { c.SessionTicketsDisabled = true }})
	}
	cases = append(cases, tlsCase{name: "TLS 1.3/hello retry", version: tls.VersionTLS13,
		client: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256, tls.CurveP521} },
		server: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} }})
	cases = append(cases, tlsCase{name: "TLS 1.3/client certificate", version: tls.VersionTLS13,
		client: func(c *tls.Config) { c.Certificates = []tls.Certificate{testCertificates().ecdsa} },
		server: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }})
	cases = append(cases, tlsCase{name: "TLS 1.2/client certificate", version: tls.VersionTLS12,
		client: func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.Certificates = []tls.Certificate{testCertificates().ecdsa}
		},
		server: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }})
	cases = append(cases, tlsCase{name: "TLS 1.3/ALPN", version: tls.VersionTLS13,
		client: func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} },
		server: func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }})
	return cases
}

// TestTLSNegotiation compares what is read of a connection with what
// crypto/tls says it negotiated.
func TestTLSNegotiation(t *testing.T) {
	t.Setenv("GODEBUG", "tlsrsakex=1,tls3des=1,tls10server=1")
	for _, c := range tlsCases() {
		t.Run(c.name, func(t *testing.T) {
			client, server := clientConfig(), serverConfig()
			c.client(client)
			c.server(server)
			var state tls.ConnectionState
			pieces := talk(t, client, server, func(conn *tls.Conn) error {
				err := ask(3)(conn)
				state = conn.ConnectionState()
				return err
			}, answer)
			if !state.HandshakeComplete {
				t.Skip("crypto/tls does not negotiate it")
			}
			f := follow(tlsDissector, nil, pieces)
			checkNegotiated(t, f, state)
			checkExchanges(t, f, state)
			for _, n := range []int{1, 2, 3, 7, 100, 1000} {
				if got := follow(tlsDissector, nil, recut(pieces, n)); !reflect.DeepEqual(got, f) {
					t.Fatalf("cut into pieces of %d bytes: %+v\nwant %+v", n, got.TLS, f.TLS)
				}
			}
		})
	}
}

func checkNegotiated(t *testing.T, f *Flow, state tls.ConnectionState) {
	t.Helper()
	got := f.TLS
	if want := tlsVersionName(state.Version); got.Version != want {
		t.Errorf("version %q, want %q", got.Version, want)
	}
	if want := tls.CipherSuiteName(state.CipherSuite); got.Cipher != want {
		t.Errorf("cipher %q, want %q", got.Cipher, want)
	}
	if got.SNI != "server.example" {
		t.Errorf("SNI %q", got.SNI)
	}
	if got.Resumed != state.DidResume {
		t.Errorf("resumed %v, want %v", got.Resumed, state.DidResume)
	}
	if want := state.HelloRetryRequest; got.HelloRetry != want || got.SecondHello.Seen() != want {
		t.Errorf("hello retry %v, want %v", got.HelloRetry, want)
	}
	if state.Version < tls.VersionTLS13 {
		if got.ALPN != state.NegotiatedProtocol {
			t.Errorf("ALPN %q, want %q", got.ALPN, state.NegotiatedProtocol)
		}
		if !state.DidResume && (len(got.Certificates) != 1 || got.Certificates[0].Subject != "CN=server.example,O=Example" || got.Certificates[0].NotAfter != 2_000_000_000) {
			t.Errorf("certificates %+v", got.Certificates)
		}
	}
	if strings.Contains(got.Cipher, "ECDHE") || state.Version == tls.VersionTLS13 {
		if want := state.CurveID; !state.DidResume && !strings.EqualFold(got.Group, curveName(want)) {
			t.Errorf("group %q, want %v", got.Group, want)
		}
	}
	if strings.Contains(t.Name(), "client_certificate") && !got.ClientCertificate {
		t.Error("client certificate not seen")
	}
	phase := f.Phases[0]
	want := Done
	if state.Version == tls.VersionTLS13 {
		want = Estimated
	}
	if phase.Name != TLSHandshake || phase.Outcome != want || !phase.End.Seen() || phase.Begin.Frame != 1 {
		t.Errorf("phase %+v", phase)
	}
	if got.JA3 == "" || got.JA4 == "" {
		t.Error("no fingerprint")
	}
	if !got.CloseNotify[Client].Seen() {
		t.Error("close_notify not seen")
	}
	if len(got.Alerts) > 0 {
		t.Errorf("alerts %+v", got.Alerts)
	}
}

func curveName(id tls.CurveID) string {
	switch id {
	case tls.CurveP256:
		return "secp256r1"
	case tls.CurveP384:
		return "secp384r1"
	case tls.CurveP521:
		return "secp521r1"
	}
	return id.String()
}

func checkExchanges(t *testing.T, f *Flow, state tls.ConnectionState) {
	t.Helper()
	if len(f.HTTP) != 3 {
		t.Fatalf("%d exchanges: %+v", len(f.HTTP), f.HTTP)
	}
	exact := !strings.Contains(f.TLS.Cipher, "_CBC_")
	for i, e := range f.HTTP {
		request, response := int64(len(testRequest)), int64(len(testResponse)+len(testBody()))
		if e.Ordinal != i+1 || !e.Estimated || e.Exact != exact {
			t.Errorf("exchange %+v", e)
		}
		if exact && (e.RequestBytes != request || e.ResponseBytes != response) {
			t.Errorf("exchange %d: %d and %d bytes, want %d and %d", i+1, e.RequestBytes, e.ResponseBytes, request, response)
		}
		if !exact && (e.RequestBytes < request || e.RequestBytes > request+32 || e.ResponseBytes < response || e.ResponseBytes > response+32) {
			t.Errorf("exchange %d: %d and %d bytes, want about %d and %d", i+1, e.RequestBytes, e.ResponseBytes, request, response)
		}
		if e.RequestLast.Time >= e.ResponseFirst.Time || !e.ResponseLast.Seen() {
			t.Errorf("exchange %+v", e)
		}
	}
}
