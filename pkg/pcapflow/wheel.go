package pcapflow

// wheel ends flows by packet time: each waits in the slot of a quarter of a second in
// which its silence may have lasted for long enough, and is looked at then.
type wheel struct {
	slots [wheelSlots]row
	slabs []*[slabBlocks]waitingBlock // all blocks, by number; 0 is none
	spare int32                       // first of the blocks not in use, and each names the next; 0: none

	now   int64 // tick up to which slots were looked at
	next  int64 // time from which there is something to do
	set   bool
	leaps int // packets in a row stamped far from now

	fetched uint64 // keeps the compiler from leaving out the fetching
}

// waiting is a flow in a slot, by its number. It has moved on when the turns differ.
type waiting struct{ number, turn uint32 }

// row is a list of blocks; 0: empty.
type row struct{ first, last int32 }

// waitingBlock is a stretch of a row.
type waitingBlock struct {
	list [31]waiting
	n    int32
	next int32 // 0: none
}

const slabBlocks = 64 // 16 KiB

// block is that of a number.
func (w *wheel) block(n int32) *waitingBlock { return &w.slabs[n/slabBlocks][n%slabBlocks] }

// take gives an empty block.
func (w *wheel) take() int32 {
	if w.spare == 0 {
		from := int32(len(w.slabs)) * slabBlocks
		w.slabs = append(w.slabs, new([slabBlocks]waitingBlock))
		for b := from + slabBlocks - 1; b >= max(from, 1); b-- {
			w.release(b)
		}
	}
	b := w.spare
	w.spare = w.block(b).next
	w.block(b).n, w.block(b).next = 0, 0
	return b
}

// push puts x at the end of a row.
func (w *wheel) push(r *row, x waiting) {
	if r.last == 0 || int(w.block(r.last).n) == len(w.block(r.last).list) {
		b := w.take()
		if r.last == 0 {
			r.first = b
		} else {
			w.block(r.last).next = b
		}
		r.last = b
	}
	b := w.block(r.last)
	b.list[b.n] = x
	b.n++
}

// release lays a block by.
func (w *wheel) release(b int32) {
	w.block(b).next = w.spare
	w.spare = b
}

const (
	wheelTick  = second / 4 // ns
	wheelSlots = 512        // ticks; longer silences take several looks
)

// How long a flow may be silent before it ends, ns.
const (
	lingerClosed  = 5 * second    // FIN both ways, or RST: late copies and last ACKs
	lingerSettled = second / 2    // the last ACKs have come: late copies
	lingerDone    = second        // the dissector expects no more
	silenceSYN    = 35 * second   // SYN without an answer: Linux waits up to 32 s between two
	silenceTCP    = 3600 * second // as most firewalls
	silenceOther  = 60 * second
)

// A stamp further than this from the ones before is another capture behind the
// first, a stepped clock, or damage: it counts once several in a row agree.
const (
	maxLeap     = 600 // s
	leapPackets = 16
)

// add makes the wheel look at f when its silence may end it.
func (w *wheel) add(f *flow, due int64) {
	f.turn++
	s := min(max(due/wheelTick+1, w.now+1), w.now+wheelSlots-1)
	w.push(&w.slots[s&(wheelSlots-1)], waiting{f.number, f.turn})
}

// forget drops the entries of flows that have moved on.
func (w *wheel) forget(t *flowTable) {
	for i := range w.slots {
		old := w.slots[i]
		w.slots[i] = row{}
		w.each(old, t, func(x waiting) {
			if t.at(x.number).turn == x.turn {
				w.push(&w.slots[i], x)
			}
		})
	}
}

// closed notes that f has come to its end, but for late packets.
func (e *engine) closed(f *flow) {
	if f.closing >= closed {
		return
	}
	f.closing = closed
	if !e.keep {
		e.wheel.add(f, e.h.stamp.Time+lingerClosed)
	}
}

// settled notes that both sides have the other's FIN and all before it.
func (e *engine) settled(f *flow) {
	a, b := &f.side[Client], &f.side[Server]
	if !a.fin || !b.fin || a.acked != b.next || b.acked != a.next || f.watch&(watchHold|watchHoles|watchHoles<<1) != 0 {
		return
	}
	f.closing = settled
	if !e.keep {
		e.wheel.add(f, e.h.stamp.Time+lingerSettled)
	}
}

// expire ends the flows that were silent for too long at time now.
func (e *engine) expire(now int64) {
	w := &e.wheel
	to := now / wheelTick
	if !w.set {
		w.set, w.now, w.next = true, to, (to+1)*wheelTick
		return
	}
	if to-w.now > maxLeap*second/wheelTick {
		if w.leaps++; w.leaps < leapPackets {
			return
		}
	}
	w.leaps = 0
	for steps := 0; w.now < to && steps < wheelSlots; steps++ {
		w.now++
		e.turn(&w.slots[w.now&(wheelSlots-1)], now)
	}
	w.now = to // after as many steps as there are slots each flow was looked at
	w.next = (to + 1) * wheelTick
}

// each calls use with all that wait in a row, and releases its blocks.
func (w *wheel) each(r row, t *flowTable, use func(waiting)) {
	for b := r.first; b != 0; {
		block := *w.block(b) // use may push, and so take it again
		w.release(b)
		w.fetched += t.fetch(block.list[:block.n])
		for _, x := range block.list[:block.n] {
			use(x)
		}
		b = block.next
	}
}

// fetch touches what ending the flows of a list will need, so that it comes from
// memory at the same time rather than one after the other.
func (t *flowTable) fetch(list []waiting) (sum uint64) {
	for _, x := range list {
		f := t.at(x.number)
		sum += uint64(f.turn) + uint64(f.last.Time)
	}
	mask := uint32(len(t.places) - 1)
	ending := [len(waitingBlock{}.list)]*flow{}
	n := 0
	for _, x := range list {
		if f := t.at(x.number); f.turn == x.turn {
			sum += uint64(t.places[f.hash>>1&mask].hash) + touched(f)
			ending[n] = f
			n++
		}
	}
	for _, f := range ending[:n] {
		sum += f.touchEnding()
	}
	for _, f := range ending[:n] {
		sum += f.touchTold()
	}
	return sum
}

// turn looks at the flows of one slot. Those that wait on may come back to it.
func (e *engine) turn(slot *row, now int64) {
	list := *slot
	*slot = row{}
	e.wheel.each(list, &e.table, func(x waiting) {
		f := e.table.at(x.number)
		if f.turn != x.turn {
			return
		}
		if due := f.last.Time + f.patience(); due > now {
			e.wheel.add(f, due)
			return
		}
		e.finish(f)
	})
}
