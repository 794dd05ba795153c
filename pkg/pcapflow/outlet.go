package pcapflow

// outlet hands flows out on a goroutine of its own, in their order, and brings
// their rooms back.
type outlet struct {
	batch  *outgoingBatch // being filled
	hand   *handover[outgoingBatch]
	failed any // what OnFlow panicked with

	fetched uint64 // keeps the compiler from leaving out the fetching
}

type outgoingBatch struct {
	list [outgoingFlows]outgoing
	n    int
}

const (
	outgoingFlows   = 32
	outgoingBatches = 12
)

func newOutlet(tell *telling) *outlet {
	x := &outlet{hand: newHandover[outgoingBatch](outgoingBatches)}
	x.batch = x.hand.room()
	go x.run(tell)
	return x
}

func (x *outlet) run(tell *telling) {
	defer close(x.hand.empty)
	for {
		b, ok := x.hand.next()
		if !ok {
			return
		}
		x.use(b, tell)
		x.hand.giveBack(b)
	}
}

// use hands out a batch. After a panic nothing more is handed out.
func (x *outlet) use(b *outgoingBatch, tell *telling) {
	if x.failed != nil {
		return
	}
	defer func() { x.failed = recover() }()
	x.fetched += b.fetch()
	for i := range b.n {
		tell.flow(b.list[i].flow)
		b.list[i].empty()
	}
}

// fetch touches all of what the batch tells. It was written by another processor
// and is still in the caches of that one: one line after the other, each waited
// for, costs more than all that is done with them.
func (b *outgoingBatch) fetch() (sum uint64) {
	list := b.list[:b.n]
	for i := range list {
		sum += touched(list[i].flow) + touched(list[i].story)
	}
	for i := range list {
		sum += list[i].flow.touchParts()
	}
	for i := range list {
		sum += list[i].flow.touchLists()
	}
	return sum
}

// handOut gives an ended flow to OnFlow.
func (e *engine) handOut(f outgoing) {
	x := e.out
	if x == nil {
		e.onFlow.flow(f.flow)
		f.empty()
		e.recycle(f)
		return
	}
	b := x.batch
	b.list[b.n] = f
	if b.n++; b.n < len(b.list) {
		return
	}
	x.hand.full <- b
	if x.batch = x.hand.room(); x.batch == nil {
		x.batch = <-x.hand.empty
	}
	e.reclaim(x.batch)
}

// reclaim takes the rooms of flows that were handed out, which the other
// processor has emptied.
func (e *engine) reclaim(b *outgoingBatch) {
	for i := range b.n {
		e.at.fetched += touched(b.list[i].flow) + touched(b.list[i].story)
	}
	for i := range b.n {
		e.at.fetched += b.list[i].touchBack()
	}
	for i := range b.n {
		e.recycle(b.list[i])
		b.list[i] = outgoing{}
	}
	b.n = 0
}

// close hands out what is left, and waits until OnFlow has returned.
func (x *outlet) close() {
	x.hand.full <- x.batch
	close(x.hand.full)
	for range x.hand.empty {
	}
	if x.failed != nil {
		panic(x.failed)
	}
}

// telling is how flows are given to OnFlow.
type telling struct {
	use    func(*Flow)
	lean   bool    // without the phases of exchanges
	phases []Phase // room for all phases of one flow
}

// flow gives one out. The phases of exchanges are made for it alone: what is on its
// way to another processor is the less for it.
func (t *telling) flow(f *Flow) {
	if !f.owed || t.lean {
		t.use(f)
		return
	}
	own := f.Phases
	f.Phases = t.phases[:0]
	for i := range own {
		p := f.newPhase()
		frames := append(p.Frames, own[i].Frames...)
		*p = own[i]
		p.Frames = frames
	}
	f.ListExchanges()
	t.use(f)
	f.Phases, t.phases = own, f.Phases
}
