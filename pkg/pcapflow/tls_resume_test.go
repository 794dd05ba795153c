package pcapflow

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestTLSCombinations lets crypto/tls negotiate every combination of suite or
// group, application protocol, client certificate and resumption it can, and
// compares what is read and decrypted with its own word.
func TestTLSCombinations(t *testing.T) {
	t.Setenv("GODEBUG", "tlsrsakex=1,tls3des=1,tls10server=1")
	resumed := 0
	for _, c := range tlsCases() {
		for _, alpn := range []string{"", "http/1.1", "h2"} {
			for _, certificate := range []bool{false, true} {
				name := fmt.Sprintf("%s/%q/%v", c.name, alpn, certificate)
				client, server := clientConfig(), serverConfig()
				client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				if alpn != "" {
					client.NextProtos, server.NextProtos = []string{alpn}, []string{alpn}
				}
				if certificate {
					client.Certificates = []tls.Certificate{testCertificates().ecdsa}
					server.ClientAuth = tls.RequireAnyClientCert
				}
				c.client(client)
				c.server(server)
				all := &KeyLog{secrets: map[[32]byte]map[string][]byte{}} // one capture holds both connections
				for _, again := range []bool{false, true} {
					var state tls.ConnectionState
					pieces, keys := keyLogTalk(t, client, server, func(conn *tls.Conn) error {
						err := askInAny(conn)
						state = conn.ConnectionState()
						return err
					}, answerInAny)
					if !state.HandshakeComplete {
						break // crypto/tls does not negotiate it
					}
					maps.Copy(all.secrets, keys.secrets)
					if state.DidResume {
						resumed++
					}
					checkCombination(t, fmt.Sprintf("%s/again %v", name, again), follow(tlsDissector, all, pieces), follow(tlsDissector, nil, pieces), state)
					if again && !reflect.DeepEqual(follow(tlsDissector, all, recut(pieces, 1)), follow(tlsDissector, all, pieces)) {
						t.Errorf("%s: cut at every byte it reads otherwise", name)
					}
				}
			}
		}
	}
	if resumed < 50 {
		t.Errorf("only %d sessions were resumed", resumed)
	}
}

// askInAny sends two requests in the protocol that was negotiated, the second upon the
// answer to the first.
func askInAny(c *tls.Conn) error {
	if err := c.Handshake(); err != nil || c.ConnectionState().NegotiatedProtocol != "h2" {
		return ask(2)(c)
	}
	io.WriteString(c, http2Preface)
	sayFrame(c, h2Settings, 0, 0, nil)
	for stream := uint32(1); stream <= 3; stream += 2 {
		sayFrame(c, h2Headers, h2EndStream|h2EndHeaders, stream, fieldsOf(":method", "GET", ":scheme", "https", ":authority", "server.example", ":path", "/item/1?x=2"))
		for {
			typ, flags, _, err := hearFrame(c)
			if err != nil {
				return err
			}
			if typ == h2Settings && flags == 0 {
				sayFrame(c, h2Settings, h2Ack, 0, nil)
			}
			if typ == h2Data && flags&h2EndStream != 0 {
				break
			}
		}
	}
	return nil
}

// answerInAny answers what askInAny asks, until the client leaves.
func answerInAny(c *tls.Conn) error {
	if err := c.Handshake(); err != nil || c.ConnectionState().NegotiatedProtocol != "h2" {
		return answer(c)
	}
	io.ReadFull(c, make([]byte, len(http2Preface)))
	sayFrame(c, h2Settings, 0, 0, nil)
	for {
		typ, flags, stream, err := hearFrame(c)
		if err != nil {
			return nil
		}
		if typ == h2Settings && flags == 0 {
			sayFrame(c, h2Settings, h2Ack, 0, nil)
		}
		if typ == h2Headers {
			sayFrame(c, h2Headers, h2EndHeaders, stream, fieldsOf(":status", "200"))
			sayFrame(c, h2Data, h2EndStream, stream, []byte(testBody()))
		}
	}
}

// sayFrame and hearFrame write and read frames of HTTP/2 (RFC 9113 §4.1).
func sayFrame(w io.Writer, typ, flags byte, stream uint32, payload []byte) {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), typ, flags}
	w.Write(append(binary.BigEndian.AppendUint32(b, stream), payload...))
}

