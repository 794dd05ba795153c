package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func memory(files ...[]byte) []File {
	var out []File
	for i, b := range files {
		out = append(out, File{fmt.Sprintf("f%d", i), func() (io.ReadCloser, error) {
			if b == nil {
				return nil, errors.New("permission denied")
			}
			return io.NopCloser(bytes.NewReader(b)), nil
		}})
	}
	return out
}

func drain(t *testing.T, s *Set) []packet {
	t.Helper()
	var all []packet
	var p Packet
	for {
		if err := s.Next(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, packet{p.Time, string(p.Data), p.WireLen, p.Clock, p.Frame, !p.HasTime})
	}
}

// A file cut into a rotated set is read as the one file.
func TestSetIsOneFile(t *testing.T) {
	o := binary.LittleEndian
	whole, ends := manyRecords(o, 30)
	want, _ := readAll(t, bytes.NewReader(whole), Options{})
	for cut := range ends[:29] {
		second := append(bytes.Clone(whole[:24]), whole[ends[cut]:]...)
		s := NewSet(memory(whole[:ends[cut]], second), Options{})
		if got := drain(t, s); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut after %d: %d packets", cut+1, len(got))
		}
		parts := s.Parts()
		if len(parts) != 2 || parts[0].Packets != cut+1 || parts[0].Frames != cut+1 || parts[0].Last != want[cut].time || parts[1].First != want[cut+1].time || parts[1].Packets != 29-cut {
			t.Errorf("cut after %d: %+v", cut+1, parts)
		}
		if in := s.Interfaces(); len(in) != 1 || len(s.Problems()) != 0 {
			t.Errorf("%+v %+v", in, s.Problems())
		}
	}
}

func TestSetJoinsInterfaces(t *testing.T) {
	o := binary.BigEndian
	s := NewSet(memory(everyBlock(o), everyBlock(o), everyBlock(binary.LittleEndian)), Options{})
	got := drain(t, s)
	if len(got) != 18 || got[17].frame != 24 || got[13].clock != 1 {
		t.Errorf("%d packets, %+v", len(got), got[13:])
	}
	if in := s.Interfaces(); len(in) != 3 || in[0].Dropped != 21 || in[1].Dropped != -1 {
		t.Errorf("%+v", in)
	}
	if len(s.Secrets()) != 3 || len(s.Names()) != 2 || len(s.Comments()) != 6 || s.Comments()[5].Frame != 17 {
		t.Errorf("%d secrets, names %v, comments %v", len(s.Secrets()), s.Names(), s.Comments())
	}
	// Another interface is another clock, of another section.
	other := enhanced(o, interfaceDescription(o, section(o, nil), 1, 0, option(o, nil, ifName, "wlan0")), 0, 5, 1, "x")
	s = NewSet(memory(everyBlock(o), other), Options{})
	if got := drain(t, s); got[6].clock != 3 || s.Interfaces()[3].Section != 1 {
		t.Errorf("%+v %+v", got[6], s.Interfaces())
	}
}

func TestSetWithUnusableFiles(t *testing.T) {
	whole, ends := manyRecords(binary.LittleEndian, 4)
	s := NewSet(memory(nil, whole[:ends[3]-1], []byte("text"), whole), Options{})
	got := drain(t, s)
	if len(got) != 7 || got[6].frame != 7 {
		t.Errorf("%+v", got)
	}
	p := s.Problems()
	if len(p) != 3 || p[0].Text != "f0: permission denied" || p[1].Record != 3 || !strings.HasPrefix(p[2].Text, "f2: not a capture") {
		t.Errorf("%+v", p)
	}
	if s.Parts()[2].Kind != "" || s.Parts()[3].Kind != PCAP {
		t.Errorf("%+v", s.Parts())
	}
}

