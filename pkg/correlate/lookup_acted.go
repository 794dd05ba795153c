package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// acts are the connections of a capture, and what the answers for the names say:
// who connects to an address of a name has the answer, whether or not the capture
// has it. Times are ns of the capture, in order.
type acts struct {
	began     map[connecting][]int64
	addresses map[string][]netip.Addr
	answers   map[string][]Try // with addresses
}

type connecting struct {
	client, server netip.Addr
	clock          capture.ClockID
}

// sameMove is how soon a client connects once it has the address, at the most.
const sameMove = int64(time.Second)

func actsOf(c *incident.Capture, tries []Try) *acts {
	x := &acts{map[connecting][]int64{}, map[string][]netip.Addr{}, map[string][]Try{}}
	for _, f := range c.Flows {
		if f.Transport == pcapflow.TCP && f.Conn != nil && len(f.Conn.SYN) > 0 && f.Server.Port() != 53 {
			k := connecting{plain(f.Client).Addr(), plain(f.Server).Addr(), f.Clock}
			x.began[k] = append(x.began[k], f.Conn.SYN[0].Time)
		}
	}
	for _, t := range tries {
		if !t.Answer.Seen() || len(t.Addresses) == 0 {
			continue
		}
		x.answers[t.Name] = append(x.answers[t.Name], t)
		for _, a := range t.Addresses {
			if a = plainAddr(a); !slices.Contains(x.addresses[t.Name], a) {
				x.addresses[t.Name] = append(x.addresses[t.Name], a)
			}
		}
	}
	for _, list := range x.began {
		slices.Sort(list)
	}
	for _, list := range x.answers {
		slices.SortStableFunc(list, func(a, b Try) int { return cmp.Compare(a.Answer.Time, b.Answer.Time) })
	}
	return x
}

// acted tells whether the client of a lookup connected to an address of its name
// soon after an instant, before it asked t: it was not waiting any more. A
// connection that the answer to another lookup explains tells nothing.
func (a *asking) acted(t Try, from int64) bool {
	client := plain(t.Flow.Client).Addr()
	for _, server := range a.acts.addresses[t.Name] {
		list := a.acts.began[connecting{client, server, t.Flow.Clock}]
		i, _ := slices.BinarySearch(list, from+1)
		if i < len(list) && list[i] < asked(t) && list[i] <= from+sameMove && !a.answeredElsewhere(t.Name, from, list[i]) {
			return true
		}
	}
	return false
}

// answeredElsewhere tells whether another lookup of a name was answered between two
// instants.
func (a *asking) answeredElsewhere(name string, from, to int64) bool {
	list := a.acts.answers[name]
	i, _ := slices.BinarySearchFunc(list, from+1, func(t Try, at int64) int { return cmp.Compare(t.Answer.Time, at) })
	for ; i < len(list) && list[i].Answer.Time <= to; i++ {
		if !slices.ContainsFunc(a.tries, func(own Try) bool { return own.Transaction == list[i].Transaction }) {
			return true
		}
	}
	return false
}
