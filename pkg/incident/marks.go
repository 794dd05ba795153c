package incident

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// needsMarks tells whether the packets remembered of each flow may be asked for
// though there is no other capture to find them in: where interfaces have clocks
// of their own, where the stamps step back and somebody may ask for the seam, and
// where one connection was seen twice, before and behind an address translation.
func (c *Capture) needsMarks() bool {
	const reordered = int64(time.Millisecond) // queues of a card hand packets over out of order
	type segment struct {
		dir           pcapflow.Dir
		seq, len, sum uint32
	}
	late := map[segment]*pcapflow.Flow{} // of connections whose beginning is missing
	each := func(visit func(*pcapflow.Flow, segment) bool) bool {
		for _, f := range c.Flows {
			if f.Conn == nil {
				continue
			}
			for i := range f.Conn.Marks {
				if m := &f.Conn.Marks[i]; m.Len > 0 && m.Sum != 0 && visit(f, segment{m.Dir, m.Seq, m.Len, m.Sum}) {
					return true
				}
			}
		}
		return false
	}
	latest := c.First.Time
	for _, f := range c.Flows {
		if f.Clock != c.Flows[0].Clock || f.Start.Time < latest-reordered {
			return true
		}
		latest = max(latest, f.Start.Time)
	}
	each(func(f *pcapflow.Flow, s segment) bool {
		if len(f.Conn.SYN) == 0 {
			late[s] = f
		}
		return false
	})
	return len(late) > 0 && each(func(f *pcapflow.Flow, s segment) bool {
		other := late[s]
		return other != nil && other != f && other.Client != f.Client
	})
}

// forgetMarks makes room.
func (c *Capture) forgetMarks() {
	for _, f := range c.Flows {
		f.Marks = nil
		if f.Conn != nil {
			f.Conn.Marks = nil
		}
	}
}
