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
	"testing/iotest"
	"time"
)

func TestPCAPVariants(t *testing.T) {
	for name, o := range orders {
		for _, m := range magics {
			t.Run(fmt.Sprintf("%s/%x", name, m.value), func(t *testing.T) {
				b := pcapHeader(o, m.value, 96, 1)
				b = append(b, make([]byte, m.extra)...)
				for i := range 3 {
					for _, v := range []uint32{1700000000, uint32(i), 2, 60} {
						b = o.AppendUint32(b, v)
					}
					b = append(b, make([]byte, m.record-16)...)
					b = append(b, "ab"...)
				}
				got, c := readAll(t, bytes.NewReader(b), Options{})
				if len(got) != 3 || len(c.Problems()) != 0 {
					t.Fatalf("%d packets, problems %v", len(got), c.Problems())
				}
				want := packet{time: 1700000000e9 + 2*m.tick, data: "ab", wire: 60, frame: 3}
				if got[2] != want {
					t.Errorf("got %+v, want %+v", got[2], want)
				}
				if in := c.Interfaces(); len(in) != 1 || in[0].SnapLen != 96 || in[0].Link != 1 || in[0].Unit != m.tick || in[0].FCS != -1 || in[0].Dropped != -1 {
					t.Errorf("interfaces %+v", in)
				}
			})
		}
	}
}

func TestFCSInLinkType(t *testing.T) {
	o := binary.BigEndian
	_, c := readAll(t, bytes.NewReader(pcapHeader(o, 0xa1b2c3d4, 0, 2<<28|0x04000000|276)), Options{})
	if in := c.Interfaces()[0]; in.FCS != 4 || in.Link != 276 {
		t.Errorf("%+v", in)
	}
}

// Versions before 2.3 wrote the two lengths in the other order.
func TestOldVersions(t *testing.T) {
	o := binary.LittleEndian
	for _, v := range []struct {
		major, minor uint16
		cap, wire    uint32
	}{{2, 4, 3, 60}, {2, 2, 60, 3}, {2, 3, 60, 3}, {2, 3, 3, 60}, {543, 0, 60, 3}} {
		b := pcapHeader(o, 0xa1b2c3d4, 96, 1)
		o.PutUint16(b[4:], v.major)
		o.PutUint16(b[6:], v.minor)
		for range 2 {
			for _, x := range []uint32{1, 2, v.cap, v.wire} {
				b = o.AppendUint32(b, x)
			}
			b = append(b, "abc"...)
		}
		got, c := readAll(t, bytes.NewReader(b), Options{})
		if len(got) != 2 || got[1].data != "abc" || got[1].wire != 60 {
			t.Errorf("version %d.%d: %+v %v", v.major, v.minor, got, c.Problems())
		}
	}
}

// everyBlock is a pcapng file with each standard block, in one byte order.
func everyBlock(o order) []byte {
	u64 := func(v uint64) string { return string(o.AppendUint64(nil, v)) }
	b := section(o, nil, option(o, nil, shbHardware, "box"), option(o, nil, shbOS, "Linux 6.18"), option(o, nil, optComment, "why"))
	b = interfaceDescription(o, b, 1, 96,
		option(o, nil, ifName, "eth0"), option(o, nil, ifFilter, "\x00port 53"), option(o, nil, ifFCS, "\x04"))
	b = interfaceDescription(o, b, 276, 0,
		option(o, nil, ifResolution, "\x89"), option(o, nil, ifOffset, u64(1700000000)))
	b = interfaceDescription(o, b, 1, 0, option(o, nil, ifResolution, "\x0c"))
	b = block(o, b, blockSecrets, append(o.AppendUint32(o.AppendUint32(nil, 0x544c534b), 9), "CLIENT_R\n"...))
	b = block(o, b, blockSecrets, append(o.AppendUint32(o.AppendUint32(nil, 0x57474b4c), 4), "WGKL"...))
	b = enhanced(o, b, 0, 1700000000_000001, 60, "one", option(o, nil, optComment, "first"), option(o, nil, 2, "\x01\x00\x00\x00"))
	b = enhanced(o, b, 1, 256, 60, "two") // 256/512 s
	b = enhanced(o, b, 2, 5_000_000_001_999, 60, "three")
	b = block(o, b, blockSimple, append(o.AppendUint32(nil, 100), strings.Repeat("s", 96)...))
	old := o.AppendUint16(o.AppendUint16(nil, 1), 7)
	for _, v := range []uint32{0, 512, 4, 64} {
		old = o.AppendUint32(old, v)
	}
	b = block(o, b, blockOldPacket, append(old, "four"...))
	b = block(o, b, 0x0bad, append(o.AppendUint32(nil, 32473), "anything"...))
	b = block(o, b, 0x7fff0001, []byte("not known"))
	b = block(o, b, blockJournal, []byte("MESSAGE=a journal entry\n\n"))
	names := o.AppendUint16(o.AppendUint16(nil, 1), 12)
	names = append(names, 10, 0, 0, 1)
	names = append(names, "web\x00www\x00"...)
	names = o.AppendUint16(o.AppendUint16(names, 2), 19)
	names = pad(append(append(names, make([]byte, 16)...), "v6\x00"...))
	b = block(o, b, blockNames, append(names, 0, 0, 0, 0))
	stats := append(o.AppendUint32(nil, 0), make([]byte, 8)...)
	stats = option(o, stats, isbIfDrop, u64(5))
	b = block(o, b, blockStats, option(o, stats, isbOSDrop, u64(2)))
	return enhanced(o, b, 0, 1700000001_000000, 60, "last")
}

