package pcapflow

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// dtlsFrom is a record with one fragment of a handshake message.
func dtlsFrom(version uint16, typ byte, seq, size, offset int, body string) string {
	b := []byte{recordHandshake, byte(version >> 8), byte(version), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[11:], uint16(dtlsFragmentHeader+len(body)))
	b = append(b, typ, byte(size>>16), byte(size>>8), byte(size), byte(seq>>8), byte(seq), byte(offset>>16), byte(offset>>8), byte(offset), byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	return string(b) + body
}

// dtlsSealed is an encrypted record of epoch 1.
func dtlsSealed(typ byte, n int) string {
	return string([]byte{typ, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)}) + strings.Repeat("x", n)
}

// dtlsHello is a ClientHello's body with a cookie.
func dtlsHello(random byte, cookie string) string {
	return "\xfe\xfd" + strings.Repeat(string([]byte{random}), 32) + "\x00" + string([]byte{byte(len(cookie))}) + cookie + "\x00\x02\xc0\x2f\x01\x00"
}

const dtlsServerHello = "\xfe\xfd" + "12345678901234567890123456789012" + "\x00\xc0\x2f\x00"

func dtlsMessageOf(typ byte, seq int, body string) string {
	return dtlsFrom(versionDTLS12, typ, seq, len(body), 0, body)
}

// dtlsTalk is a full handshake without a cookie, said by a client.
func dtlsTalk(client, server func(string) said) []said {
	return []said{
		client(dtlsMessageOf(msgClientHello, 0, dtlsHello('a', ""))),
		server(dtlsMessageOf(msgServerHello, 0, dtlsServerHello) + dtlsMessageOf(msgServerHelloDone, 1, "")),
		client(dtlsMessageOf(msgClientKeyExchange, 1, "key") + dtlsSealed(recordHandshake, 40)),
		server(dtlsSealed(recordHandshake, 40)),
		client(dtlsSealed(recordData, 10)),
		server(dtlsSealed(recordAlert, 18)),
	}
}

