package pcapflow

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// packets is a PacketSource over packets in memory.
type packets struct {
	list []capture.Packet
	at   int
}

func (s *packets) Next(p *capture.Packet) error {
	if s.at == len(s.list) {
		return io.EOF
	}
	*p = s.list[s.at]
	s.at++
	return nil
}

// readPackets reads a capture with gopacket's readers, which share no code with ours.
func readPackets(t testing.TB, path string) *packets {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return packetsIn(t, path, b)
}

// packetsIn is readPackets for a capture in memory.
func packetsIn(t testing.TB, path string, b []byte) *packets {
	t.Helper()
	s := &packets{}
	add := func(link capture.LinkType, ns int64, clock int, wire int, data []byte) {
		s.list = append(s.list, capture.Packet{
			Frame: len(s.list) + 1, Time: ns, HasTime: true, Clock: capture.ClockID(clock),
			Link: link, Data: bytes.Clone(data), WireLen: wire,
		})
	}
	if r, err := pcapgo.NewReader(bytes.NewReader(b)); err == nil {
		link := capture.LinkType(b[20]) | capture.LinkType(b[21])<<8
		if b[0] == 0xa1 {
			link = capture.LinkType(b[23]) | capture.LinkType(b[22])<<8
		}
		for {
			data, ci, err := r.ReadPacketData()
			if err != nil {
				return s
			}
			add(link, ci.Timestamp.UnixNano(), 0, ci.Length, data)
		}
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			return s
		}
		i, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		add(capture.LinkType(i.LinkType), ci.Timestamp.UnixNano(), 0, ci.Length, data)
	}
}

// analyseFile analyses one shared capture.
func analyseFile(t testing.TB, opt Options, elem ...string) *Result {
	t.Helper()
	r, err := Analyse(readPackets(t, need.Shared(t, elem...)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// incidentCaptures are the captures of all shared incidents.
func incidentCaptures(t testing.TB) []string {
	t.Helper()
	root := need.Shared(t, "incidents")
	var list []string
	for _, pattern := range []string{"*/input/*.pcap", "*/input/*.pcapng", "*/input/*/*.pcap", "*/input/*/*.pcapng"} {
		m, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m...)
	}
	return list
}

// capturesOf are the captures of some incidents.
func capturesOf(t testing.TB, incidents ...string) []string {
	t.Helper()
	var list []string
	for _, path := range incidentCaptures(t) {
		for _, name := range incidents {
			if strings.Contains(filepath.ToSlash(path), "/"+name+"/") {
				list = append(list, path)
			}
		}
	}
	return list
}
