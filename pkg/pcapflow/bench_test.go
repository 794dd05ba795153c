package pcapflow

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// traffic is a source of made-up packets that lie one behind the other in
// memory, as in a file.
type traffic struct {
	list []capture.Packet
	at   int
}

func (s *traffic) Next(p *capture.Packet) error {
	if s.at == len(s.list) {
		return io.EOF
	}
	*p = s.list[s.at]
	s.at++
	return nil
}

func (s *traffic) More(list []capture.Packet) int {
	n := copy(list, s.list[s.at:])
	s.at += n
	return n
}

// talker makes the packets of one connection.
type talker struct {
	step     int
	seq, ack [2]uint32
	id       [2]uint16
	addr     [2]uint32
	port     [2]uint16
}

// segment of side d: head of 54 bytes and n bytes of payload.
func (c *talker) segment(b []byte, d int, flags byte, payload []byte) []byte {
	from := len(b)
	total := 40 + len(payload)
	b = append(b, 2, 0, 0, 0, 0, byte(2-d), 2, 0, 0, 0, 0, byte(1+d), 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(total))
	c.id[d]++
	b = binary.BigEndian.AppendUint16(b, c.id[d])
	b = append(b, 0x40, 0, 64-byte(d), 6, 0, 0)
	b = binary.BigEndian.AppendUint32(b, c.addr[d])
	b = binary.BigEndian.AppendUint32(b, c.addr[1-d])
	b = binary.BigEndian.AppendUint16(b, c.port[d])
	b = binary.BigEndian.AppendUint16(b, c.port[1-d])
	b = binary.BigEndian.AppendUint32(b, c.seq[d])
	b = binary.BigEndian.AppendUint32(b, c.ack[d])
	b = append(b, 0x50, flags, 0xff, 0xff, byte(c.id[d]), byte(c.id[d]>>8), 0, 0)
	b = append(b, payload...)
	c.seq[d] += uint32(len(payload))
	if flags&(flagSYN|flagFIN) != 0 {
		c.seq[d]++
	}
	_ = from
	return b
}

// next appends the connection's next packet.
func (c *talker) next(b, payload []byte) []byte {
	const data = 24
	c.step++
	switch s := c.step - 1; {
	case s == 0:
		return c.segment(b, 0, flagSYN, nil)
	case s == 1:
		c.ack[1] = c.seq[0]
		return c.segment(b, 1, flagSYN|flagACK, nil)
	case s == 2:
		c.ack[0] = c.seq[1]
		return c.segment(b, 0, flagACK, nil)
	case s == 3:
		return c.segment(b, 0, flagACK|flagPSH, payload[:200])
	case s < 4+data*3/2:
		if s%3 == 2 {
			c.ack[0] = c.seq[1]
			return c.segment(b, 0, flagACK, nil)
		}
		c.ack[1] = c.seq[0]
		return c.segment(b, 1, flagACK, payload)
	case s == 4+data*3/2:
		return c.segment(b, 1, flagACK|flagFIN, nil)
	case s == 5+data*3/2:
		c.ack[0] = c.seq[1]
		return c.segment(b, 0, flagACK|flagFIN, nil)
	default:
		c.ack[1] = c.seq[0]
		c.step = 0
		b = c.segment(b, 1, flagACK, nil)
		c.port[0]++
		c.seq = [2]uint32{c.seq[0] * 7, c.seq[1] * 3}
		return b
	}
}

// mixed makes n packets of so many connections at once.
func mixed(n, connections int) *traffic {
	payload := make([]byte, 1448)
	for i := range payload {
		payload[i] = byte(i*7 + 1)
	}
	all := make([]talker, connections)
	for i := range all {
		all[i] = talker{
			seq: [2]uint32{uint32(i) * 7919, uint32(i) * 104729}, addr: [2]uint32{0x0a000000 + uint32(i), 0xc0000200 + uint32(i%40)},
			port: [2]uint16{uint16(1024 + i%60000), 443},
		}
	}
	s := &traffic{list: make([]capture.Packet, 0, n)}
	buf := make([]byte, 0, n*800)
	x := uint64(1)
	for i := range n {
		x = x*6364136223846793005 + 1442695040888963407
		from := len(buf)
		buf = all[x>>33%uint64(connections)].next(buf, payload)
		s.list = append(s.list, capture.Packet{
			Frame: i + 1, Time: 1700000000e9 + int64(i)*200_000, HasTime: true, Link: 1, Data: buf[from:len(buf):len(buf)], WireLen: len(buf) - from,
		})
	}
	return s
}

// BenchmarkFlows analyses TCP connections that are open at the same time; what
// one packet costs grows with the memory that their flows need.
func BenchmarkFlows(b *testing.B) {
	for _, n := range []int{16, 1000, 8000} {
		b.Run(fmt.Sprintf("open=%d", n), func(b *testing.B) {
			s := mixed(200_000, n)
			b.ReportAllocs()
			for b.Loop() {
				s.at = 0
				Analyse(s, Options{OnFlow: func(*Flow) {}})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(s.list)), "ns/packet")
		})
	}
}
