package pcapflow

// udp takes a UDP datagram, and what it may carry as a tunnel.
func (e *engine) udp() {
	h := e.h
	if problem := h.readUDP(); problem != "" {
		e.undecoded(problem)
		return
	}
	h.key, h.swapped = e.keyOf(h)
	h.hash, h.print = e.table.hash(&h.key), h.imprint()
	t := tunnelOf(h)
	if t == 0 {
		e.udpKeyed()
		return
	}
	h.missing = max(0, h.length-int(h.to-h.from))
	if f, _ := e.datagram(UDP); f != nil {
		if f.follow != off {
			e.stopFollowing(f)
			e.record(f).Service = wrapperNames[t]
		}
		e.tunnel(t)
	}
}

// readUDP reads the UDP header at h.body (RFC 768). It returns what is wrong
// with it.
func (h *header) readUDP() string {
	b := h.body
	if len(b) < 8 {
		return "packet cut within its UDP header"
	}
	h.sport, h.dport, h.sum = be16(b), be16(b[2:]), be16(b[6:])
	n := int(be16(b[4:]))
	if n < 8 || n > h.size { // 0: a jumbogram, or left to segmentation offload
		n = h.size
	}
	h.from, h.to, h.length = 8, int32(min(n, len(b))), n-8
	h.seq, h.ack, h.flags = 0, 0, 0
	return ""
}

// udpKeyed takes a datagram whose header was read.
func (e *engine) udpKeyed() {
	h := e.h
	if f, d := e.datagram(UDP); f != nil && f.follow != off {
		e.deliver(f, d, h.stamp, h.payload(), int64(h.length-int(h.to-h.from)))
	}
}

// datagram finds or opens the flow of the packet at hand, and counts it. nil: a
// copy made by the capture.
func (e *engine) datagram(t Transport) (*flow, Dir) {
	h := e.h
	f := e.table.find(&h.key, h.hash)
	if e.copies.look(h, 0) == copied {
		e.res.Duplicates++
		if f != nil {
			f.copies++
		}
		return nil, Client
	}
	if f == nil {
		f = e.adopt(h)
	}
	if f == nil {
		fromServer := knownPort(h.sport) && !knownPort(h.dport)
		f = e.open(fromServer, fromServer, t)
	}
	d := f.sender(h.swapped)
	e.count(f, h, d)
	e.mark(f, d, f.packets[d] <= 4)
	return f, d
}

// sctp counts SCTP packets (RFC 9260); what they carry is not followed.
func (e *engine) sctp() {
	h := e.h
	b := h.body
	if len(b) < 12 {
		e.undecoded("packet cut within its SCTP header")
		return
	}
	h.sport, h.dport = be16(b), be16(b[2:])
	h.sum = be16(b[8:]) ^ be16(b[10:])
	h.from, h.to, h.length = 12, int32(len(b)), h.size-12
	h.seq, h.ack, h.flags = 0, 0, 0
	h.key, h.swapped = e.keyOf(h)
	h.hash, h.print = e.table.hash(&h.key), h.imprint()
	if f, _ := e.datagram(SCTP); f != nil && f.follow != off {
		e.stopFollowing(f)
	}
}
