package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/dns/dnsmessage"
)

const (
	one = quic.Version1
	two = quic.Version2
)

// serve answers HTTP/3 at a port.
func serve(port int, conf *tls.Config, q *quic.Config, retry bool) {
	q.DisablePathMTUDiscovery = true
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	check(err)
	t := &quic.Transport{Conn: u, VerifySourceAddress: func(net.Addr) bool { return retry }}
	l, err := t.ListenEarly(http3.ConfigureTLSConfig(conf), q)
	check(err)
	s := &http3.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(40 * time.Millisecond)
		w.Write(bytes.Repeat([]byte("x"), 500))
	})}
	go s.ServeListener(l)
}

// ask makes one connection from a port of its own and one request on it.
func ask(label string, port int, conf *tls.Config, q *quic.Config) {
	q.DisablePathMTUDiscovery = true
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	tr := &quic.Transport{Conn: u}
	t := told{Port: u.LocalAddr().(*net.UDPAddr).Port, Case: label}
	ctx, done := context.WithTimeout(context.Background(), 4*time.Second)
	defer done()
	begin := time.Now()
	h := &http3.Transport{TLSClientConfig: conf, QUICConfig: q, Dial: func(ctx context.Context, _ string, conf *tls.Config, q *quic.Config) (*quic.Conn, error) {
		c, err := tr.DialEarly(ctx, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, conf, q)
		if err == nil {
			go func() {
				<-c.HandshakeComplete()
				t.Seconds = time.Since(begin).Seconds()
				s := c.ConnectionState()
				t.Version, t.ALPN, t.Early, t.Resumed, t.Retry = number(s.Version), s.TLS.NegotiatedProtocol, s.Used0RTT, s.TLS.DidResume, s.TLS.HelloRetryRequest
				t.Cipher, t.Group = tls.CipherSuiteName(s.TLS.CipherSuite), s.TLS.CurveID.String()
			}()
		}
		return c, err
	}}
	method := http.MethodGet
	if q.TokenStore != nil {
		method = http3.MethodGet0RTT
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://server.example/item", nil)
	check(err)
	a, err := h.RoundTrip(r)
	if err != nil {
		t.Error = err.Error()
	} else {
		io.Copy(io.Discard, a.Body)
		a.Body.Close()
		time.Sleep(100 * time.Millisecond) // for a session ticket
	}
	h.Close()
	tr.Close()
	u.Close()
	say(t)
}

// negotiate makes a connection by whatever version the server names.
func negotiate(label string, port int, client *tls.Config, q *quic.Config) {
	conf := client.Clone()
	conf.NextProtos = []string{"h3"}
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	begin := time.Now()
	c, err := quic.Dial(context.Background(), u, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, conf, q)
	check(err)
	s := c.ConnectionState()
	say(told{Port: u.LocalAddr().(*net.UDPAddr).Port, Case: label, Version: number(s.Version), ALPN: s.TLS.NegotiatedProtocol, Seconds: time.Since(begin).Seconds(),
		Cipher: tls.CipherSuiteName(s.TLS.CipherSuite), Group: s.TLS.CurveID.String()})
	c.CloseWithError(0, "")
	u.Close()
}

func number(v quic.Version) string {
	if v == two {
		return "2"
	}
	return fmt.Sprint(uint32(v))
}

func quicCases(client, server *tls.Config) {
	serve(4433, server, &quic.Config{Versions: []quic.Version{one, two}, Allow0RTT: true}, false)
	serve(4431, server, &quic.Config{Versions: []quic.Version{one}}, false)
	serve(4432, server, &quic.Config{Versions: []quic.Version{two}}, false)
	serve(4434, server, &quic.Config{Versions: []quic.Version{one, two}}, true)
	p384 := server.Clone()
	p384.CurvePreferences = []tls.CurveID{tls.CurveP384}
	serve(4435, p384, &quic.Config{}, false)
	v := func(list ...quic.Version) *quic.Config { return &quic.Config{Versions: list} }
	ask("v1", 4433, client, v(one))
	ask("v2", 4433, client, v(two))
	negotiate("v2, the server speaks v1 only", 4431, client, v(two, one))
	negotiate("v1, the server speaks v2 only", 4432, client, v(one, two))
	ask("no version in common", 4432, client, v(one))
	ask("retry", 4434, client, v(one))
	ask("retry in v2", 4434, client, v(two))
	small := client.Clone()
	small.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	ask("hello retry", 4435, small, v(one))
	small.CurvePreferences = []tls.CurveID{tls.X25519}
	ask("no group in common", 4435, small, v(one))
	again := client.Clone()
	again.ClientSessionCache = tls.NewLRUClientSessionCache(9)
	early := &quic.Config{Versions: []quic.Version{one}, TokenStore: quic.NewLRUTokenStore(9, 9)}
	ask("for a ticket", 4433, again, early)
	ask("0-RTT", 4433, again, early)
	second := client.Clone()
	second.ClientSessionCache = tls.NewLRUClientSessionCache(9)
	early = &quic.Config{Versions: []quic.Version{two}, TokenStore: quic.NewLRUTokenStore(9, 9)}
	ask("for a ticket, v2", 4433, second, early)
	ask("0-RTT, v2", 4433, second, early)
	refused(client, server)
	for _, port := range []int{853, 8853} {
		answer(port, server)
		for _, pad := range []int{0, 128} {
			question(port, pad, client, one)
			question(port, pad, client, two)
		}
	}
}

// refused asks where nobody listens on UDP, and falls back to TCP.
func refused(client, server *tls.Config) {
	conf := server.Clone()
	conf.NextProtos = []string{"h2"}
	l, err := tls.Listen("tcp4", "127.0.0.1:4439", conf)
	check(err)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "answer") }))
	ask("refused", 4439, client, &quic.Config{Versions: []quic.Version{one}, HandshakeIdleTimeout: 300 * time.Millisecond})
	c, err := tls.Dial("tcp4", "127.0.0.1:4439", &tls.Config{RootCAs: client.RootCAs, ServerName: "server.example", KeyLogWriter: client.KeyLogWriter})
	check(err)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: server.example\r\nConnection: close\r\n\r\n")
	io.Copy(io.Discard, c)
	say(told{Port: c.LocalAddr().(*net.TCPAddr).Port, Case: "instead of refused"})
	c.Close()
}

