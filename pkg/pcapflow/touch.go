package pcapflow

import "unsafe"

// touched reads something of each line of memory that x lies in, so that all of
// it is fetched at the same time, ahead of its use. It changes nothing; its
// result keeps the compiler from leaving it out.
func touched[T any](x *T) (sum uint64) {
	const line = 64
	if x == nil {
		return 0
	}
	for at := uintptr(0); at < unsafe.Sizeof(*x); at += line {
		sum += uint64(*(*byte)(unsafe.Add(unsafe.Pointer(x), at)))
	}
	return sum
}

// touchedTop is touched for what take will give when it has been called back
// times before.
func touchedTop[T any](pool []*T, back int) uint64 {
	if i := len(pool) - 1 - back; i >= 0 {
		return touched(pool[i])
	}
	return 0
}

// touchPayload fetches the beginning of what a packet carries, which another
// processor may have read from the file.
func (h *header) touchPayload() (sum uint64) {
	const most, line = 192, 64
	b := h.payload()
	for at := 0; at < min(len(b), most); at += line {
		sum += uint64(b[at])
	}
	return sum
}

// touchOpening fetches what opening a flow for h will need, when so many others
// are opened before.
func (e *engine) touchOpening(h *header, before int) (sum uint64) {
	t := &e.table
	if i := len(t.free) - 1 - before; i >= 0 {
		sum = touched(t.at(t.free[i]))
	}
	if h.common == protoUDP { // carries something at once, most likely DNS
		sum += touchedTop(e.free.carried, before) + touchedTop(e.free.flows, before)
		if i := len(e.env.pools.dns) - 1 - before; i >= 0 {
			s := e.env.pools.dns[i]
			sum += touched(s) + touchedRoom(s.room)
		}
	}
	return sum
}

// touchCarrying fetches what the first payload of a connection will need, when
// it is the first of so many others before. Most carry TLS.
func (e *engine) touchCarrying(before int) (sum uint64) {
	sum = touchedTop(e.free.carried, before) + touchedTop(e.free.flows, before)
	if i := len(e.env.pools.tls) - 1 - before; i >= 0 {
		s := e.env.pools.tls[i]
		sum += touched(s) + touched(s.t)
	}
	return sum
}

// touchEnding fetches what ending f will need, of what f refers to.
func (f *flow) touchEnding() (sum uint64) {
	if f.out != nil {
		sum += touched(f.out)
	}
	if f.tcp != nil {
		sum += touched(f.tcp)
	}
	if f.carried != nil {
		sum += touched(f.carried)
	}
	return sum
}

// touchTold fetches of an ending flow what its rooms refer to.
func (f *flow) touchTold() (sum uint64) {
	if f.tcp != nil && f.tcp.story != nil {
		sum += touched(f.tcp.story) + touched(f.tcp.story.conn)
	}
	if f.carried == nil {
		return sum
	}
	if f.out != nil {
		sum += touchedList(f.out.DNS)
	}
	return sum + touchService(f.service)
}

// touchService fetches what a dissector has.
func touchService(s Stream) (sum uint64) {
	switch s := s.(type) {
	case *tlsStream:
		sum = touched(s) + touched(s.t)
	case *httpStream:
		sum = touched(s) + touched(s.h1)
	case *sshStream:
		sum = touched(s) + touched(s.ssh)
	case *ntpFlow:
		sum = touched(s)
	case *dnsDatagrams:
		sum = touched(s)
	}
	return sum
}

// touchParts fetches what is told of an ended flow beyond the Flow itself.
func (o *Flow) touchParts() (sum uint64) {
	sum = touched(o.Conn) + touched(o.TLS) + touched(o.SSH) + touched(o.QUIC)
	return sum + touchedList(o.Phases) + touchedList(o.DNS) + touchedList(o.HTTP) + touchedList(o.NTP)
}

// touchLists fetches the lists that those refer to.
func (o *Flow) touchLists() (sum uint64) {
	for i := range o.Phases {
		sum += touchedList(o.Phases[i].Frames)
	}
	if c := o.Conn; c != nil {
		sum += touchedList(c.SYN) + touchedList(c.SYNACK) + touchedList(c.RST)
	}
	for i := range o.DNS {
		sum += touchedList(o.DNS[i].Addresses)
	}
	return sum
}

// touchBack fetches the rooms of a flow that has been handed out.
func (x *outgoing) touchBack() (sum uint64) {
	o := x.flow
	if x.story != nil {
		c := x.story.conn
		sum = touched(c) + touchedRoom(c.SYN) + touchedRoom(c.SYNACK)
	}
	return sum + touchService(x.service) + touchedRoom(o.DNS) + touchedRoom(o.Phases)
}

// touchedRoom is touched for the place of the first element of a list.
func touchedRoom[T any](list []T) uint64 {
	if cap(list) == 0 {
		return 0
	}
	return touched(&list[:1][0])
}

// touchedList is touched for the first elements of a list.
func touchedList[T any](list []T) (sum uint64) {
	const most = 8
	for i := range list[:min(len(list), most)] {
		sum += touched(&list[i])
	}
	return sum
}
