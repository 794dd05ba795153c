package pcapflow

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

func itoa(n int) string { return strconv.Itoa(n) }

// dnsCaptures are the shared captures whose transactions are compared.
func dnsCaptures(t *testing.T) []string {
	list := capturesOf(t, "s03_slow_dns", "s10_integrador")
	zeek := "zeek/testing/btest/Traces/"
	for _, name := range []string{
		"arkime/tests/pcap/dns-wiresharkrepo.pcap", "practical-packet-analysis/dns_axfr.pcapng",
		"practical-packet-analysis/dns_recursivequery_server.pcapng", "practical-packet-analysis/nowebaccess1.pcapng",
		"suricata-verify/tests/dns-reversed-udp-1/input.pcap", "suricata-verify/tests/dns/dns-udp-unsolicited-response/dns-response-2x.pcap",
		zeek + "dns-edns-ecs.pcap", zeek + "dns-two-responses.pcap", zeek + "dns/long-connection.pcap", zeek + "dns/mdns.pcap", zeek + "ipv6-fragmented-dns.pcap",
	} {
		list = append(list, need.Shared(t, "captures", name))
	}
	return list
}

// TestDNSAsWireshark compares every DNS message of the captures: which
// transaction it belongs to, its question, its response code and addresses.
func TestDNSAsWireshark(t *testing.T) {
	for _, path := range dnsCaptures(t) {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			r, err := Analyse(readPackets(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			copies := r.Duplicates         // the same packet twice is one to us
			of := map[int][]*Transaction{} // frame → transactions; several messages may share a segment
			for _, f := range r.Flows {
				for i := range f.DNS {
					x := &f.DNS[i]
					for _, at := range append(append([]Stamp{x.Query, x.Answer, x.AnswerEnd}, x.Repeats...), x.Extra...) {
						of[at.Frame] = append(of[at.Frame], x)
					}
				}
			}
			fields := []string{"frame.number", "dns.id", "dns.flags.response", "dns.qry.name", "dns.flags.rcode", "dns.a", "dns.aaaa", "dns.response_to", "icmp.type", "dns.flags.truncated", "dns.qry.type", "_ws.malformed"}
			tsharkFields(t, path, "dns", fields, func(v []string) {
				if v[8] != "" || strings.Contains(v[1], ",") || strings.Contains(v[3], ",") || v[10] == "252" || v[11] != "" {
					return // quoted in an error, several messages, a zone transfer
				}
				frame, _ := strconv.Atoi(v[0])
				id, _ := strconv.ParseUint(v[1], 0, 16)
				var x *Transaction
				for _, c := range of[frame] {
					if c.ID == uint16(id) {
						x = c
					}
				}
				name := strings.ToLower(v[3])
				if name == "<root>" {
					name = "."
				}
				switch {
				case x == nil && copies > 0:
					copies--
				case x == nil:
					t.Errorf("frame %d: no transaction has its ID %#x", frame, id)
				case name != "" && x.Name != "" && x.Name != name:
					t.Errorf("frame %d: name %q, tshark %q", frame, x.Name, name)
				case v[2] == "1" && x.Answer.Frame == frame:
					checkAnswer(t, x, v, frame)
				}
			})
		})
	}
}

func checkAnswer(t *testing.T, x *Transaction, v []string, frame int) {
	code, _ := strconv.Atoi(v[4])
	if x.RCode != dnsRCodeName(uint16(code)) {
		t.Errorf("frame %d: %s, tshark %d", frame, x.RCode, code)
	}
	if x.Truncated != (v[9] == "1" || v[9] == "True") {
		t.Errorf("frame %d: truncated %v, tshark %s", frame, x.Truncated, v[9])
	}
	want := map[string]bool{}
	for _, a := range strings.FieldsFunc(v[5]+","+v[6], func(c rune) bool { return c == ',' }) {
		want[a] = true
	}
	for _, a := range x.Addresses { // tshark lists those of the other sections too
		if !want[a.String()] {
			t.Errorf("frame %d: address %v, tshark %s %s", frame, a, v[5], v[6])
		}
	}
	if v[7] == "" {
		return
	}
	to, _ := strconv.Atoi(v[7])
	asked := x.Query.Frame == to
	for _, again := range x.Repeats {
		asked = asked || again.Frame == to
	}
	if !asked {
		t.Errorf("frame %d answers frame %d (repeats %v), tshark %d", frame, x.Query.Frame, x.Repeats, to)
	}
}

