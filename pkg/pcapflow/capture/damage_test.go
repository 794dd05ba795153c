package capture

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// damaged reads file after change and tells how many of the whole file's
// packets came out unharmed.
func damaged(t *testing.T, file []byte, change func([]byte) []byte) (unharmed, total int, c *Reader) {
	t.Helper()
	whole, _ := readAll(t, bytes.NewReader(file), Options{})
	known := map[packet]bool{}
	for _, p := range whole {
		p.frame = 0
		known[p] = true
	}
	got, c := readAll(t, bytes.NewReader(change(bytes.Clone(file))), Options{})
	for _, p := range got {
		p.frame = 0
		if known[p] {
			unharmed++
		}
	}
	return unharmed, len(whole), c
}

func TestDamagedPCAP(t *testing.T) {
	for name, o := range orders {
		file, ends := manyRecords(o, 40)
		at := ends[19] // the header of packet 21
		for what, c := range map[string]struct {
			lost   int // packets that may be missing or harmed
			change func([]byte) []byte
		}{
			"absurd length":      {1, func(b []byte) []byte { o.PutUint32(b[at+8:], 0xfffffff0); return b }},
			"length too long":    {1, func(b []byte) []byte { o.PutUint32(b[at+8:], 1000); o.PutUint32(b[at+12:], 1000); return b }},
			"length too short":   {1, func(b []byte) []byte { o.PutUint32(b[at+8:], 3); return b }},
			"past the end":       {1, func(b []byte) []byte { o.PutUint32(b[at+8:], 60000); o.PutUint32(b[at+12:], 60000); return b }},
			"header overwritten": {1, func(b []byte) []byte { copy(b[at:], "XXXXXXXXXXXXXXXX"); return b }},
			"bytes missing":      {2, func(b []byte) []byte { return append(b[:at+5], b[at+9:]...) }},
			"bytes inserted":     {2, func(b []byte) []byte { return append(b[:at+20], append([]byte("!!!"), b[at+20:]...)...) }},
			"a block of zeros": {8, func(b []byte) []byte {
				for i := range 512 {
					b[at-100+i] = 0
				}
				return b
			}},
			"zeros at the end": {0, func(b []byte) []byte { return append(b, make([]byte, 9000)...) }},
		} {
			ok, total, r := damaged(t, file, c.change)
			if ok < total-c.lost {
				t.Errorf("%s, %s: %d of %d packets; %+v", name, what, ok, total, r.Problems())
			}
			if len(r.Problems()) == 0 {
				t.Errorf("%s, %s: nothing said", name, what)
			}
		}
	}
}

// A packet that carries a capture file of its own, as a download does, is not
// taken for records, even where the record behind it is damaged.
func TestCaptureWithinACapture(t *testing.T) {
	o := binary.LittleEndian
	inner, _ := manyRecords(o, 10)
	file := pcapHeader(o, 0xa1b2c3d4, 65535, 1)
	var ends []int
	for i := range 10 {
		file = pcapRecord(o, file, 1700000000+uint32(i), 0, len(inner), string(inner))
		ends = append(ends, len(file))
	}
	copy(file[ends[4]:], "XXXXXXXXXXXXXXXX")
	got, c := readAll(t, bytes.NewReader(file), Options{})
	// The search behind the damage finds the records inside packet 6, then
	// meets the true ones again.
	if got[4].data != string(inner) || got[len(got)-1].data != string(inner) {
		t.Errorf("%d packets, %+v", len(got), c.Problems())
	}
	n := 0
	for _, p := range got {
		if p.data == string(inner) {
			n++
		}
	}
	if n != 9 {
		t.Errorf("%d of 9 packets whole", n)
	}
}

func TestDamagedPCAPNG(t *testing.T) {
	for name, o := range orders {
		file := interfaceDescription(o, section(o, nil), 1, 0)
		var at int
		for i := range 40 {
			if i == 20 {
				at = len(file)
			}
			file = enhanced(o, file, 0, uint64(i)*1000, 60, "some bytes of a packet")
		}
		for what, change := range map[string]func([]byte) []byte{
			"length zero":     func(b []byte) []byte { o.PutUint32(b[at+4:], 0); return b },
			"absurd length":   func(b []byte) []byte { o.PutUint32(b[at+4:], 0xfffffff0); return b },
			"past the end":    func(b []byte) []byte { o.PutUint32(b[at+4:], 1<<20); return b },
			"lengths differ":  func(b []byte) []byte { o.PutUint32(b[at+4:], 64); return b },
			"no interface":    func(b []byte) []byte { o.PutUint32(b[at+8:], 9); return b },
			"longer than all": func(b []byte) []byte { o.PutUint32(b[at+20:], 4000); return b },
			"bytes missing":   func(b []byte) []byte { return append(b[:at+5], b[at+10:]...) },
			"bytes inserted":  func(b []byte) []byte { return append(b[:at+20], append([]byte("!!!"), b[at+20:]...)...) },
		} {
			ok, total, r := damaged(t, file, change)
			if ok < total-1 || len(r.Problems()) == 0 {
				t.Errorf("%s, %s: %d of %d packets; %+v", name, what, ok, total, r.Problems())
			}
		}
	}
}

// Random damage to a file in both formats: nothing panics, what is reported
// lies in the file, in order.
func TestRandomDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, o := range orders {
		file, _ := manyRecords(o, 50)
		for _, seed := range [][]byte{file, everyBlock(o)} {
			for range 2000 {
				b := bytes.Clone(seed)
				for range 1 + rnd.IntN(8) {
					b[rnd.IntN(len(b))] = byte(rnd.Uint32())
				}
				check(t, b)
			}
		}
	}
}

// check reads b and holds what must be so of any input.
func check(t *testing.T, b []byte) {
	c, err := NewReader(bytes.NewReader(b), Options{})
	if err != nil {
		return
	}
	var p Packet
	frame, sum := 0, 0
	for c.Next(&p) == nil {
		if p.Frame <= frame || p.WireLen < 0 || int(p.Clock) >= len(c.Interfaces()) {
			t.Fatalf("packet %+v after frame %d of %d interfaces", p, frame, len(c.Interfaces()))
		}
		if cap(p.Data) != len(p.Data) {
			t.Fatal("a view that can be appended to")
		}
		frame = p.Frame
		sum += len(p.Data)
	}
	if sum > len(b) {
		t.Fatalf("%d bytes of packets in %d", sum, len(b))
	}
	if len(c.w.buf) > c.w.limit {
		t.Fatalf("window of %d bytes", len(c.w.buf))
	}
	var lost int64
	for _, q := range c.Problems() {
		if q.Offset < 0 || q.Offset > int64(len(b)) || q.Lost < 0 || q.Record > c.frame {
			t.Fatalf("problem %+v in %d bytes", q, len(b))
		}
		lost += q.Lost
	}
	if lost > int64(len(b)) {
		t.Fatalf("%d bytes lost of %d", lost, len(b))
	}
	if c.Offset() != int64(len(b)) {
		t.Fatalf("ended at %d of %d", c.Offset(), len(b))
	}
}

func FuzzReader(f *testing.F) {
	for _, o := range []order{binary.LittleEndian, binary.BigEndian} {
		file, _ := manyRecords(o, 4)
		f.Add(file)
		f.Add(everyBlock(o))
		f.Add(pcapHeader(o, 0xa1b2cd34, 0, 1))
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}
