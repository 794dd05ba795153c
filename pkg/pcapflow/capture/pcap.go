package capture

import (
	"encoding/binary"
	"math/bits"
)

// recordFormat is how the records of one pcap file are laid out.
type recordFormat struct {
	big    bool
	header int    // bytes before a packet's data
	tick   int64  // nanoseconds of one unit of the fraction
	units  uint32 // of the fraction in a second
	max    uint32 // longest captured length believed
	swap   swap
	link   LinkType
	judged bool // the header at the window's pos has been found plausible
	usual  bool // little-endian records with headers of 16 bytes, lengths in order
}

// swap tells whether the two lengths of a record stand in the other order.
// libpcap before 0.4 wrote versions below 2.3 that way, and some of 2.3.
type swap uint8

const (
	never swap = iota
	whereLonger
	always
)

// header is that of one record.
type header struct{ sec, frac, cap, wire uint32 }

func (c *Reader) openPCAP(m magic, order binary.ByteOrder) error {
	f := &c.pcap
	f.big = order == binary.BigEndian
	f.header, f.tick, f.units = m.record, m.tick, uint32(1e9/m.tick)
	f.max = usualRecord
	one := Interface{Unit: m.tick, FCS: -1, Dropped: -1}
	if !c.w.need(24 + m.extra) {
		c.interfaces = append(c.interfaces, one)
		c.finish("the file header")
		return nil
	}
	b := c.w.unread()
	major, minor := order.Uint16(b[4:]), order.Uint16(b[6:])
	switch {
	case major == 543, major == 2 && minor < 3:
		f.swap = always
	case major == 2 && minor == 3:
		f.swap = whereLonger
	case major != 2:
		c.problem(4, 0, "version %d.%d is unknown: read as 2.4", major, minor)
	}
	f.usual = !f.big && f.swap == never && f.header == 16
	snap := order.Uint32(b[16:])
	if snap > usualRecord && int64(snap) <= int64(c.opt.MaxRecord) {
		f.max = snap
	}
	network := order.Uint32(b[20:])
	// The upper bits hold the length of a frame check sequence, in 16-bit words.
	if network&0x04000000 != 0 {
		one.FCS = int(network>>28) * 2
	}
	f.link = LinkType(network & 0x03ffffff)
	one.Link, one.SnapLen = f.link, int(snap)
	if snap > 1<<31-1 {
		one.SnapLen = 0
	}
	c.interfaces = append(c.interfaces, one)
	c.w.pos += 24 + m.extra
	return nil
}

// parse reads the header at the start of b, which is long enough for it.
func (f *recordFormat) parse(b []byte) header {
	h := header{
		binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]),
		binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:]),
	}
	if f.big {
		h = header{bits.ReverseBytes32(h.sec), bits.ReverseBytes32(h.frac), bits.ReverseBytes32(h.cap), bits.ReverseBytes32(h.wire)}
	}
	if f.swap != never && (f.swap == always || h.cap > h.wire) {
		h.cap, h.wire = h.wire, h.cap
	}
	return h
}

// fine tells whether h is what a capture program writes.
func (f *recordFormat) fine(h header) bool {
	return h.cap <= h.wire && h.wire <= f.max && h.frac < f.units && h.wire != 0
}

// bearable tells whether h can be followed although it is not fine: it is of
// the time of the last good record or of a packet that was not cut (its two
// lengths agree, as those of misread bytes do not), and no row of zeros, which is what a file
// system leaves at the end of a file after a crash.
func (c *Reader) bearable(h header) bool {
	return h.cap <= c.pcap.max && h.wire <= defaultMaxRecord && h != (header{}) &&
		(!c.timed || h.cap == h.wire || near(int64(h.sec), c.last/1e9))
}

