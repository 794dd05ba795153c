package pcapflow

import (
	"math"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// flow is the state of one open flow. Most flows need no more than this: what
// they carry, the further life of a connection and what is told of them in the
// end have rooms of their own, made when they are needed.
type flow struct {
	flowPart
	tcpPart
}

// flowPart is what every flow has. What every packet touches comes first, by
// lines of 64 bytes, as memory is fetched.
type flowPart struct {
	key      flowKey
	hash     uint32
	letters  uint32 // TCP: of Zeek's history, those written: two bits a letter
	turned   bool   // the client is endpoint b
	closing  closing
	follow   followState
	steady   bool  // TCP: past the handshake
	watch    uint8 // TCP: what each acknowledgement and segment must be held against
	begun    uint8 // TCP: bytes of beginning that are written
	complete uint8 // TCP: Wireshark's completeness

	transport Transport

	last    Stamp // latest packet
	packets [2]int64
	bytes   [2]int64
	payload [2]int64

	*carried            // nil: the flow has carried nothing yet
	tcp      *tcpState  // nil: so far opened tells all of the connection
	rtt      int64      // TCP: of the handshake, ns; 0: unknown
	progress Stamp      // TCP: latest new data or acknowledgement
	sent     [2]sentLog // TCP: by each side
	out      *Flow      // nil: nothing to tell yet that is not here

	marks       *marker
	start       Stamp
	stream      int // as Wireshark numbers them
	copies      uint32
	turn        uint32 // counts its entries in the wheel: only the latest holds
	number      uint32 // in the flow table
	clock       capture.ClockID
	ttl         [2]uint8 // of the first packet of each side
	turnedFirst bool     // its first packet was sent by the server
	guessed     bool
	mac         [2][6]byte
}

// tcpPart is what a flow has as a TCP connection.
type tcpPart struct {
	side      [2]tcpSide
	opened    tcpOpening
	beginning [historyBeginning]byte // of Zeek's history
	timeWait  bool                   // the connection before it of the same addresses was ended by both sides
	before    Stamp                  // that connection's latest packet; unseen: none is remembered
	_         [8]byte                // flows begin where a line of memory does
}

// closing is how far a flow has come towards its end.
type closing uint8

const (
	opening   closing = iota // TCP: nothing but SYNs so far
	running                  //
	satisfied                // the dissector expects no more
	closed                   // FIN both ways, or RST
	settled                  // FIN both ways, all acknowledged, and nothing is missing
)

// patience is how long f may be silent before it ends, ns.
func (f *flow) patience() int64 {
	switch {
	case f.closing == settled:
		return lingerSettled
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

// OpenAt tells whether the flow, as far as it was seen, may go on after the
// instant at, ns: it was not ended by then, nor silent for so long that what
// follows would be another.
func (o *Flow) OpenAt(at int64) bool {
	patience := int64(silenceOther)
	if c := o.Conn; c != nil {
		switch {
		case c.FIN[Client].Seen() && c.FIN[Server].Seen() || len(c.RST) > 0:
			patience = lingerClosed
		case len(c.SYN) > 0 && len(c.SYNACK) == 0 && o.Payload == [2]int64{}:
			patience = silenceSYN
		default:
			patience = silenceTCP
		}
	}
	return o.End.Time+patience >= at
}

func sortFlows(list []*flow) {
	slices.SortFunc(list, func(a, b *flow) int {
		if a.start.Frame != b.start.Frame {
			return a.start.Frame - b.start.Frame
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
	h := e.h
	e.begun++
	f := e.table.take()
	f.key, f.hash, f.turned, f.turnedFirst = h.key, h.hash, h.swapped != fromServer, fromServer
	f.last, f.start = h.stamp, h.stamp
	f.transport, f.guessed, f.clock = t, guessed, h.clock
	f.stream = e.stream(t)
	e.table.insert(f)
	if !e.keep {
		e.wheel.add(f, h.stamp.Time+f.patience())
	}
	return f
}

// record is what is told of f, made when it is first needed.
func (e *engine) record(f *flow) *Flow {
	if f.out != nil {
		return f.out
	}
	o := take(&e.free.flows)
	if o == nil {
		o = new(Flow)
	}
	f.out = o
	o.Transport, o.Guessed, o.Clock, o.Stream, o.Start = f.transport, f.guessed, f.clock, f.stream, f.start
	o.lean, o.owed = e.opt.Lean || !e.keep, false
	o.Encapsulation = e.encaps.name(f.key.encap)
	o.Client = netip.AddrPortFrom(f.key.a.netip(f.key.v6), f.key.pa)
	o.Server = netip.AddrPortFrom(f.key.b.netip(f.key.v6), f.key.pb)
	if f.turned {
		o.Client, o.Server = o.Server, o.Client
	}
	if !f.usual() {
		o.Conn = f.tcp.story.conn
	}
	if f.isTCP() {
		toServer, toClient := f.handshakeTrips()
		o.toServer, o.toClient = toServer, int32(min(toClient/1000, math.MaxInt32))
		if f.tcp != nil {
			o.fin = [2]bool{f.tcp.fin[Client].Seen(), f.tcp.fin[Server].Seen()}
		}
	}
	return o
}

// finished tells whether side d has sent its FIN, of a flow that may still be open.
func (o *Flow) finished(d Dir) bool { return o.fin[d] || o.Conn != nil && o.Conn.FIN[d].Seen() }

// roundTripToServer is that of the handshake, of a flow that may still be open;
// 0: unknown.
func (o *Flow) roundTripToServer() int64 {
	if o.Conn != nil {
		return o.Conn.RTTServer
	}
	return o.toServer
}

// roundTrip is the whole one of the handshake, of a flow that may still be open; 0:
// unknown.
func (o *Flow) roundTrip() int64 {
	if o.Conn != nil {
		return o.Conn.RTT
	}
	return o.toServer + int64(o.toClient)*1000
}

// isTCP tells whether f is a TCP connection.
func (f *flow) isTCP() bool { return f.transport == TCP }

// stream numbers a flow as Wireshark does, which overlooks encapsulations.
func (e *engine) stream(t Transport) int {
	if o := e.table.sibling(&e.h.key, e.h.hash); o != nil && (t != TCP || e.h.flags&(flagSYN|flagACK) != flagSYN) {
		return o.stream
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
	if f.isTCP() {
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
func (e *engine) count(f *flow, h *header, d Dir) {
	if f.packets[d] == 0 {
		f.mac[d], f.ttl[d] = h.mac, h.ttl
	}
	f.packets[d]++
	if e.frames != nil {
		e.frames[f] = append(e.frames[f], int32(h.stamp.Frame))
	}
	f.bytes[d] += int64(h.wire)
	if h.stamp.Time >= f.last.Time {
		f.last = h.stamp
	}
	if h.length > 0 {
		if f.carried == nil {
			e.carry(f)
		}
		if f.payload[d] == 0 {
			f.first[d] = h.stamp
		}
		f.payload[d] += int64(h.length)
		f.latest[d] = h.stamp
	}
}

// mark considers the packet at hand as one to be remembered of f.
func (e *engine) mark(f *flow, d Dir, opening bool) {
	if !e.marked {
		return
	}
	if f.marks == nil {
		f.marks = new(marker)
	}
	f.marks.packet(e.h, d, opening)
	if e.opt.Turns && f.isTCP() {
		e.followTurn(f, d)
	}
}

// finish ends f and hands it out.
func (e *engine) finish(f *flow) {
	e.table.remove(f)
	o := e.record(f)
	e.free.lend(o)
	o.MAC, o.TTL, o.Duplicates = f.mac, f.ttl, int64(f.copies)
	if f.carried != nil {
		o.FirstPayload, o.LastPayload = f.first, f.latest
	}
	switch {
	case f.isTCP():
		e.finishTCP(f)
	case f.marks != nil:
		o.Marks = f.marks.ordered()
	}
	o.fin, o.toServer, o.toClient = [2]bool{}, 0, 0
	e.closeStream(f)
	if e.frames != nil {
		o.Frames = e.frames[f]
		delete(e.frames, f)
	}
	o.End = f.last
	o.Packets, o.Bytes, o.Payload = f.packets, f.bytes, f.payload
	o.sortPhases()
	e.point.learn(f)
	if e.keep {
		e.res.Flows = append(e.res.Flows, o)
	} else {
		e.handOut(f.leaving())
	}
	e.release(f)
}

func (f *Flow) sortPhases() {
	list := f.Phases
	if len(list) > 32 {
		slices.SortStableFunc(list, func(a, b Phase) int { return comparePhases(&a, &b) })
		return
	}
	for i := range list { // nearly in order, and too large to be moved about
		for k := i; k > 0 && comparePhases(&list[k], &list[k-1]) < 0; k-- {
			list[k], list[k-1] = list[k-1], list[k]
		}
	}
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

// relieve ends a quarter of the flows when too many are open: those silent for
// longest, and before others those that nobody answered.
func (e *engine) relieve() {
	age := func(f *flow) int64 {
		if f.isTCP() && f.closing == opening {
			return f.last.Time - silenceSYN
		}
		return f.last.Time
	}
	list := e.table.all()
	ages := make([]int64, 0, len(list))
	for _, f := range list {
		ages = append(ages, age(f))
	}
	slices.Sort(ages)
	limit := ages[len(ages)/4]
	n := int64(0)
	for _, f := range list {
		if age(f) <= limit {
			e.finish(f)
			n++
		}
	}
	e.wheel.forget(&e.table)
	e.res.Undecoded["flows ended early: too many open at one time"] += n
}
