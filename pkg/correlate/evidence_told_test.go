package correlate

import (
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
)

// archived reads a capture of the archive of further ones.
func archived(t *testing.T, name string) (data []byte) {
	t.Helper()
	need.Archived(t, func(n string, b []byte) bool {
		if n == name {
			data = b
		}
		return n == name
	})
	if data == nil {
		t.Fatalf("no %s", name)
	}
	return data
}

// TestServersByTheirPackets: real servers whose packets tell their time, and where
// it must lie by the packets around (TShark's frames and fields, by hand).
func TestServersByTheirPackets(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "smb/x.pcap", archived(t, "suricata-verify/tests/smb-eicar-file-segmentation-postheader/input.pcap"))
	put(t, dir, "vm/x.pcap", archived(t, "suricata-verify/tests/smb2-09-trunc-file-logging/input.pcap"))
	put(t, dir, "krb/x.pcap", archived(t, "suricata-verify/tests/krb5-probing/krb.pcap"))
	put(t, dir, "date/x.pcap", read(t, "captures", "zeek", "testing", "btest", "Traces", "http", "bro.org.pcap"))
	for _, x := range []struct {
		folder, clock string
		low, high     float64 // s: the truth lies between
		widest        float64 // s
		drift         float64 // ppm, of a piece; 0: not asked
	}{
		{"smb", "192.168.1.3", 27.7027571, 27.7198391, 0.02, 0},
		{"vm", "10.7.9.6", -24.9761111, -24.9590577, 0.02, -1879}, // a virtual machine that loses 6.8 s an hour
		{"krb", "", -0.622057, 0.379177, 1.1, 0},                  // stime 21:56:33, whatever its microseconds say
		{"date", "192.150.187.43 Apache", 299.40, 299.62, 0.21, 0},
	} {
		t.Run(x.folder, func(t *testing.T) {
			inc := analysed(t, filepath.Join(dir, x.folder))
			clocks := measureClocks(inc, Options{})
			show(t, clocks)
			var k *Clock
			for _, c := range clocks {
				if c.Kind == kindHost && (x.clock == "" || c.Name == x.clock) {
					k = c
				}
			}
			if k == nil || k.Status != clock.Measured {
				t.Fatal("it was not measured")
			}
			at := inc.Captures[0].First.Time
			_, low, high, _ := k.At(at + int64((x.low+x.high)/2*1e9))
			if l, h := float64(low)/1e9, float64(high)/1e9; l > x.high || h < x.low || h-l > x.widest {
				t.Errorf("%+.6f … %+.6f s, want some of %+.6f … %+.6f", l, h, x.low, x.high)
			}
			found := x.drift == 0
			for _, s := range k.Segments {
				found = found || s.Drift < x.drift+5 && s.Drift > x.drift-5
			}
			if !found {
				t.Errorf("no piece drifts by %g ppm", x.drift)
			}
		})
	}
}

// TestDateMeanings: which Date is the host's own, and how old it may be.
func TestDateMeanings(t *testing.T) {
	for server, want := range map[string]struct {
		front bool
		stale bool
	}{
		"nginx/1.22.1": {true, false}, "openresty": {true, false}, "Apache/2.4.62 (Debian)": {false, false}, "gunicorn": {false, true}, "": {false, true},
	} {
		if m := meaningOf(server); m.front != want.front || m.stale.Seconds() >= 1 != want.stale {
			t.Errorf("%q: %+v", server, m)
		}
	}
}