// TestDTLSProbe: what is DTLS, and what only looks like it.
func TestDTLSProbe(t *testing.T) {
	hello := dtlsMessageOf(msgClientHello, 0, dtlsHello('a', ""))
	stun := "\x00\x01\x00\x08\x21\x12\xa4\x42" + strings.Repeat("t", 12) + "attribut"
	data := dtlsSealed(recordData, 30)
	for _, c := range []struct {
		name, client, server string
		want                 Verdict
	}{
		{"hello", hello, "", Yes},
		{"server hello alone", "", dtlsMessageOf(msgServerHello, 0, dtlsServerHello), Yes},
		{"hello cut by the snap length", hello[:40], "", Yes},
		{"data", "", data, Yes},
		{"two records of data", data + data, "", Yes},
		{"STUN", stun, "", Maybe},
		{"hello behind STUN", stun + hello, stun, Yes},
		{"nothing", "", "", No},
		{"data with a byte behind it", data + "x", "", No},
		{"data of epoch 0", strings.Replace(data, "\x00\x01", "\x00\x00", 1), "", No},
		{"data of a version that is none", "\x17\xfe\xfb" + data[3:], "", No},
		{"TLS", "\x16\x03\x03" + hello[3:], "", No},
		{"a fragment beyond its message", dtlsFrom(versionDTLS12, msgClientHello, 0, 10, 8, "body"), "", No},
		{"a message that is none", dtlsMessageOf(99, 0, "body"), "", No},
		{"RTP", "\x80\x60\x12\x34" + strings.Repeat("v", 40), "", No},
		{"RTP behind STUN", stun + "\x80\x60\x12\x34" + strings.Repeat("v", 40), "", No},
	} {
		if got := probeDTLS([2][]byte{[]byte(c.client), []byte(c.server)}, 5000); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestDTLSRoles: the side that speaks first on the ports need not be the DTLS client.
func TestDTLSRoles(t *testing.T) {
	for _, turned := range []bool{false, true} {
		a, b := client, server
		if turned {
			a, b = server, client
		}
		f := follow(dtlsDissector, nil, pieces(dtlsTalk(a, b)...))
		x := f.TLS
		if x.DTLS.Turned != turned || x.ClientHello.Frame != 1 || x.ServerHello.Frame != 2 || x.ServerFlightEnd.Frame != 2 || x.ClientFinished.Frame != 3 || x.HandshakeEnd.Frame != 4 ||
			x.FirstClientData.Frame != 5 || x.CloseNotify[Server].Frame != 6 || x.Resumed || x.RoundTrips != 2 || x.Version != "DTLSv1.2" || f.Phases[0].Outcome != Done {
			t.Errorf("turned %v: %+v %+v", turned, x, f.Phases)
		}
	}
}

// TestDTLSAgain: what is sent again is told apart from what only looks like it.
func TestDTLSAgain(t *testing.T) {
	hello, second := dtlsMessageOf(msgClientHello, 0, dtlsHello('a', "")), dtlsMessageOf(msgClientHello, 1, dtlsHello('a', "cookie"))
	verify := dtlsMessageOf(msgHelloVerify, 0, "\xfe\xff\x06cookie")
	answer := dtlsMessageOf(msgServerHello, 0, dtlsServerHello) // numbered as the request for the cookie was
	body := dtlsHello('a', "")
	part := func(from, to int) string {
		return dtlsFrom(versionDTLS12, msgClientHello, 0, len(body), from, body[from:to])
	}
	for _, c := range []struct {
		name               string
		talk               []said
		again, hellos      int
		fragmented         int
		hello, serverHello int // frames
	}{
		{"once", []said{client(hello), server(verify), client(second), server(answer)}, 0, 1, 0, 1, 4},
		{"hello three times", []said{client(hello), client(hello), client(hello), server(verify), client(second), server(answer)}, 2, 3, 0, 1, 6},
		{"second hello again", []said{client(hello), server(verify), client(second), client(second), server(answer)}, 1, 1, 0, 1, 5},
		{"two pieces", []said{client(part(0, 20)), client(part(20, len(body))), server(verify)}, 0, 1, 1, 2, 0},
		{"two pieces, the other way round", []said{client(part(20, len(body))), client(part(0, 20)), server(verify)}, 0, 1, 1, 2, 0},
		{"two pieces, both again", []said{client(part(0, 20)), client(part(20, len(body))), client(part(0, 20)), client(part(20, len(body)))}, 1, 2, 1, 2, 0},
		{"a piece lost, then whole", []said{client(part(0, 20)), client(hello)}, 0, 1, 1, 2, 0},
		{"overlapping pieces", []said{client(part(0, 30)), client(part(10, len(body)))}, 0, 1, 1, 2, 0},
	} {
		f := follow(dtlsDissector, nil, pieces(c.talk...))
		x := f.TLS
		if len(x.DTLS.Resent) != c.again || x.DTLS.Hellos != c.hellos || x.DTLS.Fragmented != c.fragmented || x.ClientHello.Frame != c.hello || x.ServerHello.Frame != c.serverHello {
			t.Errorf("%s: again %v, hellos %d, fragmented %d, hello %d, answer %d", c.name, x.DTLS.Resent, x.DTLS.Hellos, x.DTLS.Fragmented, x.ClientHello.Frame, x.ServerHello.Frame)
		}
	}
}

// TestDTLSBegunAnew: a client that begins anew on the same ports is not mixed with
// the first; what the first handshake left on its way belongs to neither.
func TestDTLSBegunAnew(t *testing.T) {
	first, second := dtlsTalk(client, server), dtlsTalk(client, server)
	anew := client(dtlsMessageOf(msgClientHello, 0, dtlsHello('b', "")))
	late := []said{server(dtlsSealed(recordAlert, 18)), client(dtlsMessageOf(msgClientHello, 0, dtlsHello('a', ""))), anew}
	f := follow(dtlsDissector, nil, pieces(slices.Concat(first, []said{anew}, late, second[1:])...))
	x := f.TLS.DTLS
	if len(f.Notes) != 0 || len(x.Resent) != 0 || f.TLS.ServerHello.Frame != 2 || len(x.Later) != 1 || len(f.Phases) != 2 {
		t.Fatalf("%v %+v %+v", f.Notes, f.TLS, f.Phases)
	}
	l := x.Later[0]
	if l.ClientHello.Frame != 7 || len(l.DTLS.Resent) != 1 || l.DTLS.Hellos != 2 || l.ServerHello.Frame != 11 || l.HandshakeEnd.Frame != 13 || len(l.Alerts) != 0 || l.CloseNotify[Server].Frame != 15 || f.Phases[1].Outcome != Done {
		t.Errorf("%+v %+v %+v", l, l.DTLS, f.Phases)
	}
	var many []said
	for i := range 40 {
		many = append(many, client(dtlsMessageOf(msgClientHello, 0, dtlsHello(byte('a'+i), ""))))
	}
	f = follow(dtlsDissector, nil, pieces(many...))
	if len(f.TLS.DTLS.Later) != maxDTLSLater || len(f.Notes) != 1 || f.Phases[0].Outcome != Unanswered {
		t.Errorf("%d later, %q, %+v", len(f.TLS.DTLS.Later), f.Notes, f.Phases[0])
	}
}

// TestDTLSRenegotiation: without keys, encrypted messages behind the handshake are its
// Finished again where they are as long, else a renegotiation.
func TestDTLSRenegotiation(t *testing.T) {
	talk := dtlsTalk(client, server)
	end := talk[len(talk)-1]
	again := follow(dtlsDissector, nil, pieces(append(slices.Clone(talk[:5]), server(dtlsSealed(recordHandshake, 40)), end)...)).TLS
	if again.Renegotiation.Seen() || len(again.DTLS.Resent) != 1 {
		t.Errorf("the same again: %v %v", again.Renegotiation, again.DTLS.Resent)
	}
	x := follow(dtlsDissector, nil, pieces(append(slices.Clone(talk[:5]), client(dtlsSealed(recordHandshake, 200)), server(dtlsSealed(recordHandshake, 40)), end)...)).TLS
	if x.Renegotiation.Frame != 6 || x.RenegotiationBy != Client || len(x.DTLS.Resent) != 0 {
		t.Errorf("another length: %v by %v, again %v", x.Renegotiation, x.RenegotiationBy, x.DTLS.Resent)
	}
}

// TestDTLSHostile: lengths and numbers from the wire buy no memory.
func TestDTLSHostile(t *testing.T) {
	var talk []said
	for seq := range 200 {
		talk = append(talk, client(dtlsFrom(versionDTLS12, msgClientHello, seq, 1<<24-1, 1<<23, "far")), server(dtlsFrom(versionDTLS12, msgCertificate, seq, 1<<24-1, 0, "x")))
	}
	f := testFlow()
	s := dtlsDissector.Open(f, nil).(*dtlsStream)
	for _, p := range pieces(talk...) {
		s.Data(p.dir, p.at, p.data)
	}
	for d := range s.side {
		if n := len(s.side[d].open); n > maxDTLSOpen {
			t.Errorf("%d messages in the making", n)
		}
		for _, m := range s.side[d].open {
			if m.held > 16 {
				t.Errorf("%d bytes held of 3 that came", m.held)
			}
		}
	}
	s.Close(Stamp{})
}
