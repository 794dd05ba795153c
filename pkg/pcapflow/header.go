package pcapflow

import (
	"encoding/binary"
	"net/netip"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// header is what the headers of one packet say, from the frame inwards.
type header struct {
	stamp    Stamp
	clock    capture.ClockID
	section  uint16  // of the clock: packets of different sections never share a flow
	timed    bool    // the packet has a stamp
	wire     int     // length of the frame on the wire
	captured int     // length of the frame as captured
	missing  int     // bytes that the capture lacks at the end of the layer at hand
	depth    uint8   // layers entered, to stop at endless nesting
	encap    uint32  // of the layer at hand: a number of encapsulations
	mac      [6]byte // link address of the sender; zero: none
	toOne    bool    // the frame went to one link address, not to a group

	src, dst address
	v6       bool
	proto    uint8
	ttl      uint8
	id       uint16 // IPv4 identification

	sport, dport uint16
	body         []byte // transport header and payload, as captured
	size         int    // the same, as sent
	from, to     int32  // where in body the payload lies, as captured
	length       int    // of the payload, as sent

	seq, ack uint32
	flags    uint8
	window   uint16
	sum      uint16 // transport checksum

	// Of the common kinds of packets:
	common  uint8 // protoTCP, protoUDP; 0: another kind, not read yet
	swapped bool  // the sender is endpoint b of the key
	hash    uint32
	print   uint64 // see imprint
	key     flowKey
}

// payload is that of the transport, as captured.
func (h *header) payload() []byte { return h.body[h.from:h.to] }

// options are those of TCP, as captured.
func (h *header) options() []byte {
	if h.proto != protoTCP || h.from <= 20 {
		return nil
	}
	return h.body[20:h.from]
}

// address is an IPv4 (mapped) or IPv6 address as two words.
type address struct{ hi, lo uint64 }

const mappedV4 = 0xffff << 32

func addressV4(b []byte) address {
	return address{0, mappedV4 | uint64(binary.BigEndian.Uint32(b))}
}

func addressV6(b []byte) address {
	_ = b[15]
	return address{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a address) less(b address) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a address) netip(v6 bool) netip.Addr {
	if !v6 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// maxDepth is how many layers one packet may nest.
const maxDepth = 24

// enter counts one more layer, and tells whether it may be looked at.
func (e *engine) enter() bool {
	if e.h.depth++; e.h.depth > maxDepth {
		e.undecoded("nested too deep")
		return false
	}
	return true
}
