package archive

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestRecords: what touches a stretch of time is read, once and whole, and blocks of
// records that began long before they were written make no others be read.
func TestRecords(t *testing.T) {
	folder := t.TempDir()
	w, err := newRecordWriter(folder, "flows-0", flowLanes)
	if err != nil {
		t.Fatal(err)
	}
	const n, step = 20_000, int64(10e6) // 200 s
	rnd := rand.New(rand.NewPCG(3, 5))
	var heads []recordHead
	for i := range n {
		end := int64(i) * step
		begin := end - rnd.Int64N(1e9)
		if i%50 == 0 {
			begin = rnd.Int64N(end + 1)
		}
		h := recordHead{from: begin, to: begin + rnd.Int64N(end-begin+1), end: end, same: uint64(i)}
		heads = append(heads, h)
		w.add(&h, func(b []byte) ([]byte, error) {
			for range 500 + i%500 { // hardly to be packed
				b = append(b, byte(i>>8), byte(rnd.Uint32()))
			}
			return b, nil
		})
	}
	file, err := w.end()
	if err != nil {
		t.Fatal(err)
	}
	var r recordReader
	for range 50 {
		from := rnd.Int64N(n * step)
		to := from + rnd.Int64N(5e9)
		odd := func(h *recordHead) bool { return h.same%2 == 1 }
		got := map[uint64]bool{}
		err := r.each(&file, folder, from, to, odd, func(x *record) error {
			i := int(x.same)
			if got[x.same] || x.recordHead != heads[i] || len(x.body) != 2*(500+i%500) || x.body[0] != byte(i>>8) {
				t.Errorf("record %d: read before %t, %d bytes, %+v", i, got[x.same], len(x.body), x.recordHead)
			}
			got[x.same] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for i := range heads {
			if h := &heads[i]; odd(h) && h.to >= from && h.from <= to {
				want++
				if !got[h.same] {
					t.Fatalf("%d … %d: record %d is missing", from, to, i)
				}
			}
		}
		if len(got) != want {
			t.Fatalf("%d … %d: %d records, want %d", from, to, len(got), want)
		}
	}
	touched := 0
	for _, b := range file.Blocks {
		if b.From < 100e9 && b.To > 99e9 {
			touched++
		}
	}
	if len(file.Blocks) < 30 || touched > 10 {
		t.Errorf("%d of %d blocks hold records of one second", touched, len(file.Blocks))
	}
}

// TestPackerIsSmall: what a packer holds when it has packed a block is little more than
// that block: it stays for the rest of the run.
func TestPackerIsSmall(t *testing.T) {
	held := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	block := make([]byte, blockBytes+blockBytes/2)
	for i := range block {
		block[i] = byte(rand.IntN(7))
	}
	before := held()
	p := newPacker()
	packed := p.EncodeAll(block, nil)
	if n := held() - before - int64(cap(packed)); n > 3<<20 {
		t.Errorf("%d KiB", n>>10)
	}
	runtime.KeepAlive(p)
	runtime.KeepAlive(block)
}
