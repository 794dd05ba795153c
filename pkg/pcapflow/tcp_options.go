package pcapflow

// TCP option kinds (RFC 9293 section 3.2, RFC 2018, RFC 7323).
const (
	optionEnd    = 0
	optionNop    = 1
	optionMSS    = 2
	optionScale  = 3
	optionSACKOK = 4
	optionSACK   = 5
	optionTS     = 8
)

// option is the value of one TCP option of the packet at hand, nil if absent.
func (h *header) option(kind uint8) []byte {
	for b := h.options; len(b) > 0; {
		switch b[0] {
		case optionEnd:
			return nil
		case optionNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return nil
		}
		if b[0] == kind {
			return b[2:b[1]]
		}
		b = b[b[1]:]
	}
	return nil
}

// tsval is the time stamp of the packet at hand, 0 if it has none.
func (h *header) tsval() uint32 {
	if b := h.option(optionTS); len(b) == 8 {
		return be32(b)
	}
	return 0
}

// tsecr is the time stamp that the packet at hand echoes, 0 if none.
func (h *header) tsecr() uint32 {
	if b := h.option(optionTS); len(b) == 8 {
		return be32(b[4:])
	}
	return 0
}
