package pcapflow

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
)

// TestDNSOverTLS: questions and answers are timed, with and without keys, and
// are no HTTP.
func TestDNSOverTLS(t *testing.T) {
	message := func(n int) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(n)), make([]byte, n)...) }
	read := func(c *tls.Conn) error {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint16(size[:])))
		return err
	}
	pieces, keys := keyLogTalk(t, clientConfig(), serverConfig(), func(c *tls.Conn) error {
		for _, n := range []int{28, 128, 40} {
			if _, err := c.Write(message(n)); err != nil {
				return err
			}
			if err := read(c); err != nil {
				return err
			}
		}
		return nil
	}, func(c *tls.Conn) error {
		for read(c) == nil {
			if _, err := c.Write(message(468)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, k := range []*KeyLog{nil, keys} {
		f := testFlow()
		f.Server = netip.MustParseAddrPort("192.0.2.2:853")
		s := tlsDissector.Open(f, &Env{Keys: k})
		for _, p := range pieces {
			s.Data(p.dir, p.at, p.data)
		}
		s.Close(pieces[len(pieces)-1].at)
		lookups := 0
		for _, p := range f.Phases {
			if p.Name == DNSLookup {
				lookups++
				if p.Outcome != Estimated || p.End.Time-p.Begin.Time != 1e6 {
					t.Errorf("%+v", p)
				}
			}
		}
		if f.DNSOver() != "tls" || lookups != 3 || len(f.HTTP) != 0 || len(f.Notes) != 0 {
			t.Errorf("over %q, %d lookups, %d requests, notes %q", f.DNSOver(), lookups, len(f.HTTP), f.Notes)
		}
	}
}

func TestDNSOver(t *testing.T) {
	at := func(port string) *Flow { return &Flow{Server: netip.MustParseAddrPort("192.0.2.2:" + port)} }
	web, dot := at("443"), at("8853")
	web.TLS = &TLS{SNI: "chrome.Cloudflare-DNS.com"}
	dot.TLS = &TLS{Offered: []string{"dot"}}
	other := at("443")
	other.TLS = &TLS{SNI: "notdns.google.example"}
	near := at("443")
	near.TLS = &TLS{SNI: "xdns.google"}
	clear := at("80")
	clear.HTTP = []Exchange{{Path: "/x"}, {Path: "/dns-query?dns=AAAB"}}
	doq := at("8853")
	doq.QUIC = &QUIC{Offered: []string{"doq"}}
	h3 := at("443")
	h3.QUIC = &QUIC{SNI: "dns.google", Offered: []string{"h3"}}
	certified, named, silent := at("443"), at("443"), at("443")
	certified.TLS = &TLS{Certificates: []Certificate{{Names: []string{"example.org", "*.cloudflare-dns.com"}}}}
	named.TLS = &TLS{SNI: "www.example.org", Certificates: certified.TLS.Certificates}
	silent.TLS = &TLS{ALPN: "h2"}
	for i, c := range []struct {
		f    *Flow
		want string
	}{{certified, "https"}, {named, ""}, {silent, ""}, {web, "https"}, {dot, "tls"}, {other, ""}, {near, ""}, {clear, "https"}, {doq, "quic"}, {h3, "https"}, {at("53"), ""}} {
		if got := c.f.DNSOver(); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}
