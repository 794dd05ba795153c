package pcapflow

import "encoding/binary"

// checkSum verifies the checksum of the packet at hand, where all of it was
// captured, and remembers who sends wrong ones: network cards fill them in
// after the capture on the sending host.
func (e *engine) checkSum(h *header) {
	if len(h.body) < h.size || h.size > 4096 {
		return
	}
	bad := transportSum(h) != 0
	if bad {
		e.res.BadSums++
	}
	e.point.sum(h, bad)
}

// transportSum is 0 when the checksum of the TCP or UDP packet is right
// (RFC 9293 section 3.1, RFC 8200 section 8.1).
func transportSum(h *header) uint16 {
	sum := uint64(h.proto) + uint64(h.size)
	for _, w := range [...]uint64{h.src.hi, h.src.lo &^ mappedBits(h), h.dst.hi, h.dst.lo &^ mappedBits(h)} {
		sum += w>>48 + w>>32&0xffff + w>>16&0xffff + w&0xffff
	}
	b := h.body[:h.size]
	for ; len(b) >= 8; b = b[8:] { // of ones' complement: halves of a word may be added later
		w := binary.BigEndian.Uint64(b)
		sum += w>>32 + w&(1<<32-1)
	}
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// mappedBits are those of an address that only say that it is IPv4.
func mappedBits(h *header) uint64 {
	if h.v6 {
		return 0
	}
	return mappedV4
}
