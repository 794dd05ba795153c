package pcapflow

// outgoing is a flow that is handed out, with the rooms that what is told lies in.
type outgoing struct {
	flow    *Flow
	story   *tcpStory
	service Stream
}

func (f *flow) leaving() outgoing {
	x := outgoing{flow: f.out}
	if f.tcp != nil {
		x.story = f.tcp.story
	}
	if f.carried != nil {
		x.service = f.service
	}
	return x
}

// release takes back the rooms of an ended flow that nothing told of it lies in.
func (e *engine) release(f *flow) {
	if t := f.tcp; t != nil {
		t.empty()
		layBy(&e.free.tcp, t)
	}
	if c := f.carried; c != nil {
		*c = carried{}
		layBy(&e.free.carried, c)
	}
	for d := range f.sent {
		e.logs.giveBack(f.sent[d].ring)
	}
	e.table.giveBack(f)
}

// freeRooms are those of ended flows.
type freeRooms struct {
	flows   []*Flow
	tcp     []*tcpState
	stories []*tcpStory
	carried []*carried
	judges  []*turnJudge
	phases  [][]Phase    // what flows take only when they end
	http    [][]Exchange //
	parts   [][]byte     // copies of segments behind holes, of partRoom
}

// Copies of segments serve again where they fill their room well.
const (
	partRoom = 2 << 10 // bytes
	maxParts = 1 << 10
)

// part is an empty buffer for n bytes.
func (r *freeRooms) part(n int) []byte {
	switch k := len(r.parts); {
	case n <= partRoom/2 || n > partRoom:
		return make([]byte, 0, n)
	case k > 0:
		b := r.parts[k-1]
		r.parts = r.parts[:k-1]
		return b
	}
	return make([]byte, 0, partRoom)
}

// giveBack takes a buffer that part gave.
func (r *freeRooms) giveBack(b []byte) {
	if cap(b) == partRoom && len(r.parts) < maxParts {
		r.parts = append(r.parts, b[:0])
	}
}

// lend gives an ending flow room for its phases and exchanges.
func (r *freeRooms) lend(o *Flow) {
	if n := len(r.phases); n > 0 && cap(o.Phases) == 0 {
		o.Phases, r.phases = r.phases[n-1], r.phases[:n-1]
	}
	if n := len(r.http); n > 0 && cap(o.HTTP) == 0 {
		o.HTTP, r.http = r.http[n-1], r.http[:n-1]
	}
}

// takeBack takes what was lent to o, and makes an end of its lists.
func (r *freeRooms) takeBack(o *Flow) {
	const most, longest = 64, 256 // rooms, elements in one
	if n := cap(o.Phases); n > 0 && n <= longest && len(r.phases) < most {
		r.phases = append(r.phases, o.Phases[:0])
	}
	if n := cap(o.HTTP); n > 0 && n <= longest && len(r.http) < most {
		r.http = append(r.http, o.HTTP[:0])
	}
	o.Phases, o.HTTP, o.DNS, o.NTP = nil, nil, nil, nil
}

// empty empties the rooms of a flow that was handed out, but for the lists that
// recycle takes and for what its dissector has.
func (f *outgoing) empty() {
	if f.story != nil {
		f.story.empty()
	}
	f.flow.empty()
}

// recycle makes the rooms of an ended flow, which were emptied, available for
// another.
func (e *engine) recycle(f outgoing) {
	if y := f.story; y != nil {
		layBy(&e.free.stories, y)
	}
	if r, ok := f.service.(reusable); ok {
		r.reuse(&e.env)
	}
	e.free.takeBack(f.flow)
	layBy(&e.free.flows, f.flow)
}

// empty makes o a new flow in the room of the old one, but for its lists.
func (o *Flow) empty() {
	*o = Flow{Phases: o.Phases, HTTP: o.HTTP, DNS: o.DNS, NTP: o.NTP}
}
