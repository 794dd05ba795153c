package pcapflow

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// tlsGroups are the groups that crypto/tls knows.
var tlsGroups = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// TestTLSGroups lets crypto/tls negotiate each pair of groups the client knows with each
// of the two that the server demands, in full and resumed: that the server asks for a
// share of another group, that group, and the two hellos are read as it says.
func TestTLSGroups(t *testing.T) {
	retried := map[string]bool{}
	for i, a := range tlsGroups {
		for _, b := range tlsGroups[i+1:] {
			for _, demanded := range []tls.CurveID{a, b} {
				client, server := clientConfig(), serverConfig()
				client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				client.CurvePreferences, server.CurvePreferences = []tls.CurveID{a, b}, []tls.CurveID{demanded}
				for _, again := range []bool{false, true} {
					name := fmt.Sprintf("%v or %v, demanded %v, again %v", a, b, demanded, again)
					f, plain, state := tlsTalk(t, client, server)
					if !state.HandshakeComplete || state.DidResume != again {
						t.Fatalf("%s: %+v", name, state)
					}
					if state.HelloRetryRequest && !again {
						retried[fmt.Sprintf("%v instead of %v", demanded, a^b^demanded)] = true
					}
					checkCombination(t, name, f, plain, state)
					checkRetry(t, name, plain, state)
				}
			}
		}
	}
	if len(retried) != 18 { // a hybrid group brings the share of its own curve along
		t.Errorf("%d of 21 pairs make the server ask again: %v", len(retried), retried)
	}
}

// tlsTalk is two requests over one connection, read with its keys and without.
func tlsTalk(t *testing.T, client, server *tls.Config) (f, plain *Flow, state tls.ConnectionState) {
	t.Helper()
	pieces, keys := keyLogTalk(t, client, server, func(conn *tls.Conn) error {
		err := askInAny(conn)
		state = conn.ConnectionState()
		return err
	}, answerInAny)
	return follow(tlsDissector, keys, pieces), follow(tlsDissector, nil, pieces), state
}

// checkRetry compares the hellos and the group with what crypto/tls says.
func checkRetry(t *testing.T, name string, f *Flow, state tls.ConnectionState) {
	t.Helper()
	x := f.TLS
	if want := curveName(state.CurveID); !strings.EqualFold(x.Group, want) {
		t.Errorf("%s: group %q, want %q", name, x.Group, want)
	}
	inOrder := x.ClientHello.Time < x.HelloRetryAt.Time && x.HelloRetryAt.Time < x.SecondHello.Time && x.SecondHello.Time < x.ServerHello.Time
	if want := state.HelloRetryRequest; x.HelloRetry != want || x.HelloRetryAt.Seen() != want || x.SecondHello.Seen() != want || inOrder != want {
		t.Errorf("%s: asked again %v, at %v, %v, %v, %v, want %v", name, x.HelloRetry, x.ClientHello, x.HelloRetryAt, x.SecondHello, x.ServerHello, want)
	}
}

// TestTLSEncryptedHello lets crypto/tls encrypt its hello to a server that takes it, in
// full, resumed, with either protocol and asking for another group: the outer name is
// read, and the rest as it says.
func TestTLSEncryptedHello(t *testing.T) {
	config, key := encryptedHelloConfig(t, "public.example")
	for _, alpn := range []string{"", "http/1.1", "h2"} {
		for _, demanded := range []tls.CurveID{tls.X25519, tls.CurveP384} {
			client, server := clientConfig(), serverConfig()
			client.MinVersion = tls.VersionTLS13
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			client.CurvePreferences, server.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}, []tls.CurveID{demanded}
			client.EncryptedClientHelloConfigList, server.EncryptedClientHelloKeys = config, []tls.EncryptedClientHelloKey{key}
			if alpn != "" {
				client.NextProtos, server.NextProtos = []string{alpn}, []string{alpn}
			}
			for _, again := range []bool{false, true} {
				name := fmt.Sprintf("ALPN %q, group %v, again %v", alpn, demanded, again)
				_, plain, state := tlsTalk(t, client, server)
				if !state.ECHAccepted || state.DidResume != again || state.HelloRetryRequest != (demanded == tls.CurveP384) {
					t.Fatalf("%s: %+v", name, state)
				}
				x := plain.TLS
				if x.SNI != "public.example" || !x.ECH || x.Version != "TLSv1.3" || x.Cipher != tls.CipherSuiteName(state.CipherSuite) || x.Resumed != again || x.ALPN != "" && x.ALPN != alpn {
					t.Errorf("%s: %+v", name, x)
				}
				if len(plain.HTTP) != 2 || plain.Phases[0].Outcome != Estimated || len(x.Alerts) > 0 {
					t.Errorf("%s: %d requests, %+v, alerts %v", name, len(plain.HTTP), plain.Phases[0], x.Alerts)
				}
				checkRetry(t, name, plain, state)
			}
		}
	}
}

// TestTLSEncryptedHelloRefused: a server without the key says hello to the public name,
// and the client leaves with an alert, which looks like close_notify without keys.
func TestTLSEncryptedHelloRefused(t *testing.T) {
	client, server := clientConfig(), serverConfig()
	client.MinVersion = tls.VersionTLS13
	client.EncryptedClientHelloConfigList, _ = encryptedHelloConfig(t, "public.example")
	client.EncryptedClientHelloRejectionVerify = func(tls.ConnectionState) error { return nil }
	f, plain, _ := tlsTalk(t, client, server)
	if x := plain.TLS; x.SNI != "public.example" || !x.ECH || !x.Unused || !x.CloseNotify[Client].Seen() || len(x.Alerts)+len(plain.HTTP) > 0 {
		t.Errorf("without keys: %+v", x)
	}
	if x := f.TLS; x.SNI != "public.example" || !x.ECH || x.Unused || len(f.HTTP) > 0 || len(x.Alerts) != 1 || x.Alerts[0].Dir != Client || x.Alerts[0].Description != "ech_required" || !x.Alerts[0].Fatal {
		t.Errorf("with keys: %+v", x)
	}
}

// encryptedHelloConfig is a list of one configuration (RFC 9849 §4) and its key.
func encryptedHelloConfig(t *testing.T, name string) (list []byte, key tls.EncryptedClientHelloKey) {
	t.Helper()
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddUint16(extECH)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(7)     // config_id
		b.AddUint16(0x20) // DHKEM(X25519, HKDF-SHA256), RFC 9180 §7.1
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(private.PublicKey().Bytes()) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(1) // HKDF-SHA256
			b.AddUint16(1) // AES-128-GCM
		})
		b.AddUint8(32) // maximum_name_length
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
		b.AddUint16(0) // no extensions
	})
	one := b.BytesOrPanic()
	var all cryptobyte.Builder
	all.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(one) })
	return all.BytesOrPanic(), tls.EncryptedClientHelloKey{Config: one, PrivateKey: private.Bytes(), SendAsRetry: true}
}
