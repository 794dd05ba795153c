package pcapflow

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// robustTalks are conversations of every kind, for the properties that hold for all.
func robustTalks(t testing.TB) map[string]struct {
	dissector *Dissector
	keys      *KeyLog
	pieces    []piece
} {
	type one = struct {
		dissector *Dissector
		keys      *KeyLog
		pieces    []piece
	}
	all := map[string]one{}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := clientConfig(), serverConfig()
		client.MaxVersion = version
		client.CurvePreferences = []tls.CurveID{tls.X25519}
		pieces, keys := keyLogTalk(t, client, server, ask(2), answer)
		all[tls.VersionName(version)] = one{tlsDissector, nil, pieces}
		all[tls.VersionName(version)+" with keys"] = one{tlsDissector, keys, pieces}
	}
	var talk []said
	for _, c := range http1Cases {
		if c.name == "chunked" || c.name == "keep-alive" || c.name == "post" || c.name == "continue" {
			talk = append(talk, c.talk...)
		}
	}
	all["HTTP/1"] = one{httpDissector, nil, pieces(talk...)}
	all["STARTTLS"] = one{startTLSDissector, nil, append(pieces(server("220 hi\r\n"), client("EHLO x\r\n"), server("250 STARTTLS\r\n"), client("STARTTLS\r\n"), server("220 go\r\n")),
		all[tls.VersionName(tls.VersionTLS12)].pieces...)}
	return all
}

// TestTruncation: cut after any byte, nothing panics, and the instants that
// had been read before stay as they were.
func TestTruncation(t *testing.T) {
	for name, c := range robustTalks(t) {
		t.Run(name, func(t *testing.T) {
			whole := follow(c.dissector, c.keys, c.pieces)
			total := 0
			for _, p := range c.pieces {
				total += len(p.data)
			}
			step := max(1, total/1500)
			for n := 0; n < total; n += step {
				f := follow(c.dissector, c.keys, truncate(c.pieces, n))
				checkPrefix(t, n, f, whole)
			}
		})
	}
}

func truncate(pieces []piece, n int) []piece {
	var out []piece
	for _, p := range pieces {
		if n <= 0 {
			break
		}
		p.data = p.data[:min(n, len(p.data))]
		n -= len(p.data)
		out = append(out, p)
	}
	return out
}

func checkPrefix(t *testing.T, n int, f, whole *Flow) {
	t.Helper()
	if f.TLS != nil && whole.TLS != nil {
		for _, s := range [][2]Stamp{{f.TLS.ClientHello, whole.TLS.ClientHello}, {f.TLS.ServerHello, whole.TLS.ServerHello},
			{f.TLS.ServerFinished, whole.TLS.ServerFinished}, {f.TLS.ClientHelloFirst, whole.TLS.ClientHelloFirst}} {
			if s[0].Seen() && s[0] != s[1] {
				t.Fatalf("after %d bytes %v, in the end %v", n, s[0], s[1])
			}
		}
	}
	for i, e := range f.HTTP {
		if i >= len(whole.HTTP) {
			t.Fatalf("after %d bytes more exchanges than in the end", n)
		}
		w := whole.HTTP[i]
		if e.RequestFirst != w.RequestFirst || i < len(f.HTTP)-1 && e.Status != w.Status || e.Method != w.Method && e.Method != "" {
			t.Fatalf("after %d bytes %s, in the end %s", n, brief(f.HTTP[i:i+1]), brief(whole.HTTP[i:i+1]))
		}
	}
}

// TestHoles: with any one stretch of bytes missing nothing panics, and what
// came before it stays.
func TestHoles(t *testing.T) {
	for name, c := range robustTalks(t) {
		t.Run(name, func(t *testing.T) {
			for i, p := range c.pieces {
				for from := 0; from < len(p.data); from += max(1, len(p.data)/40) {
					for _, size := range []int{1, 5, 50, 5000} {
						f := testFlow()
						s := c.dissector.Open(f, &Env{Keys: c.keys})
						for j, q := range c.pieces {
							if j != i {
								s.Data(q.dir, q.at, q.data)
								continue
							}
							end := min(len(q.data), from+size)
							s.Data(q.dir, q.at, q.data[:from])
							s.Gap(q.dir, q.at, int64(end-from))
							s.Data(q.dir, q.at, q.data[end:])
						}
						s.Close(c.pieces[len(c.pieces)-1].at)
					}
				}
			}
		})
	}
}

