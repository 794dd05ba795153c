package main

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// echConfig is an ECHConfig (RFC 9849, section 4) with one suite.
func echConfig(id byte, public []byte) []byte {
	b := []byte{id, 0, 0x20} // DHKEM(X25519, HKDF-SHA256)
	b = binary.BigEndian.AppendUint16(b, uint16(len(public)))
	b = append(b, public...)
	b = append(b, 0, 4, 0, 1, 0, 1) // HKDF-SHA256, AES-128-GCM
	b = append(b, 0, byte(len("public.example")))
	b = append(b, "public.example"...)
	b = append(b, 0, 0)
	return append(binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(b))), b...)
}

func list(config []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
}

func echCases(client, server *tls.Config) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	other, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	config := echConfig(7, key.PublicKey().Bytes())
	with := server.Clone()
	with.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key.Bytes(), SendAsRetry: true}}
	p384 := with.Clone()
	p384.CurvePreferences = []tls.CurveID{tls.CurveP384}
	for port, conf := range map[string]*tls.Config{"8443": with, "8444": p384, "8445": server} {
		conf = conf.Clone()
		conf.NextProtos = []string{"http/1.1"}
		l, err := tls.Listen("tcp4", "127.0.0.1:"+port, conf)
		check(err)
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "answer") }))
	}
	dial := func(label, port string, config []byte, small bool) {
		conf := client.Clone()
		conf.NextProtos = []string{"http/1.1"}
		if config != nil {
			conf.MinVersion, conf.EncryptedClientHelloConfigList = tls.VersionTLS13, list(config)
		}
		if small {
			conf.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		}
		raw, err := net.Dial("tcp4", "127.0.0.1:"+port)
		check(err)
		t := told{Port: raw.LocalAddr().(*net.TCPAddr).Port, Case: label}
		begin := time.Now()
		c := tls.Client(raw, conf)
		err = c.Handshake()
		t.Seconds = time.Since(begin).Seconds()
		var rejected *tls.ECHRejectionError
		if err != nil && !errors.As(err, &rejected) {
			t.Error = err.Error()
		} else if err != nil {
			t.Error = "rejected"
		} else {
			s := c.ConnectionState()
			t.ECH, t.ALPN, t.Cipher, t.Group, t.Retry = s.ECHAccepted, s.NegotiatedProtocol, tls.CipherSuiteName(s.CipherSuite), s.CurveID.String(), s.HelloRetryRequest
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: server.example\r\nConnection: close\r\n\r\n")
			io.Copy(io.Discard, c)
		}
		c.Close()
		say(t)
	}
	dial("without", "8443", nil, false)
	dial("accepted", "8443", config, false)
	dial("accepted after a hello retry", "8444", config, true)
	dial("rejected", "8443", echConfig(7, other.PublicKey().Bytes()), false)
	dial("not known to the server", "8445", config, false)
}

// windowCases: a client over HTTP/2 that reads slowly, with a window of 64 KB for
// each stream.
func windowCases(client, server *tls.Config) {
	var blocked atomic.Int64
	conf := server.Clone()
	conf.NextProtos = []string{"h2"}
	l, err := tls.Listen("tcp4", "127.0.0.1:8443", conf)
	check(err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		blocked.Store(0)
		for range 16 {
			begin := time.Now()
			w.Write(make([]byte, 8<<10))
			w.(http.Flusher).Flush()
			if d := time.Since(begin); d > 5*time.Millisecond {
				blocked.Add(int64(d))
			}
		}
	})}
	go s.Serve(l)
	for _, pause := range []time.Duration{0, 200 * time.Millisecond} {
		tr := &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: true, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20}}
		port := 0
		tr.DialTLS = func(network, _ string) (net.Conn, error) {
			conf := client.Clone()
			conf.NextProtos = []string{"h2"}
			c, err := tls.Dial("tcp4", "127.0.0.1:8443", conf)
			if err == nil {
				port = c.LocalAddr().(*net.TCPAddr).Port
			}
			return c, err
		}
		begin := time.Now()
		a, err := (&http.Client{Transport: tr}).Get("https://server.example/item")
		check(err)
		b := make([]byte, 64<<10)
		for {
			time.Sleep(pause)
			if _, err := io.ReadFull(a.Body, b); err != nil {
				break
			}
		}
		tr.CloseIdleConnections()
		say(told{Port: port, Case: "pauses of " + pause.String(), ALPN: a.Proto, Seconds: time.Since(begin).Seconds(), Blocked: time.Duration(blocked.Load()).Seconds()})
	}
}