func TestDNSAsZeek(t *testing.T) {
	for _, test := range []struct{ trace, baseline string }{
		{"ipv6-fragmented-dns.pcap", "core.ipv6-frag"},
		{"dns-two-responses.pcap", "scripts.base.protocols.dns.duplicate-reponses"},
	} {
		r, err := Analyse(readPackets(t, zeekTrace(t, test.trace)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range zeekLog(t, test.baseline, "dns.log") {
			var x *Transaction
			for _, f := range r.Flows {
				for i := range f.DNS {
					if zeekEnds(f) == rowEnds(row) && itoa(int(f.DNS[i].ID)) == row["trans_id"] {
						x = &f.DNS[i]
					}
				}
			}
			if x == nil {
				t.Fatalf("%s: no transaction %s", test.trace, row["trans_id"])
			}
			if x.Name != row["query"] || row["qtype_name"] != "-" && x.Type != row["qtype_name"] || row["rcode_name"] != "-" && x.RCode != row["rcode_name"] {
				t.Errorf("%s: %+v, Zeek %v", test.trace, x, row)
			}
			if row["rtt"] != "-" {
				got := strconv.FormatFloat(float64(x.Answer.Time-x.Query.Time)/1e9, 'f', 6, 64)
				if got != row["rtt"] {
					t.Errorf("%s: transaction %d took %s, Zeek %s", test.trace, x.ID, got, row["rtt"])
				}
			}
		}
	}
}

// A zone transfer of several messages is one transaction.
func TestDNSZoneTransfer(t *testing.T) {
	r := analyseFile(t, Options{}, "captures", "practical-packet-analysis", "dns_axfr.pcapng")
	for _, f := range r.Flows {
		for _, x := range f.DNS {
			if x.Type == "AXFR" && x.Messages > 0 && len(x.Extra) == 0 && x.RCode == "NOERROR" && len(x.Addresses) == 0 {
				return
			}
		}
	}
	t.Error("no zone transfer")
}

// TestDNSFragments: an answer in fragments says so, and one of which a fragment is
// missing is not silence.
func TestDNSFragments(t *testing.T) {
	all := readPackets(t, need.Shared(t, "captures", "zeek/testing/btest/Traces/ipv6-fragmented-dns.pcap"))
	for _, c := range []struct {
		drop   int // frame
		pieces uint16
		lost   bool
	}{{0, 3, false}, {7, 0, true}, {8, 0, true}, {6, 0, false}} {
		list := slices.Clone(all.list)
		if c.drop > 0 {
			list = slices.Delete(list, c.drop-1, c.drop)
		}
		r, err := Analyse(&packets{list: list[:min(len(list), 8)]}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := r.Flows[len(r.Flows)-1].DNS[len(r.Flows[len(r.Flows)-1].DNS)-1]
		if x.Type != "TXT" || x.Pieces != c.pieces || x.PieceLost != c.lost || x.Answer.Seen() != (c.drop == 0) || len(x.Repeats) != 1 {
			t.Errorf("without frame %d: %+v", c.drop, x)
		}
		if r.Undecoded[incompleteDatagram] == 0 { // of frame 4 alone at least
			t.Errorf("without frame %d: %v", c.drop, r.Undecoded)
		}
	}
	lost := all.list[5] // as the first answer began
	lost.Time, lost.Data = all.list[3].Time, slices.Clone(lost.Data)
	lost.Data[14+40+7]++ // identification
	r, err := Analyse(&packets{list: slices.Insert(slices.Clone(all.list), 3, lost)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Flows[len(r.Flows)-1].DNS[0]; x.Pieces != 3 || !x.PieceLost || !x.Answer.Seen() {
		t.Errorf("repeated: %+v", x)
	}
}
