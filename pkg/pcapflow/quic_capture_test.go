package pcapflow

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

func TestQUICAsZeek(t *testing.T) {
	for _, test := range []struct {
		trace, baseline, log string
		tls                  bool // the log is of the handshake
	}{
		{"quic/interop/quic-go_quic-go/handshake.pcap", "scripts.base.protocols.quic.interop.quic-go_quic-go.handshake", "quic.log", false},
		{"quic/chromium-115.0.5790.110-google-de-fragmented.pcap", "scripts.base.protocols.quic.quic-log", "quic.log", false},
		{"quic/chromium-115.0.5790.110-google-de-fragmented.pcap", "scripts.base.protocols.quic.fragmented-crypto", "ssl.log.cut", true},
		{"quic/quicv2-echo-443.pcap", "scripts.base.protocols.quic.quicv2-echo-443", "quic.log", false},
		{"quic/quicv2-http3-443.pcap", "scripts.base.protocols.quic.quicv2-http3-443", "quic.log", false},
		{"quic/quicv2-http3-443.pcap", "scripts.base.protocols.quic.quicv2-http3-443", "ssl.log", true},
	} {
		r, err := Analyse(readPackets(t, zeekTrace(t, test.trace)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range zeekLog(t, test.baseline, test.log) {
			var q *QUIC
			for _, f := range r.Flows {
				if f.QUIC != nil && (row["id.orig_h"] == "" || zeekEnds(f) == rowEnds(row)) {
					q = f.QUIC
				}
			}
			if q == nil {
				t.Errorf("%s: %s not found", test.trace, rowEnds(row))
				continue
			}
			want := map[string]string{"server_name": q.SNI, "cipher": q.Cipher, "curve": q.Group, "client_protocol": q.ALPN}
			if !test.tls {
				want["version"] = map[string]string{"1": "1", "2": "quicv2"}[q.Version]
			}
			for field, got := range want {
				if w, ok := row[field]; ok && got != w && !(got == "" && w == "-") {
					t.Errorf("%s: %s %q, Zeek %q", test.trace, field, got, w)
				}
			}
		}
	}
}

// TestQUICAsWireshark compares names and the frames of the hellos.
func TestQUICAsWireshark(t *testing.T) {
	for _, path := range []string{
		need.Shared(t, "captures", "ja4/pcap/tls-handshake.pcapng"), need.Shared(t, "captures", "ja4/pcap/chrome-cloudflare-quic-with-secrets.pcapng"),
		zeekTrace(t, "quic/chromium-115.0.5790.110-google-de-fragmented.pcap"),
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			flows := map[int]*Flow{}
			r, err := Analyse(readPackets(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Flows {
				if f.QUIC != nil {
					flows[f.Stream] = f
				}
			}
			seen := 0
			fields := []string{"frame.number", "udp.stream", "tls.handshake.type", "tls.handshake.extensions_server_name", "tls.handshake.ja3"}
			tsharkFields(t, path, "quic && tls.handshake.type in {1,2}", fields, func(v []string) {
				frame, _ := strconv.Atoi(v[0])
				stream, _ := strconv.Atoi(v[1])
				f := flows[stream]
				if f == nil {
					t.Errorf("stream %d is not found", stream)
					return
				}
				switch q := f.QUIC; v[2][0] {
				case '1':
					seen++
					if q.ClientHello.Frame != frame || q.SNI != v[3] {
						t.Errorf("stream %d: ClientHello of %q in frame %d, tshark %q %d", stream, q.SNI, q.ClientHello.Frame, v[3], frame)
					}
				case '2':
					if q.ServerHello.Frame != frame {
						t.Errorf("stream %d: ServerHello in frame %d, tshark %d", stream, q.ServerHello.Frame, frame)
					}
				}
			})
			if seen == 0 {
				t.Error("tshark found no ClientHello")
			}
		})
	}
}
