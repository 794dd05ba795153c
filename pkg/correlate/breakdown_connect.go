package correlate

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

// connect: the loss-free round trip is the network's. Of the rest, what SYNs lay at the
// server's host without an answer is the server's, what they were kept on the way is the
// network's, and what is left waited for a timer, or for a server that did not answer.
func (b *bill) connect(j *Journey, p placed, rtt, left int64) {
	if !p.open {
		left = b.share(CauseNetwork, rtt, left)
	}
	if p.Attempts <= 1 && !p.open {
		b.charge(CauseNetwork, left)
		return
	}
	ignored, kept := waitOfSYNs(j, p.Flow)
	left = b.mishap(LostSYN, CauseServer, ignored, left)
	left = b.mishap(LostSYN, CauseNetwork, kept, left)
	b.mishap(LostSYN, CauseLoss, left, left)
}

// waitOfSYNs is how long SYNs lay at the server's host before one was answered, as a
// full listen queue makes them, and how long they were kept on the way there: by as much
// less than they were sent apart they arrived apart. Both need a capture at the server that
// saw one repeated; ns, 0 where none tells.
func waitOfSYNs(j *Journey, sent *pcapflow.Flow) (ignored, kept int64) {
	for _, p := range j.Points {
		n := p.Flow.Conn
		if n == nil || n.Vantage != pcapflow.VantageServer || len(n.SYN) < 2 || len(n.SYNACK) == 0 {
			continue
		}
		ignored = n.SYNACK[0].Time - n.SYN[0].Time
		if c := sent.Conn; p.Flow != sent && c != nil && len(c.SYN) == len(n.SYN) {
			last := len(c.SYN) - 1
			kept = (c.SYN[last].Time - c.SYN[0].Time) - (n.SYN[last].Time - n.SYN[0].Time)
		}
		return max(ignored, 0), max(kept, 0)
	}
	return 0, 0
}
