package incident

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestTwoCapturesMergedIntoOne: captures of two hosts whose clocks differ, merged
// into a file that does not say which packet is of which, are told to be that, and
// nothing of them is a loss that neither capture shows.
func TestTwoCapturesMergedIntoOne(t *testing.T) {
	mergecap := need.Program(t, "mergecap")
	for name, files := range map[string][2]string{
		"s02_slow_app": {"cliente.pcap", "servidor.pcap"},
		"s06_ssh":      {"c1.pcap", "ssh_servidor.pcap"},
		"s11_apache":   {"cliente.pcap", "servidor.pcap"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := need.Shared(t, "incidents", name, "input")
			one := []string{filepath.Join(dir, files[0])}
			both := filepath.Join(t.TempDir(), "both.pcap")
			if out, err := exec.Command(mergecap, "-F", "pcap", "-w", both, one[0], filepath.Join(dir, files[1])).CombinedOutput(); err != nil {
				t.Fatalf("mergecap: %v: %s", err, out)
			}
			alone := repetitions(t, one[0], false)
			other := repetitions(t, filepath.Join(dir, files[1]), false)
			if merged := repetitions(t, both, true); merged > max(alone, other) {
				t.Errorf("%d packets sent again where one capture shows %d and the other %d", merged, alone, other)
			}
		})
	}
}

// repetitions counts the segments of a capture that were sent again.
func repetitions(t *testing.T, path string, merged bool) int {
	t.Helper()
	inc, err := Read(context.Background(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, told := 0, false
	for _, f := range inc.Files {
		for _, p := range f.Problems {
			told = told || strings.Contains(p.Text, "two captures merged into one")
		}
	}
	if told != merged {
		t.Errorf("%s: told to be merged: %v, want %v", path, told, merged)
	}
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			if f.Conn != nil {
				n += len(f.Conn.Retransmissions)
			}
		}
	}
	return n
}
