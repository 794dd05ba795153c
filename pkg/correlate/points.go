package correlate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// joint is one conversation, seen at one capture point or at several.
type joint struct {
	points []Point        // best one for the client's view first
	client netip.AddrPort // as the client itself knows it, as far as seen
	seen   netip.AddrPort // as the server saw it; zero where that is the same
	server netip.AddrPort

	journeys []*Journey
	lookup   *Lookup // the one that found the server's address, owned or not
}

func (j *joint) flow() *pcapflow.Flow { return j.points[0].Flow }
func (j *joint) source() source       { return sourceOf(j.points[0]) }
func (j *joint) start() int64         { return j.flow().Start.Time }

// joinFlows finds the flows that several captures saw and makes each one joint.
func joinFlows(inc *incident.Incident) []*joint {
	var all []Point
	for _, c := range inc.Captures {
		for _, f := range c.Flows {
			if f.Transport == pcapflow.TCP || f.Transport == pcapflow.UDP {
				all = append(all, Point{Capture: c, Flow: f})
			}
		}
	}
	g := &joining{all: all, sets: newSets(len(all))}
	g.bySequence()
	g.byMarks()
	g.byAddress()
	for i := range all {
		all[i].part = g.sets.find(i)
	}
	g.translated()
	sets := g.sets
	groups := map[int][]Point{}
	var order []int
	for i := range all {
		root := sets.find(i)
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], all[i])
	}
	joints := make([]*joint, 0, len(order))
	way := captureOrder{}
	for _, root := range order {
		slices.SortStableFunc(groups[root], closerToClient)
		way.learn(groups[root])
	}
	for _, root := range order {
		way.sort(groups[root])
		tellMeans(groups[root])
		joints = append(joints, newJoint(groups[root]))
	}
	return joints
}

// newJoint is the conversation seen at points, in their order from the client to
// the server.
func newJoint(points []Point) *joint {
	j := &joint{points: points}
	j.client, j.server = j.flow().Client, j.flow().Server
	for _, p := range points[1:] {
		if p.Flow.Client != j.client && !p.Flow.Guessed {
			j.seen = p.Flow.Client // the last one is nearest to the server
		}
	}
	return j
}

// closerToClient orders points for the client's view: whole handshakes first,
// then by where the capture was taken, then by the hops the client's packets
// still had before them, then by the distance to the server.
func closerToClient(a, b Point) int {
	return cmp.Or(
		cmp.Compare(handshakeRank(a.Flow), handshakeRank(b.Flow)),
		cmp.Compare(vantageRank(a), vantageRank(b)),
		cmp.Compare(b.Flow.TTL[pcapflow.Client], a.Flow.TTL[pcapflow.Client]),
		cmp.Compare(serverDistance(b.Flow), serverDistance(a.Flow)),
	)
}

func handshakeRank(f *pcapflow.Flow) int {
	if f.Conn != nil && len(f.Conn.SYN) == 0 {
		return 1
	}
	return 0
}

func vantageRank(p Point) int {
	v := pcapflow.VantageUnknown
	if p.Flow.Conn != nil {
		v = p.Flow.Conn.Vantage
	}
	if v == pcapflow.VantageUnknown && p.Capture.VantageHost.IsValid() {
		switch p.Capture.VantageHost {
		case p.Flow.Client.Addr():
			v = pcapflow.VantageClient
		case p.Flow.Server.Addr():
			v = pcapflow.VantageServer
		}
	}
	switch v {
	case pcapflow.VantageClient:
		return 0
	case pcapflow.VantageServer:
		return 2
	}
	return 1
}

func serverDistance(f *pcapflow.Flow) int64 {
	if f.Conn == nil {
		return 0
	}
	return f.Conn.RTTServer
}

// mostAlike bounds the connections of one sequence number that a further one is
// compared with. Numbers that more have in common are not random, as those of scanners:
// they tell nothing, and addresses must.
const mostAlike = 256

// sequenceKey identifies a TCP connection wherever it is seen: sequence numbers
// survive address translation.
type sequenceKey struct {
	client uint32
	port   uint16 // the server's
}

