package pcapflow

import (
	"net/netip"
	"slices"
)

// flow is the state of one open flow. What every packet touches comes first.
type flow struct {
	key         flowKey
	hash        uint32
	turned      bool // the client is endpoint b
	turnedFirst bool // its first packet was sent by the server
	closing     closing
	turn        uint32 // counts its entries in the wheel: only the latest holds
	last        Stamp  // latest packet

	packets [2]int64
	bytes   [2]int64
	payload [2]int64

	side     [2]tcpSide // TCP only, as what follows up to tcp
	letters  uint32     // of Zeek's history, those written: two bits a letter
	complete uint8      // Wireshark's completeness
	watch    uint8      // what each acknowledgement and segment must be held against
	steady   bool       // past the handshake
	rtt      int64      // of the handshake, ns; 0: unknown
	progress Stamp      // latest new data or acknowledgement
	tcp      *tcpState

	latest [2]Stamp // LastPayload
	follower
	out   *Flow
	marks marker
}

// closing is how far a flow has come towards its end.
type closing uint8

const (
	opening   closing = iota // TCP: nothing but SYNs so far
	running                  //
	satisfied                // the dissector expects no more
	closed                   // FIN both ways, or RST
)

// patience is how long f may be silent before it ends, ns.
func (f *flow) patience() int64 {
	switch {
	case f.closing == closed:
		return lingerClosed
	case f.closing == satisfied:
		return lingerDone
	case f.key.proto != protoTCP:
		return silenceOther
	case f.closing == opening:
		return silenceSYN
	}
	return silenceTCP
}

func sortFlows(list []*flow) {
	slices.SortFunc(list, func(a, b *flow) int {
		if a.out.Start.Frame != b.out.Start.Frame {
			return a.out.Start.Frame - b.out.Start.Frame
		}
		return int(a.key.encap) - int(b.key.encap) // a tunnel and what it carries begin in one frame
	})
}

// open begins a flow with the packet at hand, sent by its client unless
// fromServer.
func (e *engine) open(fromServer, guessed bool, t Transport) *flow {
	if !e.keep && e.table.n >= e.opt.MaxOpen {
		e.relieve()
	}
	var f *flow
	if n := len(e.free); n > 0 {
		f = e.free[n-1]
		e.free = e.free[:n-1]
	} else {
		f = &flow{out: new(Flow)}
	}
	h := e.h
	key := h.key
	f.key, f.hash, f.turned, f.turnedFirst = key, h.hash, h.swapped != fromServer, fromServer
	f.last = h.stamp
	o := f.out
	o.Transport, o.Guessed, o.Clock = t, guessed, h.clock
	o.Stream = e.stream(f, t)
	o.Start = h.stamp
	o.Encapsulation = e.encaps.name(key.encap)
	o.Client = netip.AddrPortFrom(key.a.netip(key.v6), key.pa)
	o.Server = netip.AddrPortFrom(key.b.netip(key.v6), key.pb)
	if f.turned {
		o.Client, o.Server = o.Server, o.Client
	}
	e.table.insert(f)
	if !e.keep {
		e.wheel.add(f, h.stamp.Time+f.patience())
	}
	return f
}

// stream numbers a flow as Wireshark does, which overlooks encapsulations.
func (e *engine) stream(f *flow, t Transport) int {
	if o := e.table.sibling(&f.key, f.hash); o != nil && (t != TCP || e.h.flags&(flagSYN|flagACK) != flagSYN) {
		return o.out.Stream
	}
	n := e.streams[t]
	e.streams[t]++
	return n
}

// adopt finds the flow whose other direction the packet at hand is, when the
// two directions travel in different encapsulations; nil if there is none.
func (e *engine) adopt(h *header) *flow {
	f := e.table.sibling(&h.key, h.hash)
	if f == nil || f.key.other != 0 {
		return nil
	}
	d := f.sender(h.swapped)
	if f.packets[d] > 0 || f.packets[d.Other()] == 0 {
		return nil
	}
	if f.tcp != nil {
		o := &f.side[d.Other()]
		if h.flags&flagACK == 0 || int32(h.ack-o.base) < 0 || int32(h.ack-o.next) > 0 {
			return nil
		}
	}
	f.key.other = h.key.encap + 1
	return f
}

// sender is the side that sent a packet; swapped: from endpoint b.
func (f *flow) sender(swapped bool) Dir {
	if swapped != f.turned {
		return Server
	}
	return Client
}

