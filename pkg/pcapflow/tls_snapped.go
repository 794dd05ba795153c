package pcapflow

// finishedInGap takes n bytes that the capture lacks behind a ChangeCipherSpec,
// with what it has of a record's header before them, for the Finished, if they are
// one record of its length: nothing else follows there (RFC 5246 §7.1, RFC 8446
// §D.4) but early data, a second ClientHello, which is longer, and in 1.3 what a
// server encrypts. Captures that keep 96 bytes of each packet end there over IPv6.
// It tells whether they were.
func (s *tlsStream) finishedInGap(d Dir, at Stamp, n int64) bool {
	side := &s.side[d]
	const longest = 128 // of a Finished; beyond it other records came along
	if s.ended || s.early || side.lost || side.typ != recordCCS || n > longest || !s.helloed || !s.side[Server].started {
		return false
	}
	length := side.have + int(n) - len(side.header)
	typ := s.finishedType(length)
	switch {
	case side.have == 0:
		side.first = at
	case side.header[0] == recordHandshake && !isTLS13(s.version):
		typ = recordHandshake
	case side.header[0] != typ:
		return false
	}
	if length <= 0 || typ == 0 || d == Server && typ != recordHandshake {
		return false
	}
	side.header = [5]byte{typ, 3, 3, 0, byte(length)}
	side.begin()
	side.left, side.cut = 0, true
	s.endRecord(d, at, nil)
	return true
}

// finishedType is the type of a record that has the length of a Finished, in the
// connection's version or, where the capture cut the ServerHello, in the only one
// in which a Finished can be as long with the suites in use; 0 if there is none.
func (s *tlsStream) finishedType(length int) byte {
	const gcm12, chacha12 = 8 + 4 + 12 + 16, 4 + 12 + 16 // RFC 5288 §3, RFC 7905 §2
	switch known := s.suite.finished != 0; {
	case (isTLS13(s.version) || s.version == 0) && s.isFinished(length):
		return recordData
	case isTLS13(s.version):
	case known && length == s.suite.finished, !known && (length == gcm12 || length == chacha12):
		return recordHandshake
	}
	return 0
}