func TestEveryBlock(t *testing.T) {
	for name, o := range orders {
		t.Run(name, func(t *testing.T) {
			var told []string
			opt := Options{OnSecrets: func(b []byte) { told = append(told, string(b)) }}
			got, c := readAll(t, bytes.NewReader(everyBlock(o)), opt)
			want := []packet{
				{time: 1700000000_000001000, data: "one", wire: 60, frame: 1},
				{time: 1700000000_500000000, data: "two", wire: 60, clock: 1, frame: 2},
				{time: 5_000_000_001, data: "three", wire: 60, clock: 2, frame: 3},
				{data: strings.Repeat("s", 96), wire: 100, frame: 4, cut: true},
				{time: 1700000001_000000000, data: "four", wire: 64, clock: 1, frame: 5},
				{time: 1700000001_000000000, data: "last", wire: 60, frame: 8},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("packets\n%+v, want\n%+v", got, want)
			}
			wantIfs := []Interface{
				{Name: "eth0", Link: 1, SnapLen: 96, Unit: 1000, Host: "box; Linux 6.18", FCS: 4, Dropped: 7, Filter: "port 53"},
				{Index: 1, Link: 276, Unit: 1953125, Host: "box; Linux 6.18", FCS: -1, Dropped: -1},
				{Index: 2, Link: 1, Host: "box; Linux 6.18", FCS: -1, Dropped: -1},
			}
			if !reflect.DeepEqual(c.Interfaces(), wantIfs) {
				t.Errorf("interfaces\n%+v, want\n%+v", c.Interfaces(), wantIfs)
			}
			if s := fmt.Sprint(c.Names()); s != "map[:::[v6] 10.0.0.1:[web www]]" {
				t.Errorf("names %s", s)
			}
			if fmt.Sprint(told) != "[CLIENT_R\n]" || len(c.Secrets()) != 1 {
				t.Errorf("secrets %q %q", told, c.Secrets())
			}
			if s := fmt.Sprint(c.Comments()); s != "[{0 why} {1 first}]" {
				t.Errorf("comments %s", s)
			}
			if len(c.Problems()) != 0 {
				t.Errorf("problems %v", c.Problems())
			}
		})
	}
}