// count adds the packet at hand to f.
func (f *flow) count(h *header, d Dir) {
	if f.packets[d] == 0 {
		if len(h.mac) == 6 {
			f.out.MAC[d] = [6]byte(h.mac)
		}
		f.out.TTL[d] = h.ttl
	}
	f.packets[d]++
	f.bytes[d] += int64(h.wire)
	if h.stamp.Time >= f.last.Time {
		f.last = h.stamp
	}
	if h.length > 0 {
		if f.payload[d] == 0 {
			f.out.FirstPayload[d] = h.stamp
		}
		f.payload[d] += int64(h.length)
		f.latest[d] = h.stamp
	}
}

// finish ends f and hands it out.
func (e *engine) finish(f *flow) {
	e.table.remove(f)
	f.turn++
	o := f.out
	if f.tcp != nil {
		e.finishTCP(f)
	}
	if f.tcp == nil {
		o.Marks = f.marks.ordered()
	}
	e.closeStream(f)
	o.End = f.last
	o.Packets, o.Bytes, o.Payload, o.LastPayload = f.packets, f.bytes, f.payload, f.latest
	slices.SortStableFunc(o.Phases, func(a, b Phase) int { return comparePhases(&a, &b) })
	e.point.learn(f)
	if e.keep {
		e.res.Flows = append(e.res.Flows, o)
		*f = flow{turn: f.turn}
		return
	}
	e.opt.OnFlow(o)
	e.recycle(f)
}

// comparePhases orders by begin; what began unseen goes by its end.
func comparePhases(a, b *Phase) int {
	x, y := a.Begin, b.Begin
	if !x.Seen() {
		x = a.End
	}
	if !y.Seen() {
		y = b.End
	}
	switch {
	case x.Time < y.Time:
		return -1
	case x.Time > y.Time:
		return 1
	}
	return x.Frame - y.Frame
}

// recycle makes an ended flow's memory available for another.
func (e *engine) recycle(f *flow) {
	var logs [2]*sentLog
	if t := f.tcp; t != nil {
		c := t.conn
		*c = Conn{
			SYN: c.SYN[:0], SYNACK: c.SYNACK[:0],
			Retransmissions: c.Retransmissions[:0], Stalls: c.Stalls[:0], RST: c.RST[:0],
		}
		*t = tcpState{conn: c}
		e.freeTCP = append(e.freeTCP, t)
		for d := range logs {
			if l := f.side[d].sent; l != nil && len(l.list) <= maxPooledLog {
				l.clear()
				logs[d] = l
			}
		}
	}
	if r, ok := f.stream.(reusable); ok {
		r.reuse(&e.env)
	}
	f.out.empty()
	*f = flow{out: f.out, turn: f.turn}
	f.side[0].sent, f.side[1].sent = logs[0], logs[1]
	e.free = append(e.free, f)
}

// empty makes o a new flow in the room of the old one.
func (o *Flow) empty() {
	*o = Flow{Phases: o.Phases[:0], HTTP: o.HTTP[:0], DNS: o.DNS[:0], NTP: o.NTP[:0]}
	const most = 32 // elements whose room is kept
	if cap(o.Phases) > most {
		o.Phases = nil
	}
	if cap(o.HTTP) > most {
		o.HTTP = nil
	}
	if cap(o.DNS) > most {
		o.DNS = nil
	}
	if cap(o.NTP) > most {
		o.NTP = nil
	}
}

// relieve ends a quarter of the flows when too many are open: those silent for
// longest, and before others those that nobody answered.
func (e *engine) relieve() {
	age := func(f *flow) int64 {
		if f.tcp != nil && f.closing == opening {
			return f.last.Time - silenceSYN
		}
		return f.last.Time
	}
	ages := make([]int64, 0, e.table.n)
	for _, p := range e.table.places {
		if p.hash != 0 {
			ages = append(ages, age(p.flow))
		}
	}
	slices.Sort(ages)
	limit := ages[len(ages)/4]
	var list []*flow
	for _, p := range e.table.places {
		if p.hash != 0 && age(p.flow) <= limit {
			list = append(list, p.flow)
		}
	}
	sortFlows(list)
	for _, f := range list {
		e.finish(f)
	}
	e.wheel.forget()
	e.res.Undecoded["flows ended early: too many open at one time"] += int64(len(list))
}
