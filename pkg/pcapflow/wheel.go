package pcapflow

// wheel ends flows by packet time: each waits in the slot of a second in which
// its silence may have lasted for long enough, and is looked at then.
type wheel struct {
	slots [wheelSlots][]waiting
	now   int64 // second up to which slots were looked at
	next  int64 // time from which there is something to do
	set   bool
	leaps int // packets in a row stamped far from now
}

// waiting is a flow in a slot, by its number. It has moved on when the turns differ.
type waiting struct{ number, turn uint32 }

const wheelSlots = 128 // seconds; longer silences take several looks

// How long a flow may be silent before it ends, ns.
const (
	lingerClosed = 5 * second    // FIN both ways, or RST: late copies and last ACKs
	lingerDone   = 2 * second    // the dissector expects no more
	silenceSYN   = 35 * second   // SYN without an answer: Linux waits up to 32 s between two
	silenceTCP   = 3600 * second // as most firewalls
	silenceOther = 60 * second
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
	s := min(max(due/second+1, w.now+1), w.now+wheelSlots-1)
	slot := &w.slots[s&(wheelSlots-1)]
	*slot = append(*slot, waiting{f.number, f.turn})
}

// forget drops the entries of flows that have moved on.
func (w *wheel) forget(t *flowTable) {
	for i, slot := range w.slots {
		kept := slot[:0]
		for _, x := range slot {
			if t.at(x.number).turn == x.turn {
				kept = append(kept, x)
			}
		}
		w.slots[i] = kept
	}
}

// closed notes that f has come to its end, but for late packets.
func (e *engine) closed(f *flow) {
	if f.closing == closed {
		return
	}
	f.closing = closed
	if !e.keep {
		e.wheel.add(f, e.h.stamp.Time+lingerClosed)
	}
}

// expire ends the flows that were silent for too long at time now.
func (e *engine) expire(now int64) {
	w := &e.wheel
	to := now / second
	if !w.set {
		w.set, w.now, w.next = true, to, (to+1)*second
		return
	}
	if to-w.now > maxLeap {
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
	w.next = (to + 1) * second
}

// turn looks at the flows of one slot.
func (e *engine) turn(slot *[]waiting, now int64) {
	list := *slot
	*slot = nil // flows that wait on may come back to this very slot
	for _, x := range list {
		f := e.table.at(x.number)
		if f.turn != x.turn {
			continue
		}
		if due := f.last.Time + f.patience(); due > now {
			e.wheel.add(f, due)
			continue
		}
		e.finish(f)
	}
	if *slot == nil {
		*slot = list[:0]
	}
}
