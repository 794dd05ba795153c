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
			sum += touched(s)
			if cap(s.room) > 0 {
				sum += touched(&s.room[:1][0])
			}
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
	switch s := f.service.(type) {
	case *tlsStream:
		sum += touched(s) + touched(s.t)
	case *httpStream:
		sum += touched(s) + touched(s.h1)
	case *sshStream:
		sum += touched(s) + touched(s.ssh)
	case *ntpFlow:
		sum += touched(s)
	case *dnsDatagrams:
		sum += touched(s)
		if len(f.out.DNS) > 0 {
			sum += touched(&f.out.DNS[0])
		}
	}
	return sum
}
