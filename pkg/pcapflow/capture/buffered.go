package capture

// Buffered tells whether Next yields a packet without moving those that it
// yielded before in memory, so that several can be looked at together.
func (c *Reader) Buffered() bool {
	b := c.w.unread()
	if c.kind == PCAP {
		f := &c.pcap
		if !f.judged || len(b) < f.header {
			return false
		}
		n := f.header + int(f.parse(b).cap)
		return len(b) >= n+f.header && f.fine(f.parse(b[n:]))
	}
	s := &c.ng
	if len(b) < 32 || s.u32(b) != blockPacket {
		return false
	}
	n := int(s.u32(b[4:]))
	return n >= 32 && n <= len(b) && n&3 == 0 && int(s.u32(b[n-4:])) == n &&
		int64(s.u32(b[20:])) <= int64(n-32) && uint64(s.u32(b[8:])) < uint64(len(s.port))
}

// Keep makes the packets that Next yields stay where they are in memory: move
// says from when on they are not needed any more.
func (c *Reader) Keep(move Mover) { c.w.move = move }

// Keep does the same for a set of files.
func (s *Set) Keep(move Mover) {
	s.move = move
	if s.in != nil {
		s.in.Keep(move)
	}
}

// Buffered tells the same of a set of files.
func (s *Set) Buffered() bool { return s.in != nil && s.in.Buffered() }
