package pcapflow

// Skimmer is a Stream that need not see every byte: of records and bodies whose
// length it knows it only counts them.
type Skimmer interface {
	// Skim is how many of the next bytes of each side, less one, may be told of
	// by Skimmed alone. It is asked after each call of Data and Gap.
	Skim() [2]int32
	// Skimmed tells that n bytes of side d have passed, the last of them at the
	// given instant. It comes before the next call of Data, Gap or Close.
	Skimmed(d Dir, at Stamp, n int64)
}

const skimAll = 1 << 30

// Skim implements Skimmer.
func (s *tlsStream) Skim() (n [2]int32) {
	if s.plain != nil {
		return n
	}
	for d := range s.side {
		side := &s.side[d]
		if side.inBody && (side.typ == recordData || side.secret && side.typ == recordHandshake) && (s.dec == nil || s.dec.dead || side.cut) {
			n[d] = int32(side.left)
		}
	}
	return n
}

// Skimmed implements Skimmer.
func (s *tlsStream) Skimmed(d Dir, _ Stamp, n int64) { s.side[d].left -= int(n) }

// Skim implements Skimmer.
func (s *httpStream) Skim() (n [2]int32) {
	h := s.h1
	if !s.chosen || s.inner != nil || s.h2 != nil || h.off || h.tunnel != tunnelNone {
		return n
	}
	for d := range h.side {
		side := &h.side[d]
		m := &side.message
		if Dir(d) == Client && m.expect || Dir(d) == Server && (!s.heard || m.exchange >= 0 && h.list[m.exchange].Status == 400) {
			continue // the content counts
		}
		switch side.state {
		case http1Body, http1Chunk:
			n[d] = int32(min(side.left, skimAll))
		case http1UntilEnd:
			n[d] = skimAll
		}
	}
	return n
}

// Skimmed implements Skimmer.
func (s *httpStream) Skimmed(d Dir, at Stamp, n int64) {
	side := &s.h1.side[d]
	if side.state != http1UntilEnd {
		side.left -= n
	}
	s.h1.count(d, at, n, side.state != http1Chunk)
}
