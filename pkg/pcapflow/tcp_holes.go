package pcapflow

// holes are the stretches of one side's bytes that were skipped, in order of
// their sequence numbers.
type holes struct {
	list   []hole
	forgot bool // there were too many at a time
}

type hole struct {
	from, to uint32
	since    Stamp  // of the segment behind it, or the acknowledgement of it
	ts       uint32 // TSval of that segment; 0: none
	acked    Stamp  // the receiver has these bytes: only the capture lacks them
	quiet    int64  // since the sender's packet before, ns
}

const maxHoles = 64

// hole notes that side d's bytes between two numbers were skipped.
func (e *engine) hole(f *flow, d Dir, from, to uint32) {
	e.story(f).rare.holes[d].add(from, to, e.h, f.side[d].heard)
	f.watch |= watchHoles << d
}

// add a hole seen with the packet at hand, which lies behind it; heard is when
// the sender had been heard of before.
func (x *holes) add(from, to uint32, h *header, heard int64) {
	if len(x.list) == maxHoles {
		x.list = x.list[:copy(x.list, x.list[1:])]
		x.forgot = true
	}
	n := hole{from: from, to: to, since: h.stamp}
	if heard != 0 {
		n.quiet = max(0, h.stamp.Time-heard)
	}
	if b := h.option(optionTS); len(b) == 8 {
		n.ts = be32(b)
	}
	x.list = append(x.list, n)
}

// fill takes what lies within seq and end out of the holes; the first hole that
// was touched is returned as it was, and how many bytes were filled, and of them
// how many had been acknowledged.
func (x *holes) fill(seq, end uint32) (was hole, n, acked uint32) {
	for i := 0; i < len(x.list); i++ {
		o := &x.list[i]
		from, to := o.from, o.to
		if int32(seq-from) > 0 {
			from = seq
		}
		if int32(end-to) < 0 {
			to = end
		}
		if int32(to-from) <= 0 {
			continue
		}
		if n == 0 {
			was = *o
		}
		n += to - from
		if o.acked.Seen() {
			acked += to - from
		}
		switch {
		case from == o.from && to == o.to:
			x.list = append(x.list[:i], x.list[i+1:]...)
			i--
		case from == o.from:
			o.from = to
		case to == o.to:
			o.to = from
		default:
			behind := *o
			behind.from = to
			o.to = from
			if len(x.list) < maxHoles {
				x.list = append(x.list, hole{})
				copy(x.list[i+2:], x.list[i+1:])
				x.list[i+1] = behind
			}
			i++
		}
	}
	return was, n, acked
}

// acknowledged tells how many bytes of the holes ack newly covers.
func (x *holes) acknowledged(ack uint32, at Stamp) (n int64) {
	for i := 0; i < len(x.list); i++ {
		o := &x.list[i]
		if o.acked.Seen() || int32(ack-o.from) <= 0 {
			continue
		}
		if int32(ack-o.to) < 0 {
			if len(x.list) == maxHoles {
				continue
			}
			x.list = append(x.list, hole{})
			o = &x.list[i]
			copy(x.list[i+1:], x.list[i:])
			o.to, x.list[i+1].from = ack, ack
		}
		o.acked = at
		n += int64(o.to - o.from)
	}
	return n
}

// missing is the first hole that was neither filled nor acknowledged; nil: none.
func (x *holes) missing() *hole {
	for i := range x.list {
		if o := &x.list[i]; !o.acked.Seen() {
			return o
		}
	}
	return nil
}