// TestHoleInBody: bytes missing inside a record cost nothing but its content.
func TestHoleInBody(t *testing.T) {
	pieces := talk(t, clientConfig(), serverConfig(), ask(3), answer)
	want := follow(tlsDissector, nil, pieces)
	f := testFlow()
	s := tlsDissector.Open(f, nil)
	for _, p := range pieces {
		if p.dir == Server && len(p.data) > 300 && p.data[0] == recordData {
			s.Data(p.dir, p.at, p.data[:20])
			s.Gap(p.dir, p.at, int64(len(p.data)-40))
			s.Data(p.dir, p.at, p.data[len(p.data)-20:])
			continue
		}
		s.Data(p.dir, p.at, p.data)
	}
	s.Close(Stamp{})
	if len(f.HTTP) != 3 {
		t.Fatalf("%s", brief(f.HTTP))
	}
	for i, e := range f.HTTP {
		if e.Gap || !e.Exact || e.ResponseBytes != want.HTTP[i].ResponseBytes || e.ResponseLast != want.HTTP[i].ResponseLast {
			t.Errorf("%s want %s", brief(f.HTTP[i:i+1]), brief(want.HTTP[i:i+1]))
		}
	}
}

// TestJoinedHalfWay: without the handshake requests are still told apart, but
// not their sizes.
func TestJoinedHalfWay(t *testing.T) {
	pieces := talk(t, clientConfig(), serverConfig(), ask(3), answer)
	for i, p := range pieces {
		if p.dir == Client && i > 2 {
			pieces = pieces[i:]
			break
		}
	}
	if probeTLS([2][]byte{pieces[0].data, nil}, 443) != Yes {
		t.Error("not recognised")
	}
	f := follow(tlsDissector, nil, pieces)
	if len(f.HTTP) != 3 || f.HTTP[0].RequestBytes != -1 || f.HTTP[0].Exact || f.HTTP[0].Ordinal != 0 || len(f.Phases) != 9 {
		t.Errorf("%s %+v", brief(f.HTTP), f.Phases)
	}
}

func TestCCM(t *testing.T) {
	// RFC 3610 §8 has nonces of 13 bytes; these are of NIST SP 800-38C, example 3
	// (12 bytes of nonce, a tag of 8 bytes), and of RFC 8439's kind, sealed by OpenSSL.
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c := suiteCipher{kind: cipherCCM8, keyLen: 16}
	a, err := c.aead(unhex("404142434445464748494a4b4c4d4e4f"))
	if err != nil {
		t.Fatal(err)
	}
	nonce, data := unhex("101112131415161718191a1b"), unhex("000102030405060708090a0b0c0d0e0f10111213")
	text := unhex("202122232425262728292a2b2c2d2e2f3031323334353637")
	want := unhex("e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951")
	if got := a.Seal(nil, nonce, text, data); !reflect.DeepEqual(got, want) {
		t.Errorf("sealed %x, want %x", got, want)
	}
	if got, err := a.Open(nil, nonce, want, data); err != nil || !reflect.DeepEqual(got, text) {
		t.Errorf("opened %x, %v", got, err)
	}
	want[3]++
	if _, err := a.Open(nil, nonce, want, data); err == nil {
		t.Error("a damaged text was opened")
	}
}

func TestKeyLogAdd(t *testing.T) {
	random, secret := strings.Repeat("ab", 32), strings.Repeat("cd", 48)
	k := &KeyLog{}
	n, err := k.Add([]byte("# comment\r\n\r\nCLIENT_RANDOM " + random + " " + secret + "\r\nEXPORTER_SECRET " + random + " " + secret +
		"\nSERVER_TRAFFIC_SECRET_0 " + random + " " + strings.Repeat("ef", 32)))
	if n != 3 || err != nil || len(k.secrets) != 1 {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"CLIENT_RANDOM " + random, "CLIENT_RANDOM xx " + secret, "CLIENT_RANDOM " + random + " 12", "HELLO " + random + " " + secret,
		"CLIENT_RANDOM " + random + " " + secret[:95] + "g", strings.Repeat("x", 5000)} {
		n, err := k.Add([]byte("\n" + bad + "\nCLIENT_RANDOM " + random + " " + secret + "\n"))
		if n != 1 || err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "cdcd") {
			t.Errorf("%q: %d, %v", bad, n, err)
		}
	}
	if (*KeyLog)(nil).secret([32]byte{}, labelMaster) != nil || !(*KeyLog)(nil).Empty() {
		t.Error("no key log is an empty one")
	}
}