// Each section has its own byte order and its own interfaces.
func TestSections(t *testing.T) {
	b := append(everyBlock(binary.BigEndian), everyBlock(binary.LittleEndian)...)
	got, c := readAll(t, bytes.NewReader(b), Options{})
	if len(got) != 12 || got[11].clock != 3 || got[11].frame != 16 || got[11].time != got[5].time {
		t.Errorf("%+v", got)
	}
	if in := c.Interfaces(); len(in) != 6 || in[4].Section != 1 || in[4].Index != 1 {
		t.Errorf("%+v", in)
	}
	if len(c.Problems()) != 0 {
		t.Errorf("problems %v", c.Problems())
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		resolution byte
		offset     int64
		ticks      uint64
		want       int64
		ok         bool
	}{
		{6, 0, 1_500_000, 1_500_000_000, true},
		{9, 0, 1, 1, true},
		{0, 0, 7, 7_000_000_000, true},
		{3, -1, 1500, 500_000_000, true},
		{3, -2, 1500, -500_000_000, true},
		{0x80 | 1, 0, 3, 1_500_000_000, true},
		{0x80 | 32, 0, 1<<32 + 1<<31, 1_500_000_000, true},
		{0x80 | 63, 0, 1 << 62, 500_000_000, true},
		{0x80 | 64, 0, 1 << 63, 500_000_000, true},
		{0x80 | 127, 0, 1 << 63, 0, true},
		{12, 0, 1999, 1, true},
		{0x7f, 0, 1<<64 - 1, 1, true},
		{6, 0, 1 << 63, 0, false},
		{0, 0, 1<<64 - 1, 0, false},
		{0, 1 << 62, 1, 0, false},
		{0, 9_223_372_036, 1, 0, false},
		{0x80 | 8, 0, 128, 500_000_000, true},
	} {
		k := newTicks(c.resolution, c.offset)
		if got, ok := k.ns(c.ticks); got != c.want || ok != c.ok {
			t.Errorf("resolution %#x offset %d: %d ticks are %d %v, want %d %v", c.resolution, c.offset, c.ticks, got, ok, c.want, c.ok)
		}
	}
}