// nextRecord yields the next packet of a pcap file. Before it hands one out it
// looks at the header behind it: a length that leads nowhere is damage.
func (c *Reader) nextRecord(p *Packet) error {
	f := &c.pcap
	for {
		b := c.w.buf[c.w.pos:c.w.end]
		if !f.judged || len(b) < f.header {
			if err := c.judge(); err != nil {
				return err
			}
			continue
		}
		h := f.parse(b)
		n := f.header + int(h.cap)
		if len(b) < n+f.header || !f.fine(f.parse(b[n:])) {
			if n = c.weigh(n); n == 0 {
				continue
			}
			b = c.w.buf[c.w.pos:c.w.end]
		}
		c.w.pos += n
		c.frame++
		c.last = int64(h.sec)*1e9 + int64(h.frac)*f.tick
		c.timed = true
		p.Frame = c.frame
		p.Time = c.last
		p.HasTime = true
		p.Clock = 0
		p.Link = f.link
		p.Data = b[f.header:n:n]
		p.WireLen = int(h.wire)
		return nil
	}
}

// usualRecords is nextRecord for as many records as list has room for and as are
// in memory with the header behind them, all of them well, as nearly always.
func (c *Reader) usualRecords(list []Packet) int {
	f := &c.pcap
	b := c.w.buf[c.w.pos:c.w.end]
	if !f.judged || len(b) < 16 {
		return 0
	}
	at := (*[16]byte)(b)
	sec, frac := binary.LittleEndian.Uint32(at[:]), binary.LittleEndian.Uint32(at[4:])
	length, wire := binary.LittleEndian.Uint32(at[8:]), binary.LittleEndian.Uint32(at[12:])
	k, from, frame := 0, 0, c.frame
	for k < len(list) {
		end := from + 16 + int(length)
		if end+16 > len(b) {
			break
		}
		at := (*[16]byte)(b[end:])
		sec2, frac2 := binary.LittleEndian.Uint32(at[:]), binary.LittleEndian.Uint32(at[4:])
		length2, wire2 := binary.LittleEndian.Uint32(at[8:]), binary.LittleEndian.Uint32(at[12:])
		if length2 > wire2 || wire2 > f.max || wire2 == 0 || frac2 >= f.units {
			break
		}
		p := &list[k]
		frame++
		p.Frame, p.Time, p.HasTime, p.Clock, p.Link = frame, int64(sec)*1e9+int64(frac)*f.tick, true, 0, f.link
		p.Data, p.WireLen = b[from+16:end:end], int(wire)
		from, sec, frac, length, wire = end, sec2, frac2, length2, wire2
		k++
	}
	if k > 0 {
		c.w.pos += from
		c.frame, c.last, c.timed = frame, list[k-1].Time, true
	}
	return k
}

// judge brings a plausible header to pos, or tells that there is none.
func (c *Reader) judge() error {
	f := &c.pcap
	if !c.w.need(f.header) {
		return c.finish("a record's header")
	}
	if f.judged {
		return nil
	}
	if f.fine(f.parse(c.w.unread())) || c.follows(0) {
		f.judged = true
		return nil
	}
	return c.search()
}

// weigh decides on the record of n bytes at pos whose successor is not plainly
// a record or not yet in memory: it tells how many bytes to hand out, header
// included; 0 if the file ends within the record.
func (c *Reader) weigh(n int) int {
	f := &c.pcap
	if c.w.need(n + f.header) {
		if f.fine(f.parse(c.w.unread()[n:])) {
			return n
		}
		if c.follows(n) {
			c.once("record headers with a fraction of a second or more, or lengths that no packet has")
			return n
		}
	} else if left := len(c.w.unread()); left >= n {
		f.judged = left == n
		return n
	}
	if q := c.inside(n); q > 0 {
		c.problem(c.w.offset(), 0, "a record that claims %d bytes and has %d: the next one begins there", n, q)
		return q
	}
	f.judged = false
	if len(c.w.unread()) < n {
		c.finish("a record")
		return 0
	}
	return n
}

// follows tells whether the header off bytes behind pos, odd as it is, leads to
// another one or exactly to the end of the file.
func (c *Reader) follows(off int) bool {
	f := &c.pcap
	if !c.w.need(off + f.header) {
		return false
	}
	h := f.parse(c.w.unread()[off:])
	if !c.bearable(h) {
		return false
	}
	off += f.header + int(h.cap)
	if !c.w.need(off + f.header) {
		return len(c.w.unread()) == off
	}
	return c.bearable(f.parse(c.w.unread()[off:]))
}
