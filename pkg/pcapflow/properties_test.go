package pcapflow

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// propertyCaptures hold every protocol of the table, small; those without a
// folder lie in the archive of further captures.
var propertyCaptures = []string{
	"zeek/testing/btest/Traces/tls/hrr.pcap",
	"zeek/testing/btest/Traces/http/pipelined-requests.pcap",
	"zeek/testing/btest/Traces/tls/imap-starttls.pcap",
	"zeek/testing/btest/Traces/ssh/ssh_kex_dh_group18.pcap",
	"practical-packet-analysis/dns_axfr.pcapng",
	"zeek/testing/btest/Traces/ntp/ntp.pcap",
	"zeek/testing/btest/Traces/quic/quicv2-http3-443.pcap",
	"arkime/tests/pcap/dns-wiresharkrepo.pcap",
	"dtls1_2.pcap", "dtls_certificate_fragments.pcap",
	"smbv1.pcap", "krb5-tcp.pcap", "krb5-udp.pcap", "syslog.pcap",
}

// TestEveryDissector holds each protocol of the table, whoever adds it, against
// the properties that all must have: where segments are cut changes nothing, a
// capture that ends early tells what the whole tells of what was done by then,
// and of packets that were cut short nothing is told that lies outside of them.
// FuzzDissectors gives each of them any bytes.
func TestEveryDissector(t *testing.T) {
	material := map[string][]capture.Packet{}
	for _, name := range propertyCaptures {
		if strings.Contains(name, "/") {
			material[name] = readPackets(t, need.Shared(t, "captures", name)).list
		}
	}
	EachCapture(t, func(name string, data []byte) {
		for _, wanted := range propertyCaptures {
			if name == wanted || filepath.Base(name) == wanted {
				material[wanted] = packetsIn(t, name, data).list
			}
		}
	})
	for _, d := range dissectors {
		t.Run(d.Name+"-"+d.Transport.String(), func(t *testing.T) {
			n := 0
			for name, list := range material {
				if whole := analyseList(t, list); followed(whole, d) {
					n++
					if d.Transport == TCP {
						sameRecut(t, name, list, d)
					}
					sameCutOff(t, name, list, whole)
					withinSnapped(t, name, list)
				}
			}
			if n == 0 {
				t.Error("no capture of it among propertyCaptures")
			}
		})
	}
}

func analyseList(t *testing.T, list []capture.Packet) *Result {
	t.Helper()
	r, err := Analyse(&packets{list: list}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func followed(r *Result, d *Dissector) bool {
	for _, f := range r.Flows {
		if follows(d, f) {
			return true
		}
	}
	return false
}

// follows tells whether d followed f; behind STARTTLS is TLS in the end.
func follows(d *Dissector, f *Flow) bool {
	if d == startTLSDissector {
		return f.TLS != nil && f.TLS.StartTLS != ""
	}
	return f.Service == d.Name && f.Transport == d.Transport
}

// told is what flows of a protocol say that may not depend on segments: of SSH
// what passes in the clear.
func told(t *testing.T, src PacketSource, d *Dissector) string {
	t.Helper()
	r, err := Analyse(src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	for _, f := range r.Flows {
		if !follows(d, f) {
			continue
		}
		what := []any{f.Stream, f.TLS, f.HTTP, f.DNS, f.Readings, f.Notes}
		if s := f.SSH; s != nil {
			what = []any{f.Stream, s.Version, s.ServerBanner, s.ClientBanner, s.ClientSoftware, s.ServerSoftware, s.Kex, s.HostKey, s.Cipher, s.MAC,
				s.HASSH, s.HASSHServer, s.KexInit, s.KexInitBytes, s.KexRequest, s.KexReply, s.NewKeys, s.NoCommon}
		}
		if err := e.Encode(what); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func sameRecut(t *testing.T, name string, list []capture.Packet, d *Dissector) {
	want := told(t, &packets{list: list}, d)
	for _, k := range []int{1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 17, 29, 64, 200, 700} {
		if got := told(t, recutSegments(list, k), d); got != want {
			t.Errorf("%s cut at byte %d:\n%s\nwhole:\n%s", name, k, got, want)
			return
		}
	}
}

func sameCutOff(t *testing.T, name string, list []capture.Packet, whole *Result) {
	for n := 0; n < len(list); n += 1 + len(list)/200 {
		part := analyseList(t, list[:n])
		if len(part.Flows) > len(whole.Flows) {
			t.Fatalf("%s, %d frames: %d flows, in the whole %d", name, n, len(part.Flows), len(whole.Flows))
		}
		for i, f := range part.Flows {
			checkPhases(t, n, f, whole.Flows[i])
		}
	}
}

func withinSnapped(t *testing.T, name string, list []capture.Packet) {
	for snap := 14; snap < 400; snap += 1 + snap/6 {
		cut := make([]capture.Packet, len(list))
		for i, p := range list {
			p.Data = p.Data[:min(snap, len(p.Data))]
			cut[i] = p
		}
		for _, f := range analyseList(t, cut).Flows {
			for _, p := range f.Phases {
				for _, frame := range p.Frames {
					if frame < f.Start.Frame || frame > len(list) {
						t.Fatalf("%s, packets of %d bytes: %+v", name, snap, p)
					}
				}
				if p.Begin.Seen() && p.End.Seen() && p.End.Time < p.Begin.Time {
					t.Fatalf("%s, packets of %d bytes: %+v", name, snap, p)
				}
			}
		}
	}
}
