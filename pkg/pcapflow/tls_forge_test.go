package pcapflow

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// forger writes TLS 1.3 connections that crypto/tls cannot be made to have:
// early data, key updates, CCM, padding. The secrets are its own, so no key
// exchange is needed.
type forger struct {
	t      *testing.T
	suite  uint16
	cipher suiteCipher
	keys   *KeyLog
	random [32]byte
	side   [2]*recordKey
	secret [2][]byte
	pieces []piece
}

func newForger(t *testing.T, suite uint16) *forger {
	f := &forger{t: t, suite: suite, cipher: cipherOf(cipherSuiteName(suite)), keys: &KeyLog{secrets: map[[32]byte]map[string][]byte{}}}
	f.random = sha256.Sum256([]byte("client"))
	f.keys.secrets[f.random] = map[string][]byte{}
	for _, label := range []string{labelEarly, labelClientHandshake, labelServerHandshake, labelClient, labelServer} {
		sum := sha256.Sum256([]byte(label))
		f.keys.secrets[f.random][label] = append(sum[:], sum[:]...)[:f.cipher.prfHash.Size()]
	}
	return f
}

// say adds a piece.
func (f *forger) say(d Dir, records ...[]byte) {
	n := len(f.pieces) + 1
	f.pieces = append(f.pieces, piece{d, Stamp{Time: int64(n) * 10e6, Frame: n}, bytes.Join(records, nil)})
}

// use lets a side seal under a secret.
func (f *forger) use(d Dir, label string) {
	f.useSecret(d, f.keys.secrets[f.random][label])
}

func (f *forger) useSecret(d Dir, secret []byte) {
	f.secret[d] = secret
	f.side[d] = trafficKey(f.cipher, secret)
}

// seal writes an encrypted record.
func (f *forger) seal(d Dir, inner byte, content string, padding int) []byte {
	k := f.side[d]
	plain := append(append([]byte(content), inner), make([]byte, padding)...)
	n := len(plain) + k.aead.Overhead()
	head := []byte{recordData, 3, 3, byte(n >> 8), byte(n)}
	k.xorNonce()
	k.seq++
	return k.aead.Seal(head, k.nonce[:], plain, head)
}

func record(typ byte, body []byte) []byte {
	return append([]byte{typ, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

func message(typ byte, body string) string {
	return string([]byte{typ, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}) + body
}

func (f *forger) clientHello(early bool) []byte {
	var b cryptobyte.Builder
	b.AddUint16(versionTLS12)
	b.AddBytes(f.random[:])
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(make([]byte, 32)) })
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, s := range []uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305} {
			b.AddUint16(s)
		}
	})
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) })
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(extSupportedVersions)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(2); b.AddUint16(versionTLS13) })
		b.AddUint16(extALPN)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("\x00\x09\x08http/1.1")) })
		if early {
			b.AddUint16(extEarlyData)
			b.AddUint16(0)
			b.AddUint16(extPreSharedKey)
			b.AddUint16(0)
		}
	})
	return record(recordHandshake, []byte(message(msgClientHello, string(b.BytesOrPanic()))))
}

func (f *forger) serverHello(psk bool) []byte {
	var b cryptobyte.Builder
	b.AddUint16(versionTLS12)
	b.AddBytes(make([]byte, 32))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(make([]byte, 32)) })
	b.AddUint16(f.suite)
	b.AddUint8(0)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(extSupportedVersions)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(versionTLS13) })
		if psk {
			b.AddUint16(extPreSharedKey)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(0) })
		}
	})
	return record(recordHandshake, []byte(message(msgServerHello, string(b.BytesOrPanic()))))
}

// TestLateEarlyData: some clients send early data once the server's flight is
// there. Without keys it is no certificate.
func TestLateEarlyData(t *testing.T) {
	f := newForger(t, 0x1301)
	f.say(Client, f.clientHello(true))
	f.use(Server, labelServerHandshake)
	f.say(Server, f.serverHello(true), f.seal(Server, recordHandshake, message(msgEncryptedExt, "\x00\x04\x00\x2a\x00\x00"), 0), f.seal(Server, recordHandshake, f.finished(), 0))
	f.use(Server, labelServer)
	f.use(Client, labelEarly)
	f.say(Client, f.seal(Client, recordData, get, 0))
	end := f.seal(Client, recordHandshake, message(msgEndOfEarlyData, ""), 0)
	f.use(Client, labelClientHandshake)
	f.say(Client, end, f.seal(Client, recordHandshake, f.finished(), 0))
	f.use(Client, labelClient)
	f.say(Server, f.seal(Server, recordData, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0))
	for _, keys := range []*KeyLog{nil, f.keys} {
		o := follow(tlsDissector, keys, f.pieces)
		if !o.TLS.EarlyData || o.TLS.ClientCertificate || !o.TLS.Resumed || len(o.HTTP) != 1 || o.HTTP[0].RequestFirst.Frame != 3 || o.HTTP[0].ResponseFirst.Frame != 5 {
			t.Errorf("%+v\n%s", o.TLS, brief(o.HTTP))
		}
	}
}

