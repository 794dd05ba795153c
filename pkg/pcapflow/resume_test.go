package pcapflow

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// inPieces gives the flows of packets that are taken in pieces, as they are
// handed out, and the result. between is called between two pieces.
func inPieces(t *testing.T, list []capture.Packet, keys *KeyLog, piece func() int, between func(*Analysis, Options) *Analysis) (out []string, r *Result) {
	t.Helper()
	opt := Options{Marks: true, Keys: keys, OnFlow: func(f *Flow) {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.ReplaceAll(string(b), "[]", "null")) // empty rooms may be those of others
	}}
	a := NewAnalysis(opt)
	for len(list) > 0 {
		n := min(max(piece(), 1), len(list))
		if err := a.Take(&packets{list: list[:n]}); err != nil {
			t.Fatal(err)
		}
		list = list[n:]
		a = between(a, opt)
	}
	return out, a.End()
}

// TestResume: an analysis that is kept and gone on with by another, again and
// again and anywhere, gives what one that is left alone gives, byte by byte.
func TestResume(t *testing.T) {
	for _, name := range []string{
		"incidents/s13_tls_failures/input/web.pcap",
		"incidents/s13_tls_failures/input/pasado.pcap",
		"captures/zeek/testing/btest/Traces/http/pipelined-requests.pcap",
		"captures/zeek/testing/btest/Traces/http/100-continue.pcap",
		"captures/zeek/testing/btest/Traces/http/connect-with-smtp.pcap",
		"captures/zeek/testing/btest/Traces/tcp/ssh-dups.pcap",
		"captures/practical-packet-analysis/dns_axfr.pcapng",
		"captures/zeek/testing/btest/Traces/ssh/ssh_kex_dh_group18.pcap",
		"captures/zeek/testing/btest/Traces/ntp/ntp.pcap",
		"captures/zeek/testing/btest/Traces/tls/client-certificate.pcap",
		"captures/zeek/testing/btest/Traces/tls/hrr.pcap",
		"captures/zeek/testing/btest/Traces/tls/imap-starttls.pcap",
		"captures/zeek/testing/btest/Traces/quic/quicv2-http3-443.pcap",
		"captures/arkime/tests/pcap/http2-nghttp2.pcap",
		"captures/arkime/tests/pcap/smtp-starttls.pcap",
		"captures/arkime/tests/pcap/dns-wiresharkrepo.pcap",
		"captures/zeek/testing/btest/Traces/tls/chrome-1250-tls-x25519-kyber.pcap",
		"captures/zeek/testing/btest/Traces/ipv6-fragmented-dns.pcap",
		"recorded/doq.pcap",
		"recorded/mdns.pcap",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", name)
			if !strings.HasPrefix(name, "recorded") {
				path = need.Shared(t, name)
			}
			list := readPackets(t, path).list
			if len(list) > 4000 {
				list = list[:4000]
			}
			whole := func() int { return len(list) }
			same := func(a *Analysis, _ Options) *Analysis { return a }
			want, wantResult := inPieces(t, list, nil, whole, same)
			rnd := rand.New(rand.NewPCG(1, uint64(len(list))))
			for _, most := range []int{1, 7, 300} {
				if most == 1 && len(list) > 500 {
					continue
				}
				room := 0
				got, r := inPieces(t, list, nil, func() int { return 1 + rnd.IntN(most) }, func(a *Analysis, opt Options) *Analysis {
					b, err := a.Keep(nil)
					if err != nil {
						t.Fatal(err)
					}
					room = max(room, len(b))
					a, rest, err := Resume(b, opt)
					if err != nil || len(rest) > 0 {
						t.Fatal(err, len(rest))
					}
					return a
				})
				if len(got) != len(want) {
					t.Fatalf("pieces of up to %d: %d flows, %d in the whole", most, len(got), len(want))
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("pieces of up to %d: flow %d\n%s\nin the whole\n%s", most, i, got[i][apart(got[i], want[i]):], want[i][apart(got[i], want[i]):])
					}
				}
				if a, b := inWords(t, r), inWords(t, wantResult); a != b {
					t.Errorf("pieces of up to %d: result\n%s\nof the whole\n%s", most, a, b)
				}
				t.Logf("%d packets in pieces of up to %d: %d flows, kept in at most %d bytes", len(list), most, len(got), room)
			}
		})
	}
}

func inWords(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFlowOnDisk: a flow comes back as it was.
func TestFlowOnDisk(t *testing.T) {
	list := readPackets(t, need.Shared(t, "incidents/s13_tls_failures/input/web.pcap")).list
	r, err := Analyse(&packets{list: list}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Flows {
		b, err := AppendFlow(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		back, err := FlowOf(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := inWords(t, back), inWords(t, f); got != want {
			t.Fatalf("%s\nbecame\n%s", want, got)
		}
		for n := range b {
			if _, err := FlowOf(b[:n]); err == nil {
				t.Fatalf("%d of %d bytes are a flow", n, len(b))
			}
		}
	}
}

// apart is where two texts begin to differ, and a little before.
func apart(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return max(0, i-60)
}
