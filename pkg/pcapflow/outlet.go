package pcapflow

// outlet hands flows out on a goroutine of its own, in their order, and brings
// their rooms back.
type outlet struct {
	batch  *outgoingBatch // being filled
	full   chan *outgoingBatch
	empty  chan *outgoingBatch
	failed any // what OnFlow panicked with
}

type outgoingBatch struct {
	list [outgoingFlows]outgoing
	n    int
}

const (
	outgoingFlows   = 32
	outgoingBatches = 6
)

func newOutlet(use func(*Flow)) *outlet {
	x := &outlet{batch: new(outgoingBatch), full: make(chan *outgoingBatch, outgoingBatches), empty: make(chan *outgoingBatch, outgoingBatches+1)}
	for range outgoingBatches {
		x.empty <- new(outgoingBatch)
	}
	go x.run(use)
	return x
}

func (x *outlet) run(use func(*Flow)) {
	defer close(x.empty)
	for b := range x.full {
		x.use(b, use)
		x.empty <- b
	}
}

// use hands out a batch. After a panic nothing more is handed out.
func (x *outlet) use(b *outgoingBatch, use func(*Flow)) {
	if x.failed != nil {
		return
	}
	defer func() { x.failed = recover() }()
	for i := range b.n {
		use(b.list[i].flow)
	}
}

// handOut gives an ended flow to OnFlow.
func (e *engine) handOut(f outgoing) {
	x := e.out
	if x == nil {
		e.opt.OnFlow(f.flow)
		e.recycle(f)
		return
	}
	b := x.batch
	b.list[b.n] = f
	if b.n++; b.n < len(b.list) {
		return
	}
	x.full <- b
	x.batch = <-x.empty
	e.reclaim(x.batch)
}

// reclaim takes the rooms of flows that were handed out.
func (e *engine) reclaim(b *outgoingBatch) {
	for i := range b.n {
		e.recycle(b.list[i])
		b.list[i] = outgoing{}
	}
	b.n = 0
}

// close hands out what is left, and waits until OnFlow has returned.
func (x *outlet) close() {
	x.full <- x.batch
	close(x.full)
	for range x.empty {
	}
	if x.failed != nil {
		panic(x.failed)
	}
}