func (f *forger) finished() string {
	return message(msgFinished, strings.Repeat("v", f.cipher.prfHash.Size()))
}

// serverFlight is what the server sends after its hello.
func (f *forger) serverFlight(psk, early bool, padding int) [][]byte {
	f.use(Server, labelServerHandshake)
	ext := "\x00\x10\x00\x0b\x00\x09\x08http/1.1"
	if early {
		ext += "\x00\x2a\x00\x00"
	}
	extensions := message(msgEncryptedExt, string(binary.BigEndian.AppendUint16(nil, uint16(len(ext))))+ext)
	out := [][]byte{f.seal(Server, recordHandshake, extensions, padding)}
	if !psk {
		out = append(out, f.seal(Server, recordHandshake, message(msgCertificate, "\x00\x00\x00\x00"+strings.Repeat("c", 500)), padding),
			f.seal(Server, recordHandshake, message(msgCertificateVerify, strings.Repeat("s", 70)), padding))
	}
	return append(out, f.seal(Server, recordHandshake, f.finished(), padding))
}

func (f *forger) request(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: server.example\r\n\r\n"
}

const forgedAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

// update lets a side change its key.
func (f *forger) update(d Dir) []byte {
	r := f.seal(d, recordHandshake, message(msgKeyUpdate, "\x00"), 0)
	f.useSecret(d, expandLabel(f.cipher.prfHash, f.secret[d], "traffic upd", f.cipher.prfHash.Size()))
	return r
}

// exchange is a request and its answer, a piece each.
func (f *forger) exchange(path string, padding int) {
	f.say(Client, f.seal(Client, recordData, f.request(path), padding))
	f.say(Server, f.seal(Server, recordData, forgedAnswer, padding))
}

// establish writes a full handshake.
func (f *forger) establish(padding int) {
	f.say(Client, f.clientHello(false))
	f.say(Server, append([][]byte{f.serverHello(false), record(recordCCS, []byte{1})}, f.serverFlight(false, false, padding)...)...)
	f.use(Client, labelClientHandshake)
	f.say(Client, record(recordCCS, []byte{1}), f.seal(Client, recordHandshake, f.finished(), padding))
	f.use(Client, labelClient)
	f.use(Server, labelServer)
}

// check follows what was forged, with the keys.
func (f *forger) check(paths ...string) *Flow {
	f.t.Helper()
	flow := follow(tlsDissector, f.keys, f.pieces)
	if len(flow.Notes) > 0 || !flow.TLS.Decrypted || flow.Phases[0].Outcome != Done || flow.TLS.ALPN != "http/1.1" {
		f.t.Errorf("notes %q, %+v, %+v", flow.Notes, flow.TLS, flow.Phases)
	}
	if len(flow.HTTP) != len(paths) {
		f.t.Fatalf("got %s", brief(flow.HTTP))
	}
	for i, e := range flow.HTTP {
		if e.Path != paths[i] || e.Status != 200 || e.BodyBytes != 3 || !e.Exact {
			f.t.Errorf("got %s", brief(flow.HTTP[i:i+1]))
		}
	}
	if got := follow(tlsDissector, f.keys, recut(f.pieces, 1)); !reflect.DeepEqual(got, flow) {
		f.t.Errorf("byte by byte: %+v\nwant %+v", got, flow)
	}
	return flow
}

