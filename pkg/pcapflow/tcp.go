package pcapflow

// TCP flags (RFC 9293 section 3.1).
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
	flagURG
	flagECE // RFC 3168 section 6.1
	flagCWR
)

// tcpState is what the engine remembers of a TCP connection beyond what every
// segment touches and beyond its opening: what one needs that carries bytes.
type tcpState struct {
	story   *tcpStory // nil: so far all went as usual
	fin     [2]Stamp
	idle    [2]Stamp      // Conn.Idle
	offload [2]int64      // segments larger than the MSS, of each side
	dupAcks [2]int64      // Counters.DupACKs
	samples [2]rttSamples // towards each side
	late    lateAck
}

// tcpStory is what needs to be told of a connection that does not go as most do:
// made when something happens that neither its opening nor its state can tell,
// and in the end.
type tcpStory struct {
	conn    *Conn
	history history
	rare    tcpRare
}

// tcpRare is what most connections never need.
type tcpRare struct {
	holes    [2]holes
	zero     [2]Stamp // since when the side advertises no room; unseen: it has room
	resent   [2]resent
	sacked   [2]sackedRange  // by each side's word
	alive    *[2]aliveProbes // nil: there were none
	fullAt   Stamp           // when a side had last used up the other's window
	probed   [2]uint32       // sequence number behind a probe of a closed window
	fast     [2]uint32       // the number that ends a fast recovery once it is acknowledged
	synTS    [8]uint32       // TSval of the first SYNs
	lastSYN  Stamp           // the SYN that the SYN-ACK answers
	firstSYN Stamp           // the SYN that it answers by its time stamp, where that is an earlier one
	lastSA   Stamp           // the latest SYN-ACK before the ACK
}

// tcpSide is one sender's half of a connection: what every segment touches.
type tcpSide struct { // 64 bytes
	base   uint32 // initial sequence number, or the one before the first byte seen
	next   uint32 // highest sequence number sent so far, plus one
	acked  uint32 // highest acknowledgement this side sent
	window uint32 // last advertised, scaled where the scale is known
	most   uint32 // most bytes it had in flight

	largest      uint32 // most bytes in one segment it sent
	largestAcked uint32 // the same, of those acknowledged and sent once

	trips uint32 // round trips measured towards it
	min   int64  // the shortest of them, ns
	heard int64  // time of its latest packet

	known   bool  // base and next mean something
	acks    bool  // acked means something
	syn     bool  // its SYN was seen
	fin     bool  // its FIN was seen
	shift   uint8 // window scale in force
	ttl     uint8 // of its latest packet
	dupAcks uint8 // repetitions of acked while data was outstanding
	sacked  bool  // its latest acknowledgement told of bytes behind a hole

	lastID uint16 // highest IP identification so far
	idGood uint8  // steps of the identification that fit a counter
	idBad  uint8  // steps that do not
	mss    uint16 // it announced; 0: unknown
	inFR   bool   // in fast recovery
	stride uint8  // one in 1<<stride round trips towards it is kept
}

// state is what is remembered of f's connection beyond its opening.
func (e *engine) state(f *flow) *tcpState {
	if f.tcp == nil {
		if f.tcp = take(&e.free.tcp); f.tcp == nil {
			f.tcp = new(tcpState)
		}
	}
	return f.tcp
}

// story is what is to be told of f's connection.
func (e *engine) story(f *flow) *tcpStory {
	t := e.state(f)
	if t.story != nil {
		return t.story
	}
	y := take(&e.free.stories)
	if y == nil {
		y = &tcpStory{conn: new(Conn)}
	}
	t.story = y
	f.opened.expand(f, y)
	if f.out != nil {
		f.out.Conn = y.conn
	}
	return y
}

// usual tells that nothing has happened yet that f's opening and state cannot tell.
func (f *flow) usual() bool { return f.tcp == nil || f.tcp.story == nil }

// empty makes t a new state in the room of the old one.
func (t *tcpState) empty() {
	t.story, t.fin, t.idle, t.offload, t.dupAcks, t.late = nil, [2]Stamp{}, [2]Stamp{}, [2]int64{}, [2]int64{}, lateAck{}
	t.samples[Client].n, t.samples[Server].n = 0, 0
}

