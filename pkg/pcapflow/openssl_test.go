package pcapflow

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// openssl runs OpenSSL's client against its server with a recorder between them.
type openssl struct {
	t      *testing.T
	dir    string
	server *program
	port   string
}

// running is a program with its standard input and what it has printed.
type program struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out lockedBuffer
}

func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r := &program{cmd: exec.CommandContext(ctx, name, args...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	in, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.in = in
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		r.cmd.Wait()
	})
	return r
}

// until waits for a text among what was printed and returns what follows it.
func (r *program) until(t *testing.T, text string) string {
	t.Helper()
	for range 1000 {
		if _, rest, ok := strings.Cut(r.out.String(), text); ok {
			return rest
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%v never printed %q, but\n%s", r.cmd.Args, text, r.out.String())
	return ""
}

// count waits until a text was printed n times.
func (r *program) count(t *testing.T, text string, n int) {
	t.Helper()
	for range 1000 {
		if strings.Count(r.out.String(), text) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%v never printed %q %d times, but\n%s", r.cmd.Args, text, n, r.out.String())
}

func startOpenSSL(t *testing.T, options ...string) *openssl {
	t.Helper()
	o := &openssl{t: t, dir: t.TempDir()}
	var b bytes.Buffer
	c := testCertificates().ecdsa
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
	path := o.write("cert.pem", b.String())
	o.server = start(t, need.Program(t, "openssl"), append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", path, "-key", path}, options...)...)
	o.port, _, _ = strings.Cut(o.server.until(t, "ACCEPT 127.0.0.1:"), "\n")
	return o
}

func (o *openssl) write(name, text string) string {
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// talk lets a client connect, drives both, and returns what passed, with keys.
func (o *openssl) talk(drive func(client *program), options ...string) ([]piece, *KeyLog) {
	o.t.Helper()
	var r recorder
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	defer l.Close()
	var sides sync.WaitGroup
	sides.Add(1)
	go func() {
		defer sides.Done()
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", "127.0.0.1:"+o.port)
		if err != nil {
			client.Close()
			return
		}
		carry := func(from, to net.Conn, d Dir) {
			defer sides.Done()
			io.Copy(&recordedConn{to, d, &r}, from)
			to.Close()
		}
		sides.Add(2)
		go carry(client, server, Client)
		go carry(server, client, Server)
	}()
	keyLog := filepath.Join(o.dir, "keys")
	os.Remove(keyLog)
	c := start(o.t, need.Program(o.t, "openssl"), append([]string{"s_client", "-connect", l.Addr().String(), "-servername", "server.example", "-keylogfile", keyLog}, options...)...)
	drive(c)
	c.in.Close()
	sides.Wait()
	text, err := os.ReadFile(keyLog)
	if err != nil {
		o.t.Fatal(err)
	}
	keys := &KeyLog{}
	if _, err := keys.Add(text); err != nil {
		o.t.Fatal(err)
	}
	return r.pieces, keys
}

const (
	opensslRequest = "GET /late HTTP/1.1\r\nHost: server.example\r\n\r\n"
	opensslAnswer  = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
)

// exchange sends a request and answers it.
func (o *openssl) exchange(client *program, n int) {
	io.WriteString(client.in, opensslRequest)
	o.answer(client, n)
}

// answer answers the n-th request, which may still be on its way.
func (o *openssl) answer(client *program, n int) {
	o.t.Helper()
	o.server.count(o.t, "Host: server.example", n)
	answers := strings.Count(client.out.String(), "Content-Length")
	io.WriteString(o.server.in, opensslAnswer)
	client.count(o.t, "Content-Length", answers+1)
}

// follows reads what passed with and without keys, and cut in pieces.
func (o *openssl) follows(pieces []piece, keys *KeyLog, paths ...string) *Flow {
	o.t.Helper()
	f := follow(tlsDissector, keys, pieces)
	if !f.TLS.Decrypted || len(f.Notes) > 0 || len(f.HTTP) != len(paths) {
		o.t.Fatalf("notes %q, %+v\n%s", f.Notes, f.TLS, brief(f.HTTP))
	}
	for i, e := range f.HTTP {
		if e.Path != paths[i] || e.Status != 200 || e.BodyBytes != 3 || !e.Exact {
			o.t.Errorf("%s", brief(f.HTTP[i:i+1]))
		}
	}
	for _, n := range []int{1, 50} {
		if got := follow(tlsDissector, keys, recut(pieces, n)); !reflect.DeepEqual(got, f) {
			o.t.Errorf("cut into pieces of %d bytes: %+v\nwant %+v", n, got, f)
		}
	}
	plain := follow(tlsDissector, nil, pieces)
	if len(plain.HTTP) != len(paths) {
		o.t.Errorf("without keys: %s", brief(plain.HTTP))
	}
	return f
}

// TestOpenSSL: what crypto/tls does not speak, with OpenSSL at both ends.
func TestOpenSSL(t *testing.T) {
	for _, c := range []struct {
		name, version, suite string
		server               []string
	}{
		{"CCM", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM@SECLEVEL=0"}},
		{"CCM 256", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM@SECLEVEL=0"}},
		{"CCM with a short tag", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8@SECLEVEL=0"}},
		{"CBC, encrypt then MAC", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}},
		{"CBC, MAC then encrypt", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", []string{"-tls1_2", "-no_etm", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}},
		{"CBC SHA384, encrypt then MAC", "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"}},
		{"TLS 1.0, encrypt then MAC", "TLSv1.0", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", []string{"-tls1", "-cipher", "ECDHE-ECDSA-AES256-SHA@SECLEVEL=0"}},
		{"TLS 1.1, MAC then encrypt", "TLSv1.1", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", []string{"-tls1_1", "-no_etm", "-cipher", "ECDHE-ECDSA-AES256-SHA@SECLEVEL=0"}},
		{"1.3 CCM", "TLSv1.3", "TLS_AES_128_CCM_SHA256", []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"}},
		{"1.3 CCM with a short tag", "TLSv1.3", "TLS_AES_128_CCM_8_SHA256", []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256:@SECLEVEL=0"}},
		{"1.3 ChaCha20", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", []string{"-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var options []string // of the client: the same, but for what the server alone decides
			for _, x := range c.server {
				if x != "-no_etm" {
					options = append(options, x)
				}
			}
			o := startOpenSSL(t, c.server...)
			pieces, keys := o.talk(func(client *program) {
				o.exchange(client, 1)
				time.Sleep(20 * time.Millisecond)
				io.WriteString(client.in, "Q\n")
			}, options...)
			f := o.follows(pieces, keys, "/late")
			if f.TLS.Version != c.version || f.TLS.Cipher != c.suite || f.TLS.SNI != "server.example" || f.Phases[0].Outcome != Done {
				t.Errorf("%+v", f.TLS)
			}
		})
	}
}

// TestOpenSSLKeyUpdate: both sides change their keys between requests.
func TestOpenSSLKeyUpdate(t *testing.T) {
	t.Parallel()
	o := startOpenSSL(t, "-tls1_3")
	pieces, keys := o.talk(func(client *program) {
		o.exchange(client, 1)
		io.WriteString(client.in, "K\n") // and asks for the server's
		client.until(t, "KEYUPDATE")
		time.Sleep(20 * time.Millisecond)
		o.exchange(client, 2)
		io.WriteString(o.server.in, "k\n")
		time.Sleep(50 * time.Millisecond)
		o.exchange(client, 3)
		time.Sleep(50 * time.Millisecond)
		io.WriteString(client.in, "Q\n")
	})
	o.follows(pieces, keys, "/late", "/late", "/late")
}

// TestOpenSSLEarlyData: a session is resumed with a request in early data; the
// second time the server refuses what may be a replay.
func TestOpenSSLEarlyData(t *testing.T) {
	t.Parallel()
	o := startOpenSSL(t, "-tls1_3", "-early_data")
	session := filepath.Join(o.dir, "session")
	first, keys := o.talk(func(client *program) {
		o.exchange(client, 1)
		time.Sleep(100 * time.Millisecond)
		io.WriteString(client.in, "Q\n")
	}, "-sess_out", session)
	o.follows(first, keys, "/late")
	early := o.write("early", strings.Replace(opensslRequest, "/late", "/early", 1))
	accepted, keys := o.talk(func(client *program) {
		o.answer(client, 2)
		time.Sleep(50 * time.Millisecond)
		o.exchange(client, 3)
		time.Sleep(50 * time.Millisecond)
		io.WriteString(client.in, "Q\n")
	}, "-sess_in", session, "-early_data", early)
	f := o.follows(accepted, keys, "/early", "/late")
	if !f.TLS.EarlyData || !f.TLS.Resumed {
		t.Errorf("%+v", f.TLS)
	}
	refused, keys := o.talk(func(client *program) {
		client.until(t, "Early data was rejected")
		o.exchange(client, 4)
		time.Sleep(50 * time.Millisecond)
		io.WriteString(client.in, "Q\n")
	}, "-sess_in", session, "-early_data", early)
	f = follow(tlsDissector, keys, refused)
	if !f.TLS.EarlyData || f.TLS.Resumed || !f.TLS.Decrypted || len(f.HTTP) != 1 || f.HTTP[0].Path != "/late" {
		t.Errorf("notes %q, %+v\n%s", f.Notes, f.TLS, brief(f.HTTP))
	}
}

// TestOpenSSLPadding: all records are of one length, so that without keys only
// turns tell requests and answers, and that is said.
func TestOpenSSLPadding(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"both": {"-record_padding", "2048"}, "server": nil} {
		t.Run(name, func(t *testing.T) {
			o := startOpenSSL(t, "-tls1_3", "-record_padding", "2048")
			pieces, keys := o.talk(func(client *program) {
				client.until(t, "Verify return code")
				time.Sleep(200 * time.Millisecond) // the tickets come before the request
				o.exchange(client, 1)
				time.Sleep(20 * time.Millisecond)
				io.WriteString(client.in, "Q\n")
			}, options...)
			o.follows(pieces, keys, "/late")
			f := follow(tlsDissector, nil, pieces)
			if e := f.HTTP[0]; e.Exact || !e.ResponseFirst.Seen() || f.TLS.Tickets != 0 || len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "padded") {
				t.Errorf("notes %q, %d tickets, %s", f.Notes, f.TLS.Tickets, brief(f.HTTP))
			}
		})
	}
}

// TestOpenSSLRenegotiation: the ChangeCipherSpec of a second handshake is
// encrypted, and does not lose the framing of records.
func TestOpenSSLRenegotiation(t *testing.T) {
	t.Parallel()
	o := startOpenSSL(t, "-tls1_2", "-client_renegotiation")
	pieces, _ := o.talk(func(client *program) {
		o.exchange(client, 1)
		io.WriteString(client.in, "R\n")
		client.until(t, "RENEGOTIATING")
		time.Sleep(100 * time.Millisecond)
		o.exchange(client, 2)
		time.Sleep(20 * time.Millisecond)
		io.WriteString(client.in, "Q\n")
	}, "-tls1_2")
	f := follow(tlsDissector, nil, pieces)
	if !f.TLS.Renegotiation.Seen() || f.TLS.RenegotiationBy != Client || f.TLS.Renegotiation.Time <= f.TLS.HandshakeEnd.Time {
		t.Errorf("renegotiated by the %v at %v", f.TLS.RenegotiationBy, f.TLS.Renegotiation)
	}
	if len(f.HTTP) != 2 || len(f.Notes) != 1 || f.Notes[0] != "TLS renegotiation" || !f.TLS.CloseNotify[Client].Seen() {
		t.Errorf("notes %q, %+v\n%s", f.Notes, f.TLS, brief(f.HTTP))
	}
}
