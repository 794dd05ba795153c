package correlate

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// MSSChange is the largest segment that a side offers in its SYN or SYN-ACK, which one
// capture saw otherwise than the next on its way: a device between them rewrote it.
type MSSChange struct {
	Dir           pcapflow.Dir
	Sent, Arrived int   // bytes
	Seen, Changed Point // the captures before and behind the device
}

// MSSChanges are those of a journey's connection, as far as captures hold the same
// segments. Where another one was made on the way, by a proxy, nothing was rewritten.
func (j *Journey) MSSChanges() (list []MSSChange) {
	whole := slices.DeleteFunc(slices.Clone(j.Points), func(p Point) bool {
		c := p.Flow.Conn
		return c == nil || len(c.SYN) == 0 || len(c.SYNACK) == 0
	})
	for i := 1; i < len(whole); i++ {
		near, far := whole[i-1], whole[i]
		for _, d := range [...]pcapflow.Dir{pcapflow.Client, pcapflow.Server} {
			if d == pcapflow.Server {
				near, far = far, near
			}
			a, b := near.Flow.Conn, far.Flow.Conn
			if a.ISN[d] == b.ISN[d] && a.MSS[d] > 0 && b.MSS[d] > 0 && a.MSS[d] != b.MSS[d] {
				list = append(list, MSSChange{d, a.MSS[d], b.MSS[d], near, far})
			}
		}
	}
	return list
}
