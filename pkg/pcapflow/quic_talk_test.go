package pcapflow

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/quic"
)

// recordedPackets keeps what one side sends.
type recordedPackets struct {
	net.PacketConn
	dir Dir
	r   *recorder
}

func (c *recordedPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	c.r.mu.Lock()
	n := len(c.r.pieces) + 1
	c.r.pieces = append(c.r.pieces, piece{c.dir, Stamp{Time: int64(n) * 1e6, Frame: n}, append([]byte(nil), b...)})
	c.r.mu.Unlock()
	return c.PacketConn.WriteTo(b, to)
}

// quicTalk lets x/net's QUIC ask and answer over the loopback, and returns the
// datagrams that passed.
func quicTalk(t *testing.T, client, server *tls.Config, validate bool) []piece {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var r recorder
	endpoint := func(d Dir, config *quic.Config) (*quic.Endpoint, string) {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e, err := quic.NewEndpoint(&recordedPackets{c, d, &r}, config)
		if err != nil {
			t.Fatal(err)
		}
		return e, c.LocalAddr().String()
	}
	listener, address := endpoint(Server, &quic.Config{TLSConfig: server, RequireAddressValidation: validate})
	defer listener.Close(ctx)
	dialer, _ := endpoint(Client, nil)
	defer dialer.Close(ctx)
	served := make(chan error, 1)
	go func() {
		c, err := listener.Accept(ctx)
		if err != nil {
			served <- err
			return
		}
		s, err := c.AcceptStream(ctx)
		if err == nil {
			_, err = io.Copy(s, s)
			s.CloseWrite()
		}
		served <- err
	}()
	c, err := dialer.Dial(ctx, "udp", address, &quic.Config{TLSConfig: client})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.NewStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(s, "ask")
	s.CloseWrite()
	if b, err := io.ReadAll(s); err != nil || string(b) != "ask" {
		t.Fatalf("%q, %v", b, err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	c.Abort(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pieces
}

// TestQUICTalk: what another implementation says, with and without a Retry and a
// HelloRetryRequest.
func TestQUICTalk(t *testing.T) {
	for _, c := range []struct {
		name         string
		validate     bool
		server       []tls.CurveID
		again, retry bool
	}{
		{"at once", false, []tls.CurveID{tls.X25519}, false, false},
		{"Retry", true, []tls.CurveID{tls.X25519}, false, true},
		{"HelloRetryRequest", false, []tls.CurveID{tls.CurveP384}, true, false},
		{"both", true, []tls.CurveID{tls.CurveP384}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &tls.Config{Certificates: []tls.Certificate{testCertificates().ecdsa}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13, CurvePreferences: c.server}
			client := &tls.Config{InsecureSkipVerify: true, ServerName: "server.example", NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13,
				CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}}
			f := follow(quicDissector, nil, quicTalk(t, client, server, c.validate))
			q := f.QUIC
			if q.Version != "1" || q.SNI != "server.example" || q.ALPN != "h3" || q.Cipher == "" || q.Group != groupName(uint16(c.server[0])) || !q.HandshakeEnd.Seen() ||
				q.Retry != c.retry || q.HelloRetry != c.again || q.SecondHello.Seen() != (c.again || c.retry) || q.JA4 == "" {
				t.Errorf("%+v", q)
			}
			if !q.ClientHello.Seen() || !q.ServerHello.Seen() || q.ServerHello.Time < q.ClientHello.Time ||
				q.SecondHello.Seen() && (q.SecondHello.Time <= q.ClientHello.Time || q.SecondHello.Time > q.ServerHello.Time) {
				t.Errorf("order of instants: %+v", q)
			}
			if len(f.Phases) != 1 || f.Phases[0].Outcome != Estimated {
				t.Errorf("%+v", f.Phases)
			}
		})
	}
}
