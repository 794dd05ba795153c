package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// Frame numbers and times are those that tshark shows, so that a display filter
// of the report finds the packets it speaks of.
func TestFramesAreWiresharks(t *testing.T) {
	tshark := need.Program(t, "tshark")
	o := binary.LittleEndian
	var b []byte
	b = section(o, b)
	b = interfaceDescription(o, b, 1, 0, option(o, nil, ifResolution, "\x09"))
	frame := strings.Repeat("\x01", 60)
	packet := func(n uint64) { b = enhanced(o, b, 0, 1700000000_000000000+n, 60, frame) }
	packet(1)
	for _, typ := range []uint32{blockJournal, 0x00000bad, 0x40000bad, 0x204, 0x7fff0001} {
		body := append(o.AppendUint32(nil, 32473), "MESSAGE=a\n__REALTIME_TIMESTAMP=1421064609000000\n\n   "...)
		b = block(o, b, typ, body)
		packet(uint64(typ) & 0xff)
	}
	b = block(o, b, blockStats, make([]byte, 12))
	packet(2)
	b = block(o, b, blockNames, make([]byte, 4))
	packet(3)
	path := filepath.Join(t.TempDir(), "blocks.pcapng")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-n", "-r", path, "-Y", "eth", "-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ours strings.Builder
	got, c := readAll(t, bytes.NewReader(b), Options{})
	for _, p := range got {
		fmt.Fprintf(&ours, "%d\t%d.%09d\n", p.frame, p.time/1e9, p.time%1e9)
	}
	if ours.String() != string(out) || len(c.Problems()) != 0 {
		t.Errorf("ours\n%s\ntshark's\n%s\n%v", ours.String(), out, c.Problems())
	}
}

// What mergecap puts into one section stays apart: each file has its own clock.
func TestMerged(t *testing.T) {
	dir := t.TempDir()
	o := binary.LittleEndian
	var paths []string
	for i, snap := range []uint32{65535, 96, 96} {
		b := pcapRecord(o, pcapHeader(o, 0xa1b2c3d4, snap, 1), 1700000000+uint32(i), 0, 60, strings.Repeat("x", 60))
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(paths[i], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	merged := filepath.Join(dir, "merged")
	if out, err := exec.Command(need.Program(t, "mergecap"), append([]string{"-I", "none", "-w", merged}, paths...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(merged)
	if err != nil {
		t.Fatal(err)
	}
	got, c := readAll(t, bytes.NewReader(append(b, b...)), Options{})
	in := c.Interfaces()
	if len(got) != 6 || len(in) != 6 {
		t.Fatalf("%d packets, interfaces %+v", len(got), in)
	}
	for i := range in {
		if in[i].Section != i || in[i].Index != i%3 || got[i].clock != ClockID(i) {
			t.Errorf("packet of clock %d, %+v", got[i].clock, in[i])
		}
	}
}