func TestTLS13Suites(t *testing.T) {
	for _, suite := range []uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305} {
		for _, padding := range []int{0, 100} {
			t.Run(fmt.Sprintf("%s/%d", cipherSuiteName(suite), padding), func(t *testing.T) {
				f := newForger(t, suite)
				f.establish(padding)
				f.exchange("/1", padding)
				f.say(Client, f.update(Client))
				f.exchange("/2", padding)
				f.say(Server, f.update(Server))
				f.say(Client, f.update(Client))
				f.exchange("/3", padding)
				f.say(Client, f.seal(Client, recordAlert, "\x01\x00", padding))
				flow := f.check("/1", "/2", "/3")
				if !flow.TLS.CloseNotify[Client].Seen() || len(flow.TLS.Alerts) > 0 {
					t.Errorf("%+v", flow.TLS)
				}
				if padding > 0 {
					return
				}
				plain := follow(tlsDissector, nil, f.pieces) // key updates are no requests
				if len(plain.HTTP) != 3 || plain.HTTP[2].RequestBytes != int64(len(f.request("/3"))) || plain.HTTP[2].ResponseBytes != int64(len(forgedAnswer)) {
					t.Errorf("without keys: %s", brief(plain.HTTP))
				}
			})
		}
	}
}

func TestTLS13EarlyData(t *testing.T) {
	for _, suite := range []uint16{0x1301, 0x1302, 0x1303} {
		for _, accepted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/accepted %v", cipherSuiteName(suite), accepted), func(t *testing.T) {
				f := newForger(t, suite)
				f.use(Client, labelEarly)
				f.say(Client, f.clientHello(true), record(recordCCS, []byte{1}), f.seal(Client, recordData, f.request("/early"), 0))
				flight := append([][]byte{f.serverHello(true)}, f.serverFlight(true, accepted, 0)...)
				f.use(Server, labelServer)
				if accepted {
					flight = append(flight, f.seal(Server, recordData, forgedAnswer, 0)) // half a round trip
				}
				f.say(Server, flight...)
				var end []byte
				if accepted {
					end = f.seal(Client, recordHandshake, message(msgEndOfEarlyData, ""), 0)
				}
				f.use(Client, labelClientHandshake)
				f.say(Client, end, f.seal(Client, recordHandshake, f.finished(), 0))
				f.use(Client, labelClient)
				if !accepted {
					f.exchange("/early", 0)
				}
				f.exchange("/late", 0)
				flow := follow(tlsDissector, f.keys, f.pieces)
				if len(flow.HTTP) != 2 || flow.HTTP[0].Path != "/early" || flow.HTTP[1].Path != "/late" || flow.HTTP[1].Status != 200 || flow.HTTP[0].Status != 200 {
					t.Errorf("notes %q: %s", flow.Notes, brief(flow.HTTP))
				}
				if !flow.TLS.EarlyData || !flow.TLS.Resumed || flow.TLS.HandshakeEnd.Frame != 3 {
					t.Errorf("%+v", flow.TLS)
				}
				plain := follow(tlsDissector, nil, f.pieces)
				if !plain.TLS.EarlyData || !plain.TLS.Resumed || plain.TLS.HandshakeEnd.Frame != 3 {
					t.Errorf("without keys: %+v", plain.TLS)
				}
				if accepted && (len(plain.HTTP) != 2 || plain.HTTP[0].RequestFirst.Frame != 1 || plain.HTTP[0].ResponseFirst.Frame != 2) {
					t.Errorf("without keys: %s", brief(plain.HTTP))
				}
			})
		}
	}
}

// TestTLS13Tickets: what a server sends after the client's Finished is no
// answer, whatever stack wrote it.
func TestTLS13Tickets(t *testing.T) {
	ticket := func(n int) string { return message(msgNewSessionTicket, strings.Repeat("t", n-4)) }
	for _, c := range []struct {
		name   string
		sizes  []int // of tickets, plaintext
		before bool  // they come before the request
		slow   bool  // the answer comes long after
		want   int   // tickets counted
	}{
		{"OpenSSL, full", []int{281, 281}, false, false, 2},
		{"OpenSSL, resumed", []int{281}, false, false, 1},
		{"OpenSSL, before the request", []int{265, 265}, true, true, 2},
		{"OpenSSL, stateful", []int{57, 57}, false, true, 2},
		{"rustls", []int{103, 103}, false, true, 2},
		{"Java, slow application", []int{1191}, false, true, 1},
		{"none", nil, false, false, 0},
		{"none, slow", nil, false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForger(t, 0x1301)
			f.establish(0)
			tickets := func() {
				for _, n := range c.sizes {
					f.say(Server, f.seal(Server, recordHandshake, ticket(n), 0))
				}
			}
			if c.before {
				tickets()
			}
			f.say(Client, f.seal(Client, recordData, f.request("/1"), 0))
			request := len(f.pieces)
			if !c.before {
				tickets()
			}
			if c.slow {
				f.pieces = append(f.pieces, piece{})
				for range 50 {
					f.pieces = append(f.pieces, piece{}) // time passes
				}
			}
			f.say(Server, f.seal(Server, recordData, forgedAnswer+strings.Repeat("x", 22), 0))
			answer := len(f.pieces)
			f.say(Server, f.seal(Server, recordData, strings.Repeat("x", 100), 0))
			f.exchange("/2", 0)
			pieces := f.pieces[:0:0]
			for _, p := range f.pieces {
				if p.data != nil {
					pieces = append(pieces, p)
				}
			}
			flow := follow(tlsDissector, nil, pieces)
			if len(flow.HTTP) != 2 || flow.HTTP[0].RequestLast.Frame != request || flow.HTTP[0].ResponseFirst.Frame != answer || flow.TLS.Tickets != c.want {
				t.Errorf("request %d, answer %d, %d tickets: %s", request, answer, flow.TLS.Tickets, brief(flow.HTTP))
			}
		})
	}
}

