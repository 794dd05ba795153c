package capture

import (
	"bytes"
	"net/netip"
	"strings"
)

// Option codes of draft-ietf-opsawg-pcapng, sections 3.5 and 4.
const (
	optEnd     = 0
	optComment = 1

	shbHardware = 2
	shbOS       = 3
	shbProgram  = 4

	ifName       = 2
	ifResolution = 9
	ifFilter     = 11
	ifOS         = 12
	ifFCS        = 13
	ifOffset     = 14
	ifHardware   = 15

	isbIfDrop = 5
	isbOSDrop = 7
)

// options calls use with each option of b, which ends where the block's tail
// begins. Options that do not fit end the list.
func (s *sections) options(b []byte, use func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := s.u16(b), int(s.u16(b[2:]))
		if code == optEnd || n > len(b)-4 {
			return
		}
		use(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// packetOptions keeps a packet's comments.
func (c *Reader) packetOptions(b []byte) {
	for len(b) >= 4 {
		code, n := c.ng.u16(b), int(c.ng.u16(b[2:]))
		if code == optEnd || n > len(b)-4 {
			return
		}
		if code == optComment {
			c.comment(c.frame, b[4:4+n])
		}
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// sectionBlock begins a section (section 4.1); its byte order is known.
func (c *Reader) sectionBlock(b []byte) {
	s := &c.ng
	s.section, s.merged, s.begun = s.given, false, true
	s.given++
	s.port = s.port[:0]
	s.host = ""
	if len(b) < 28 {
		c.problem(c.w.offset()-int64(len(b)), 0, "a section header without room for its fields")
		return
	}
	if major := s.u16(b[12:]); major != 1 {
		c.problem(c.w.offset()-int64(len(b)), 0, "section of version %d.%d: read as 1.0", major, s.u16(b[14:]))
	}
	var parts []string
	s.options(b[24:len(b)-4], func(code uint16, v []byte) {
		switch code {
		case optComment:
			c.comment(0, v)
			s.merged = s.merged || bytes.HasPrefix(v, []byte(mergedComment))
		case shbProgram:
			s.merged = s.merged || strings.HasPrefix(strings.ToLower(string(v)), "mergecap")
		case shbHardware, shbOS:
			parts = append(parts, text(v))
		}
	})
	s.host = strings.Join(parts, "; ")
}

// mergedComment begins what Wireshark's tools write of a section whose interfaces
// are of several captures.
const mergedComment = "File created by merging"

// interfaceBlock describes the section's next interface (section 4.2).
func (c *Reader) interfaceBlock(b []byte) {
	s := &c.ng
	if len(b) < 20 {
		c.unreadable(b, "an interface description without room for its fields")
		return
	}
	if len(c.interfaces) >= maxInterfaces {
		c.once("more than 65536 interfaces: the packets of the others are not read")
		return
	}
	it := Interface{
		Section: s.section, Index: len(s.port), Link: LinkType(s.u16(b[8:])),
		Host: s.host, FCS: -1, Dropped: -1,
	}
	if s.merged && it.Index > 0 {
		it.Section = s.given
		s.given++
	}
	snap := s.u32(b[12:])
	if snap < 1<<31 {
		it.SnapLen = int(snap)
	}
	resolution, offset := byte(6), int64(0)
	host := []string{}
	s.options(b[16:len(b)-4], func(code uint16, v []byte) {
		switch {
		case code == optComment:
			c.comment(0, v)
		case code == ifName:
			it.Name = text(v)
		case code == ifOS, code == ifHardware:
			host = append(host, text(v))
		case code == ifFilter && len(v) > 1 && v[0] == 0:
			it.Filter = text(v[1:])
		case code == ifResolution && len(v) == 1:
			resolution = v[0]
		case code == ifOffset && len(v) == 8:
			offset = int64(s.u64(v))
		case code == ifFCS && len(v) == 1:
			it.FCS = int(v[0])
		}
	})
	if it.Host == "" {
		it.Host = strings.Join(host, "; ")
	}
	t := newTicks(resolution, offset)
	it.Unit = t.unit()
	s.port = append(s.port, iface{ClockID(len(c.interfaces)), it.Link, snap, t})
	c.interfaces = append(c.interfaces, it)
}

// statsBlock takes the counts of lost packets (section 4.6); they count from
// the capture's start, so that the last word holds.
func (c *Reader) statsBlock(b []byte) {
	s := &c.ng
	if len(b) < 24 || uint64(s.u32(b[8:])) >= uint64(len(s.port)) {
		c.unreadable(b, "interface statistics that belong to no interface")
		return
	}
	dropped, stated := int64(0), false
	s.options(b[20:len(b)-4], func(code uint16, v []byte) {
		if (code == isbIfDrop || code == isbOSDrop) && len(v) == 8 {
			stated = true
			if n := s.u64(v); n < 1<<62 {
				dropped += int64(n)
			}
		}
	})
	if stated {
		c.interfaces[s.port[s.u32(b[8:])].clock].Dropped = dropped
	}
}

// namesBlock takes the names of addresses (section 4.5).
func (c *Reader) namesBlock(b []byte) {
	s := &c.ng
	for b = b[8 : len(b)-4]; len(b) >= 4; {
		typ, n := s.u16(b), int(s.u16(b[2:]))
		if typ == 0 || n > len(b)-4 {
			return
		}
		v, size := b[4:4+n], map[uint16]int{1: 4, 2: 16}[typ]
		b = b[min(len(b), 4+(n+3)&^3):]
		if size == 0 || n <= size {
			continue
		}
		addr, _ := netip.AddrFromSlice(v[:size])
		for name := range bytes.SplitSeq(v[size:], []byte{0}) {
			if len(name) == 0 || c.nameCount >= maxNames {
				continue
			}
			c.nameCount++
			if c.names == nil {
				c.names = map[netip.Addr][]string{}
			}
			c.names[addr] = append(c.names[addr], text(name))
		}
	}
}

// secretsBlock takes TLS key logs (section 4.7).
func (c *Reader) secretsBlock(b []byte) {
	const tlsKeyLog = 0x544c534b
	s := &c.ng
	if len(b) < 20 || int64(s.u32(b[12:])) > int64(len(b)-20) {
		c.unreadable(b, "a Decryption Secrets Block longer than itself")
		return
	}
	v := b[16 : 16+s.u32(b[12:])]
	if s.u32(b[8:]) != tlsKeyLog {
		return
	}
	if c.secretSize += len(v); c.secretSize > maxSecrets {
		c.once("more than 64 MiB of secrets: the others are not used")
		return
	}
	v = bytes.Clone(v)
	c.secrets = append(c.secrets, v)
	if c.opt.OnSecrets != nil {
		c.opt.OnSecrets(v)
	}
}

// text is a string option without the zeros some writers end it with.
func text(v []byte) string { return strings.TrimRight(string(v), "\x00") }
