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

func newOutlet(use func(*Flow)) *outlet {
	x := &outlet{hand: newHandover[outgoingBatch](outgoingBatches)}
	x.batch = x.hand.room()
	go x.run(use)
	return x
}

func (x *outlet) run(use func(*Flow)) {
	defer close(x.hand.empty)
	for {
		b, ok := x.hand.next()
		if !ok {
			return
		}
		x.use(b, use)
		x.hand.giveBack(b)
	}
}

// use hands out a batch. After a panic nothing more is handed out.
func (x *outlet) use(b *outgoingBatch, use func(*Flow)) {
	if x.failed != nil {
		return
	}
	defer func() { x.failed = recover() }()
	x.fetched += b.fetch()
	for i := range b.n {
		use(b.list[i].flow)
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
		e.opt.OnFlow(f.flow)
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
