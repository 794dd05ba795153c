package capture

import "io"

// tailBytes is how much of a file's end LastTime reads.
const tailBytes = 2 << 20

// LastTime is the stamp of the last packet of a plain capture file, found from
// its end without reading all of it; not ok where that cannot be told.
func LastTime(r io.ReaderAt, size int64) (last int64, ok bool) {
	c, err := NewReader(io.NewSectionReader(r, 0, size), Options{})
	if err != nil {
		return 0, false
	}
	var p Packet
	if size > 2*tailBytes {
		// The first packet has the file's interfaces described before it.
		if c.Next(&p) != nil {
			return 0, false
		}
		c.jump(io.NewSectionReader(r, size-tailBytes, tailBytes))
	}
	for c.Next(&p) == nil {
		if p.HasTime {
			last, ok = p.Time, true
		}
	}
	return last, ok
}

// jump goes on with another part of the file, from the first record in it.
func (c *Reader) jump(r io.Reader) {
	c.w = newWindow(r, c.w.limit)
	c.timed = false
	if c.kind == PCAP {
		c.pcap.judged = false
		if c.w.need(c.pcap.header) && !c.chainHere() {
			c.search()
		}
		return
	}
	if c.w.need(blockMin) && !c.standsAt(0) {
		c.searchBlock("the middle of a file")
	}
}

// chainHere tells whether a record begins at pos, as a search would find it.
func (c *Reader) chainHere() bool {
	budget := 64
	c.pcap.judged = c.chain(0, 0, &budget)
	return c.pcap.judged
}