func TestNotACapture(t *testing.T) {
	for _, s := range []string{"", "abc", "GET / HTTP/1.1\r\n\r\n", "\x0a\x0d\x0d\x0aaaaabbbbbbbbbbbb"} {
		if _, err := NewReader(strings.NewReader(s), Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := NewReader(iotest.ErrReader(io.ErrClosedPipe), Options{}); err != io.ErrClosedPipe {
		t.Errorf("%v", err)
	}
}

// manyRecords is a pcap file of n packets with bytes that look like no header.
func manyRecords(o order, n int) (file []byte, ends []int) {
	file = pcapHeader(o, 0xa1b2c3d4, 65535, 1)
	for i := range n {
		data := strings.Repeat(string(rune('A'+i%26)), 40+i*7%100)
		file = pcapRecord(o, file, 1700000000+uint32(i), uint32(i)*13%1e6, len(data), data)
		ends = append(ends, len(file))
	}
	return file, ends
}

// Cut at every byte, a file yields exactly the packets that are whole.
func TestTruncatedEverywhere(t *testing.T) {
	for _, o := range orders {
		file, ends := manyRecords(o, 12)
		whole, _ := readAll(t, bytes.NewReader(file), Options{})
		for cut := 24; cut < len(file); cut++ {
			want := 0
			for want < len(ends) && ends[want] <= cut {
				want++
			}
			got, c := readAll(t, bytes.NewReader(file[:cut]), Options{})
			if len(got) != want || want > 0 && !reflect.DeepEqual(got, whole[:want]) {
				t.Fatalf("cut at %d: %d packets, want %d", cut, len(got), want)
			}
			clean := cut == 24 || want > 0 && ends[want-1] == cut
			if clean != (len(c.Problems()) == 0) {
				t.Fatalf("cut at %d: problems %v", cut, c.Problems())
			}
			if !clean {
				start := 24
				if want > 0 {
					start = ends[want-1]
				}
				if p := c.Problems()[0]; p.Offset != int64(start) || p.Lost != int64(cut-start) || p.Record != want {
					t.Fatalf("cut at %d: %+v", cut, p)
				}
			}
		}
		b := everyBlock(o)
		whole, _ = readAll(t, bytes.NewReader(b), Options{})
		for cut := 12; cut < len(b); cut++ {
			got, _ := readAll(t, bytes.NewReader(b[:cut]), Options{})
			if len(got) > 0 && !reflect.DeepEqual(got, whole[:len(got)]) {
				t.Fatalf("pcapng cut at %d: %+v", cut, got)
			}
		}
	}
}

// The chunks in which the input comes make no difference.
func TestSmallReads(t *testing.T) {
	for _, o := range orders {
		file, _ := manyRecords(o, 30)
		for _, b := range [][]byte{file, everyBlock(o)} {
			want, _ := readAll(t, bytes.NewReader(b), Options{})
			for name, r := range map[string]io.Reader{
				"one byte": iotest.OneByteReader(bytes.NewReader(b)),
				"half":     iotest.HalfReader(bytes.NewReader(b)),
				"data+EOF": iotest.DataErrReader(bytes.NewReader(b)),
			} {
				if got, c := readAll(t, r, Options{}); !reflect.DeepEqual(got, want) || len(c.Problems()) != 0 {
					t.Errorf("%s: %d packets of %d, %v", name, len(got), len(want), c.Problems())
				}
			}
		}
	}
}

func TestErrorOfTheInput(t *testing.T) {
	file, ends := manyRecords(binary.LittleEndian, 5)
	got, c := readAll(t, io.MultiReader(bytes.NewReader(file[:ends[2]+3]), iotest.ErrReader(errors.New("disk on fire"))), Options{})
	if p := c.Problems(); len(got) != 3 || len(p) != 2 || p[1].Text != "disk on fire" {
		t.Errorf("%d packets, %+v", len(got), p)
	}
}

// Packets longer than the chunk make the window grow, within its limit.
func TestLongPackets(t *testing.T) {
	o := binary.LittleEndian
	long := strings.Repeat("x", 3<<20)
	b := interfaceDescription(o, section(o, nil), 1, 0)
	b = enhanced(o, b, 0, 1, len(long), long)
	b = enhanced(o, b, 0, 2, 1, "y")
	got, c := readAll(t, bytes.NewReader(b), Options{})
	if len(got) != 2 || got[0].data != long || len(c.Problems()) != 0 {
		t.Errorf("%d packets, %+v", len(got), c.Problems())
	}
	got, c = readAll(t, bytes.NewReader(b), Options{MaxRecord: 1 << 20})
	if len(got) != 1 || got[0].data != "y" || len(c.Problems()) != 1 {
		t.Errorf("bounded: %d packets, %+v", len(got), c.Problems())
	}
	file := pcapRecord(o, pcapHeader(o, 0xa1b2c3d4, 4<<20, 1), 1, 1, len(long), long)
	got, c = readAll(t, bytes.NewReader(file), Options{})
	if len(got) != 1 || len(c.Problems()) != 0 {
		t.Errorf("pcap: %d packets, %+v", len(got), c.Problems())
	}
}

// A length that the file does not hold takes no room.
func TestClaims(t *testing.T) {
	o := binary.LittleEndian
	b := interfaceDescription(o, section(o, nil), 1, 0)
	b = o.AppendUint32(o.AppendUint32(b, blockPacket), 15<<20)
	b = append(b, make([]byte, 3000)...)
	file := pcapHeader(o, 0xa1b2c3d4, 8<<20, 1)
	for _, v := range []uint32{1, 1, 8 << 20, 8 << 20, 0} {
		file = o.AppendUint32(file, v)
	}
	for _, in := range [][]byte{b, file} {
		if _, c := readAll(t, bytes.NewReader(in), Options{}); len(c.w.buf) > chunk || len(c.Problems()) != 1 {
			t.Errorf("%d bytes of room, %v", len(c.w.buf), c.Problems())
		}
	}
}

// Many lengths that lead nowhere take the time of one reading of the file, not
// of one for each length, which would be hours.
func TestManyClaims(t *testing.T) {
	o := binary.LittleEndian
	b := interfaceDescription(o, section(o, nil), 1, 0)
	for range 60_000 {
		b = o.AppendUint32(o.AppendUint32(b, blockPacket), 8<<20)
		b = append(b, "an open end."...)
	}
	file := pcapHeader(o, 0xa1b2c3d4, 8<<20, 1)
	for i := range uint32(60_000) {
		for _, v := range []uint32{i, 1, 100_000 + i%97, 200_000} {
			file = o.AppendUint32(file, v)
		}
	}
	for _, in := range [][]byte{b, file} {
		begin := time.Now()
		readAll(t, bytes.NewReader(in), Options{})
		if d := time.Since(begin); d > 40*time.Second {
			t.Errorf("%v for %d bytes", d, len(in))
		}
	}
}