// empty makes y a new story in the room of the old one.
func (y *tcpStory) empty() {
	c := y.conn
	*c = Conn{
		SYN: emptied(c.SYN), SYNACK: emptied(c.SYNACK),
		Retransmissions: emptied(c.Retransmissions), Stalls: emptied(c.Stalls), RST: emptied(c.RST), Oddities: emptied(c.Oddities),
	}
	y.history, y.rare = history{}, tcpRare{}
}

// Bits of flow.watch.
const (
	watchHoles  = 1 << 0 // and 1 << 1 for the server's bytes
	watchResent = 1 << 2 // and 1 << 3
	watchZero   = 1 << 4 // and 1 << 5
	watchLate   = 1 << 6
	watchHold   = 1 << 7
	watchAcks   = 3 * (watchHoles | watchResent) // what acknowledgements alone are held against
)

// tcp takes a TCP segment.
func (e *engine) tcp() {
	h := e.h
	if problem := h.readTCP(); problem != "" {
		e.undecoded(problem)
		return
	}
	h.key, h.swapped = e.keyOf(h)
	h.hash, h.print = e.table.hash(&h.key), h.imprint()
	e.tcpKeyed()
}

// readTCP reads the TCP header at h.body. It returns what is wrong with it.
func (h *header) readTCP() string {
	b := h.body
	if len(b) < 20 {
		return "packet cut within its TCP header"
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > h.size {
		return "malformed TCP header"
	}
	h.sport, h.dport = be16(b), be16(b[2:])
	h.seq, h.ack = be32(b[4:]), be32(b[8:])
	h.flags, h.window, h.sum = b[13], be16(b[14:]), be16(b[16:])
	h.from, h.to = int32(min(head, len(b))), int32(len(b))
	h.length = h.size - head
	return ""
}

// tcpKeyed takes a TCP segment whose header was read.
func (e *engine) tcpKeyed() {
	h := e.h
	f := e.table.find(&h.key, h.hash)
	var rtt int64
	if f != nil {
		rtt = f.rtt
	}
	same := e.copies.look(h, rtt)
	if same == copied {
		e.res.Duplicates++
		if f != nil {
			f.copies++
		}
		return
	}
	if f != nil {
		if same == original && e.regular(f, h) {
			return
		}
		if f.carried != nil && f.skimmed != [2]int32{} {
			f.catchUp() // before the latest payload is another
		}
	}
	if f != nil && h.flags&(flagSYN|flagACK|flagRST) == flagSYN && f.reused(h) {
		f = e.openAgain(f)
	}
	if f == nil && h.flags&flagACK != 0 {
		f = e.adopt(h)
	}
	if f == nil {
		f = e.openTCP()
	}
	d := f.sender(h.swapped)
	last := f.last
	e.count(f, h, d)
	e.segment(f, d, last, same)
}

// openAgain begins another connection with the addresses of f, which ends.
func (e *engine) openAgain(f *flow) *flow {
	timeWait, before := f.side[Client].fin && f.side[Server].fin, f.last
	e.finish(f)
	f = e.openTCP()
	f.timeWait, f.before = timeWait, before
	return f
}

// reused tells whether a SYN begins another connection with the same addresses.
func (f *flow) reused(h *header) bool {
	s := &f.side[f.sender(h.swapped)]
	return s.known && s.base != h.seq
}

// openTCP begins a connection. Its client is who sent the SYN; else a guess.
func (e *engine) openTCP() *flow {
	h := e.h
	fromServer, guessed := false, true
	switch {
	case h.flags&flagSYN != 0:
		fromServer, guessed = h.flags&flagACK != 0, false
	case h.flags&(flagRST|flagACK) == flagRST|flagACK && h.seq == 0 && h.length == 0:
		fromServer, guessed = true, true // refuses a SYN that the capture lacks
	default:
		fromServer = serverPort(h.sport, h.dport)
	}
	f := e.open(fromServer, guessed, TCP)
	if h.flags&flagSYN == 0 {
		f.closing = running
	}
	f.opened.scale = [2]int8{-1, -1}
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
		5671, 5672, 5900, 5985, 6379, 6443, 8000, 8008, 8080, 8081, 8086, 8088, 8443, 8883, 8888, 9000, 9042, 9090, 9092, 9200,
		9443, 11211, 27017:
		return true
	}
	return p < 1024 && p != 0
}
