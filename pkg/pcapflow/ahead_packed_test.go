package pcapflow

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unsafe"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TestPacked: what is unpacked is what was packed, also of packets that were made
// unusual: behind a gap of frames, with bytes behind the datagram, cut, of another clock.
func TestPacked(t *testing.T) {
	if n := unsafe.Sizeof(packed{}); n != 64 {
		t.Errorf("a packed header takes %d bytes", n)
	}
	var files []string
	for _, pattern := range []string{"../../samples/*/input/*.pcap*", "testdata/*.pcap*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	changes := []func(p *capture.Packet){
		func(*capture.Packet) {},
		func(p *capture.Packet) { p.Frame += 0x10000 },
		func(p *capture.Packet) { p.Data = append(bytes.Clone(p.Data), make([]byte, 6)...); p.WireLen += 6 },
		func(p *capture.Packet) { p.Data = append(bytes.Clone(p.Data), make([]byte, 256)...); p.WireLen += 256 },
		func(p *capture.Packet) { p.WireLen++ },
		func(p *capture.Packet) { p.Data = p.Data[:max(len(p.Data)-1, 1)] },
		func(p *capture.Packet) { p.Clock++ },
		func(p *capture.Packet) { p.HasTime = false },
	}
	packedOf, all := make([]int, len(changes)), 0
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := capture.NewReader(bytes.NewReader(b), capture.Options{})
		if err != nil {
			continue // a damaged one
		}
		e := newEngine(c, Options{})
		var p capture.Packet
		for range 2000 {
			if c.Next(&p) != nil {
				break
			}
			all++
			for i, change := range changes {
				q := p
				change(&q)
				if samePacked(t, e, &q, p.Frame) {
					packedOf[i]++
				}
			}
		}
	}
	t.Log(packedOf, "of", all)
	if n := packedOf[0]; n < all/2 || packedOf[2] < n*9/10 || packedOf[1]+packedOf[3]+packedOf[4]+packedOf[6]+packedOf[7] > 0 {
		t.Errorf("packed %v of %d", packedOf, all)
	}
}

// samePacked packs q into a batch that began at a frame, and tells whether there was
// room for it.
func samePacked(t *testing.T, e *engine, q *capture.Packet, frame int) bool {
	t.Helper()
	x, b := packed{from: 20}, aheadBatch{frame: frame}
	var h, back header
	var p capture.Packet
	e.common(q, &h)
	if !b.pack(&x, q, &h) {
		if x.from != 0 {
			t.Fatalf("frame %d: there was no room, and yet it is packed", q.Frame)
		}
		return false
	}
	b.unpack(&x, &q.Data[0], &p, &back)
	if !reflect.DeepEqual(back, h) || !reflect.DeepEqual(p, *q) {
		t.Fatalf("frame %d:\n%+v\n%+v\n%+v\n%+v", q.Frame, h, back, *q, p)
	}
	return true
}
