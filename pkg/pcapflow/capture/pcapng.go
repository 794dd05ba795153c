package capture

import (
	"encoding/binary"
	"math/bits"
)

// Block types of draft-ietf-opsawg-pcapng, section 10.1, that are read.
const (
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders
	blockInterface = 1
	blockOldPacket = 2
	blockSimple    = 3
	blockNames     = 4
	blockStats     = 5
	blockPacket    = 6
	blockJournal   = 9
	blockSecrets   = 10
)

// frameBlocks carry no packet but take a frame number in Wireshark: journal
// entries, custom blocks (section 4.9) and the events of sysdig.
var frameBlocks = map[uint32]bool{
	blockJournal: true, 0x00000bad: true, 0x40000bad: true,
	0x204: true, 0x216: true, 0x221: true,
}

const (
	blockHead = 8  // type and length
	blockMin  = 12 // and the length again
)

// sections is what a pcapng file has told of itself.
type sections struct {
	big     bool
	order   binary.ByteOrder
	begun   bool    // a section header has been read
	section int     // of the blocks being read, from 0
	given   int     // section numbers given so far
	merged  bool    // the section holds captures of several hosts
	host    string  // what its header says of the capturing host
	port    []iface // its interfaces, by number
}

// iface is what reading packets needs of an interface.
type iface struct {
	clock ClockID
	link  LinkType
	snap  uint32 // 0: none
	ticks ticks
}

// sectionOrder reads the byte order of the Section Header Block at b.
func sectionOrder(b []byte) (binary.ByteOrder, bool) {
	switch binary.LittleEndian.Uint32(b[8:]) {
	case 0x1a2b3c4d:
		return binary.LittleEndian, true
	case 0x4d3c2b1a:
		return binary.BigEndian, true
	}
	return nil, false
}

func (s *sections) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if s.big {
		return bits.ReverseBytes32(v)
	}
	return v
}

func (s *sections) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if s.big {
		return bits.ReverseBytes16(v)
	}
	return v
}

func (s *sections) u64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if s.big {
		return bits.ReverseBytes64(v)
	}
	return v
}

// nextBlock yields the next packet of a pcapng file.
func (c *Reader) nextBlock(p *Packet) error {
	s := &c.ng
	for {
		b := c.w.buf[c.w.pos:c.w.end]
		if len(b) >= blockHead && s.u32(b) == blockPacket {
			if n := int(s.u32(b[4:])); n >= 32 && n <= len(b) && n&3 == 0 && int(s.u32(b[n-4:])) == n {
				c.w.pos += n
				if c.enhanced(p, b[:n:n]) {
					return nil
				}
				continue
			}
		}
		b, err := c.block()
		if err != nil {
			return err
		}
		if b != nil && c.read(p, b) {
			return nil
		}
	}
}

// block takes the whole block at pos out of the window, with its head and its
// tail. It is nil where there was damage, which has been passed.
func (c *Reader) block() ([]byte, error) {
	s := &c.ng
	if !c.w.need(blockMin) {
		return nil, c.finish("a block's head")
	}
	b := c.w.unread()
	typ := s.u32(b)
	if typ == blockSection {
		order, ok := sectionOrder(b)
		if !ok {
			return nil, c.searchBlock("a section header without its magic")
		}
		s.order, s.big = order, order == binary.BigEndian
	}
	n := int64(s.u32(b[4:]))
	if n < blockMin || n > int64(c.opt.MaxRecord) {
		return nil, c.searchBlock("a block of an impossible length")
	}
	// The length is a multiple of four; some writers state it without padding.
	whole := int(n+3) &^ 3
	if !c.w.need(int(n)) {
		if c.lostBlock() {
			return nil, c.searchBlock("a block longer than the rest of the file")
		}
		return nil, c.finish("a block")
	}
	b = c.w.unread()
	switch {
	case int64(s.u32(b[n-4:])) == n:
	case int(n) != whole && c.w.need(whole) && int64(s.u32(c.w.unread()[whole-4:])) == n:
		n = int64(whole)
		b = c.w.unread()
	default:
		return nil, c.searchBlock("a block whose two lengths differ")
	}
	c.w.pos += int(n)
	return b[:n:n], nil
}

