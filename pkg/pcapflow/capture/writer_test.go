package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestWritten: what is written reads as what was read, for every third-party
// capture: stamps, bytes, lengths, links, and which clock they are of.
func TestWritten(t *testing.T) {
	dir, names := thirdParty(t)
	compared := 0
	for _, name := range names {
		b := unpacked(t, filepath.Join(dir, name))
		in, err := NewReader(bytes.NewReader(b), Options{})
		if err != nil {
			continue
		}
		var out bytes.Buffer
		all, _ := NewReader(bytes.NewReader(b), Options{})
		var p Packet
		for all.Next(&p) == nil {
		}
		w := NewWriter(&out, Merged(all.Interfaces()))
		type row struct {
			time       int64
			data       string
			wire       int
			link       LinkType
			clock      ClockID
			snap, unit int64
		}
		rowOf := func(p *Packet, list []Interface) row {
			it := &list[p.Clock]
			return row{p.Time, string(p.Data), p.WireLen, p.Link, p.Clock, int64(it.SnapLen), tickOf(it)}
		}
		var want []row
		for in.Next(&p) == nil {
			if err := w.Packet(&p, in.Interfaces(), ""); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r := rowOf(&p, in.Interfaces())
			if !p.HasTime {
				r.time = 0
			}
			want = append(want, r)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := NewReader(&out, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		clocks := map[ClockID]ClockID{} // of the first file → of the second: one to one
		for i, r := range want {
			if err := again.Next(&p); err != nil {
				t.Errorf("%s: packet %d of %d is missing: %v", name, i+1, len(want), again.Problems())
				break
			}
			got := rowOf(&p, again.Interfaces())
			if known, ok := clocks[r.clock]; !ok {
				clocks[r.clock] = got.clock
			} else if got.clock != known {
				t.Errorf("%s: packet %d is of another clock", name, i+1)
				break
			}
			got.clock = r.clock
			if got != r {
				t.Errorf("%s: packet %d: %+v, want %+v", name, i+1, got, r)
				break
			}
		}
		if err := again.Next(&p); !errors.Is(err, io.EOF) {
			t.Errorf("%s: more packets than were written", name)
		}
		compared++
	}
	if compared < 50 {
		t.Errorf("only %d captures compared", compared)
	}
}

// TestWiresharkReadsComments: a comment stands where Wireshark shows it.
func TestWiresharkReadsComments(t *testing.T) {
	tshark := need.Program(t, "tshark")
	path := filepath.Join(t.TempDir(), "a.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f, false)
	list := []Interface{{Name: "eth7", Link: 1, SnapLen: 96, Unit: 1000, FCS: -1, Dropped: -1}}
	for i, text := range []string{"", "the request"} {
		p := Packet{Frame: i + 1, Time: 1700000000_123456000 + int64(i)*1000, HasTime: true, Link: 1, Data: bytes.Repeat([]byte{1}, 60), WireLen: 70}
		if err := w.Packet(&p, list, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.interface_name", "-e", "frame.comment").Output()
	want := "1\t1700000000.123456000\t70\teth7\t\n2\t1700000000.123457000\t70\teth7\tthe request\n"
	if err != nil || strings.TrimRight(string(out), "\n") != strings.TrimRight(want, "\n") {
		t.Errorf("%v\n%q\nwant\n%q", err, out, want)
	}
}
