package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// BenchmarkRead reads packets of usual lengths from memory.
func BenchmarkRead(b *testing.B) {
	o := binary.LittleEndian
	data := strings.Repeat("x", 1514)
	pcap := pcapHeader(o, 0xa1b2c3d4, 65535, 1)
	ng := interfaceDescription(o, section(o, nil), 1, 0)
	const packets = 100_000
	for i := range packets {
		d := data[:60+i*37%1400]
		pcap = pcapRecord(o, pcap, 1700000000+uint32(i/1000), uint32(i%1000), len(d), d)
		ng = enhanced(o, ng, 0, 1700000000_000000+uint64(i), len(d), d)
	}
	for name, file := range map[string][]byte{"pcap": pcap, "pcapng": ng} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				c, err := NewReader(bytes.NewReader(file), Options{})
				if err != nil {
					b.Fatal(err)
				}
				var p Packet
				n := 0
				for c.Next(&p) != io.EOF {
					n++
				}
				if n != packets {
					b.Fatalf("%d packets", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/packets, "ns/packet")
		})
	}
}

// Reading allocates nothing per packet.
func TestNoAllocations(t *testing.T) {
	for _, o := range orders {
		pcap, _ := manyRecords(o, 5000)
		ng := interfaceDescription(o, section(o, nil), 1, 0)
		for i := range 5000 {
			ng = enhanced(o, ng, 0, uint64(i), 60, "some bytes")
		}
		for _, file := range [][]byte{pcap, ng} {
			c, err := NewReader(bytes.NewReader(file), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var p Packet
			if n := testing.AllocsPerRun(4000, func() { c.Next(&p) }); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
		}
	}
}
