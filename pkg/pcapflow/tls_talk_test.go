package pcapflow

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// piece is what one write of one side carried.
type piece struct {
	dir  Dir
	at   Stamp
	data []byte
}

// recorder keeps what passes over an in-memory connection, in order.
type recorder struct {
	mu     sync.Mutex
	pieces []piece
}

type recordedConn struct {
	net.Conn
	dir Dir
	r   *recorder
}

func (c *recordedConn) Write(b []byte) (int, error) {
	c.r.mu.Lock()
	n := len(c.r.pieces) + 1
	c.r.pieces = append(c.r.pieces, piece{c.dir, Stamp{Time: int64(n) * 1e6, Frame: n}, append([]byte(nil), b...)})
	c.r.mu.Unlock()
	return c.Conn.Write(b)
}

// talk lets a TLS client and server speak and returns what passed.
func talk(t testing.TB, client, server *tls.Config, ask, answer func(*tls.Conn) error) []piece {
	t.Helper()
	var r recorder
	a, b := bufferedPipe()
	done := make(chan error, 1)
	go func() {
		c := tls.Server(&recordedConn{b, Server, &r}, server)
		defer c.Close()
		done <- answer(c)
	}()
	c := tls.Client(&recordedConn{a, Client, &r}, client)
	err := ask(c)
	c.Close()
	if e := <-done; err == nil {
		err = e
	}
	if err != nil && t != nil {
		t.Logf("talk: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pieces
}

// bufferedPipe is a connection whose writes do not wait for reads.
func bufferedPipe() (net.Conn, net.Conn) {
	ab, ba := newByteQueue(), newByteQueue()
	return &queueConn{in: ba, out: ab}, &queueConn{in: ab, out: ba}
}

type byteQueue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	data   []byte
	closed bool
}

func newByteQueue() *byteQueue {
	q := &byteQueue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

type queueConn struct{ in, out *byteQueue }

func (c *queueConn) Read(b []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for len(c.in.data) == 0 && !c.in.closed {
		c.in.cond.Wait()
	}
	if len(c.in.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.in.data)
	c.in.data = c.in.data[n:]
	return n, nil
}

func (c *queueConn) Write(b []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.closed {
		return 0, io.ErrClosedPipe
	}
	c.out.data = append(c.out.data, b...)
	c.out.cond.Broadcast()
	return len(b), nil
}

func (c *queueConn) Close() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.closed = true
	c.out.cond.Broadcast()
	return nil
}

func (c *queueConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *queueConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *queueConn) SetDeadline(time.Time) error      { return nil }
func (c *queueConn) SetReadDeadline(time.Time) error  { return nil }
func (c *queueConn) SetWriteDeadline(time.Time) error { return nil }

// testFlow is a flow between two documentation addresses.
func testFlow() *Flow {
	return &Flow{Transport: TCP, Client: netip.MustParseAddrPort("192.0.2.1:40000"), Server: netip.MustParseAddrPort("192.0.2.2:443")}
}

// follow lets a dissector read the pieces and returns the flow.
func follow(d *Dissector, keys *KeyLog, pieces []piece) *Flow {
	return followOn(testFlow(), d, keys, pieces)
}

func followOn(f *Flow, d *Dissector, keys *KeyLog, pieces []piece) *Flow {
	s := d.Open(f, &Env{Keys: keys})
	var last Stamp
	for _, p := range pieces {
		s.Data(p.dir, p.at, p.data)
		last = p.at
	}
	s.Close(last)
	return f
}

// recut cuts every piece into pieces of n bytes with the same stamp.
func recut(pieces []piece, n int) []piece {
	var out []piece
	for _, p := range pieces {
		for len(p.data) > 0 {
			k := min(n, len(p.data))
			out = append(out, piece{p.dir, p.at, p.data[:k]})
			p.data = p.data[k:]
		}
	}
	return out
}

var testCertificates = sync.OnceValue(func() (c struct{ rsa, ecdsa tls.Certificate }) {
	make := func(pub, key any) tls.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "server.example", Organization: []string{"Example"}},
			DNSNames: []string{"server.example", "www.server.example"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 2)},
			NotBefore: time.Unix(1_700_000_000, 0), NotAfter: time.Unix(2_000_000_000, 0),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
		if err != nil {
			panic(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	e, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.rsa, c.ecdsa = make(&r.PublicKey, r), make(&e.PublicKey, e)
	return c
})

// serverConfig and clientConfig are what tests start from.
func serverConfig() *tls.Config {
	c := testCertificates()
	return &tls.Config{Certificates: []tls.Certificate{c.ecdsa, c.rsa}, MinVersion: tls.VersionTLS10}
}

func clientConfig() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "server.example", MinVersion: tls.VersionTLS10}
}
