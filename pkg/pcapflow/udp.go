package pcapflow

// udp takes a UDP datagram, and what it may carry as a tunnel.
func (e *engine) udp() {
	h := &e.h
	b := h.body
	if len(b) < 8 {
		e.undecoded("packet cut within its UDP header")
		return
	}
	h.sport, h.dport, h.sum = be16(b), be16(b[2:]), be16(b[6:])
	n := int(be16(b[4:]))
	if n < 8 || n > h.size { // 0: a jumbogram, or left to segmentation offload
		n = h.size
	}
	h.payload, h.length = b[8:min(n, len(b))], n-8
	h.seq, h.ack, h.flags, h.options = 0, 0, 0, nil
	h.missing = max(0, h.length-len(h.payload))

	t := tunnelOf(h)
	f, d := e.datagram()
	if f == nil {
		return
	}
	if t != 0 {
		if f.follow != off {
			e.stopFollowing(f)
			f.out.Service = wrapperNames[t]
		}
		e.tunnel(t)
		return
	}
	if f.follow != off {
		e.deliver(f, d, h.stamp, h.payload, int64(h.length-len(h.payload)))
	}
}

// datagram finds or opens the flow of the packet at hand, and counts it. nil: a
// copy made by the capture.
func (e *engine) datagram() (*flow, Dir) {
	h := &e.h
	key, swapped := e.keyOf(h)
	hash := e.table.hash(&key)
	f := e.table.find(&key, hash)
	if e.copies.look(h, 0) == copied {
		e.res.Duplicates++
		if f != nil {
			f.out.Duplicates++
		}
		return nil, Client
	}
	if f == nil {
		f = e.adopt(&key, hash, swapped)
	}
	if f == nil {
		fromServer := knownPort(h.sport) && !knownPort(h.dport)
		transport := UDP
		if h.proto == protoSCTP {
			transport = SCTP
		}
		f = e.open(key, hash, swapped, fromServer, fromServer, transport)
	}
	d := f.sender(swapped)
	f.count(h, d)
	if e.marked {
		f.marks.packet(h, d, f.packets[d] <= 4)
	}
	return f, d
}

// sctp counts SCTP packets (RFC 9260); what they carry is not followed.
func (e *engine) sctp() {
	h := &e.h
	b := h.body
	if len(b) < 12 {
		e.undecoded("packet cut within its SCTP header")
		return
	}
	h.sport, h.dport = be16(b), be16(b[2:])
	h.sum = be16(b[8:]) ^ be16(b[10:])
	h.payload, h.length = b[12:], h.size-12
	h.seq, h.ack, h.flags, h.options = 0, 0, 0, nil
	if f, _ := e.datagram(); f != nil && f.follow != off {
		e.stopFollowing(f)
	}
}
