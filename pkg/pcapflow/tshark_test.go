package pcapflow

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// tsharkFields runs tshark over a capture and calls row with the fields of each
// frame. Values of repeated fields are joined by commas.
func tsharkFields(t testing.TB, path, filter string, fields []string, row func(v []string)) {
	t.Helper()
	program := need.Program(t, "tshark")
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "separator=|", "-o", "tcp.check_checksum:FALSE"}
	if filter != "" {
		args = append(args, "-Y", filter)
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(program, args...).Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("tshark %s: %v", path, err)
	}
	s := bufio.NewScanner(strings.NewReader(string(out)))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		v := strings.Split(s.Text(), "|")
		if len(v) == len(fields) {
			row(v)
		}
	}
}

type streamShape struct{ first, packets int }

// TestStreamsAsWireshark compares the numbering of streams, their first frames
// and their packet counts.
func TestStreamsAsWireshark(t *testing.T) {
	for _, path := range incidentCaptures(t) {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			want := map[string]*streamShape{}
			tsharkFields(t, path, "", []string{"frame.number", "tcp.stream", "udp.stream", "icmp.type", "icmpv6.type"}, func(v []string) {
				if v[3] != "" || v[4] != "" {
					return
				}
				frame, _ := strconv.Atoi(v[0])
				key := "tcp" + v[1]
				if v[1] == "" {
					key = "udp" + v[2]
				}
				if key == "udp" {
					return
				}
				if want[key] == nil {
					want[key] = &streamShape{first: frame}
				}
				want[key].packets++
			})
			r, err := Analyse(readPackets(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			for _, f := range r.Flows {
				if f.Transport != TCP && f.Transport != UDP {
					continue
				}
				got++
				key := f.Transport.String() + strconv.Itoa(f.Stream)
				w := want[key]
				n := int(f.Packets[0] + f.Packets[1] + f.Duplicates)
				if w == nil || w.first != f.Start.Frame || w.packets != n {
					t.Errorf("%s: first frame %d, %d packets; tshark %+v", key, f.Start.Frame, n, w)
				}
			}
			if got != len(want) {
				t.Errorf("%d flows, tshark %d", got, len(want))
			}
		})
	}
}
