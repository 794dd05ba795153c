package pcapflow

// carried is what a flow has carried, on its way to its dissector in order.
type carried struct {
	latest  [2]Stamp // LastPayload
	at      [2]int64 // of the latest byte delivered, ns
	skim    [2]int32 // bytes to come, less one, that the dissector only counts
	skimmed [2]int32 // such that have come; so far what every payload touches
	service Stream
	skimmer Skimmer // the stream, where it is one
	idler   Idler   // the same
	content Satisfied
	early   *earlyBytes // before a protocol is recognised; nil: nothing held
	ruled   uint32      // dissectors that have said No, by their place in the table
	first   [2]Stamp    // FirstPayload
	hold    [2]*hold    // nil: nothing is missing
}

// carry makes room for what f carries.
func (e *engine) carry(f *flow) *carried {
	c := take(&e.free.carried)
	if c == nil {
		c = new(carried)
	}
	f.carried = c
	return c
}

type followState uint8

const (
	probing   followState = iota
	following             // a dissector has the flow
	off                   // nobody wants its bytes
)

// deliver gives b, readable at the given instant, to the flow's dissector.
// missing bytes at its end were cut by the snap length.
func (e *engine) deliver(f *flow, d Dir, at Stamp, b []byte, missing int64) {
	if f.carried == nil {
		e.carry(f)
	}
	at = f.notBefore(d, at)
	switch f.follow {
	case following:
		if f.skimmed != [2]int32{} {
			f.catchUp()
		}
		if len(b) > 0 {
			f.service.Data(d, at, b)
		}
		if missing > 0 {
			f.service.Gap(d, at, missing)
		}
		e.asked(f)
	case probing:
		e.probe(f, d, at, b, missing)
	}
}

// notBefore keeps the instants of one direction from going backwards.
func (f *flow) notBefore(d Dir, at Stamp) Stamp {
	if at.Time < f.at[d] {
		at.Time = f.at[d]
	}
	f.at[d] = at.Time
	return at
}

// asked lets the dissector say that it has seen enough.
func (e *engine) asked(f *flow) {
	if f.skimmer != nil {
		f.skim = f.skimmer.Skim()
	}
	if f.idler != nil && f.idler.Idle() {
		e.stopFollowing(f)
	}
	if f.content != nil {
		switch done := f.content.Satisfied(); {
		case done && f.closing != satisfied:
			f.closing = satisfied
			if !e.keep {
				e.wheel.add(f, f.last.Time+f.patience())
			}
		case !done && f.closing == satisfied:
			f.closing = running
		}
	}
}

// stopFollowing lets go of everything held for a dissector.
func (e *engine) stopFollowing(f *flow) {
	f.follow = off
	if f.carried == nil {
		return
	}
	f.early = nil
	for d := range f.hold {
		e.dropHold(f, Dir(d))
	}
}

// closeStream delivers what is still held and tells the dissector the end.
func (e *engine) closeStream(f *flow) {
	if f.carried == nil {
		return
	}
	if f.skimmed != [2]int32{} {
		f.catchUp()
	}
	for d := range f.hold {
		for f.hold[d] != nil {
			e.skipHole(f, Dir(d), f.last)
		}
	}
	if f.service != nil {
		f.service.Close(f.last)
	}
	f.early = nil
}

// hold keeps the bytes behind a hole until it is filled, or given up.
type hold struct {
	next  uint32 // number of the first missing byte
	parts []part // ascending, not overlapping, none empty
	bytes int
	acked Stamp // when the receiver acknowledged bytes of the hole: the capture lacks them
	upTo  uint32
}

// part is a stretch of bytes behind a hole.
type part struct {
	seq  uint32
	size uint32 // as sent
	data []byte // as captured
	at   Stamp
}

// Bounds of out-of-order bytes held, in bytes.
const (
	maxHoldSide  = 1 << 20
	maxHoldAll   = 32 << 20
	maxHoldParts = 2048
)

// receive takes payload that begins ahead of (negative: before) the highest
// number seen.
func (e *engine) receive(f *flow, d Dir, seq uint32, ahead int32) {
	if f.follow == off {
		return
	}
	h := e.h
	hd := f.hold[d]
	if hd == nil {
		if ahead == 0 {
			e.deliver(f, d, h.stamp, h.payload(), int64(h.length-int(h.to-h.from)))
			return
		}
		if ahead > 0 {
			hd = &hold{next: seq - uint32(ahead)}
			f.hold[d] = hd
			f.watch |= watchHold
		} else {
			e.deliverTail(f, d, h.stamp, h.payload(), h.length, int(-ahead))
			return
		}
	}
	switch before := int32(hd.next - seq); {
	case before >= 0:
		if int(before) < h.length {
			hd.next = seq + uint32(h.length)
			e.deliverTail(f, d, h.stamp, h.payload(), h.length, int(before))
			e.drain(f, d, h.stamp)
		}
	default:
		e.keepPart(f, d, seq)
	}
	if hd = f.hold[d]; hd != nil && (hd.bytes > maxHoldSide || len(hd.parts) > maxHoldParts || e.held > maxHoldAll) {
		e.skipHole(f, d, h.stamp)
	}
}