func hearFrame(r io.Reader) (typ, flags byte, stream uint32, err error) {
	var b [9]byte
	if _, err = io.ReadFull(r, b[:]); err == nil {
		_, err = io.CopyN(io.Discard, r, int64(be32(b[:4])>>8))
	}
	return b[3], b[4], be32(b[5:]), err
}

// fieldsOf packs names and values, without a table that is kept.
func fieldsOf(pairs ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(pairs); i += 2 {
		e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1], Sensitive: true})
	}
	return b.Bytes()
}

// checkCombination compares what was read with keys, f, and without, plain.
func checkCombination(t *testing.T, name string, f, plain *Flow, state tls.ConnectionState) {
	t.Helper()
	for _, x := range []*Flow{f, plain} {
		got := x.TLS
		if got.Version != tlsVersionName(state.Version) || got.Cipher != tls.CipherSuiteName(state.CipherSuite) || got.SNI != "server.example" || got.Resumed != state.DidResume {
			t.Errorf("%s: %s %s %q resumed %v, want %+v", name, got.Version, got.Cipher, got.SNI, got.Resumed, state)
		}
		if got.RoundTrips != got.minimumRoundTrips() && !got.HelloRetry || got.HelloRetry && got.RoundTrips != got.minimumRoundTrips()+1 {
			t.Errorf("%s: %d round trips, %d are needed", name, got.RoundTrips, got.minimumRoundTrips())
		}
		requests := 2
		if x == plain && state.NegotiatedProtocol == "h2" && strings.Contains(got.Cipher, "_CBC_") {
			requests = 0 // not evaluable: padded
		}
		if len(x.HTTP) != requests || len(x.Notes) > 0 || len(got.Alerts) > 0 {
			t.Errorf("%s: %d requests, notes %q, alerts %v", name, len(x.HTTP), x.Notes, got.Alerts)
		}
		if got.ALPN != "" && got.ALPN != state.NegotiatedProtocol {
			t.Errorf("%s: ALPN %q, want %q", name, got.ALPN, state.NegotiatedProtocol)
		}
		if p := x.Phases[0]; p.Name != TLSHandshake || p.Outcome != Done && p.Outcome != Estimated {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if !f.TLS.Decrypted || f.TLS.ALPN != state.NegotiatedProtocol || f.HTTP[0].Path != "/item/1?x=2" || f.HTTP[1].Status != 200 {
		t.Errorf("%s: decrypted %v, ALPN %q, want %q\n%s", name, f.TLS.Decrypted, f.TLS.ALPN, state.NegotiatedProtocol, brief(f.HTTP))
	}
	if f.TLS.HandshakeEnd != plain.TLS.HandshakeEnd {
		t.Errorf("%s: handshake ends %v with keys, %v without", name, f.TLS.HandshakeEnd, plain.TLS.HandshakeEnd)
	}
}

// TestHelloInLongRecord: a message ends when the record it is in does; only then
// its receiver reads it. Some servers put their whole flight into one record.
func TestHelloInLongRecord(t *testing.T) {
	client := clientConfig()
	client.MaxVersion = tls.VersionTLS12
	talked := talk(t, client, serverConfig(), ask(1), answer)
	var list []piece
	add := func(d Dir, b []byte) {
		n := len(list) + 1
		list = append(list, piece{d, Stamp{Time: int64(n) * 1e6, Frame: n}, b})
	}
	joined := false
	for _, p := range talked {
		if p.dir == Client || joined {
			add(p.dir, p.data)
			continue
		}
		joined = true
		var flight []byte
		for b := p.data; len(b) >= 5; {
			n := int(be16(b[3:]))
			flight = append(flight, b[5:5+n]...)
			b = b[5+n:]
		}
		long := append([]byte{recordHandshake, 3, 3, byte(len(flight) >> 8), byte(len(flight))}, flight...)
		add(Server, long[:300])
		add(Server, long[300:500])
		add(Server, long[500:])
	}
	f := follow(tlsDissector, nil, list)
	x := f.TLS
	if x.ServerHelloFirst.Frame != 2 || x.ServerHello.Frame != 4 || x.ServerFlightEnd.Frame != 4 || x.ClientHello.Frame != 1 || !x.HandshakeEnd.Seen() || len(f.HTTP) != 1 {
		t.Errorf("%+v", x)
	}
	if got := follow(tlsDissector, nil, recut(list, 1)); !reflect.DeepEqual(got, f) {
		t.Error("byte by byte it reads otherwise")
	}
}
