package pcapflow

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quicHello is a ClientHello that crypto/tls makes for QUIC, as a handshake
// message.
func quicHello(t testing.TB, name string, alpn ...string) []byte {
	t.Helper()
	c := tls.QUICClient(&tls.QUICConfig{TLSConfig: &tls.Config{ServerName: name, NextProtos: alpn, MinVersion: tls.VersionTLS13}})
	c.SetTransportParameters([]byte{1, 2, 0x43, 0xe8})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for {
		switch e := c.NextEvent(); e.Kind {
		case tls.QUICWriteData:
			return bytes.Clone(e.Data)
		case tls.QUICNoEvent:
			t.Fatal("no ClientHello")
		}
	}
}

// quicSealed protects an Initial packet, as its sender does.
func quicSealed(t testing.TB, version uint32, keys []byte, d Dir, dcid, scid, token []byte, number uint32, frames []byte) []byte {
	t.Helper()
	k := newQUICKeys(version, keys)
	o := &k.side[d]
	if n := quicInitialMin - 60 - len(frames) - len(token); d == Client && n > 0 {
		frames = append(bytes.Clone(frames), make([]byte, n)...)
	}
	first := byte(0xc1) // an Initial with a packet number of two octets
	if version == quicVersion2 {
		first = 0xd1
	}
	b := binary.BigEndian.AppendUint32([]byte{first}, version)
	b = append(append(b, byte(len(dcid))), dcid...)
	b = append(append(b, byte(len(scid))), scid...)
	b = append(append(b, byte(len(token))), token...)
	length := 2 + len(frames) + 16
	b = append(b, 0x40|byte(length>>8), byte(length))
	at := len(b)
	b = append(b, byte(number>>8), byte(number))
	nonce := o.iv
	for i := range 4 {
		nonce[8+i] ^= byte(number >> (24 - 8*i))
	}
	b = o.packet.Seal(b, nonce[:], frames, bytes.Clone(b))
	var mask [aes.BlockSize]byte
	o.header.Encrypt(mask[:], b[at+4:at+20])
	b[0] ^= mask[0] & 0x0f
	b[at] ^= mask[1]
	b[at+1] ^= mask[2]
	return b
}

// quicCryptoFrame is a CRYPTO frame.
func quicCryptoFrame(offset int, data []byte) []byte {
	b := []byte{quicCRYPTO, 0x80, byte(offset >> 16), byte(offset >> 8), byte(offset), 0x40 | byte(len(data)>>8), byte(len(data))}
	return append(b, data...)
}

// quicLong is a packet of another kind that nobody can open.
func quicLong(version uint32, kind quicKind, dcid, scid []byte, n int) []byte {
	bits := map[quicKind]byte{quicEarly: 1, quicHandshake: 2, quicRetry: 3}[kind]
	if version == quicVersion2 {
		bits = (bits + 1) & 3
	}
	b := binary.BigEndian.AppendUint32([]byte{0xc0 | bits<<4}, version)
	b = append(append(b, byte(len(dcid))), dcid...)
	b = append(append(b, byte(len(scid))), scid...)
	if kind != quicRetry {
		b = append(b, 0x40|byte(n>>8), byte(n))
	}
	return append(b, bytes.Repeat([]byte{0xee}, n)...)
}

type quicScript struct {
	flow   Flow
	stream Stream
	frame  int
}

func newQUICScript() *quicScript {
	s := &quicScript{}
	s.stream = quicDissector.Open(&s.flow, &Env{})
	return s
}

func (s *quicScript) send(d Dir, packets ...[]byte) Stamp {
	s.frame++
	stamp := at(s.frame, time.Duration(s.frame)*time.Millisecond)
	s.stream.Data(d, stamp, bytes.Join(packets, nil))
	return stamp
}

func (s *quicScript) close() (*QUIC, Phase) {
	s.stream.Close(at(s.frame, time.Hour))
	return s.flow.QUIC, s.flow.Phases[0]
}

var (
	quicFirst  = []byte("\x83\x94\xc8\xf0\x3e\x51\x57\x08")
	quicServer = []byte("server!!")
	quicShort1 = bytes.Repeat([]byte{0x40}, 40)
)

