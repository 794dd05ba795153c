package pcapflow

import (
	"reflect"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestStartTLS: what comes before TLS is known by its content, whatever the port
// and however it is cut, and TLS is followed behind it.
func TestStartTLS(t *testing.T) {
	ldap := []said{client("0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037"), server("0$\x02\x01\x01x\x1f\n\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037")}
	for _, c := range []struct {
		name  string
		clear []said
		http  int // requests told from records: behind SOCKS it may be the web
	}{
		{"smtp", []said{server("220 mail ESMTP\r\n"), client("EHLO a\r\n"), server("250 STARTTLS\r\n"), client("STARTTLS\r\n"), server("220 go\r\n")}, 0},
		{"imap", []said{server("* OK ready\r\n"), client("a STARTTLS\r\n"), server("a OK\r\n")}, 0},
		{"pop3", []said{server("+OK ready\r\n"), client("STLS\r\n"), server("+OK\r\n")}, 0},
		{"ftp", []said{server("220 ready\r\n"), client("AUTH TLS\r\n"), server("234 go\r\n")}, 0},
		{"xmpp", []said{client("<?xml version='1.0'?><stream:stream>"), server("<stream:features/>"), client("<starttls/>"), server("<proceed/>")}, 0},
		{"postgresql", []said{client("\x00\x00\x00\x08\x04\xd2\x16\x2f"), server("S")}, 0},
		{"rdp", []said{client("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"), server("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00")}, 0},
		{"sieve", []said{server("\"IMPLEMENTATION\" \"a\"\r\n\"STARTTLS\"\r\nOK\r\n"), client("STARTTLS\r\n"), server("OK\r\n")}, 0},
		{"irc", []said{client("CAP LS 302\r\n"), server(":a CAP * LS :tls\r\n"), client("STARTTLS\r\n"), server(":a 670 b :go\r\n")}, 0},
		{"ldap", ldap, 0},
		{"socks", []said{client("\x05\x02\x00\x02"), server("\x05\x00"), client("\x05\x01\x00\x03\x01a\x01\xbb"), server("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")}, 2},
		{"socks", []said{client("\x04\x01\x01\xbb\xc0\x00\x02\x01\x00"), server("\x00\x5a\x00\x00\x00\x00\x00\x00")}, 2},
	} {
		talked := talk(t, clientConfig(), serverConfig(), ask(2), answer)
		list := pieces(c.clear...)
		for _, p := range talked {
			n := len(list) + 1
			p.at = Stamp{Time: int64(n) * 1e6, Frame: n}
			list = append(list, p)
		}
		var first [2][]byte
		for _, s := range c.clear {
			first[s.dir] = append(first[s.dir], s.text...)
			if first[Client] != nil && first[Server] != nil {
				break
			}
		}
		if v := startTLSDissector.Probe(first, 4242); v == No {
			t.Errorf("%s: not recognised by %q", c.name, first)
		}
		f := follow(startTLSDissector, nil, list)
		if f.Service != c.name || f.TLS == nil || f.TLS.StartTLS != f.Service || f.TLS.SNI != "server.example" || !f.TLS.HandshakeEnd.Seen() || len(f.HTTP) != c.http {
			t.Errorf("%s: service %q, %+v, %d requests", c.name, f.Service, f.TLS, len(f.HTTP))
		}
		if got := follow(startTLSDissector, nil, recut(list, 1)); !reflect.DeepEqual(got, f) {
			t.Errorf("%s: byte by byte it reads otherwise", c.name)
		}
	}
}

// TestHelloRetryOneSided: of a connection whose server's packets were not
// captured, the second ClientHello tells of the HelloRetryRequest.
func TestHelloRetryOneSided(t *testing.T) {
	list := readPackets(t, need.Shared(t, "captures", "zeek/testing/btest/Traces/tls/hrr.pcap")).list
	whole, err := Analyse(&packets{list: list}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := whole.Flows[0]
	half := &packets{}
	for _, p := range list {
		if p.Link == linkEthernet && len(p.Data) > 38 && be16(p.Data[36:]) == w.Server.Port() { // to the server, IPv4 without options
			half.list = append(half.list, p)
		}
	}
	r, err := Analyse(half, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := r.Flows[0]
	if !w.TLS.HelloRetry || f.TLS == nil || !f.TLS.HelloRetry || f.TLS.SecondHello.Time != w.TLS.SecondHello.Time || f.TLS.ClientHello.Time != w.TLS.ClientHello.Time {
		t.Errorf("%+v\nwhole %+v", f.TLS, w.TLS)
	}
}
