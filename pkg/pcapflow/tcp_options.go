package pcapflow

// TCP option kinds (RFC 9293 section 3.2, RFC 2018, RFC 7323, RFC 8684, RFC 7413,
// RFC 6994).
const (
	optionEnd        = 0
	optionNop        = 1
	optionMSS        = 2
	optionScale      = 3
	optionSACKOK     = 4
	optionSACK       = 5
	optionTS         = 8
	optionMultipath  = 30
	optionFastOpen   = 34
	optionExperiment = 254

	experimentFastOpen = 0xf989 // what fast open was before it had a kind of its own
)

// option is the value of one TCP option of the packet at hand, nil if absent.
func (h *header) option(kind uint8) []byte {
	for b := h.options(); ; {
		k, value, rest := nextOption(b)
		if k == kind || k == optionEnd {
			return value
		}
		b = rest
	}
}

// nextOption is the first option in b that has a value, and what comes behind it;
// of kind optionEnd where there is none.
func nextOption(b []byte) (kind uint8, value, rest []byte) {
	for len(b) > 0 && b[0] == optionNop {
		b = b[1:]
	}
	if len(b) < 2 || b[0] == optionEnd || b[1] < 2 || int(b[1]) > len(b) {
		return optionEnd, nil, nil
	}
	return b[0], b[2:b[1]], b[b[1]:]
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
