package pcapflow

import (
	"encoding/binary"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// flood makes packets one after the other: n of them, each by fill, which is
// given a frame of Ethernet, IPv4 and TCP headers and says how long it was on
// the wire.
type flood struct {
	n, at int
	every int64 // ns between two
	frame [14 + 40 + 64]byte
	fill  func(i int, frame []byte) (length, wire int)
}

func (s *flood) Next(p *capture.Packet) error {
	if s.at == s.n {
		return io.EOF
	}
	b := s.frame[:]
	clear(b)
	b[12] = 8
	copy(b[14:], []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protoTCP, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1})
	b[14+20+12] = 0x50
	n, wire := s.fill(s.at, b)
	binary.BigEndian.PutUint16(b[16:], uint16(wire-14))
	s.at++
	*p = capture.Packet{Frame: s.at, Time: 1_700_000_000e9 + int64(s.at)*s.every, HasTime: true, Link: linkEthernet, Data: b[:n], WireLen: wire}
	return nil
}

// segment writes ports, numbers and flags of a TCP segment.
func segment(b []byte, from, to uint16, seq, ack uint32, flags byte) {
	b = b[34:]
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	binary.BigEndian.PutUint32(b[4:], seq)
	binary.BigEndian.PutUint32(b[8:], ack)
	b[13] = flags
	b[14] = 0xff
}

// mixBits turns a number into one that looks like chance.
func mixBits(i int) uint64 {
	x := uint64(i+1) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

// swallow analyses all of s and tells how many flows ended, how much memory the
// engine held at most, and how long each half of the packets took.
func swallow(t *testing.T, s *flood) (flows int, most uint64, halves [2]time.Duration) {
	t.Helper()
	e := newEngine(s, Options{OnFlow: func(*Flow) { flows++ }})
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for s.Next(&e.at.packets[0]) == nil {
		e.batch(1)
		if s.at == s.n/2 {
			halves[0] = time.Since(begin)
			begin = time.Now()
		}
		if s.at%(s.n/8) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
	}
	halves[1] = time.Since(begin)
	e.end()
	return flows, most, halves
}

// scale is what a test of n packets does with little time.
func scale(n int) int {
	if testing.Short() || RaceEnabled {
		return n / 20
	}
	return n
}

// linear tells whether the second half took no more than a few times as long as
// the first: with memory bounded, nothing else may grow.
func linear(halves [2]time.Duration) bool { return halves[1] < 6*halves[0]+time.Second }

// TestScanOfManyPorts: two million SYNs from anywhere to anywhere.
func TestScanOfManyPorts(t *testing.T) {
	n := scale(2_000_000)
	s := &flood{n: n, every: 10_000, fill: func(i int, b []byte) (int, int) {
		x := mixBits(i)
		binary.BigEndian.PutUint32(b[26:], uint32(x))
		binary.BigEndian.PutUint16(b[18:], uint16(i)|1)
		segment(b, uint16(x>>32), uint16(x>>48), uint32(x), 0, flagSYN)
		return 54, 54
	}}
	flows, most, halves := swallow(t, s)
	t.Logf("%d flows, at most %d MB, %v", flows, most>>20, halves)
	if flows != n || most > 160<<20 || !linear(halves) {
		t.Errorf("%d flows, %d MB, %v", flows, most>>20, halves)
	}
}

// TestFlowsWithoutEnd: a million connections that open, say something, and are
// never heard of again.
func TestFlowsWithoutEnd(t *testing.T) {
	n := scale(1_000_000)
	s := &flood{n: 4 * n, every: 1000, fill: func(i int, b []byte) (int, int) {
		x := mixBits(i / 4)
		client, server := uint16(x>>32)|1024, uint16(8443)
		binary.BigEndian.PutUint32(b[26:], uint32(x)|1<<31)
		binary.BigEndian.PutUint16(b[18:], uint16(i)|1)
		switch i % 4 {
		case 0:
			segment(b, client, server, 100, 0, flagSYN)
			return 54, 54
		case 1:
			copy(b[26:], []byte{192, 0, 2, 1})
			binary.BigEndian.PutUint32(b[30:], uint32(x)|1<<31)
			segment(b, server, client, 900, 101, flagSYN|flagACK)
			return 54, 54
		case 2:
			segment(b, client, server, 101, 901, flagACK)
			return 54, 54
		}
		segment(b, client, server, 101, 901, flagACK|flagPSH)
		copy(b[54:], "\x16\x03\x01\x00\x80 a hello that does not end")
		return 54 + 30, 54 + 30
	}}
	flows, most, halves := swallow(t, s)
	t.Logf("%d flows, at most %d MB, %v", flows, most>>20, halves)
	if flows < n*99/100 || most > 700<<20 || !linear(halves) {
		t.Errorf("%d flows of %d, %d MB, %v", flows, n, most>>20, halves)
	}
}

// TestHoleBeforeMuch: a hole in a stream with ten gigabytes behind it.
func TestHoleBeforeMuch(t *testing.T) {
	const size = 60_000
	n := scale(10_000_000_000 / size)
	s := &flood{n: n, every: 50_000, fill: func(i int, b []byte) (int, int) {
		binary.BigEndian.PutUint16(b[18:], uint16(i)|1)
		switch i {
		case 0:
			segment(b, 40000, 80, 0, 0, flagSYN)
			return 54, 54
		case 1:
			segment(b, 40000, 80, 1, 1, flagACK)
			return 54 + 4, 54 + 4
		}
		segment(b, 40000, 80, 1000+uint32(i-2)*size, 1, flagACK)
		return 54 + 64, 54 + size
	}}
	flows, most, halves := swallow(t, s)
	t.Logf("%d flows, at most %d MB, %v", flows, most>>20, halves)
	if flows != 1 || most > 64<<20 || !linear(halves) {
		t.Errorf("%d flows, %d MB, %v", flows, most>>20, halves)
	}
}
