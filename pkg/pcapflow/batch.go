package pcapflow

import "github.com/flowcorr/flowcorr/pkg/pcapflow/capture"

// bufferedSource is a source that can yield many packets at once, as long as
// those that it has yielded stay where they are.
type bufferedSource interface {
	More(list []capture.Packet) int
}

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
	if ahead == nil {
		return 1, nil
	}
	return 1 + ahead.More(e.at.packets[1:]), nil
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
	var headers [batchPackets]*header // of their packets
	places := e.table.places
	mask := uint32(len(places) - 1)
	for i := range list {
		h := &list[i]
		sum += uint64(places[h.hash>>1&mask].hash) + uint64(e.copies.recent[h.print>>52&(copyPlaces-1)].print)
	}
	n, opened, carrying := 0, 0, 0
	for i := range list {
		h := &list[i]
		p := &places[h.hash>>1&mask]
		if p.hash == 0 && h.common != 0 {
			sum += e.touchOpening(h, opened) + h.touchPayload()
			opened++
		}
		if p.hash == h.hash && h.common != 0 {
			f := e.table.at(p.number)
			flows[n], headers[n] = f, h
			n++
			sum += uint64(f.key.pa) + uint64(f.packets[0]) + uint64(f.rtt)
			if f.transport == TCP {
				sum += uint64(f.side[0].base) + uint64(f.side[1].base)
			} else {
				sum += h.touchPayload()
			}
		}
	}
	for i, f := range flows[:n] {
		h := headers[i]
		d := f.sender(h.swapped)
		from := d // whose segments are looked at
		switch {
		case h.length == 0:
			from = d.Other()
			if f.tcp != nil {
				sum += uint64(f.tcp.samples[d].n)
			}
		case f.carried == nil:
			sum += e.touchCarrying(carrying) + h.touchPayload()
			carrying++
		default:
			if h.length >= int(f.skim[d]) {
				sum += h.touchPayload()
			}
		}
		if l := &f.sent[from]; l.ring != 0 {
			list := e.logs.at(l.ring)
			sum += uint64(list[int(l.head)&(len(list)-1)].seq)
		}
	}
	e.at.fetched += sum
}