func TestGroupRotated(t *testing.T) {
	at := func(name string, first, last int64) FileInfo {
		return FileInfo{Path: name, Kind: PCAP, Link: 1, SnapLen: 96, Size: 1000, First: first * 1e9, Last: last * 1e9}
	}
	sll := at("web.pcap3", 30, 40)
	sll.Link = 113
	small := at("x/t-03.pcap", 30, 35)
	small.Size = 10
	for name, c := range map[string]struct {
		files []FileInfo
		want  string
	}{
		"tcpdump -C":              {[]FileInfo{at("web.pcap1", 10, 20), at("web.pcap", 1, 10), at("pc.pcap", 1, 9), at("web.pcap2", 20, 0)}, "[[1 0 3] [2]]"},
		"-C -z gzip":              {[]FileInfo{at("web.pcap.gz", 1, 0), at("web.pcap1.gz", 10, 0), at("web.pcap2", 20, 30)}, "[[0 1 2]]"},
		"-W ring, wrapped":        {[]FileInfo{at("w.pcap0", 30, 40), at("w.pcap1", 10, 20), at("w.pcap2", 20, 30)}, "[[1 2 0]]"},
		"-G":                      {[]FileInfo{at("w-2026-11-22_10.00.00.pcap", 1, 10), at("w-2026-11-22_10.05.00.pcap", 300, 301), at("v-2026-11-22_10.05.00.pcap", 300, 301)}, "[[0 1] [2]]"},
		"-G, seconds":             {[]FileInfo{at("trace.1700000000.pcap", 1, 2), at("trace.1700000060.pcap", 3, 4)}, "[[0 1]]"},
		"dumpcap":                 {[]FileInfo{at("c_00002_20261122101530.pcapng", 20, 30), at("c_00001_20261122101500.pcapng", 10, 20)}, "[[1 0]]"},
		"overlapping":             {[]FileInfo{at("web.pcap", 1, 10), at("web.pcap1", 2, 12)}, "[[0] [1]]"},
		"another link type":       {[]FileInfo{at("web.pcap", 1, 10), at("web.pcap1", 10, 20), sll}, "[[0 1] [2]]"},
		"another folder":          {[]FileInfo{at("a/web.pcap", 1, 10), at("b/web.pcap1", 10, 20)}, "[[0] [1]]"},
		"hosts with numbers":      {[]FileInfo{at("c1.pcap", 1, 10), at("c2.pcap", 11, 20)}, "[[0] [1]]"},
		"two hosts with counters": {[]FileInfo{at("web-01.pcap", 1, 10), at("web-02.pcap", 11, 20)}, "[[0] [1]]"},
		"counter":                 {[]FileInfo{at("x/t-01.pcap", 1, 10), at("x/t-02.pcap", 11, 20), small}, "[[0 1 2]]"},
		"counter, long pause":     {[]FileInfo{at("x/t-01.pcap", 1, 10), at("x/t-02.pcap", 111, 120), at("x/t-03.pcap", 121, 125)}, "[[0] [1 2]]"},
		"no packets":              {[]FileInfo{at("web.pcap", 0, 0), at("web.pcap1", 10, 20)}, "[[0] [1]]"},
		"same name twice":         {[]FileInfo{at("web.pcap", 1, 5), at("web.pcap", 6, 7)}, "[[0 1]]"},
		"points of one incident":  {[]FileInfo{at("cliente.pcap", 1, 5), at("servidor.pcap", 6, 7)}, "[[0] [1]]"},
	} {
		if got := fmt.Sprint(GroupRotated(c.files)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestLastTime(t *testing.T) {
	for _, o := range orders {
		pcap := pcapHeader(o, 0xa1b2c3d4, 65535, 1)
		ng := interfaceDescription(o, section(o, nil), 1, 0)
		data := strings.Repeat("\x00data of a packet", 80)
		for i := range 5000 {
			pcap = pcapRecord(o, pcap, 1700000000+uint32(i), 7, len(data), data)
			ng = enhanced(o, ng, 0, (1700000000+uint64(i))*1e6+7, len(data), data)
		}
		for _, b := range [][]byte{pcap, ng, pcap[:10_000], ng[:10_000], everyBlock(o)} {
			all, _ := readAll(t, bytes.NewReader(b), Options{})
			last, ok := LastTime(bytes.NewReader(b), int64(len(b)))
			if !ok || last != all[len(all)-1].time {
				t.Errorf("%d bytes: %d %v, want %d", len(b), last, ok, all[len(all)-1].time)
			}
		}
	}
	if _, ok := LastTime(bytes.NewReader([]byte("text")), 4); ok {
		t.Error("text has a last packet")
	}
}
