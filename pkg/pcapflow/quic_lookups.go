package pcapflow

// quicLookups are the questions and answers of DNS over QUIC (RFC 9250), told by the
// sizes and turns of 1-RTT packets.
type quicLookups struct {
	list []quicLookup
	id   [2]int // octets of each side's connection ID, which the other side's packets have
	tail int    // octets of the latest piece of the latest answer
	open int    // questions since the latest answer
}

type quicLookup struct {
	asked, again, answered Stamp
	size                   int  // octets of the question's frames
	beside                 bool // it may have stood beside the end of the handshake, padded
}

// Sizes, octets. Of a 1-RTT packet without its overhead what is left are a packet number
// and frames: an acknowledgement of one range has up to 15, a question for a name of five
// octets 26 (RFC 9250 §4.2, RFC 9000 §19.8), a new connection ID up to 42 (§19.15); a
// packet that tries out the path's MTU (§14.3) is larger than any question.
const (
	quicOverhead      = 1 + 16 // first octet and tag
	quicQuestionLeast = 26
	quicAnswerLeast   = 22
	quicAnswerSlack   = 12  // of a question: the acknowledgement beside it, which its answer lacks
	quicIDFrameMost   = 42  //
	quicPaddedLeast   = 130 // RFC 8467 §4.1: 128, and the length before them
	quicProbeLeast    = 1200
	quicLookupsMax    = 1 << 12
)

// quicPatience is how long a question is repeated before it is told as one that was
// not answered, where its size alone does not tell that it is one, ns.
const quicPatience = second / 5

// packet takes a 1-RTT packet of so many octets that is a datagram of its own: others
// belong to the handshake. The client's after an answer is the next question; of the
// server's the last before that is the answer: session tickets and the end of the
// handshake come ahead of it. What has about the size of the piece before is that piece
// again, unless more questions than one are open.
func (q *quicLookups) packet(d Dir, at Stamp, size int) {
	if size >= quicProbeLeast {
		return
	}
	size -= quicOverhead + q.id[d.Other()]
	n := len(q.list)
	if d == Client {
		if size < quicQuestionLeast || n >= quicLookupsMax {
			return
		}
		q.ask(at, size)
		return
	}
	if n == 0 || size < q.list[n-1].answerLeast() {
		return
	}
	again := size-q.tail <= quicAnswerSlack && q.tail-size <= quicAnswerSlack
	if last := &q.list[n-1]; !last.answered.Seen() || !again || q.open > 1 {
		if last.answered.Seen() && again {
			q.open--
		}
		last.answered, q.tail = at, size
	}
}

// beside takes a client's 1-RTT packet in the datagram that ends its handshake: the first
// question may be in there, unless another comes before an answer. Its size tells nothing.
func (q *quicLookups) beside(at Stamp) {
	if len(q.list) == 0 {
		q.list, q.open = append(q.list, quicLookup{asked: at, beside: true}), 1
	}
}

// answerLeast is how large an answer is at least: it repeats the question, but not
// its padding.
func (x *quicLookup) answerLeast() int {
	switch {
	case x.beside:
		return quicPaddedLeast // tickets and the end of the handshake are smaller
	case x.size >= quicPaddedLeast:
		return quicAnswerLeast
	}
	return max(quicAnswerLeast, x.size-quicAnswerSlack)
}

// ask takes a question. Before an answer it is the one before again, or one beside it,
// unless that was no more than a new connection ID.
func (q *quicLookups) ask(at Stamp, size int) {
	n := len(q.list)
	if n == 0 || q.list[n-1].answered.Seen() {
		q.list, q.open = append(q.list, quicLookup{asked: at, size: size}), 1
		return
	}
	last := &q.list[n-1]
	if last.beside || last.size <= quicIDFrameMost && size > last.size+quicAnswerSlack {
		*last = quicLookup{asked: at, size: size}
		return
	}
	last.again = at
	q.open++
}

// phases are estimated ones. A packet without an answer is a question where it is padded
// as questions are, or was sent again.
func (q *quicLookups) phases() (list []Phase) {
	for i := range q.list {
		x := &q.list[i]
		p := Phase{Name: DNSLookup, Begin: x.asked, End: x.answered, Outcome: Estimated, Attempts: 1, Frames: stampFrames(nil, x.asked, x.answered)}
		if !x.answered.Seen() {
			if p.Outcome = Unanswered; x.beside || x.size < quicPaddedLeast && (!x.again.Seen() || x.again.Time-x.asked.Time < quicPatience) {
				continue
			}
		}
		list = append(list, p)
	}
	return list
}