// The keys of RFC 9001 A.1 and RFC 9369 A.1.
func TestQUICKeys(t *testing.T) {
	for _, test := range []struct {
		version uint32
		iv      [2]string
	}{
		{quicVersion1, [2]string{"fa044b2f42a3fd3b46fb255c", "0ac1493ca1905853b0bba03e"}},
		{quicVersion2, [2]string{"91f73e2351d8fa91660e909f", "dd13c276499c0249d3310652"}},
	} {
		k := newQUICKeys(test.version, quicFirst)
		for d, want := range test.iv {
			if got := hex.EncodeToString(k.side[d].iv[:]); got != want {
				t.Errorf("version %#x: iv %s, want %s", test.version, got, want)
			}
		}
	}
	if newQUICKeys(0x1a2a3a4a, quicFirst) != nil {
		t.Error("keys for an unknown version")
	}
}

// The server's Initial of RFC 9001 A.3.
func TestQUICServerInitial(t *testing.T) {
	b := unhex(t, "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee")
	p, ok := parseQUIC(b)
	if !ok || p.kind != quicInitial || p.end != len(b) || string(p.scid) != "\xf0\x67\xa5\x50\x2a\x42\x62\xb5" {
		t.Fatalf("%+v", p)
	}
	frames, number, ok := newQUICKeys(quicVersion1, quicFirst).side[Server].open(b, p.number, -1)
	if !ok || number != 1 || !bytes.HasPrefix(frames, unhex(t, "02000000000600405a020000560303eefce7f7")) {
		t.Errorf("%v %d %x", ok, number, frames)
	}
}

func TestQUICNumber(t *testing.T) {
	for _, test := range []struct {
		largest, truncated int64
		bits               int
		want               int64
	}{
		{0xa82f30ea, 0x9b32, 16, 0xa82f9b32}, // RFC 9000 A.3
		{-1, 0, 8, 0}, {-1, 5, 16, 5}, {254, 1, 8, 257}, {256, 255, 8, 255},
	} {
		if got := quicNumber(test.largest, test.truncated, test.bits); got != test.want {
			t.Errorf("%#x after %#x: %#x, want %#x", test.truncated, test.largest, got, test.want)
		}
	}
}

func TestQUICHandshake(t *testing.T) {
	for _, version := range []uint32{quicVersion1, quicVersion2} {
		hello := quicHello(t, "app.example", "h3", "hq-interop")
		s := newQUICScript()
		begin := s.send(Client, quicSealed(t, version, quicFirst, Client, quicFirst, []byte("c"), nil, 0, quicCryptoFrame(0, hello)))
		s.send(Client, quicLong(version, quicEarly, quicFirst, []byte("c"), 100))
		s.send(Server, quicSealed(t, version, quicFirst, Server, []byte("c"), quicServer, nil, 0, []byte{quicACK, 0, 0, 0, 0}),
			quicLong(version, quicHandshake, []byte("c"), quicServer, 700))
		s.send(Server, quicLong(version, quicHandshake, []byte("c"), quicServer, 900), quicShort1)
		end := s.send(Client, quicLong(version, quicHandshake, quicServer, []byte("c"), 60), quicShort1)
		s.send(Client, quicShort1)
		q, p := s.close()
		if q.SNI != "app.example" || q.ALPN != "h3" || len(q.Offered) != 2 || !q.EarlyData || q.Retry || q.Version != quicVersionName(version) || !q.Opened[Client] || !q.Opened[Server] {
			t.Errorf("%+v", q)
		}
		if p.Begin != begin || p.End != end || p.Outcome != Estimated || p.Attempts != 1 || q.ServerFlight.Frame != 4 || p.RTT != 2e6 {
			t.Errorf("%+v", p)
		}
		if !strings.HasPrefix(q.JA4, "q13d") {
			t.Errorf("JA4 %q", q.JA4)
		}
	}
}

// However CRYPTO frames and packets cut the ClientHello, and in whatever order
// they come, it reads the same.
func TestQUICCryptoOrder(t *testing.T) {
	hello := quicHello(t, "cut.example", "h3")
	for _, size := range []int{2, 7, 100, 250} {
		var frames [][]byte
		for off := 0; off < len(hello); off += size {
			frames = append(frames, quicCryptoFrame(off, hello[off:min(off+size, len(hello))]))
		}
		slices.Reverse(frames)
		s := newQUICScript()
		number := uint32(0)
		for part := range slices.Chunk(frames, 60) {
			payload := append([]byte{quicPing, 0, 0}, bytes.Join(part, nil)...)
			s.send(Client, quicSealed(t, quicVersion1, quicFirst, Client, quicFirst, nil, nil, number, payload))
			number++
		}
		if q, _ := s.close(); q.SNI != "cut.example" || q.ClientHello.Frame != s.frame {
			t.Errorf("in pieces of %d: %+v", size, q)
		}
	}
}

