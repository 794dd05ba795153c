package pcapflow

import (
	"unsafe"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// packed is the header of a packet as it goes from the processor that read it to
// the one that follows flows: a line of memory, where a header takes five, each of
// which the other would have to wait for. It has room for what most packets are,
// TCP and UDP in IPv4, captured whole.
type packed struct { // 64 bytes
	time     int64
	print    uint64
	hash     uint32
	src, dst uint32
	ports    uint32 // of the sender and the receiver
	seq, ack uint32
	frame    uint16 // how many frames behind the batch's first
	size     uint16 // header.size
	window   uint16
	sum      uint16
	id       uint16
	mac      [6]byte
	ttl      uint8
	flags    uint8
	from     uint8 // header.from: 8 for UDP, 20 and more for TCP; 0: the header is not packed
	trailer  uint8 // bytes of the frame behind the datagram
}

// packedBody is where in its frame the body of a packed header lies: behind
// Ethernet and IPv4 without options.
const packedBody = 14 + 20

// pack puts h, the header of p, into x, if it has room for all of it.
func (b *aheadBatch) pack(x *packed, p *capture.Packet, h *header) bool {
	x.from = 0
	frame, trailer := p.Frame-b.frame, h.wire-packedBody-h.size
	switch {
	case h.common == 0, h.v6, !h.timed, h.clock != b.clock, h.captured != h.wire, h.size != len(h.body):
		return false
	case p.Data[14] != 0x45, h.length != h.size-int(h.from), uint(frame) > 0xffff, uint(h.size) > 0xffff, uint(trailer) > 0xff:
		return false
	}
	*x = packed{
		time: h.stamp.Time, print: h.print, hash: h.hash,
		src: uint32(h.src.lo), dst: uint32(h.dst.lo), ports: uint32(h.sport)<<16 | uint32(h.dport),
		seq: h.seq, ack: h.ack, frame: uint16(frame), size: uint16(h.size), window: h.window, sum: h.sum, id: h.id,
		mac: h.mac, ttl: h.ttl, flags: h.flags, from: uint8(h.from), trailer: uint8(trailer),
	}
	return true
}

// unpack makes the header and the packet of x, whose frame begins at data.
func (b *aheadBatch) unpack(x *packed, data *byte, p *capture.Packet, h *header) {
	size := int(x.size)
	wire := packedBody + size + int(x.trailer)
	frame := unsafe.Slice(data, wire)
	*p = capture.Packet{Frame: b.frame + int(x.frame), Time: x.time, HasTime: true, Clock: b.clock, Link: linkEthernet, Data: frame, WireLen: wire}
	h.stamp = Stamp{x.time, p.Frame}
	h.clock, h.section, h.timed = b.clock, b.section, true
	h.wire, h.captured, h.missing = wire, wire, 0
	h.encap, h.depth, h.mac, h.toOne = 0, 0, x.mac, false
	h.common = protoTCP
	if x.from == 8 {
		h.common = protoUDP
	}
	h.ttl, h.id = x.ttl, x.id
	h.body, h.size = frame[packedBody:packedBody+size], size
	h.from, h.to, h.length = int32(x.from), int32(size), size-int(x.from)
	h.seq, h.ack, h.flags, h.window, h.sum = x.seq, x.ack, x.flags, x.window, x.sum
	h.hash, h.print = x.hash, x.print
	h.keyV4(x.src, x.dst, uint16(x.ports>>16), uint16(x.ports))
}
