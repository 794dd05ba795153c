package pcapflow

import "encoding/binary"

// copyTable remembers recent packets, to recognise a copy that the capture made
// of one: a mirror port, a bridge, the any-interface. Places are overwritten by
// later packets.
type copyTable struct {
	recent [copyPlaces]recentPacket
	proven bool // the capture has shown a copy beyond doubt

	samples twinSamples
	twins   *twinTable // of a capture that holds its packets twice; nil: it is not known to
}

type recentPacket struct { // 16 bytes
	time  int64
	print uint32 // hash of all that a copy leaves as it is
	ttl   uint8
}

const copyPlaces = 1 << 12

// How long after the first a copy may come, ns.
const (
	copyDelay     = 1e6   // same bytes, same IPv4 identification
	routedDelay   = 200e6 // the same, with another TTL: seen before and behind a router
	nakedDelay    = 1e5   // no identification to tell a copy from a repetition
	repeatedDelay = 1e9   // same identification: the network itself may have doubled it
)

// sameness is how a packet relates to an earlier one.
type sameness uint8

const (
	original sameness = iota
	copied            // by the capture
	doubled           // by the network: same identification and bytes, later than a capture copies
)

// look compares the packet at hand with recent ones, and remembers it. rtt is
// the flow's round trip, 0 when unknown.
func (t *copyTable) look(h *header, rtt int64) sameness {
	r := &t.recent[h.print>>52&(copyPlaces-1)]
	print := uint32(h.print) | 1
	now := h.stamp.Time
	if t.twins != nil && t.twins.second(h) {
		return copied
	}
	if r.print == print {
		t.samples.note(h, now-r.time)
	}
	if r.print != print || now-r.time > repeatedDelay || now < r.time-copyDelay {
		*r = recentPacket{now, print, h.ttl}
		return original
	}
	age := now - r.time
	routed := r.ttl != h.ttl
	switch {
	case h.v6 || h.id == 0:
		limit := int64(nakedDelay)
		if routed {
			limit = copyDelay
		}
		if rtt > 0 {
			limit = min(limit, rtt/2)
		}
		if age <= limit && (routed || t.proven || h.length > 0 || h.proto != protoTCP || h.flags&(flagSYN|flagFIN) != 0) {
			return copied
		}
		*r = recentPacket{now, print, h.ttl}
		return original
	case age <= copyDelay, routed && age <= routedDelay:
		t.proven = true
		return copied
	}
	r.time = now
	return doubled
}

// imprint is a hash of all of the packet at hand that a copy leaves as it is.
func (h *header) imprint() uint64 {
	const m1, m2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	x := uint64(h.sport)<<48 | uint64(h.dport)<<32 | uint64(h.id)<<16 | uint64(h.sum)
	y := (uint64(h.seq)<<32 | uint64(h.ack)) ^ uint64(h.section)<<16 // another host's capture copies nothing
	z := h.src.lo*m1 ^ (h.dst.lo+uint64(h.length)<<32+uint64(h.flags)<<56)*m2
	x = (x ^ z ^ z>>32) * m1
	if h.proto == protoTCP && h.from >= 20+12 { // time stamps
		y += binary.BigEndian.Uint64(h.body[20+4:]) * m2
	}
	if h.proto != protoTCP {
		n := 16                      // forged answers keep what they need not change: identification and checksum
		if h.sum == 0 || h.id == 0 { // a checksum of checksummed content says little
			n = 512
		}
		y ^= digest(h.payload()[:min(len(h.payload()), n)])
	}
	x = (x ^ x>>29 ^ y) * m2
	return x ^ x>>32
}

// digest is a hash of b.
func digest(b []byte) uint64 {
	x := uint64(0xcbf29ce484222325) // FNV-1a's offset, taken in steps of eight bytes
	for ; len(b) >= 8; b = b[8:] {
		x = (x ^ binary.LittleEndian.Uint64(b)) * 0x9e3779b97f4a7c15
		x ^= x >> 32
	}
	for _, c := range b {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	return x
}
