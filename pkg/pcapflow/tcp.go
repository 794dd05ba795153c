package pcapflow

// TCP flags (RFC 9293 section 3.1).
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
	flagURG
)

// tcpState is what the engine remembers of one TCP connection.
type tcpState struct {
	conn *Conn
	side [2]tcpSide

	synTS   [8]uint32 // TSval of the first SYNs
	replies int       // SYN-ACKs
	lastSYN Stamp     // the SYN that the SYN-ACK answers
	lastSA  Stamp     // the SYN-ACK that the ACK answers
	reset   bool      // RST seen
}

// tcpSide is one sender's half of a connection.
type tcpSide struct {
	base   uint32 // initial sequence number, or the one before the first byte seen
	next   uint32 // highest sequence number sent so far, plus one
	acked  uint32 // highest acknowledgement this side sent
	window uint32 // last advertised, scaled
	known  bool   // base and next mean something
	acks   bool   // acked means something
	syn    bool   // its SYN was seen
	fin    bool   // its FIN was seen
	shift  uint8  // window scale in force
	finSeq uint32 // sequence number of the FIN
}

// tcp takes a TCP segment.
func (e *engine) tcp() {
	h := &e.h
	b := h.body
	if len(b) < 20 {
		e.undecoded("packet cut within its TCP header")
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > h.size {
		e.undecoded("malformed TCP header")
		return
	}
	h.sport, h.dport = be16(b), be16(b[2:])
	h.seq, h.ack = be32(b[4:]), be32(b[8:])
	h.flags, h.window, h.sum = b[13], be16(b[14:]), be16(b[16:])
	h.options, h.payload = b[20:min(head, len(b))], b[min(head, len(b)):]
	h.length = h.size - head

	key, swapped := e.keyOf(h)
	hash := e.table.hash(&key)
	f := e.table.find(&key, hash)
	var rtt int64
	if f != nil {
		rtt = f.tcp.conn.RTT
	}
	same := e.copies.look(h, hash, swapped, rtt)
	if same == copied {
		e.res.Duplicates++
		if f != nil {
			f.out.Duplicates++
		}
		return
	}
	if f != nil && h.flags&(flagSYN|flagACK|flagRST) == flagSYN && f.reused(h, swapped) {
		e.finish(f)
		f = nil
	}
	if f == nil {
		f = e.openTCP(key, hash, swapped)
	}
	d := Client
	if swapped != f.turned {
		d = Server
	}
	f.count(h, d)
	e.segment(f, d, same)
}

// reused tells whether a SYN begins another connection with the same addresses.
func (f *flow) reused(h *header, swapped bool) bool {
	d := Client
	if swapped != f.turned {
		d = Server
	}
	s := &f.tcp.side[d]
	return s.known && s.base != h.seq
}

// openTCP begins a connection. Its client is who sent the SYN; else a guess.
func (e *engine) openTCP(key flowKey, hash uint32, swapped bool) *flow {
	h := &e.h
	fromServer, guessed := false, true
	switch {
	case h.flags&flagSYN != 0:
		fromServer, guessed = h.flags&flagACK != 0, false
	case h.flags&(flagRST|flagACK) == flagRST|flagACK && h.seq == 0 && h.length == 0:
		fromServer, guessed = true, true // refuses a SYN that the capture lacks
	default:
		fromServer = serverPort(h.sport, h.dport)
	}
	f := e.open(key, hash, swapped, fromServer, guessed, TCP)
	if n := len(e.freeTCP); n > 0 {
		f.tcp = e.freeTCP[n-1]
		e.freeTCP = e.freeTCP[:n-1]
	} else {
		f.tcp = &tcpState{conn: new(Conn)}
	}
	c := f.tcp.conn
	c.Scale = [2]int{-1, -1}
	f.out.Conn = c
	return f
}

// serverPort tells whether, of two ports, the first is more likely a server's.
func serverPort(a, b uint16) bool {
	x, y := knownPort(a), knownPort(b)
	if x != y {
		return x
	}
	return a < b
}

// knownPort tells whether servers are usually reached at this port.
func knownPort(p uint16) bool {
	switch p {
	case 1194, 1433, 1521, 1812, 1813, 1883, 2049, 3128, 3260, 3306, 3389, 4500, 5060, 5061, 5222, 5353, 5355, 5432,
		5671, 5672, 5900, 5985, 6379, 6443, 8000, 8008, 8080, 8081, 8086, 8088, 8443, 8883, 8888, 9000, 9042, 9092, 9090, 9200, 9443, 11211, 27017:
		return true
	}
	return p < 1024 && p != 0
}

// segment follows one segment that side d sent.
func (e *engine) segment(f *flow, d Dir, same sameness) {
	h := &e.h
	t := f.tcp
	me, peer := &t.side[d], &t.side[d.Other()]
	if h.flags&(flagSYN|flagRST|flagFIN) != 0 || !t.conn.ACK.Seen() && d == Client {
		e.handshake(f, d)
	}
	f.marks.packet(f, h, d)
	if h.flags&flagRST != 0 {
		return
	}
	seq := h.seq
	if h.flags&flagSYN != 0 {
		seq++
	}
	if !me.known {
		me.known, me.base, me.next = true, seq-1, seq
	} else if me.next == me.base {
		me.next = seq
	}
	if h.flags&flagACK != 0 {
		e.acknowledge(f, d, me, peer)
	}
	if f.hold != [2]*hold{} {
		e.settle(f, d)
		e.settle(f, d.Other())
	}
	me.window = uint32(h.window)
	if h.flags&flagSYN == 0 {
		me.window <<= me.shift
	}
	if h.length > 0 && f.closing == opening {
		f.closing = running
	}
	if h.length > 0 {
		e.data(f, d, seq, me, peer)
	}
	if h.flags&flagFIN != 0 {
		end := seq + uint32(h.length)
		if !me.fin {
			me.fin, me.finSeq = true, end
			if end == me.next {
				me.next++
			}
		}
		if peer.fin {
			f.closing = closed
		}
	}
}

// acknowledge takes the acknowledgement that side d sent.
func (e *engine) acknowledge(f *flow, d Dir, me, peer *tcpSide) {
	h := &e.h
	switch {
	case !me.acks:
		me.acks, me.acked = true, h.ack
	case int32(h.ack-me.acked) > 0:
		me.acked = h.ack
	default:
		return
	}
	if f.hold[d.Other()] != nil {
		e.holeAcknowledged(f, d.Other(), h.ack)
	}
}

// data takes payload whose first byte has number seq.
func (e *engine) data(f *flow, d Dir, seq uint32, me, peer *tcpSide) {
	h := &e.h
	n := uint32(h.length)
	ahead := int32(seq - me.next)
	switch {
	case h.length == 1 && ahead == -1 && len(h.payload) == 1: // keep-alive (RFC 9293 section 3.8.4)
		f.tcp.conn.Count[d].KeepAlives++
		return
	case ahead >= 0:
		me.next = seq + n
	case int32(seq+n-me.next) > 0:
		me.next = seq + n
	}
	e.receive(f, d, seq, ahead)
}
