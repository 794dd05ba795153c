package pcapflow

import (
	"bytes"
	"crypto/tls"
	"io"
	"reflect"
	"testing"
)

// keyLogTalk is talk with a key log.
func keyLogTalk(t testing.TB, client, server *tls.Config, ask, answer func(*tls.Conn) error) ([]piece, *KeyLog) {
	t.Helper()
	var log bytes.Buffer
	client.KeyLogWriter = &log
	pieces := talk(t, client, server, ask, answer)
	keys := &KeyLog{}
	if _, err := keys.Add(log.Bytes()); err != nil {
		t.Fatal(err)
	}
	return pieces, keys
}

// TestDecryption decrypts whatever crypto/tls negotiates and compares the
// requests with those sent.
func TestDecryption(t *testing.T) {
	t.Setenv("GODEBUG", "tlsrsakex=1,tls3des=1,tls10server=1")
	for _, c := range tlsCases() {
		t.Run(c.name, func(t *testing.T) {
			client, server := clientConfig(), serverConfig()
			c.client(client)
			c.server(server)
			var state tls.ConnectionState
			pieces, keys := keyLogTalk(t, client, server, func(conn *tls.Conn) error {
				err := ask(3)(conn)
				state = conn.ConnectionState()
				return err
			}, answer)
			if !state.HandshakeComplete {
				t.Skip("crypto/tls does not negotiate it")
			}
			f := follow(tlsDissector, keys, pieces)
			checkDecrypted(t, f, 3)
			if f.TLS.ALPN != state.NegotiatedProtocol {
				t.Errorf("ALPN %q, want %q", f.TLS.ALPN, state.NegotiatedProtocol)
			}
			if len(f.TLS.Certificates) != 1 || f.TLS.Certificates[0].Subject != "CN=server.example,O=Example" {
				t.Errorf("certificates %+v", f.TLS.Certificates)
			}
			if p := f.Phases[0]; p.Outcome != Done {
				t.Errorf("phase %+v", p)
			}
			for _, n := range []int{1, 3, 100} {
				if got := follow(tlsDissector, keys, recut(pieces, n)); !reflect.DeepEqual(got, f) {
					t.Fatalf("cut into pieces of %d bytes: %+v\nwant %+v", n, got, f)
				}
			}
			plain := follow(tlsDissector, nil, pieces)
			for i, e := range plain.HTTP {
				d := f.HTTP[i]
				if e.RequestFirst != d.RequestFirst || e.RequestLast != d.RequestLast || e.ResponseFirst != d.ResponseFirst || e.ResponseReadable != d.ResponseReadable || e.ResponseLast != d.ResponseLast {
					t.Errorf("exchange %d without keys %+v\nwith keys %+v", i+1, e, d)
				}
			}
		})
	}
}

func checkDecrypted(t *testing.T, f *Flow, n int) {
	t.Helper()
	if !f.TLS.Decrypted || len(f.Notes) > 0 {
		t.Errorf("decrypted %v, notes %q", f.TLS.Decrypted, f.Notes)
	}
	if len(f.HTTP) != n {
		t.Fatalf("%d exchanges, want %d: %+v", len(f.HTTP), n, f.HTTP)
	}
	for i, e := range f.HTTP {
		want := Exchange{Ordinal: i + 1, Version: "HTTP/1.1", Method: "GET", Host: "server.example", Path: "/item/1?x=2", Status: 200,
			RequestFirst: e.RequestFirst, RequestLast: e.RequestLast, ResponseFirst: e.ResponseFirst, ResponseLast: e.ResponseLast,
			ResponseReadable: e.ResponseReadable, RequestBytes: int64(len(testRequest)), ResponseBytes: int64(len(testResponse) + 300),
			BodyBytes: 300, ContentBytes: 300, Exact: true, Date: 1795341600, ServerName: "test", RequestID: "abc-1"}
		if !reflect.DeepEqual(e, want) {
			t.Errorf("exchange %+v\nwant %+v", e, want)
		}
	}
}

// TestDecryptionPartial: without some of the secrets, with those of another
// connection, or with damaged ones the flow is read as without keys.
func TestDecryptionPartial(t *testing.T) {
	t.Setenv("GODEBUG", "tlsrsakex=1,tls3des=1,tls10server=1")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := clientConfig(), serverConfig()
		client.MaxVersion = version
		pieces, keys := keyLogTalk(t, client, server, ask(3), answer)
		want := follow(tlsDissector, nil, pieces)
		for random, labels := range keys.secrets {
			for label, secret := range labels {
				t.Run(tls.VersionName(version)+"/without "+label, func(t *testing.T) {
					delete(labels, label)
					defer func() { labels[label] = secret }()
					f := follow(tlsDissector, keys, pieces)
					if len(f.HTTP) != 3 {
						t.Fatalf("%d exchanges: %+v", len(f.HTTP), f.HTTP)
					}
					if label == labelClientHandshake || label == labelServerHandshake {
						if f.HTTP[0].Path == "" || f.HTTP[2].Status != 200 {
							t.Errorf("not decrypted: %q %+v", f.Notes, f.HTTP)
						}
					} else if len(f.Notes) == 0 {
						t.Error("no note")
					}
				})
				t.Run(tls.VersionName(version)+"/wrong "+label, func(t *testing.T) {
					labels[label] = bytes.Repeat([]byte{7}, len(secret))
					defer func() { labels[label] = secret }()
					f := follow(tlsDissector, keys, pieces)
					if len(f.HTTP) != 3 || len(f.Notes) == 0 {
						t.Fatalf("%q, %d exchanges: %+v", f.Notes, len(f.HTTP), f.HTTP)
					}
					f.Notes, f.TLS.Decrypted = nil, false
				})
			}
			t.Run(tls.VersionName(version)+"/another connection", func(t *testing.T) {
				random[0]++
				f := follow(tlsDissector, &KeyLog{secrets: map[[32]byte]map[string][]byte{random: labels}}, pieces)
				f.Notes = nil
				if !reflect.DeepEqual(f, want) {
					t.Errorf("%+v\nwant %+v", f, want)
				}
			})
		}
	}
}

// TestDecryptionBig: bodies of many records, and key updates, which crypto/tls
// asks for by itself only after very many.
func TestDecryptionBig(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 300_000)
	client, server := clientConfig(), serverConfig()
	pieces, keys := keyLogTalk(t, client, server, func(c *tls.Conn) error {
		io.WriteString(c, "GET /big HTTP/1.0\r\n\r\n")
		_, err := io.Copy(io.Discard, c)
		return err
	}, func(c *tls.Conn) error {
		io.ReadFull(c, make([]byte, len("GET /big HTTP/1.0\r\n\r\n")))
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
		_, err := c.Write(body)
		return err
	})
	f := follow(tlsDissector, keys, pieces)
	if len(f.HTTP) != 1 || f.HTTP[0].BodyBytes != int64(len(body)) || f.HTTP[0].Truncated || f.HTTP[0].ResponseBytes != int64(len(body)+19) {
		t.Fatalf("%q %+v", f.Notes, f.HTTP)
	}
}
