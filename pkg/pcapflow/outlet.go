package pcapflow

// outlet hands ended flows out, many at a time and in their order, and brings
// their rooms back: what is done with them is as much code as the nearest cache
// holds, and so is what ends them.
type outlet struct {
	use    func(*Flow)
	batch  *outgoingBatch           // being filled
	hand   *handover[outgoingBatch] // to a goroutine of its own; nil: there is none
	failed any                      // what OnFlow panicked with there

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

func newOutlet(use func(*Flow)) *outlet { return &outlet{use: use, batch: new(outgoingBatch)} }

// apart makes x hand out on a goroutine of its own.
func (x *outlet) apart() {
	x.hand = newHandover[outgoingBatch](outgoingBatches)
	x.batch = x.hand.room()
	go x.run()
}

func (x *outlet) run() {
	defer close(x.hand.empty)
	for {
		b, ok := x.hand.next()
		if !ok {
			return
		}
		x.tell(b)
		x.hand.giveBack(b)
	}
}

// tell hands out a batch that another processor has written. After a panic
// nothing more is handed out.
func (x *outlet) tell(b *outgoingBatch) {
	if x.failed != nil {
		return
	}
	defer func() { x.failed = recover() }()
	x.fetched += b.fetch()
	b.tell(x.use)
}

func (b *outgoingBatch) tell(use func(*Flow)) {
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

// handOut gives an ended flow to OnFlow, sooner or later.
func (e *engine) handOut(f outgoing) {
	x := e.out
	b := x.batch
	b.list[b.n] = f
	if b.n++; b.n < len(b.list) {
		return
	}
	if x.hand == nil {
		e.handOutHere()
		return
	}
	x.hand.full <- b
	if x.batch = x.hand.room(); x.batch == nil {
		x.batch = <-x.hand.empty
	}
	b = x.batch
	for i := range b.n {
		e.at.fetched += touched(b.list[i].flow) + touched(b.list[i].story)
	}
	for i := range b.n {
		e.at.fetched += b.list[i].touchBack()
	}
	e.reclaim(b)
}

// handOutHere hands out what waits, where there is no other goroutine to do it.
func (e *engine) handOutHere() {
	if e.out != nil && e.out.hand == nil {
		e.out.batch.tell(e.out.use)
		e.reclaim(e.out.batch)
	}
}

// reclaim takes the rooms of flows that were handed out and emptied.
func (e *engine) reclaim(b *outgoingBatch) {
	for i := range b.n {
		e.recycle(b.list[i])
		b.list[i] = outgoing{}
	}
	b.n = 0
}

// close hands out what is left, waits until OnFlow has returned, and goes on
// without another goroutine.
func (x *outlet) close() {
	x.hand.full <- x.batch
	close(x.hand.full)
	for range x.hand.empty {
	}
	x.hand, x.batch = nil, new(outgoingBatch)
	if x.failed != nil {
		panic(x.failed)
	}
}
