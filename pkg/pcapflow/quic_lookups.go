package pcapflow

// quicLookups are the questions and answers of DNS over QUIC (RFC 9250), told by the
// sizes and turns of 1-RTT packets.
type quicLookups struct {
	list []quicLookup
}

type quicLookup struct{ asked, answered Stamp }

// Sizes of 1-RTT packets, octets: a question is padded (RFC 9250 §5.4) to 128 octets at
// least (RFC 8467 §4.1), to which come its length, the packet's header and its tag; one
// that acknowledges has less than an answer, one that tries out the path's MTU (RFC 9000
// §14.3) more. Of a client that does not pad nothing is told.
const (
	quicQuestionLeast = 128 + 2 + 1 + 16
	quicAnswerLeast   = 56
	quicProbeLeast    = 1200
	quicLookupsMax    = 1 << 12
)

// packet takes a 1-RTT packet of so many octets that is a datagram of its own: others
// belong to the handshake. The client's after an answer is the next question; of the
// server's the last before that is the answer: session tickets and the end of the
// handshake come ahead of it.
func (q *quicLookups) packet(d Dir, at Stamp, size int) {
	if size < quicAnswerLeast || size >= quicProbeLeast {
		return
	}
	n := len(q.list)
	switch {
	case d == Server && n > 0:
		q.list[n-1].answered = at
	case d == Client && size >= quicQuestionLeast && n < quicLookupsMax && (n == 0 || q.list[n-1].answered.Seen()):
		q.list = append(q.list, quicLookup{asked: at})
	}
}

// phases are estimated ones.
func (q *quicLookups) phases() (list []Phase) {
	for _, x := range q.list {
		p := Phase{Name: DNSLookup, Begin: x.asked, End: x.answered, Outcome: Estimated, Attempts: 1, Frames: stampFrames(nil, x.asked, x.answered)}
		if !x.answered.Seen() {
			p.Outcome = Unanswered
		}
		list = append(list, p)
	}
	return list
}
