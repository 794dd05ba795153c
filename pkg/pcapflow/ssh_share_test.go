package pcapflow

import (
	"testing"
	"time"
)

// TestKexShares: what a client took for the keys, and the round trips, are the same
// whether the capture was taken at the client or at the server.
func TestKexShares(t *testing.T) {
	type shares struct{ total, server, client, trips int64 }
	seen := map[string]shares{}
	compared := 0
	for _, name := range []string{"c1.pcap", "c2.pcap", "ssh_servidor.pcap", "ssh2_servidor.pcap"} {
		for _, f := range analyseFile(t, Options{}, "incidents", "s06_ssh", "input", name).Flows {
			if f.SSH == nil || !f.SSH.KexReply.Seen() {
				continue
			}
			var x shares
			for _, m := range f.SSH.AppendMetrics(nil, f) {
				switch m.Name {
				case "kex_total_seconds":
					x.total = m.Value
				case "kex_server_seconds":
					x.server = m.Value
				case "kex_client_seconds":
					x.client = m.Value
				case "kex_round_trips":
					x.trips = m.Value
				}
			}
			if x.trips != 2 || x.client == 0 || x.client+x.server > x.total {
				t.Errorf("%s: %v: %+v", name, f.Client, x)
			}
			// The path of these captures delays each packet by another time.
			if y, ok := seen[f.Client.String()]; ok {
				compared++
				if d := time.Duration(x.client - y.client).Abs(); d > 15*time.Millisecond {
					t.Errorf("%s: %v: %d at one end, %d at the other", name, f.Client, x.client, y.client)
				}
			}
			seen[f.Client.String()] = x
		}
	}
	if compared < 10 {
		t.Error(compared, "logins compared")
	}
}

// TestKexRoundTrips: a group costs one more; a request sent on a guess saves one,
// at the server too, where it comes right behind the server's KEXINIT.
func TestKexRoundTrips(t *testing.T) {
	for _, c := range []struct {
		file  string
		trips int
	}{{"ssh-on-port-80.pcap", 3}, {"ssh_kex_mlkem.pcap", 2}} {
		found := false
		for _, f := range analyseFile(t, Options{}, "captures", "zeek/testing/btest/Traces/ssh", c.file).Flows {
			if f.SSH != nil {
				found = true
				if got := f.SSH.kexRoundTrips(f.Conn.RoundTripClient()); got != c.trips {
					t.Errorf("%s: %d", c.file, got)
				}
			}
		}
		if !found {
			t.Error(c.file, "has no SSH")
		}
	}
	at := func(n int) Stamp { return Stamp{Frame: n, Time: int64(n) * 1e6} }
	guess := &SSH{KexInit: [2]Stamp{at(9), at(5)}, KexRequest: at(10), KexReply: at(12)}
	if got := guess.kexRoundTrips(40e6); got != 1 {
		t.Error("on a guess:", got)
	}
	if got := guess.kexRoundTrips(4e6); got != 2 {
		t.Error("waited for:", got)
	}
	if _, ok := guess.kexClient(4e6); ok {
		t.Error("a share without NEWKEYS")
	}
}