// TestTLS13Alerts: alerts that only their length betrays.
func TestTLS13Alerts(t *testing.T) {
	t.Run("client refuses the server", func(t *testing.T) {
		f := newForger(t, 0x1302)
		f.say(Client, f.clientHello(false))
		f.say(Server, append([][]byte{f.serverHello(false)}, f.serverFlight(false, false, 0)...)...)
		f.use(Client, labelClientHandshake)
		f.say(Client, f.seal(Client, recordAlert, "\x02\x30", 0))
		flow := follow(tlsDissector, nil, f.pieces)
		if a := flow.TLS.Alerts; len(a) != 1 || !a[0].Inferred || a[0].Code != -1 || a[0].Dir != Client || flow.Phases[0].Outcome != Failed {
			t.Errorf("%+v %+v", a, flow.Phases)
		}
		flow = follow(tlsDissector, f.keys, f.pieces)
		if a := flow.TLS.Alerts; len(a) != 1 || a[0].Inferred || a[0].Description != "unknown_ca" || flow.Phases[0].Outcome != Failed {
			t.Errorf("with keys: %+v %+v", a, flow.Phases)
		}
	})
	t.Run("the capture lacks the client's Finished", func(t *testing.T) {
		f := newForger(t, 0x1302)
		f.establish(0)
		f.say(Client, f.seal(Client, recordData, f.request("/1"), 0))
		answered := len(f.pieces)
		f.say(Server, f.seal(Server, recordData, strings.Repeat("x", 300), 0))
		f.say(Client, f.seal(Client, recordAlert, "\x01\x00", 0))
		flow := testFlow()
		s := tlsDissector.Open(flow, nil)
		for i, p := range f.pieces {
			if p.dir == Client && i > 0 && i < answered {
				s.Gap(p.dir, p.at, int64(len(p.data)))
				continue
			}
			s.Data(p.dir, p.at, p.data)
		}
		s.Close(f.pieces[len(f.pieces)-1].at)
		if len(flow.TLS.Alerts) > 0 || flow.Phases[0].Outcome != Unseen {
			t.Errorf("%+v %+v", flow.TLS.Alerts, flow.Phases)
		}
	})
	t.Run("server refuses the client", func(t *testing.T) {
		f := newForger(t, 0x1302)
		f.establish(0)
		f.say(Client, f.seal(Client, recordData, f.request("/1"), 0))
		f.say(Server, f.seal(Server, recordAlert, "\x02\x74", 0))
		flow := follow(tlsDissector, nil, f.pieces)
		if a := flow.TLS.Alerts; len(a) != 1 || !a[0].Inferred || a[0].Dir != Server {
			t.Errorf("%+v", a)
		}
		flow = follow(tlsDissector, f.keys, f.pieces)
		if a := flow.TLS.Alerts; len(a) != 1 || a[0].Description != "certificate_required" {
			t.Errorf("with keys: %+v", a)
		}
	})
	t.Run("unused", func(t *testing.T) {
		f := newForger(t, 0x1302)
		f.establish(0)
		f.say(Client, f.seal(Client, recordAlert, "\x01\x00", 0))
		for _, keys := range []*KeyLog{nil, f.keys} {
			flow := follow(tlsDissector, keys, f.pieces)
			if !flow.TLS.Unused || len(flow.TLS.Alerts) > 0 || !flow.TLS.CloseNotify[Client].Seen() {
				t.Errorf("%+v", flow.TLS)
			}
		}
	})
}
