package pcapflow

import "github.com/flowcorr/flowcorr/pkg/pcapflow/capture"

// bufferedSource is a source that can tell whether the packets it has yielded
// stay where they are when it yields another.
type bufferedSource interface{ Buffered() bool }

// batch is a run of packets that are looked at together: what the flows of all
// of them need is fetched from memory at the same time, rather than one after
// the other. In a capture of many flows at once that wait is most of the work.
type batch struct {
	packets [batchPackets]capture.Packet
	headers [batchPackets]header
	fetched uint64 // keeps the compiler from leaving out the fetching
}

const batchPackets = 32

// fill reads packets until the source would move them.
func (e *engine) fill(src PacketSource, ahead bufferedSource) (int, error) {
	if err := src.Next(&e.at.packets[0]); err != nil {
		return 0, err
	}
	n := 1
	for ; n < batchPackets && ahead != nil && ahead.Buffered(); n++ {
		if err := src.Next(&e.at.packets[n]); err != nil {
			return n, err
		}
	}
	return n, nil
}

// batch takes the first n packets that were read.
func (e *engine) batch(n int) {
	b := &e.at
	for i := range n {
		e.common(&b.packets[i], &b.headers[i])
	}
	e.all(b.packets[:n], b.headers[:n])
}

// all takes packets whose headers were read.
func (e *engine) all(packets []capture.Packet, headers []header) {
	for len(packets) > 0 {
		n := min(len(packets), batchPackets)
		if n > 1 {
			e.fetch(headers[:n])
		}
		for i := range n {
			e.packet(&packets[i], &headers[i])
		}
		packets, headers = packets[n:], headers[n:]
	}
}

// fetch touches what the packets' flows will need. It changes nothing.
func (e *engine) fetch(list []header) {
	var sum uint64
	var flows [batchPackets]*flow
	places := e.table.places
	mask := uint32(len(places) - 1)
	for i := range list {
		h := &list[i]
		sum += uint64(places[h.hash>>1&mask].hash) + uint64(e.copies.recent[h.print>>20&(copyPlaces-1)].print)
	}
	n := 0
	for i := range list {
		h := &list[i]
		if p := &places[h.hash>>1&mask]; p.hash == h.hash && h.common != 0 {
			f := e.table.at(p.number)
			flows[n] = f
			n++
			sum += uint64(f.key.pa) + uint64(f.packets[0]) + uint64(f.clock) + uint64(f.side[0].base) + uint64(f.side[1].window) + uint64(f.rtt)
		}
	}
	for _, f := range flows[:n] {
		if t := f.tcp; t != nil {
			sum += uint64(t.sent[0].n) + uint64(t.sent[1].n) + uint64(t.samples[0].n) + uint64(t.samples[1].n)
		}
		if f.carried != nil {
			sum += uint64(f.ruled) + uint64(f.carried.at[0])
		}
	}
	for _, f := range flows[:n] {
		if t := f.tcp; t != nil {
			for d := range t.sent {
				l := &t.sent[d]
				sum += uint64(l.list[l.head&uint32(len(l.list)-1)].seq)
			}
		}
	}
	e.at.fetched += sum
}

// common reads the headers of the common kinds of packets: TCP and UDP in IPv4
// or IPv6 in Ethernet, whole, not fragmented, and no tunnel. h.common is 0 for
// any other, which then goes the general way. It changes nothing of e, and
// may run ahead of the rest of it.
func (e *engine) common(p *capture.Packet, h *header) {
	h.stamp = Stamp{p.Time, p.Frame}
	h.clock, h.wire, h.missing = p.Clock, p.WireLen, max(0, p.WireLen-len(p.Data))
	h.section = 0
	if p.Clock != 0 {
		h.section = e.section(p.Clock)
	}
	h.encap, h.depth, h.mac = 0, 0, nil
	h.common, h.hash, h.print = 0, 0, 0
	b := p.Data
	if p.Link != linkEthernet || len(b) < 14+20+8 {
		return
	}
	switch be16(b[12:]) {
	case etherIPv4:
		head, total := int(b[14]&15)*4, int(be16(b[16:]))
		sent := len(b) - 14 + h.missing
		if b[14]>>4 != 4 || head < 20 || total <= head || total > sent || be16(b[20:])&0x3fff != 0 || len(b) < 14+head {
			return
		}
		h.src, h.dst, h.v6 = addressV4(b[26:]), addressV4(b[30:]), false
		h.proto, h.ttl, h.id = b[23], b[22], be16(b[18:])
		h.body, h.size = b[14+head:min(14+total, len(b))], total-head
	case etherIPv6:
		if len(b) < 14+40 || b[14]>>4 != 6 {
			return
		}
		size := int(be16(b[18:]))
		if size == 0 || size > len(b)-54+h.missing {
			return
		}
		h.src, h.dst, h.v6 = addressV6(b[22:]), addressV6(b[38:]), true
		h.proto, h.ttl, h.id = b[20], b[21], 0
		h.body, h.size = b[54:min(54+size, len(b))], size
	default:
		return
	}
	switch h.proto {
	case protoTCP:
		if h.readTCP() != "" {
			return
		}
	case protoUDP:
		if h.readUDP() != "" || tunnelOf(h) != 0 {
			return
		}
	default:
		return
	}
	h.mac = b[6:12]
	h.key, h.swapped = e.keyOf(h)
	h.hash, h.print = e.table.hash(&h.key), h.imprint()
	h.common = h.proto
}
