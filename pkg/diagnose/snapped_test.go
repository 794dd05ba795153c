package diagnose

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// snapped cuts the packets of a pcap file, as a snap length does.
func snapped(b []byte, length int) []byte {
	const head, record = 24, 16
	out := append([]byte(nil), b[:head]...)
	binary.LittleEndian.PutUint32(out[16:], uint32(length))
	for at := head; at+record <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[at+8:]))
		keep := min(n, length)
		out = append(out, b[at:at+record]...)
		binary.LittleEndian.PutUint32(out[len(out)-8:], uint32(keep))
		out = append(out, b[at+record:at+record+keep]...)
		at += record + n
	}
	return out
}

// TestHeadersOnly: captures that hold headers alone hide names and banners, and
// nothing is said of what they hide.
func TestHeadersOnly(t *testing.T) {
	from, dir := need.Shared(t, "incidents", "s06_ssh", "input"), t.TempDir()
	captures, err := filepath.Glob(filepath.Join(from, "*.pcap"))
	if err != nil || len(captures) == 0 {
		t.Fatalf("%d captures, %v", len(captures), err)
	}
	for _, path := range captures {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), snapped(b, 54), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := readFolder(t, dir)
	if c.Incident.Captures[0].Snapped == 0 {
		t.Fatal("nothing was cut")
	}
	for _, f := range Run(c, Options{}).Findings {
		if f.Severity >= Warning && strings.HasPrefix(f.Rule, "dns-") || f.Rule == "ssh-shed" {
			t.Errorf("%s: %s", f.Rule, f.Text)
		}
	}
}
