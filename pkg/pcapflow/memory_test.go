package pcapflow

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// endless makes packets of so many connections at once, one connection after
// the other in each place, and tells after some of them how much memory lives.
type endless struct {
	all     []talker
	payload []byte
	buf     []byte
	x       uint64
	n       int
	until   []int // packets after which memory is measured; behind the last is the end
	live    []uint64
}

func (s *endless) Next(p *capture.Packet) error {
	if s.n == s.until[len(s.live)] {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		if s.live = append(s.live, m.HeapAlloc); len(s.live) == len(s.until) {
			return io.EOF
		}
	}
	s.x = s.x*6364136223846793005 + 1442695040888963407
	s.buf = s.all[s.x>>33%uint64(len(s.all))].next(s.buf[:0], s.payload)
	s.n++
	*p = capture.Packet{
		Frame: s.n, Time: 1700000000e9 + int64(s.n)*int64(100*time.Microsecond), HasTime: true, Link: 1, Data: s.buf, WireLen: len(s.buf),
	}
	return nil
}

// TestMemoryStays: ten times as many packets of as many connections at a time
// need no more memory.
func TestMemoryStays(t *testing.T) {
	s := &endless{payload: make([]byte, 1448), x: 1, until: []int{100_000, 1_000_000}}
	for i := range 1000 {
		s.all = append(s.all, talker{
			seq: [2]uint32{uint32(i) * 7919, uint32(i) * 104729}, addr: [2]uint32{0x0a000000 + uint32(i), 0xc0000200 + uint32(i%40)},
			port: [2]uint16{uint16(1024 + i), 443},
		})
	}
	flows := 0
	if _, err := Analyse(s, Options{OnFlow: func(*Flow) { flows++ }}); err != nil {
		t.Fatal(err)
	}
	if flows < 10_000 {
		t.Fatalf("%d flows only", flows)
	}
	if s.live[1] > s.live[0]+s.live[0]/10 {
		t.Errorf("%d bytes live after %d packets, %d after %d", s.live[0], s.until[0], s.live[1], s.until[1])
	}
	t.Logf("%d flows, %d and %d bytes", flows, s.live[0], s.live[1])
}
