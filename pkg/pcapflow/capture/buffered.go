package capture

// More fills list with the next packets, as far as that does not move those that
// were yielded before in memory, so that many can be looked at together. It
// returns how many there are; behind them it is Next that tells what comes.
func (c *Reader) More(list []Packet) int {
	n := 0
	if c.pcap.usual {
		n = c.usualRecords(list)
	}
	for n < len(list) && c.buffered() && c.next(&list[n]) == nil {
		n++
	}
	return n
}

// buffered tells whether Next yields a packet without moving anything.
func (c *Reader) buffered() bool {
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

// More does the same for a set of files, up to the end of one.
func (s *Set) More(list []Packet) int {
	if s.in == nil {
		return 0
	}
	n := s.in.More(list)
	part := &s.parts[len(s.parts)-1]
	bytes := 0
	for i := range list[:n] {
		p := &list[i]
		bytes += len(p.Data)
		if p.HasTime {
			part.stamp(p.Time)
		}
		s.adopt(p)
	}
	part.Packets += n
	part.Bytes += int64(bytes)
	return n
}
