package pcapflow

// OddityKind is what happened to a connection that should not.
type OddityKind uint8

const (
	// The peer holds another connection of these addresses and answers the SYN by
	// an ACK of that one (RFC 5961 section 4).
	OddChallengedSYN OddityKind = iota
	// The same where both sides had ended that connection: it is in TIME-WAIT
	// (RFC 9293 section 3.10.7.4).
	OddTimeWait
	// A RST whose number is not just what the peer awaits, answered by an ACK
	// (RFC 5961 section 3).
	OddChallengedReset
	// Data sent again with a time stamp older than one that the receiver has
	// accepted, which therefore refuses it (PAWS, RFC 7323 section 5.3).
	OddOldStamp
	// The receiver awaits bytes that it had said to have (RFC 2018 section 8).
	OddReneged
	// The receiver took back room that it had announced (RFC 9293 section 3.8.6).
	OddShrunk
	// A further SYN-ACK begins with another number: another machine answers, or the
	// server no longer knows of the connection that it took.
	OddOtherSYNACK
	// The SYN was answered, and the client never confirmed it (RFC 4987 section 2).
	OddHalfOpen
	// A side that had taken part in the connection answers as one that does not know
	// of it (RFC 9293 section 3.5.1).
	OddForgotten
	// The client answers the SYN-ACK by a RST.
	OddSYNACKReset
	// A SYN-ACK is sent again though the ACK had come.
	OddSYNACKAfterACK
	// The side that sent a RST goes on sending, or its peer does when it must have it.
	OddDataAfterReset
	// Each side sent its FIN before it had the other's (RFC 9293 section 3.6).
	OddSimultaneousClose
	// A SYN begins another connection between the ports of one that is remembered.
	OddPortReuse
	// Probes of an idle connection stay unanswered (RFC 9293 section 3.8.4).
	OddKeepAliveDeath
	// A side has the other's FIN and does not close.
	OddFINWaitLeak
)

var oddityNames = [...]string{
	"challenge-ack", "time-wait", "challenged-reset", "old-timestamp", "sack-reneged", "window-shrunk", "other-syn-ack",
	"half-open", "forgotten", "syn-ack-reset", "syn-ack-after-ack", "data-after-reset", "simultaneous-close", "port-reuse", "keep-alive-death", "fin-wait-leak",
}

// Oddities are all kinds.
func Oddities() []OddityKind {
	list := make([]OddityKind, len(oddityNames))
	for k := range list {
		list[k] = OddityKind(k)
	}
	return list
}

func (k OddityKind) String() string { return oddityNames[k] }

// Oddity is one such event.
type Oddity struct {
	Stamp // of the segment that shows it
	Kind  OddityKind
	Dir   Dir   // who sent that segment
	Of    Stamp // the segment it answers; unseen: none, or not remembered
	Bytes int64 // that were taken back
}

// maxOddities are kept of one connection.
const maxOddities = 16

// odd notes that the segment at hand, sent by d, shows something odd.
func (e *engine) odd(f *flow, d Dir, x Oddity) {
	x.Stamp, x.Dir = e.h.stamp, d
	e.story(f).conn.odd(x)
}

func (c *Conn) odd(x Oddity) {
	if len(c.Oddities) < maxOddities {
		c.Oddities = append(c.Oddities, x)
	}
}

// challengedSYN takes, before the handshake is over, an ACK of the server that is of
// another connection than the one the client's SYN begins. It tells whether the
// segment was one: then it says nothing of this connection.
func (e *engine) challengedSYN(f *flow, d Dir) bool {
	h, client := e.h, &f.side[Client]
	if d != Server || h.flags&(flagSYN|flagRST|flagFIN|flagACK) != flagACK || h.length > 0 || !client.syn || f.side[Server].known || h.ack == client.base+1 {
		return false
	}
	y := e.story(f)
	if len(y.conn.SYN) == 0 {
		return false
	}
	x := Oddity{Kind: OddChallengedSYN, Of: y.conn.SYN[len(y.conn.SYN)-1]}
	if f.timeWait {
		x.Kind = OddTimeWait
	}
	e.odd(f, d, x)
	return true
}

