package pcapflow

import (
	"net/netip"
	"testing"
)

// Vectors of the specification's baseline (default seed).
func TestCommunityID(t *testing.T) {
	for _, x := range []struct {
		transport  Transport
		a, b, want string
	}{
		{TCP, "128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{TCP, "66.35.250.204:80", "128.232.110.120:34855", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{UDP, "192.168.1.52:54585", "8.8.8.8:53", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{UDP, "8.8.8.8:53", "192.168.1.52:54585", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{SCTP, "192.168.170.8:7", "192.168.170.56:7", "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
		{ICMP, "1.2.3.4:0", "5.6.7.8:0", ""},
	} {
		f := Flow{Transport: x.transport, Client: netip.MustParseAddrPort(x.a), Server: netip.MustParseAddrPort(x.b)}
		if got := f.CommunityID(); got != x.want {
			t.Errorf("%s %s: %q, want %q", x.a, x.b, got, x.want)
		}
	}
}
