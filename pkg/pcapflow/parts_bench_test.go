package pcapflow

import (
	"path/filepath"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// perPacket tells what one of n packets cost.
func perPacket(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/packet")
}

// BenchmarkDecode reads the headers of common packets, key and hashes included.
func BenchmarkDecode(b *testing.B) {
	s := mixed(10_000, 1000)
	e := newEngine(s, Options{})
	var h header
	b.ReportAllocs()
	for b.Loop() {
		for i := range s.list {
			e.common(&s.list[i], &h)
		}
	}
	perPacket(b, len(s.list))
}

// BenchmarkTable finds, takes out and puts back flows among many.
func BenchmarkTable(b *testing.B) {
	s := mixed(50_000, 20_000)
	e := newEngine(s, Options{OnFlow: func(*Flow) {}})
	for s.at < len(s.list) {
		n, _ := e.fill(s, s)
		e.batch(n)
	}
	list := e.table.all()
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range list {
				if e.table.find(&f.key, f.hash) != f {
					b.Fatal("another flow")
				}
			}
		}
		perPacket(b, len(list))
	})
	b.Run("replace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, f := range list {
				e.table.remove(f)
				e.table.insert(f)
			}
		}
		perPacket(b, len(list))
	})
}

// BenchmarkStreams follows the bytes of connections that no dissector wants to
// know: TCP alone.
func BenchmarkStreams(b *testing.B) {
	before := dissectors
	defer func() { dissectors = before }()
	dissectors = nil
	s := mixed(100_000, 1000)
	b.ReportAllocs()
	for b.Loop() {
		s.at = 0
		Analyse(s, Options{OnFlow: func(*Flow) {}})
	}
	perPacket(b, len(s.list))
}

// BenchmarkServices follows recorded conversations of each service, of their
// packets alone, from the first to the last byte.
func BenchmarkServices(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(need.Shared(b, "incidents"), "*", "input", "*.pcap"))
	if err != nil || len(files) == 0 {
		b.Fatal(files, err)
	}
	var all []capture.Packet
	for _, path := range files {
		if list := readPackets(b, path).list; len(list) < 50_000 {
			all = append(all, list...)
		}
	}
	e := newEngine(&packets{}, Options{})
	for _, service := range []struct {
		name  string
		proto uint8
		ports []uint16
	}{
		{"tls", protoTCP, []uint16{443, 8443}}, {"http", protoTCP, []uint16{80, 8080}}, {"ssh", protoTCP, []uint16{22}},
		{"dns", protoUDP, []uint16{53}}, {"ntp", protoUDP, []uint16{123}}, {"quic", protoUDP, []uint16{443}},
	} {
		b.Run(service.name, func(b *testing.B) {
			s := &traffic{}
			var h header
			for i := range all {
				e.common(&all[i], &h)
				for _, port := range service.ports {
					if h.common == service.proto && (h.sport == port || h.dport == port) {
						s.list = append(s.list, all[i])
					}
				}
			}
			if len(s.list) == 0 {
				b.Skip("no packets of it")
			}
			b.ReportAllocs()
			for b.Loop() {
				s.at = 0
				Analyse(s, Options{OnFlow: func(*Flow) {}})
			}
			perPacket(b, len(s.list))
		})
	}
}