func TestQUICRetryAndVersions(t *testing.T) {
	hello := quicCryptoFrame(0, quicHello(t, "a.example", "h3"))
	initial := func(version uint32, keys, dcid []byte, number uint32, token string) []byte {
		return quicSealed(t, version, keys, Client, dcid, []byte("c"), []byte(token), number, hello)
	}
	list := append([]byte{0x80, 0, 0, 0, 0, 1, 'c', 8}, quicFirst...)
	list = append(list, 0x1a, 0x2a, 0x3a, 0x4a, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf)
	unknown := initial(quicVersion1, quicFirst, quicFirst, 0, "")
	binary.BigEndian.PutUint32(unknown[1:], 0x5a6a7a8a)

	t.Run("retry", func(t *testing.T) {
		s := newQUICScript()
		first := s.send(Client, initial(1, quicFirst, quicFirst, 0, ""))
		retry := s.send(Server, quicLong(1, quicRetry, []byte("c"), quicServer, 40))
		second := s.send(Client, initial(1, quicServer, quicServer, 1, "token"))
		s.send(Client, initial(1, quicServer, quicServer, 2, "token"))
		s.send(Server, quicLong(1, quicHandshake, []byte("c"), quicServer, 40))
		s.send(Client, quicShort1)
		q, p := s.close()
		if !q.Retry || q.RetryAt != retry || q.ClientHello != first || q.SecondHello != second || q.SNI != "a.example" || q.Attempts != 2 || p.Outcome != Estimated {
			t.Errorf("%+v %+v", q, p)
		}
	})
	t.Run("two retries", func(t *testing.T) {
		other := []byte("other id")
		for _, taken := range [][]byte{quicServer, other} {
			s := newQUICScript()
			s.send(Client, initial(1, quicFirst, quicFirst, 0, ""))
			want := s.send(Server, quicLong(1, quicRetry, []byte("c"), quicServer, 40))
			if second := s.send(Server, quicLong(1, quicRetry, []byte("c"), other, 40)); bytes.Equal(taken, other) {
				want = second
			}
			s.send(Client, initial(1, taken, taken, 1, "token"))
			if q, _ := s.close(); q.RetryAt != want {
				t.Errorf("retry in frame %d, want %d", q.RetryAt.Frame, want.Frame)
			}
		}
	})
	t.Run("version negotiation", func(t *testing.T) {
		s := newQUICScript()
		s.send(Client, unknown)
		s.send(Server, list)
		s.send(Client, initial(1, []byte("other id"), []byte("other id"), 0, ""))
		s.send(Server, quicLong(1, quicHandshake, []byte("c"), quicServer, 40))
		s.send(Client, quicShort1)
		q, p := s.close()
		if !q.Negotiated || q.Version != "1" || q.SNI != "a.example" || len(q.Versions) != 3 || q.Versions[2] != "2" || p.Outcome != Estimated || q.Attempts != 1 {
			t.Errorf("%+v %+v", q, p)
		}
		if probeQUIC([2][]byte{unknown, list}, 443) != Yes || probeQUIC([2][]byte{unknown, nil}, 443) != Maybe {
			t.Error("probe of a version negotiation")
		}
	})
	t.Run("no common version", func(t *testing.T) {
		s := newQUICScript()
		s.send(Client, unknown)
		s.send(Server, list)
		if _, p := s.close(); p.Outcome != Failed {
			t.Errorf("%+v", p)
		}
	})
	t.Run("server takes another version", func(t *testing.T) {
		s := newQUICScript()
		s.send(Client, initial(1, quicFirst, quicFirst, 0, ""))
		s.send(Server, quicSealed(t, quicVersion2, quicFirst, Server, []byte("c"), quicServer, nil, 0, []byte{quicACK, 0, 0, 0, 0}))
		if q, _ := s.close(); q.Version != "2" || !q.Opened[Server] {
			t.Errorf("%+v", q)
		}
	})
	t.Run("repeated", func(t *testing.T) {
		s := newQUICScript()
		for i := range uint32(3) {
			s.send(Client, initial(1, quicFirst, quicFirst, i, ""))
		}
		if _, p := s.close(); p.Attempts != 3 || p.Outcome != Unanswered {
			t.Errorf("%+v", p)
		}
	})
	t.Run("refused", func(t *testing.T) {
		s := newQUICScript()
		s.send(Client, initial(1, quicFirst, quicFirst, 0, ""))
		s.flow.ICMP = []ICMPError{{Stamp: at(2, time.Millisecond), Type: 3, Code: 3, Text: "port unreachable"}}
		if _, p := s.close(); p.Outcome != Refused || p.End.Frame != 2 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := newQUICScript()
		s.send(Client, initial(1, quicFirst, quicFirst, 0, ""))
		s.send(Server, quicSealed(t, 1, quicFirst, Server, []byte("c"), quicServer, nil, 0, append([]byte{quicClosing, 0x41, 0x28, quicCRYPTO, 0}, make([]byte, 20)...)))
		if q, p := s.close(); p.Outcome != Failed || q.CloseCode != 0x128 || q.CloseBy != Server {
			t.Errorf("%+v %+v", q, p)
		}
	})
}

