package correlate

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/incident"
)

// reframed copies the captures of a recording, each record changed by change: what
// it returns is kept of it.
func reframed(t *testing.T, folder string, change func(name string, frame []byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(folder, "*.pcap.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", folder, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		in, err := io.ReadAll(z)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		var out bytes.Buffer
		out.Write(in[:24])
		for at := 24; at+16 <= len(in); {
			n := int(binary.LittleEndian.Uint32(in[at+8:]))
			head, frame := bytes.Clone(in[at:at+16]), bytes.Clone(in[at+16:at+16+n])
			frame = change(name, frame)
			binary.LittleEndian.PutUint32(head[8:], uint32(len(frame)))
			out.Write(head)
			out.Write(frame)
			at += 16 + n
		}
		if err := os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// segment is the TCP header of an Ethernet frame over IPv4; nil: it holds none.
func segment(frame []byte) []byte {
	if len(frame) < 14+20+20 || binary.BigEndian.Uint16(frame[12:]) != 0x0800 || frame[14+9] != 6 {
		return nil
	}
	return frame[14+int(frame[14]&15)*4:]
}

// renumberedOutside gives the frames of captures outside of the router other sequence
// numbers, as a firewall does that makes its own.
func renumberedOutside(name string, frame []byte) {
	const by = 0x12345678
	if tcp := segment(frame); tcp != nil && (name == "router_outside.pcap" || name == "server.pcap") {
		for _, at := range []int{4, 8} {
			if at == 4 || tcp[13]&0x10 != 0 {
				binary.BigEndian.PutUint32(tcp[at:], binary.BigEndian.Uint32(tcp[at:])+by)
			}
		}
	}
}

// TestTranslationsRecorded: connections of two clients through a router whose
// kernel translates addresses, and at last answers for the server with sequence
// numbers of its own, are one journey each from the client to the server, by what
// is left of them: as recorded, without payload, and with other numbers.
func TestTranslationsRecorded(t *testing.T) {
	recorded := filepath.Join("testdata", "recorded", "nat-points")
	upTo := func(n int, f []byte) []byte { return f[:min(len(f), n)] }
	const bare, options = 14 + 20 + 20, 14 + 20 + 40 // bytes of headers, without options and with them
	for _, x := range []struct {
		name   string
		change func(name string, frame []byte) []byte
		want   map[By]int // connections by the weakest means
	}{
		{"as recorded", func(_ string, f []byte) []byte { return f }, map[By]int{ByISN: 6, ByPayload: 4}},
		{"headers alone", func(_ string, f []byte) []byte { return upTo(options, f) }, map[By]int{ByISN: 6, ByPayload: 2, ByTimestamp: 2}},
		{"headers alone, all with other numbers", func(name string, f []byte) []byte {
			renumberedOutside(name, f)
			return upTo(options, f)
		}, map[By]int{ByPayload: 5, ByTimestamp: 5}},
		{"without options", func(_ string, f []byte) []byte { return upTo(bare, f) }, map[By]int{ByISN: 6, BySizes: 4}},
		{"without options, all with other numbers", func(name string, f []byte) []byte {
			renumberedOutside(name, f)
			return upTo(bare, f)
		}, map[By]int{}},
		{"all with other numbers", func(name string, f []byte) []byte {
			renumberedOutside(name, f)
			return f
		}, map[By]int{ByPayload: 10}},
	} {
		inc, err := incident.Read(context.Background(), []string{reframed(t, recorded, x.change)}, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[By]int{}
		for _, j := range joinFlows(inc) {
			weakest := By("")
			for _, p := range j.points[1:] {
				if weakest == "" || p.By != ByISN {
					weakest = p.By
				}
			}
			if j.flow().Conn == nil || len(j.points) < 4 {
				continue
			}
			got[weakest]++
			if !strings.HasSuffix(j.points[0].Capture.Files[0].Path, "one.pcap") && !strings.HasSuffix(j.points[0].Capture.Files[0].Path, "two.pcap") {
				t.Errorf("%s: told by %s", x.name, j.points[0].Capture.Files[0].Path)
			}
		}
		if !maps.Equal(got, x.want) {
			t.Errorf("%s: connections are known by %v, want %v", x.name, got, x.want)
		}
	}
}

// TestBreakdownBehindDevice: where a device answers for the server, the way from it
// to the server is the network's, not the server's nor the client's.
func TestBreakdownBehindDevice(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{filepath.Join("testdata", "recorded", "nat-points")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, j := range Correlate(inc, Options{}).Journeys {
		if !renumbered(j.Points) || j.Ordinal > 1 {
			continue
		}
		n++
		for _, s := range j.Breakdown {
			if s.Cause == CauseNetwork && s.Share < 0.5 || (s.Cause == CauseServer || s.Cause == CauseClient) && s.Share > 0.1 {
				t.Errorf("%s: %.0f %% for %s", j.ID, 100*s.Share, s.Cause)
			}
		}
	}
	if n != 4 {
		t.Errorf("%d connections through a device that answers, want 4", n)
	}
}
