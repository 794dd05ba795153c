package pcapflow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// recutSegments splits the payload of each TCP segment in IPv4 in Ethernet at byte k.
// Both halves keep frame and time, so that nothing above TCP may change.
func recutSegments(list []capture.Packet, k int) *packets {
	s := &packets{}
	for _, p := range list {
		b := p.Data
		if p.Link != linkEthernet || len(b) < 54 || be16(b[12:]) != etherIPv4 || b[23] != protoTCP || len(b) != p.WireLen {
			s.list = append(s.list, p)
			continue
		}
		ip := 14 + int(b[14]&15)*4
		head := ip + int(b[ip+12]>>4)*4
		end := 14 + int(be16(b[16:]))
		if end > len(b) || head+k >= end || b[ip+13]&flagSYN != 0 {
			s.list = append(s.list, p)
			continue
		}
		first, second := bytes.Clone(b[:head+k]), append(bytes.Clone(b[:head]), b[head+k:end]...)
		binary.BigEndian.PutUint16(first[16:], uint16(head+k-14))
		binary.BigEndian.PutUint16(second[16:], uint16(end-k-14))
		first[ip+13] &^= flagFIN | flagPSH
		binary.BigEndian.PutUint32(second[ip+4:], be32(b[ip+4:])+uint32(k))
		for _, half := range [][]byte{first, second} {
			q := p
			q.Data, q.WireLen = half, len(half)
			s.list = append(s.list, q)
		}
	}
	return s
}

// dissected is what the flows say above their transport.
func dissected(t *testing.T, src PacketSource) string {
	t.Helper()
	r, err := Analyse(src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for _, f := range r.Flows {
		var phases []Phase
		for _, p := range f.Phases {
			if p.Name != TCPConnect {
				phases = append(phases, p)
			}
		}
		if err := e.Encode([]any{f.Stream, f.Service, phases, f.TLS, f.HTTP, f.SSH, f.DNS, f.Notes}); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// TestRecut: where the bytes of a stream are cut into segments changes nothing
// of what the protocols above say. SSH is left out: behind the key exchange the
// lengths are encrypted, and where segments end is all there is to go by.
func TestRecut(t *testing.T) {
	for _, name := range []string{
		"zeek/testing/btest/Traces/http/pipelined-requests.pcap",
		"zeek/testing/btest/Traces/http/100-continue.pcap",
		"zeek/testing/btest/Traces/tls/hrr.pcap",
		"zeek/testing/btest/Traces/tls/tls1.2.pcap",
		"zeek/testing/btest/Traces/tls/imap-starttls.pcap",
		"arkime/tests/pcap/smtp-starttls.pcap",
		"practical-packet-analysis/dns_axfr.pcapng",
		"arkime/tests/pcap/http2-nghttp2.pcap",
		"zeek/testing/btest/Traces/http/connect-with-smtp.pcap",
		"zeek/testing/btest/Traces/tls/ssl-v2.pcap",
		"zeek/testing/btest/Traces/tls/tls1_1.pcap",
		"zeek/testing/btest/Traces/tls/client-certificate.pcap",
		"zeek/testing/btest/Traces/tls/tls13_psk_succesfull.pcap",
		"zeek/testing/btest/Traces/tls/tls-early-alert.pcap",
		"zeek/testing/btest/Traces/tls/chrome-1250-tls-x25519-kyber.pcap",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := readPackets(t, need.Shared(t, "captures", name)).list
			want := dissected(t, &packets{list: list})
			for k := 1; k < 1460; {
				if got := dissected(t, recutSegments(list, k)); got != want {
					t.Fatalf("cut at byte %d:\n%s\nwhole:\n%s", k, got, want)
				}
				if k < 64 {
					k++
				} else {
					k += 61
				}
			}
		})
	}
}

// TestCutOff: of a capture that ends early, what had been done by then stays as
// it is.
func TestCutOff(t *testing.T) {
	for _, name := range []string{
		"incidents/s13_tls_failures/input/pasado.pcap",
		"captures/zeek/testing/btest/Traces/http/pipelined-requests.pcap",
		"captures/zeek/testing/btest/Traces/tcp/ssh-dups.pcap",
		"captures/practical-packet-analysis/dns_axfr.pcapng",
		"captures/zeek/testing/btest/Traces/http/100-continue.pcap",
		"captures/zeek/testing/btest/Traces/ssh/ssh_kex_dh_group18.pcap",
		"captures/zeek/testing/btest/Traces/ntp/ntp.pcap",
		"captures/zeek/testing/btest/Traces/tls/client-certificate.pcap",
		"captures/zeek/testing/btest/Traces/tls/hrr.pcap",
		"captures/zeek/testing/btest/Traces/tls/imap-starttls.pcap",
		"captures/zeek/testing/btest/Traces/quic/quicv2-http3-443.pcap",
		"captures/arkime/tests/pcap/http2-nghttp2.pcap",
		"captures/arkime/tests/pcap/dns-wiresharkrepo.pcap",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := readPackets(t, need.Shared(t, name)).list
			whole, _ := Analyse(&packets{list: list}, Options{})
			for n := range list {
				part, _ := Analyse(&packets{list: list[:n]}, Options{})
				if len(part.Flows) > len(whole.Flows) {
					t.Fatalf("%d frames: %d flows, in the whole %d", n, len(part.Flows), len(whole.Flows))
				}
				for i, f := range part.Flows {
					w := whole.Flows[i]
					if f.Client != w.Client || f.Server != w.Server || f.Stream != w.Stream || f.Start != w.Start {
						t.Fatalf("%d frames: flow %d is %v-%v, in the whole %v-%v", n, i, f.Client, f.Server, w.Client, w.Server)
					}
					checkPhases(t, n, f, w)
				}
			}
		})
	}
}