// answer serves DNS over QUIC (RFC 9250): each question takes longer.
func answer(port int, server *tls.Config) {
	conf := server.Clone()
	conf.NextProtos = []string{"doq"}
	l, err := quic.ListenAddr(fmt.Sprintf("127.0.0.1:%d", port), conf, &quic.Config{Versions: []quic.Version{one, two}})
	check(err)
	go func() {
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			go func() {
				for n := 1; ; n++ {
					s, err := c.AcceptStream(context.Background())
					if err != nil {
						return
					}
					b, _ := io.ReadAll(s)
					var m dnsmessage.Message
					check(m.Unpack(b[2:]))
					time.Sleep(time.Duration(n) * 15 * time.Millisecond)
					m.Response = true
					m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(n)}}}}
					s.Write(framed(&m))
					s.Close()
				}
			}()
		}
	}()
}

// question asks four questions on one connection, of names of several lengths.
func question(port, pad int, client *tls.Config, version quic.Version) {
	conf := client.Clone()
	conf.NextProtos = []string{"doq"}
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	tr := &quic.Transport{Conn: u}
	t := told{Port: u.LocalAddr().(*net.UDPAddr).Port, Case: fmt.Sprintf("doq, padded to %d", pad), Version: number(version)}
	begin := time.Now()
	c, err := tr.Dial(context.Background(), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, conf, &quic.Config{Versions: []quic.Version{version}})
	check(err)
	t.Seconds, t.ALPN = time.Since(begin).Seconds(), c.ConnectionState().TLS.NegotiatedProtocol
	for _, name := range []string{"a.example.", "www.longer-name.example.", "b.example.", "another.still-longer-name.sub.example."} {
		begin := time.Now()
		s, err := c.OpenStream()
		check(err)
		m := dnsmessage.Message{Header: dnsmessage.Header{RecursionDesired: true}, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
		if pad > 0 {
			h := dnsmessage.ResourceHeader{}
			check(h.SetEDNS0(1232, 0, false))
			o := dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: 12}}}
			m.Additionals = []dnsmessage.Resource{{Header: h, Body: &o}}
			o.Options[0].Data = make([]byte, pad-(len(framed(&m))-2))
		}
		s.Write(framed(&m))
		s.Close()
		_, err = io.ReadAll(s)
		check(err)
		t.Answers = append(t.Answers, time.Since(begin).Seconds())
		time.Sleep(60 * time.Millisecond)
	}
	c.CloseWithError(0, "")
	tr.Close()
	u.Close()
	say(t)
}

// framed is a message behind its length.
func framed(m *dnsmessage.Message) []byte {
	b, err := m.Pack()
	check(err)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}