// deliverTail delivers payload without its first skip bytes, which are known.
func (e *engine) deliverTail(f *flow, d Dir, at Stamp, b []byte, size, skip int) {
	if skip >= size || skip < 0 { // negative: half the sequence space away, where neither side is before
		return
	}
	if skip < len(b) {
		e.deliver(f, d, at, b[skip:], int64(size-len(b)))
	} else {
		e.deliver(f, d, at, nil, int64(size-skip))
	}
}

// keepPart copies payload that lies behind the hole. What is held already stays
// as it came first.
func (e *engine) keepPart(f *flow, d Dir, seq uint32) {
	h := e.h
	hd := f.hold[d]
	b, size := h.payload(), uint32(h.length)
	i := len(hd.parts)
	for i > 0 && int32(hd.parts[i-1].seq-seq) > 0 {
		i--
	}
	if i > 0 { // cut what the part before holds
		if over := int32(hd.parts[i-1].seq + hd.parts[i-1].size - seq); over > 0 {
			if uint32(over) >= size {
				return
			}
			seq += uint32(over)
			size -= uint32(over)
			b = b[min(int(over), len(b)):]
		}
	}
	for size > 0 {
		n := size
		if i < len(hd.parts) {
			if room := hd.parts[i].seq - seq; room < n {
				n = room
			}
		}
		if n > 0 {
			data := append(e.free.part(min(int(n), len(b))), b[:min(int(n), len(b))]...)
			hd.parts = append(hd.parts, part{})
			copy(hd.parts[i+1:], hd.parts[i:])
			hd.parts[i] = part{seq, n, data, h.stamp}
			hd.bytes += len(data)
			e.held += len(data)
			i++
		}
		if n == size {
			return
		}
		known := min(n+hd.parts[i].size, size) // and what the next part holds
		seq += known
		size -= known
		b = b[min(int(known), len(b)):]
		i++
	}
}

// drain delivers the parts that have become contiguous at the given instant.
func (e *engine) drain(f *flow, d Dir, at Stamp) {
	for hd := f.hold[d]; hd != nil; hd = f.hold[d] {
		if len(hd.parts) == 0 {
			if left := int32(f.side[d].next - hd.next); left <= 0 || left == 1 && f.side[d].fin {
				e.dropHold(f, d)
			}
			return
		}
		p := hd.parts[0]
		known := int32(hd.next - p.seq)
		if known < 0 {
			return
		}
		hd.parts = hd.parts[1:]
		hd.bytes -= len(p.data)
		e.held -= len(p.data)
		if uint32(known) < p.size {
			hd.next = p.seq + p.size
			e.deliverTail(f, d, at, p.data, int(p.size), int(known))
		}
		e.free.giveBack(p.data)
	}
}

// skipHole gives up the hole: a gap up to what is held behind it, or up to the
// highest number known.
func (e *engine) skipHole(f *flow, d Dir, at Stamp) {
	hd := f.hold[d]
	to := f.side[d].next
	if len(hd.parts) > 0 {
		to = hd.parts[0].seq
	} else if f.side[d].fin {
		to--
	}
	e.skipTo(f, d, to, at)
	if hd == f.hold[d] && len(hd.parts) == 0 {
		e.dropHold(f, d)
	}
}

// skipTo gives up the bytes of the hole before number to.
func (e *engine) skipTo(f *flow, d Dir, to uint32, at Stamp) {
	hd := f.hold[d]
	n := int32(to - hd.next)
	if n > 0 {
		hd.next = to
		e.deliver(f, d, at, nil, int64(n))
	}
	e.drain(f, d, at)
}

func (e *engine) dropHold(f *flow, d Dir) {
	if hd := f.hold[d]; hd != nil {
		for i := range hd.parts {
			e.free.giveBack(hd.parts[i].data)
		}
		e.held -= hd.bytes
		f.hold[d] = nil
		if f.hold[d.Other()] == nil {
			f.watch &^= watchHold
		}
	}
}

// lateCapture is how long after its acknowledgement a segment may still be
// recorded: the two directions often come through different queues. ns
const lateCapture = 1e6

// holeAcknowledged is called when the receiver acknowledged upTo while bytes
// that side d sent are missing.
func (e *engine) holeAcknowledged(f *flow, d Dir, upTo uint32) {
	hd := f.hold[d]
	if int32(upTo-hd.next) <= 0 {
		return
	}
	if !hd.acked.Seen() {
		hd.acked = e.h.stamp
	}
	hd.upTo = upTo
}

// settle gives up holes whose bytes the receiver has long acknowledged.
func (e *engine) settle(f *flow, d Dir) {
	hd := f.hold[d]
	if hd == nil || !hd.acked.Seen() || e.h.stamp.Time-hd.acked.Time <= lateCapture {
		return
	}
	upTo, at := hd.upTo, hd.acked
	hd.acked = Stamp{}
	for f.hold[d] == hd && int32(upTo-hd.next) > 0 {
		to := upTo
		if len(hd.parts) > 0 && int32(hd.parts[0].seq-to) < 0 {
			to = hd.parts[0].seq
		}
		e.skipTo(f, d, to, at)
	}
}