func TestQUICCutEverywhere(t *testing.T) {
	b := quicSealed(t, 1, quicFirst, Client, quicFirst, []byte("c"), []byte("token"), 0, quicCryptoFrame(0, quicHello(t, "a.example", "h3")))
	for n := range b {
		probeQUIC([2][]byte{b[:n], nil}, 443)
		s := newQUICScript()
		s.send(Client, b[:n])
		if q, _ := s.close(); q.SNI != "" {
			t.Fatalf("cut at %d: opened", n)
		}
	}
}

func TestQUICSpin(t *testing.T) {
	var s quicSpin
	for i := range 400 {
		s.packet(at(i+1, time.Duration(i)*time.Millisecond), i/20%2 == 1)
	}
	if got := s.stats(19e6); got.Min != 20e6 || got.P50 != 20e6 || got.N < 15 {
		t.Errorf("%+v", got)
	}
	var random quicSpin
	for i := range 400 {
		random.packet(at(i+1, time.Duration(i)*time.Millisecond), i*i%7 > 3)
	}
	if got := random.stats(19e6); got.N != 0 {
		t.Errorf("random bits give %+v", got)
	}
}

// Nothing is allocated for packets behind the handshake.
func TestQUICAllocations(t *testing.T) {
	s := newQUICScript()
	s.flow.QUIC.HandshakeEnd = at(1, 0)
	long := quicLong(1, quicHandshake, quicServer, []byte("c"), 900)
	frame := 1
	if n := testing.AllocsPerRun(200, func() {
		frame++
		s.stream.Data(Client, at(frame, 0), quicShort1)
		s.stream.Data(Server, at(frame, 0), long)
	}); n > 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func FuzzQUIC(f *testing.F) {
	hello := quicHello(f, "a.example", "h3")
	f.Add(quicSealed(f, 1, quicFirst, Client, quicFirst, nil, nil, 0, quicCryptoFrame(0, hello)), quicLong(1, quicRetry, nil, quicServer, 20), []byte{6, 0, 2, 1, 1})
	f.Add(quicSealed(f, quicVersion2, quicFirst, Client, quicFirst, nil, nil, 0, quicCryptoFrame(0, hello)), []byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 1, 0, 0, 0, 0x1c, 1, 0})
	f.Fuzz(func(t *testing.T, a, b, frames []byte) {
		probeQUIC([2][]byte{a, b}, 443)
		s := newQUICScript()
		for range 3 {
			s.send(Client, a)
			s.send(Server, b)
		}
		if len(frames) > 0 && len(frames) < 1000 { // what a hostile peer may put behind valid protection
			s.send(Client, quicSealed(t, 1, quicFirst, Client, quicFirst, nil, nil, 9, frames))
			s.send(Server, quicSealed(t, 1, quicFirst, Server, nil, quicServer, nil, 9, append(frames, make([]byte, 20)...)))
		}
		s.stream.Close(at(99, time.Hour))
	})
}

func BenchmarkQUICInitial(b *testing.B) {
	hello := quicSealed(b, 1, quicFirst, Client, quicFirst, []byte("c"), nil, 0, quicCryptoFrame(0, quicHello(b, "a.example", "h3")))
	b.ReportAllocs()
	for b.Loop() {
		s := newQUICScript()
		s.send(Client, hello)
		if q, _ := s.close(); q.SNI == "" {
			b.Fatal("not opened")
		}
	}
}

func BenchmarkQUICShort(b *testing.B) {
	s := newQUICScript()
	s.flow.QUIC.HandshakeEnd = at(1, 0)
	b.ReportAllocs()
	for b.Loop() {
		s.stream.Data(Client, at(2, 0), quicShort1)
	}
}
