package pcapflow

import "bytes"

// Bounds of the bytes held while they have holes.
const (
	scatteredMax = 64 << 10
	scatterings  = 1024
)

// scattered puts bytes together that come in pieces, in any order and again. What
// is held grows with the bytes that came, not with the offsets they claim.
type scattered struct {
	prefix []byte // from the beginning, without a hole
	pieces []scatteredPiece
	held   int
}

type scatteredPiece struct {
	offset uint64
	data   []byte
}

// add takes a piece. again: its first byte was there already.
func (c *scattered) add(offset uint64, data []byte) (again bool) {
	if c.held+len(data) > scatteredMax || len(c.pieces) >= scatterings {
		return false
	}
	if offset > uint64(len(c.prefix)) {
		c.pieces = append(c.pieces, scatteredPiece{offset, bytes.Clone(data)})
		c.held += len(data)
		return false
	}
	again = offset < uint64(len(c.prefix))
	c.extend(offset, data)
	for grown := true; grown; {
		grown = false
		for i, p := range c.pieces {
			if p.offset <= uint64(len(c.prefix)) {
				c.extend(p.offset, p.data)
				c.pieces = append(c.pieces[:i], c.pieces[i+1:]...)
				grown = true
				break
			}
		}
	}
	return again
}

func (c *scattered) extend(offset uint64, data []byte) {
	if skip := uint64(len(c.prefix)) - offset; skip < uint64(len(data)) {
		c.prefix = append(c.prefix, data[skip:]...)
		c.held += len(data) - int(skip)
	}
}