// checkPhases holds the finished phases of a flow against the whole. What was
// estimated may be judged otherwise by what comes later.
func checkPhases(t *testing.T, n int, f, w *Flow) {
	for _, p := range f.Phases {
		if p.Outcome != Done && (p.Outcome != Refused || p.Name != TCPConnect) || !p.End.Seen() {
			continue
		}
		if !slices.ContainsFunc(w.Phases, func(q Phase) bool {
			return q.Name == p.Name && q.Begin == p.Begin && q.End == p.End && q.Outcome == p.Outcome
		}) {
			t.Fatalf("%d frames: %+v, in the whole %+v", n, p, w.Phases)
		}
	}
}

// TestHandedOut: flows that are handed out as they end say the same as flows
// that are kept, and what was handed out of the beginning of a capture is the
// beginning of what is handed out of the whole.
func TestHandedOut(t *testing.T) {
	list := readPackets(t, need.Shared(t, "incidents/s13_tls_failures/input/web.pcap")).list
	run := func(n int) (out []string, atEnd int) {
		e := newEngine(&packets{}, Options{Marks: true, OnFlow: func(f *Flow) {
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(b))
		}})
		for i := range n {
			e.at.packets[0] = list[i]
			e.batch(1)
		}
		atEnd = len(out)
		e.end()
		return out, atEnd
	}
	whole, _ := run(len(list))
	for n := 0; n < len(list); n += 17 {
		part, ended := run(n)
		for i := range ended {
			if part[i] != whole[i] {
				t.Fatalf("%d frames: flow %d differs from the whole's", n, i)
			}
		}
	}
	kept, err := Analyse(&packets{list: list}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range whole {
		seen[strings.ReplaceAll(s, "[]", "null")] = true
	}
	for _, f := range kept.Flows {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[strings.ReplaceAll(string(b), "[]", "null")] && f.Transport == TCP {
			t.Errorf("kept and handed out differ:\n%s", b)
		}
	}
}
