package correlate

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// without keeps of the packets of a classic pcap file those that keep says, each
// cut behind the octets it says.
func without(b []byte, keep func(packet []byte) int) []byte {
	starts := records(b)
	out := bytes.Clone(b[:24])
	for i, at := range starts {
		end := len(b)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		if n := keep(b[at+16 : end]); n > 0 {
			head := bytes.Clone(b[at : at+16])
			n = min(n, end-at-16)
			binary.LittleEndian.PutUint32(head[8:], uint32(n))
			out = append(append(out, head...), b[at+16:at+16+n]...)
		}
	}
	return out
}

// TestHalfSeen: a capture of one direction, and one that holds headers alone,
// still measure the clock of a server's log and find the connections of its lines;
// what the other side did is not said.
func TestHalfSeen(t *testing.T) {
	for _, x := range []struct {
		name, incident string
		keep           func(web netip.Addr, packet []byte) int
	}{
		{"what the clients send", "s02_slow_app", func(web netip.Addr, p []byte) int { return len(p) * b2i(sender(p) != web) }},
		{"headers", "s01_healthy_web", func(_ netip.Addr, p []byte) int { return 70 }},
	} {
		t.Run(x.name, func(t *testing.T) {
			whole := correlated(t, rewritten(t, x.incident, asItIs))
			web := serverOf(whole)
			half := correlated(t, rewritten(t, x.incident, func(name string, b []byte) (string, []byte) {
				if filepath.Ext(name) == ".pcap" {
					b = without(b, func(p []byte) int { return x.keep(web, p) })
				}
				return name, b
			}))
			want, got := sureLinks(whole, itself), sureLinks(half, itself)
			found := 0
			for line, j := range got {
				is, _, _ := strings.Cut(want[line], "/")
				if said, _, _ := strings.Cut(j, "/"); is != "" && said != is {
					t.Errorf("%s is linked to %s, is of %s", line, said, is)
				} else if is != "" {
					found++
				}
			}
			if found < 5 {
				t.Errorf("%d of %d lines are linked", found, len(want))
			}
			for _, j := range half.Journeys {
				if j.Server.Addr() == web && j.Exchange != nil && j.Outcome.String() == "unanswered" {
					t.Errorf("%s is said to be unanswered", j.ID)
				}
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sender is who sent an IPv4 packet on Ethernet.
func sender(p []byte) netip.Addr {
	if len(p) < 34 || p[12] != 8 || p[13] != 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(p[26:30]))
}

// serverOf is the server of the first journey with an exchange.
func serverOf(c *Case) netip.Addr {
	for _, j := range c.Journeys {
		if j.Exchange != nil {
			return j.Server.Addr()
		}
	}
	return netip.Addr{}
}