func FuzzTLS(f *testing.F) {
	forged := newForger(nil, 0x1301)
	forged.establish(0)
	forged.exchange("/1", 0)
	forged.say(Client, forged.update(Client))
	forged.exchange("/2", 0)
	f.Add(script(forged.pieces))
	client := clientConfig()
	client.MaxVersion = tls.VersionTLS12
	f.Add(script(talk(f, client, serverConfig(), ask(2), answer)))
	f.Add(script([]piece{{dir: Client, data: []byte("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10")}, {dir: Server, data: []byte("HTTP/1.1 400 \r\n\r\n")}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		play(tlsDissector, forged.keys, b)
		play(startTLSDissector, nil, b)
	})
}

func FuzzHTTP1(f *testing.F) {
	for _, c := range http1Cases {
		f.Add(script(pieces(c.talk...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) { play(httpDissector, nil, b) })
}

func FuzzHTTP2(f *testing.F) {
	f.Add(script(pieces(client(http2Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"+"\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x86\x84"),
		server("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x01\x00\x00\x10\x00"+"\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88"+"\x00\x00\x02\x00\x01\x00\x00\x00\x01hi"))))
	waiting := newH2Talk()
	waiting.window(10)
	waiting.get(1)
	waiting.answer(1)
	waiting.data(1, 10, 0)
	waiting.grow(0, 5)
	waiting.grow(1, 5)
	waiting.data(1, 5, h2EndStream)
	f.Add(script(waiting.list))
	f.Add(script(pieces(client("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"), server("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88"))))
	f.Fuzz(func(t *testing.T, b []byte) { play(httpDissector, nil, b) })
}

// script writes pieces as bytes a fuzzer can change: side and length before each.
func script(pieces []piece) []byte {
	var out []byte
	for _, p := range pieces {
		for len(p.data) > 0 {
			n := min(len(p.data), 1<<14-1)
			out = append(out, byte(p.dir)<<7|byte(n>>8), byte(n))
			out = append(out, p.data[:n]...)
			p.data = p.data[n:]
		}
	}
	return out
}

// play lets a dissector read a script. Bit 6 of a piece's first byte makes it a gap.
func play(d *Dissector, keys *KeyLog, b []byte) *Flow {
	f := testFlow()
	d.Probe([2][]byte{b, b}, 443)
	s := d.Open(f, &Env{Keys: keys})
	at := Stamp{Time: 1, Frame: 1}
	for len(b) >= 2 {
		dir, gap, n := Dir(b[0]>>7), b[0]&0x40 != 0, int(b[0]&0x3f)<<8|int(b[1])
		b = b[2:]
		if gap {
			s.Gap(dir, at, int64(n))
		} else {
			n = min(n, len(b))
			s.Data(dir, at, b[:n])
			b = b[n:]
		}
		at.Time += 1e6
		at.Frame++
	}
	s.Close(at)
	for i := range f.HTTP {
		e := &f.HTTP[i]
		length := at.Time - 1
		if e.FlowControlWait < 0 || e.FlowControlWait > 2*length || e.HeadOfLineWait < 0 || e.HeadOfLineWait > length || len(e.Timing) > maxTimings {
			panic(fmt.Sprintf("%+v", e))
		}
		if e.ResponseFirst.Seen() && e.ResponseLast.Seen() && e.ResponseLast.Time < e.ResponseFirst.Time || e.RequestFirst.Seen() && e.RequestLast.Time < e.RequestFirst.Time {
			panic(fmt.Sprintf("%+v", e))
		}
	}
	for _, p := range f.Phases {
		if p.Begin.Seen() && p.End.Seen() && p.End.Time < p.Begin.Time {
			panic(fmt.Sprintf("%+v", p))
		}
	}
	return f
}
