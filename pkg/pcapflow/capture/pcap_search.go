package capture

import "encoding/binary"

// day is how far apart, in seconds, neighbouring records may lie to be taken
// for neighbours in a search.
const day = 86400

// plausible is a stricter fine, for headers found by searching.
func (f *recordFormat) plausible(h header) bool {
	return h.cap != 0 && h.cap <= usualRecord && f.fine(h)
}

// near tells whether two instants, in seconds, can be of neighbouring records.
func near(a, b int64) bool { return a-b <= day && b-a <= day }

// chain tells whether plausible records follow one another from off bytes
// behind pos until past, at least two of them, four where the first is not of
// the time of the last good record; or until the end of the file. It spends
// budget, one a record.
func (c *Reader) chain(off, past int, budget *int) bool {
	f := &c.pcap
	want, before := 2, c.last/1e9
	for n := 0; *budget > 0; n++ {
		*budget--
		if !c.w.need(off + f.header) {
			left := len(c.w.unread())
			return n >= want || left == off && n > 0 && want == 2
		}
		h := f.parse(c.w.unread()[off:])
		if !f.plausible(h) {
			return false
		}
		if sec := int64(h.sec); !near(sec, before) {
			if n > 0 {
				return false
			}
			if c.timed {
				want = 4
			}
		}
		if n >= want && off > past {
			return true
		}
		before = int64(h.sec)
		off += f.header + int(h.cap)
	}
	return false
}

// inside looks in the record of n bytes at pos for the place where the next
// one really begins; 0: nowhere.
func (c *Reader) inside(n int) int {
	f := &c.pcap
	budget := n + 64
	// What a packet carries may look like records of another age: only those of
	// the time of this one, or of the one before, count.
	age := int64(f.parse(c.w.unread()).sec)
	for q := f.header; q < n && q+f.header <= len(c.w.unread()); q++ {
		h := f.parse(c.w.unread()[q:])
		if f.plausible(h) && (near(int64(h.sec), age) || c.timed && near(int64(h.sec), c.last/1e9)) && c.chain(q, n, &budget) {
			return q
		}
	}
	return 0
}

// zeros is how many of them b begins with.
func zeros(b []byte) (n int) {
	for len(b)-n >= 8 && binary.NativeEndian.Uint64(b[n:]) == 0 {
		n += 8
	}
	for n < len(b) && b[n] == 0 {
		n++
	}
	return n
}

// search leaves the damaged place at pos for the next record behind it.
func (c *Reader) search() error {
	f := &c.pcap
	start := c.w.offset()
	for c.w.pos++; c.w.need(f.header); c.w.pos++ {
		if n := zeros(c.w.unread()) - f.header; n > 0 { // as many as no header has
			c.w.pos += n
		}
		if !f.plausible(f.parse(c.w.unread())) {
			continue
		}
		if budget := 64; c.chain(0, 0, &budget) {
			lost := c.w.offset() - start
			c.problem(start, lost, "no record here: %d bytes skipped to the next one", lost)
			f.judged = true
			return nil
		}
	}
	c.w.pos = c.w.end
	lost := c.w.offset() - start
	c.problem(start, lost, "no record here and none behind: the last %d bytes are not read", lost)
	return c.finish("")
}
