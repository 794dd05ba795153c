package pcapflow

import (
	"crypto/tls"
	"testing"
)

// TestTLSSnapped: where a snap length leaves a few bytes of each segment, as one
// of 96 does over IPv6, the requests of a connection are counted all the same,
// and none begins before the handshake is over.
func TestTLSSnapped(t *testing.T) {
	for _, c := range []struct {
		name   string
		suites []uint16 // of 1.2; none: 1.3
	}{
		{"1.3", nil},
		{"1.2 GCM", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}},
		{"1.2 ChaCha20", []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305}},
		{"1.2 CBC", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
	} {
		client, server := clientConfig(), serverConfig()
		if c.suites != nil {
			client.MaxVersion, client.CipherSuites = tls.VersionTLS12, c.suites
		}
		pieces := talk(t, client, server, ask(3), answer)
		whole := follow(tlsDissector, nil, pieces)
		for keep := 6; keep < 100; keep++ {
			f := testFlow()
			s := tlsDissector.Open(f, &Env{})
			for _, p := range pieces {
				n := min(keep, len(p.data))
				s.Data(p.dir, p.at, p.data[:n])
				if n < len(p.data) {
					s.Gap(p.dir, p.at, int64(len(p.data)-n))
				}
			}
			s.Close(pieces[len(pieces)-1].at)
			if len(f.HTTP) != 3 || f.HTTP[0].RequestLast != whole.HTTP[0].RequestLast {
				t.Errorf("%s, %d bytes: %d exchanges\n%s", c.name, keep, len(f.HTTP), brief(f.HTTP))
			}
			if f.TLS.ClientFinished.Seen() && f.TLS.ClientFinished != whole.TLS.ClientFinished {
				t.Errorf("%s, %d bytes: finished %v, not %v", c.name, keep, f.TLS.ClientFinished, whole.TLS.ClientFinished)
			}
			if f.TLS.Version != "" && f.TLS.Version != whole.TLS.Version {
				t.Errorf("%s, %d bytes: version %q", c.name, keep, f.TLS.Version)
			}
		}
	}
}
