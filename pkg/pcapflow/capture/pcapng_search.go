package capture

// searchable are the block types that a search stops at. Others are found only
// by following a good one.
func searchable(typ uint32) bool {
	return typ == blockSection || typ >= blockInterface && typ <= blockPacket || typ == blockSecrets
}

// standsAt tells whether a whole block, its two lengths agreeing, stands off
// bytes behind pos. Blocks over usualRecord are not looked for.
func (c *Reader) standsAt(off int) bool {
	s := &c.ng
	if !c.w.need(off + blockMin) {
		return false
	}
	b := c.w.unread()[off:]
	typ := s.u32(b)
	if !searchable(typ) {
		return false
	}
	u32 := s.u32
	if typ == blockSection {
		order, ok := sectionOrder(b)
		if !ok {
			return false
		}
		u32 = order.Uint32
	}
	n := u32(b[4:])
	if n < blockMin || n&3 != 0 || n > usualRecord+4096 || !c.w.need(off+int(n)) {
		return false
	}
	return u32(c.w.unread()[off+int(n)-4:]) == n
}

// lostBlock tells whether the block at pos, which claims more than the file
// has, hides a good one: then its length is damaged, and the file is not cut.
func (c *Reader) lostBlock() bool {
	for off := blockMin; off+blockMin <= len(c.w.unread()); off++ {
		if c.standsAt(off) {
			return true
		}
	}
	return false
}

// searchBlock leaves the damaged place at pos for the next block behind it.
func (c *Reader) searchBlock(what string) error {
	start := c.w.offset()
	for c.w.pos++; c.w.need(blockMin); c.w.pos++ {
		if c.standsAt(0) {
			lost := c.w.offset() - start
			c.problem(start, lost, "%s: %d bytes skipped to the next block", what, lost)
			return nil
		}
	}
	c.w.pos = c.w.end
	lost := c.w.offset() - start
	c.problem(start, lost, "%s, and no block behind it: the last %d bytes are not read", what, lost)
	return c.finish("")
}