// bySequence pairs connections by their first sequence numbers. Where a capture shows the
// same numbers again and again, as of traffic that is played back or of a device that
// always begins alike, each is paired with the one nearest in time, and with one only.
func (g *joining) bySequence() {
	all := g.all
	byISN := map[sequenceKey][]int{}
	type partner struct {
		of int
		in source
	}
	paired := map[partner]bool{}
	for i, p := range all {
		if c := p.Flow.Conn; c != nil && len(c.SYN) > 0 {
			key := sequenceKey{c.ISN[pcapflow.Client], p.Flow.Server.Port()}
			best, in := -1, sourceOf(p)
			far := func(k int) uint64 {
				return uint64(max(all[k].Flow.Start.Time-p.Flow.Start.Time, p.Flow.Start.Time-all[k].Flow.Start.Time))
			}
			for _, k := range byISN[key] {
				if sameConnection(all[k], p) && !paired[partner{k, in}] && (best < 0 || far(k) < far(best)) {
					best = k
				}
			}
			if best >= 0 {
				g.join(best, i, ByISN)
				paired[partner{best, in}] = true
			}
			if len(byISN[key]) < mostAlike {
				byISN[key] = append(byISN[key], i)
			}
		}
	}
}

// sameConnection decides for two flows with one client sequence number and one
// server port.
func sameConnection(a, b Point) bool {
	x, y := a.Flow.Conn, b.Flow.Conn
	both := len(x.SYNACK) > 0 && len(y.SYNACK) > 0
	if both && x.ISN[pcapflow.Server] != y.ISN[pcapflow.Server] {
		return false
	}
	if a.Flow.Client == b.Flow.Client && a.Flow.Server == b.Flow.Server {
		return sourceOf(a) != sourceOf(b)
	}
	if both {
		return true
	}
	return x.TSVal[pcapflow.Client] != 0 && x.TSVal[pcapflow.Client] == y.TSVal[pcapflow.Client]
}

// markKey is one data segment as it looks at every point.
type markKey struct {
	dir           pcapflow.Dir
	seq, len, sum uint32
}

// byMarks finds partners for connections of which one capture lacks the
// beginning.
func (g *joining) byMarks() {
	all := g.all
	byMark := map[markKey]int{}
	each := func(visit func(i int, k markKey)) {
		for i, p := range all {
			if p.Flow.Conn == nil {
				continue
			}
			for _, m := range p.Flow.Conn.Marks {
				if m.Len >= markedLeast && m.Sum != 0 {
					visit(i, markKey{m.Dir, m.Seq, m.Len, m.Sum})
				}
			}
		}
	}
	late := map[markKey]bool{}
	each(func(i int, k markKey) {
		if len(all[i].Flow.Conn.SYN) == 0 {
			late[k] = true
		}
	})
	if len(late) == 0 {
		return
	}
	each(func(i int, k markKey) {
		if !late[k] {
			return
		}
		if other, ok := byMark[k]; !ok {
			byMark[k] = i
		} else if sourceOf(all[other]) != sourceOf(all[i]) || all[other].Flow.Client != all[i].Flow.Client {
			g.join(other, i, ByPayload)
		}
	})
}

// tupleKey names a conversation by its addresses.
type tupleKey struct {
	transport      pcapflow.Transport
	client, server netip.AddrPort
}

// byAddress pairs what is left by its addresses alone: datagram flows, and
// connections without a beginning that are the only ones of their addresses.
func (g *joining) byAddress() {
	all := g.all
	byTuple := map[tupleKey][]int{}
	var keys []tupleKey
	for i, p := range all {
		key := tupleKey{p.Flow.Transport, p.Flow.Client, p.Flow.Server}
		if byTuple[key] == nil {
			keys = append(keys, key)
		}
		byTuple[key] = append(byTuple[key], i)
	}
	for _, key := range keys {
		runs := bySource(byTuple[key], all)
		for k := 1; k < len(runs); k++ {
			if len(runs[k]) != len(runs[0]) {
				continue // which is which, addresses alone do not tell
			}
			for n, i := range runs[k] {
				if other := runs[0][n]; !contradict(all[other], all[i]) {
					g.join(other, i, ByAddresses)
				}
			}
		}
	}
}

// bySource splits indices by the capture, and the clock within it, that saw them.
func bySource(list []int, all []Point) [][]int {
	var runs [][]int
	place := map[source]int{}
	for _, i := range list {
		s := sourceOf(all[i])
		n, known := place[s]
		if !known {
			n = len(runs)
			place[s] = n
			runs = append(runs, nil)
		}
		runs[n] = append(runs[n], i)
	}
	return runs
}

// contradict: two connections of the same addresses that cannot be one.
func contradict(a, b Point) bool {
	x, y := a.Flow.Conn, b.Flow.Conn
	if x == nil || y == nil {
		return false
	}
	if len(x.SYN) > 0 && len(y.SYN) > 0 {
		return x.ISN[pcapflow.Client] != y.ISN[pcapflow.Client]
	}
	return false
}
