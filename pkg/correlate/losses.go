package correlate

import (
	"cmp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// What was lost, in the words of the report.
const (
	LostSYNs    = "syn"
	LostSYNACKs = "syn-ack"
	LostData    = "data"
)

// Loss is a packet that one capture saw on its way and the next one never did. Of
// pure acknowledgements nothing is told: nobody sends them again.
type Loss struct {
	Kind   string
	Dir    pcapflow.Dir // the side that sent it
	Seq    uint32       // of its first byte, relative to the ISN; of data
	Len    int          // bytes
	Seen   Point        // the last capture on its way that saw it
	Missed Point        // the first that did not
	Teller Point        // the capture that shows it sent again
	Resent pcapflow.Stamp
}

// sending is a packet of one connection that was sent more than once, as one
// capture shows it.
type sending struct {
	n      int // how often it passed
	length int
	again  []pcapflow.Stamp // those that were not the first
}

// segmentKey names a segment in all captures of its connection.
type segmentKey struct {
	kind string
	seq  uint32
}

// placeLosses finds where each lost packet of a connection was lost: a packet that
// passed one capture more often than the next was lost between the two, as often
// as the difference.
func placeLosses(tb timebase, j *joint) {
	whole := slices.DeleteFunc(slices.Clone(j.points), func(p Point) bool {
		c := p.Flow.Conn
		return c == nil || len(c.SYN) == 0 || len(c.SYNACK) == 0 || len(c.Retransmissions) == pcapflow.MaxRetransmissions
	})
	if len(whole) < 2 {
		return
	}
	for _, d := range [...]pcapflow.Dir{pcapflow.Client, pcapflow.Server} {
		way := slices.Clone(whole)
		if d == pcapflow.Server {
			slices.Reverse(way)
		}
		// A capture that misses what was acknowledged misses more.
		way = slices.DeleteFunc(way, func(p Point) bool { return p.Flow.Conn.Count[d].AckedUnseen > 0 })
		if len(way) > 1 {
			j.charge(tb, lossesOf(way, d))
		}
	}
}

// lossesOf are the losses of what side d sent, the captures in the order of its way.
func lossesOf(way []Point, d pcapflow.Dir) []Loss {
	sent := make([]map[segmentKey]*sending, len(way))
	var keys []segmentKey
	for i, p := range way {
		sent[i] = sentAgain(p.Flow.Conn, d)
		for k := range sent[i] {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b segmentKey) int { return cmp.Or(cmp.Compare(b.kind, a.kind), cmp.Compare(a.seq, b.seq)) })
	var list []Loss
	for _, k := range slices.Compact(keys) {
		list = append(list, lossesOfSegment(way, d, k, sent)...)
	}
	return list
}

// lossesOfSegment are the losses of one segment.
func lossesOfSegment(way []Point, d pcapflow.Dir, k segmentKey, sent []map[segmentKey]*sending) []Loss {
	var list []Loss
	passed := make([]int, len(way))
	for i, p := range way {
		switch s := sent[i][k]; {
		case s != nil:
			passed[i] = s.n
		case k.kind != LostData:
			passed[i] = 1
		case i > 0 && p.Flow.Conn.Count[d].OutOfOrder > 0:
			passed[i] = passed[i-1] // which of what came in disorder was a repetition, is not listed
		case arrived(p.Flow.Conn, d, k.seq):
			passed[i] = 1
		}
	}
	for i := len(way) - 2; i >= 0; i-- {
		passed[i] = max(passed[i], passed[i+1]) // what came had been there before
	}
	teller := slices.IndexFunc(sent, func(m map[segmentKey]*sending) bool { return m[k] != nil && len(m[k].again) > 0 })
	if teller < 0 {
		return nil
	}
	told := sent[teller][k]
	for i := range way[:len(way)-1] {
		for range passed[i] - passed[i+1] {
			at := told.again[min(len(list), len(told.again)-1)]
			list = append(list, Loss{
				Kind: k.kind, Dir: d, Seq: k.seq, Len: told.length, Seen: way[i], Missed: way[i+1],
				Teller: way[teller], Resent: at,
			})
		}
	}
	return list
}

// sentAgain are the packets that side d sent more than once, as one capture shows
// them.
func sentAgain(c *pcapflow.Conn, d pcapflow.Dir) map[segmentKey]*sending {
	list := map[segmentKey]*sending{}
	kind, opening := LostSYNs, c.SYN
	if d == pcapflow.Server {
		kind, opening = LostSYNACKs, c.SYNACK
	}
	if len(opening) > 1 {
		list[segmentKey{kind: kind}] = &sending{n: len(opening), again: opening[1:]}
	}
	for i := range c.Retransmissions {
		r := &c.Retransmissions[i]
		if r.Dir != d || r.Kind == pcapflow.RetransmitSYN || r.Kind == pcapflow.RetransmitSYNACK {
			continue
		}
		k := segmentKey{LostData, r.Seq}
		s := list[k]
		if s == nil {
			s = &sending{}
			list[k] = s
			// The first passed here too, before this one or, needlessly sent again, behind it.
			if r.Passed || r.Kind == pcapflow.RetransmitSpurious {
				s.n = 1
			}
		}
		s.n++
		s.length = max(s.length, r.Len)
		s.again = append(s.again, r.Stamp)
	}
	return list
}

// arrived tells whether a byte of side d passed a capture that does not list its
// segment as sent again: it was acknowledged, and does not lie in a hole.
func arrived(c *pcapflow.Conn, d pcapflow.Dir, seq uint32) bool {
	if h := c.Holes[d]; h.Since.Seen() && seq-h.Seq < uint32(h.Bytes) {
		return false
	}
	return int32(c.AckedTo[d]-seq) > 0
}

// charge gives losses to the journeys that went on while they were made good; of a
// loss beside all of them, to the last that had begun.
func (j *joint) charge(tb timebase, losses []Loss) {
	for _, l := range losses {
		var last *Journey
		found := false
		for _, jn := range j.journeys {
			s, ok := carry(tb, sourceOf(l.Teller), l.Resent, sourceOf(jn.Points[0]), jn.Start.Time)
			if !ok || s.Time < jn.Start.Time {
				continue
			}
			last = jn
			if s.Time <= jn.End.Time {
				found = true
				jn.Losses = append(jn.Losses, l)
			}
		}
		if !found && last != nil {
			last.Losses = append(last.Losses, l)
		}
	}
}

// resentElsewhere are the waits of a journey for what was lost before it came to
// its first point, on that one's clock: there the repetition looks like bytes that
// came late, and the server's capture alone tells how long they were on their way.
func resentElsewhere(j *Journey, tb timebase) []interval {
	var list []interval
	here := j.Points[0]
	for _, l := range j.Losses {
		if l.Kind != LostData || l.Dir != pcapflow.Server || l.Teller.Flow == here.Flow || here.Flow.Conn == nil {
			continue
		}
		same := func(r pcapflow.Retransmission) bool { return r.Dir == l.Dir && r.Seq == l.Seq }
		if slices.ContainsFunc(here.Flow.Conn.Retransmissions, same) {
			continue
		}
		far := l.Teller.Flow.Conn
		i := slices.IndexFunc(far.Retransmissions, func(r pcapflow.Retransmission) bool { return same(r) && r.Stamp == l.Resent })
		at, ok := carry(tb, sourceOf(l.Teller), l.Resent, sourceOf(here), j.Start.Time)
		if i < 0 || !ok {
			continue
		}
		came := at.Time + max(here.Flow.Conn.RTTServer-far.RTTServer, 0)/2
		list = append(list, interval{came - far.Retransmissions[i].Wait, came})
	}
	return list
}
