package pcapflow

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestOddEndingsRecorded: odd ends in captures of others; frames and what they show as
// tshark has them.
func TestOddEndingsRecorded(t *testing.T) {
	for _, x := range []struct {
		name string
		want []string
	}{
		{"zeek/testing/btest/Traces/ssh/ssh.pcap", []string{
			"simultaneous-close 195→196", "simultaneous-close 338→339", "simultaneous-close 428→429", "simultaneous-close 507→508", "simultaneous-close 572→573",
		}},
		{"zeek/testing/btest/Traces/tcp/fin_retransmission.pcap", []string{"forgotten 0→5"}},
		{"ndpi/tests/cfgs/default/pcap/synscan.pcap", []string{"half-open 9→2009", "half-open 15→2010", "half-open 43→2011"}},
		{"arkime/tests/pcap/tcp-reassembly-synthetic.pcap", []string{"port-reuse 89→90"}}, // tcp.analysis.reused_ports
		{"zeek/testing/btest/Traces/http/100-continue.pcap", nil},
		{"practical-packet-analysis/tcp_refuseconnection.pcapng", nil},
	} {
		r, err := Analyse(readPackets(t, need.Shared(t, "captures", x.name)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Flows {
			if f.Conn == nil {
				continue
			}
			for _, o := range f.Conn.Oddities {
				if o.Kind >= OddHalfOpen {
					got = append(got, fmt.Sprintf("%s %d→%d", o.Kind, o.Of.Frame, o.Frame))
				}
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

// TestReleasedRecorded: what waited for an address on real links is the first packet of
// IP behind the answer between the two link addresses, and it is there wherever a host
// asked for the address of one that it then sends to.
func TestReleasedRecorded(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(need.Shared(t, "incidents"), "s0[1-4]*", "input", "*.pcap"))
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	found := 0
	for _, path := range paths {
		list := readPackets(t, path).list
		r, err := Analyse(&packets{list: list}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range r.Neighbours {
			if n.Protocol != "arp" || len(n.Requests) == 0 || !n.Reply.Seen() || n.Gratuitous || n.Confirms() {
				continue
			}
			want := 0
			for i := n.Reply.Frame; i < len(list) && list[i].Time-n.Reply.Time <= releasedWithin; i++ {
				if b := list[i].Data; list[i].Link == linkEthernet && [6]byte(b) == n.MAC && [6]byte(b[6:]) == n.AskerMAC && be16(b[12:]) == etherIPv4 {
					want = list[i].Frame
					break
				}
			}
			if n.Released.Frame != want {
				t.Errorf("%s: frame %d, want %d", path, n.Released.Frame, want)
			}
			if want > 0 {
				found++
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d", found)
	}
}
