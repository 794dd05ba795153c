package pcapflow

// handover passes rooms from a goroutine that fills them to one that empties
// them, and back. Full ones go one by one; empty ones go many at a time, since
// waking a goroutine that waits for one costs as much as hundreds of packets.
type handover[T any] struct {
	full, empty chan *T
	unmade      int  // rooms that were not needed yet
	back        []*T // emptied, still to be given back
}

// newHandover is one for so many rooms in all.
func newHandover[T any](rooms int) *handover[T] {
	return &handover[T]{full: make(chan *T, rooms), empty: make(chan *T, rooms), unmade: rooms, back: make([]*T, 0, rooms)}
}

// room is an empty one, nil if there is none now: then it comes by x.empty.
func (x *handover[T]) room() *T {
	select {
	case room := <-x.empty:
		return room
	default:
	}
	if x.unmade == 0 {
		return nil
	}
	x.unmade--
	return new(T)
}

// next is the next full room; false behind the last. While it waits for one,
// every empty one is with the goroutine that fills.
func (x *handover[T]) next() (*T, bool) {
	select {
	case room, ok := <-x.full:
		return room, ok
	default:
	}
	x.flush()
	room, ok := <-x.full
	return room, ok
}

// giveBack takes a room that was emptied.
func (x *handover[T]) giveBack(room *T) {
	if x.back = append(x.back, room); 2*len(x.back) >= cap(x.back) {
		x.flush()
	}
}

func (x *handover[T]) flush() {
	for _, room := range x.back {
		x.empty <- room
	}
	x.back = x.back[:0]
}