// besides tells whether the number of a RST of side d is neither what d sends next
// nor what its peer awaits, but behind that. What lies before it is passed over in
// silence: an answer to a segment that was under way.
func (f *flow) besides(h *header, d Dir) bool {
	me, peer := &f.side[d], &f.side[d.Other()]
	return me.known && peer.acks && h.seq != me.next && int32(h.seq-peer.acked) > 0
}

// challengedReset looks, of a connection that a RST seems to have ended, whether its
// receiver asks by an ACK for the right number.
func (e *engine) challengedReset(f *flow, d Dir) {
	h := e.h
	if h.flags != flagACK || f.usual() && !f.opened.rst.Beside {
		return
	}
	c := e.story(f).conn
	n := len(c.RST)
	if n == 0 || !c.RST[n-1].Beside || c.RST[n-1].Dir == d || f.progress == h.stamp {
		return
	}
	c.RST[n-1].Beside = false // answered
	e.odd(f, d, Oddity{Kind: OddChallengedReset, Of: c.RST[n-1].Stamp})
}

// sackedRange is what a side has said to have of the bytes behind a hole.
type sackedRange struct{ from, to uint32 } // absolute; equal: nothing

// tellsSACK remembers the lowest block that side d, whose acknowledgement repeats the
// one before, says to have.
func (e *engine) tellsSACK(f *flow, d Dir, blocks []byte) {
	ack, low := e.h.ack, sackedRange{}
	for ; len(blocks) >= 8; blocks = blocks[8:] {
		from, to := be32(blocks), be32(blocks[4:])
		if int32(from-ack) > 0 && int32(to-from) > 0 && (low.from == low.to || int32(from-low.from) < 0) {
			low = sackedRange{from, to}
		}
	}
	if low.from != low.to {
		e.story(f).rare.sacked[d] = low
	}
}

// reneged looks whether side d awaits bytes that it had said to have.
func (e *engine) reneged(f *flow, d Dir) {
	h, y := e.h, f.tcp.story
	x := &y.rare.sacked[d]
	if x.from == x.to || int32(h.ack-x.from) < 0 {
		return
	}
	if int32(x.to-h.ack) > 0 {
		e.odd(f, d, Oddity{Kind: OddReneged, Bytes: int64(x.to - h.ack)})
	}
	*x = sackedRange{}
}

// oldStamp looks whether what side d sent again was refused for its time stamp: its
// peer still awaits it, and echoes a time stamp that is newer.
func (e *engine) oldStamp(f *flow, d Dir, w *resent) {
	h := e.h
	if w.ts == 0 || int32(h.ack-w.seq) > 0 || h.length > 0 {
		return
	}
	if echo := h.tsecr(); echo != 0 && int32(echo-w.ts) > 0 {
		of := Stamp{}
		if w.index >= 0 {
			of = f.tcp.story.conn.Retransmissions[w.index].Stamp
		}
		e.odd(f, d.Other(), Oddity{Kind: OddOldStamp, Of: of})
		w.ts = 0 // said once of each
	}
}

// shrunk notes where side d, by an acknowledgement that is not taken yet, takes back
// room that it had announced. What its SYN announced is no measure: it counts no
// steps, and systems round.
func (e *engine) shrunk(f *flow, d Dir, me, peer *tcpSide) {
	h := e.h
	opened := me.next == me.base+1 && me.acked == peer.base+1
	if h.flags&(flagSYN|flagFIN) != 0 || !me.acks || opened || !f.scaled() || int32(h.ack-me.acked) < 0 || int32(h.seq-me.next) < 0 || me.sentBefore(h) {
		return
	}
	if n := me.shrinks(h, uint32(h.window)<<me.shift); n > 0 {
		e.odd(f, d, Oddity{Kind: OddShrunk, Bytes: int64(n)})
	}
}

// shrinks tells by how much the window that a segment of side me announces ends
// before the one announced last; a window counts in steps, so that less than one is
// none (RFC 7323 section 2.4).
func (me *tcpSide) shrinks(h *header, window uint32) int32 {
	taken := int32(me.acked + me.window - h.ack - window)
	if taken < 1<<me.shift {
		return 0
	}
	return taken
}