// read takes in one block; true where it was a packet, now in p.
func (c *Reader) read(p *Packet, b []byte) bool {
	s := &c.ng
	typ := s.u32(b)
	if typ == blockSection {
		c.sectionBlock(b)
		return false
	}
	if !s.begun {
		return false
	}
	switch typ {
	case blockPacket:
		return c.enhanced(p, b)
	case blockOldPacket:
		return c.oldPacket(p, b)
	case blockSimple:
		return c.simple(p, b)
	case blockInterface:
		c.interfaceBlock(b)
	case blockStats:
		c.statsBlock(b)
	case blockNames:
		c.namesBlock(b)
	case blockSecrets:
		c.secretsBlock(b)
	default:
		if frameBlocks[typ] {
			c.frame++
		}
		if typ == blockJournal && c.opt.OnJournal != nil {
			c.opt.OnJournal(b[blockHead:len(b)-4], c.w.offset()-int64(len(b))+blockHead)
		}
	}
	return false
}

// enhanced reads an Enhanced Packet Block (section 4.3).
func (c *Reader) enhanced(p *Packet, b []byte) bool {
	s := &c.ng
	if len(b) < 32 {
		return c.unreadable(b, "an Enhanced Packet Block without room for its fields")
	}
	n := s.u32(b[20:])
	if int64(n) > int64(len(b)-32) {
		return c.unreadable(b, "a packet longer than its block")
	}
	id := s.u32(b[8:])
	if uint64(id) >= uint64(len(s.port)) {
		return c.unreadable(b, "a packet of an interface that was not described")
	}
	port := &s.port[id]
	c.frame++
	p.Frame = c.frame
	p.Time, p.HasTime = port.ticks.ns(uint64(s.u32(b[12:]))<<32 | uint64(s.u32(b[16:])))
	p.Clock = port.clock
	p.Link = port.link
	p.Data = b[28 : 28+n : 28+n]
	p.WireLen = int(s.u32(b[24:]))
	if !p.HasTime {
		c.once("a stamp outside the years 1970 to 2262")
	}
	if end := 28 + int(n+3)&^3; end+8 <= len(b) {
		c.packetOptions(b[end : len(b)-4])
	}
	return true
}

// simple reads a Simple Packet Block (section 4.4): of the section's first
// interface, without a time.
func (c *Reader) simple(p *Packet, b []byte) bool {
	s := &c.ng
	if len(b) < 16 {
		return c.unreadable(b, "a Simple Packet Block without room for its fields")
	}
	if len(s.port) == 0 {
		return c.unreadable(b, "a packet of an interface that was not described")
	}
	port := &s.port[0]
	wire := s.u32(b[8:])
	n := wire
	if port.snap != 0 {
		n = min(n, port.snap)
	}
	n = min(n, uint32(len(b)-16))
	c.frame++
	*p = Packet{Frame: c.frame, Clock: port.clock, Link: port.link, Data: b[12 : 12+n : 12+n], WireLen: int(wire)}
	return true
}

// oldPacket reads the obsolete Packet Block (appendix A).
func (c *Reader) oldPacket(p *Packet, b []byte) bool {
	s := &c.ng
	if len(b) < 32 {
		return c.unreadable(b, "a Packet Block without room for its fields")
	}
	n := s.u32(b[20:])
	if int64(n) > int64(len(b)-32) {
		return c.unreadable(b, "a packet longer than its block")
	}
	id := int(s.u16(b[8:]))
	if id >= len(s.port) {
		return c.unreadable(b, "a packet of an interface that was not described")
	}
	port := &s.port[id]
	c.frame++
	*p = Packet{Frame: c.frame, Clock: port.clock, Link: port.link, Data: b[28 : 28+n : 28+n], WireLen: int(s.u32(b[24:]))}
	p.Time, p.HasTime = port.ticks.ns(uint64(s.u32(b[12:]))<<32 | uint64(s.u32(b[16:])))
	if !p.HasTime {
		c.once("a stamp outside the years 1970 to 2262")
	}
	return true
}

// unreadable notes a block that was passed over, whole. It is always false.
func (c *Reader) unreadable(b []byte, what string) bool {
	c.problem(c.w.offset()-int64(len(b)), int64(len(b)), "%s", what)
	return false
}
