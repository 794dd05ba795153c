package pcapflow

// tlsHandshake is what following a connection takes until its handshake is over,
// and as a rule not after that.
type tlsHandshake struct {
	client  [32]byte // random of the first ClientHello
	message [2]tlsMessages
	held    [maxHeldRecords]tlsRecord // client records of 1.3 that may be its certificate rather than its Finished

	flight13 int  // encrypted records of the server's flight, under 1.3
	length13 int  // of the latest of them
	same13   bool // the one before was as long
}

const maxHeldRecords = 3

// handshake is what is kept of the handshake.
func (s *tlsStream) handshake() *tlsHandshake {
	if s.opening == nil {
		if s.env != nil {
			s.opening = take(&s.env.pools.open)
		}
		if s.opening == nil {
			s.opening = new(tlsHandshake)
		}
	}
	return s.opening
}

// endHandshake lets go of what the handshake took, unless there are keys, which are
// looked for by it, or a message in the clear has not come to its end.
func (s *tlsStream) endHandshake() {
	x := s.opening
	if x == nil {
		return
	}
	idle := s.keys().Empty()
	for d := range x.message {
		m := &x.message[d]
		s.env.giveBack(m.buf)
		m.buf = nil
		idle = idle && m.have == 0 && !m.blind
	}
	if idle {
		s.dropHandshake()
	}
}

// dropHandshake gives back the room of the handshake.
func (s *tlsStream) dropHandshake() {
	x := s.opening
	if x == nil {
		return
	}
	s.opening = nil
	for d := range x.message {
		s.env.giveBack(x.message[d].buf)
	}
	*x = tlsHandshake{}
	if s.env != nil {
		layBy(&s.env.pools.open, x)
	}
}
