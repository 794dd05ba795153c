package pcapflow

// tcpOpening is how a connection opened. As long as it did so as usual (one SYN,
// one SYN-ACK, the ACK) and nothing else has happened but one RST, this is all
// there is of it: scans and refused connections never need more than the story
// that is told in the end.
type tcpOpening struct {
	steps    openingSteps
	optioned bool    // the options of the SYN-ACK were read
	scale    [2]int8 // window scale; -1: option not seen
	offers   [2]Offers
	tsval    [2]uint32

	syn, synAck, ack Stamp
	rst              Reset // unseen: none
}

// openingSteps is how far a connection has opened.
type openingSteps uint8

const (
	openedNot openingSteps = iota
	openedSYN
	openedSYNACK
	openedACK
)

// rttServer and rttClient are the round trips that the opening shows, ns.
func (o *tcpOpening) rttServer() int64 { return max(0, o.synAck.Time-o.syn.Time) }
func (o *tcpOpening) rttClient() int64 { return max(0, o.ack.Time-o.synAck.Time) }

// expand writes the opening of f into t, which is new.
func (o *tcpOpening) expand(f *flow, t *tcpStory) {
	c, r := t.conn, &t.rare
	if o.steps >= openedSYN {
		c.SYN = append(c.SYN, o.syn)
		c.ISN[Client] = f.side[Client].base
		r.synTS[0] = o.tsval[Client]
	}
	if o.steps >= openedSYNACK {
		c.SYNACK = append(c.SYNACK, o.synAck)
		c.ISN[Server] = f.side[Server].base
		c.RTTServer = o.rttServer()
		r.lastSYN, r.lastSA = o.syn, o.synAck
	}
	if o.steps == openedACK {
		c.ACK, c.RTTClient = o.ack, o.rttClient()
		c.RTT = c.RTTServer + c.RTTClient
	}
	if o.rst.Seen() {
		c.RST = append(c.RST, o.rst)
	}
}

// usualSYN takes the first SYN and the SYN-ACK that answers it, if the one at
// hand is one of them and nothing odd came before.
func (e *engine) usualSYN(f *flow, d Dir) bool {
	h, o, me := e.h, &f.opened, &f.side[d]
	ack := h.flags&flagACK != 0
	switch {
	case !f.usual() || me.known || f.steady || o.rst.Seen() || h.length > 0:
		return false
	case d == Client && !ack && o.steps == openedNot && !f.side[Server].known:
		o.steps, o.syn = openedSYN, h.stamp
		e.synOptions(f, d, true)
	case d == Server && ack && o.steps == openedSYN:
		o.steps, o.synAck = openedSYNACK, h.stamp
		if f.out != nil {
			f.out.toServer = o.rttServer()
		}
		e.synOptions(f, d, true)
		o.optioned = true
	default:
		return false
	}
	me.known, me.syn, me.base, me.next = true, true, h.seq, h.seq
	return true
}
