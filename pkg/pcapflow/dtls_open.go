package pcapflow

// dtlsKeys opens the records of one handshake of DTLS 1.0 or 1.2 with the secrets of a
// key log. What does not open, as what somebody forged, is read by its lengths, as
// without keys (RFC 6347 §4.1.2.7: a receiver drops it in silence).
type dtlsKeys struct {
	side   [2]*recordKey
	master []byte
	etm    bool // the ClientHello offers encrypt-then-MAC
	failed bool // a record did not open
}

func (s *dtlsStream) keyLog() *KeyLog {
	if s.env == nil {
		return nil
	}
	return s.env.Keys
}

// hello notes what the client would resume, and how it would have records protected.
func (k *dtlsKeys) hello(log *KeyLog, h *clientHello) {
	if k.etm = h.etm; !log.Empty() {
		log.sessions.offer(h)
	}
}

// ticket takes a session ticket that passes in the clear.
func (k *dtlsKeys) ticket(log *KeyLog, body []byte) {
	if k.master != nil && len(body) > ticketPrefix {
		log.sessions.remember(body[ticketPrefix:], k.master)
	}
}

// findKeys looks for the secret when version and suite are known.
func (s *dtlsStream) findKeys(h serverHello) {
	log := s.keyLog()
	if log.Empty() || s.random == [32]byte{} {
		return
	}
	version, known := map[uint16]uint16{versionDTLS10: versionTLS11, versionDTLS12: versionTLS12}[h.version]
	if !known {
		noteOnce(s.f, "not decrypted: "+s.t.Version)
		return
	}
	c, master := cipherOf(s.t.Cipher), log.master(s.random, h)
	switch {
	case master == nil:
		noteOnce(s.f, "not decrypted: the key log has no secret for this connection")
	case c.kind == cipherUnsupported || c.kind == cipherRC4: // RFC 6347 §4.1.2.2
		noteOnce(s.f, "not decrypted: cipher suite "+s.t.Cipher)
	default:
		s.keys.master = master
		s.keys.side = sessionKeys(c, version, master, s.random, h.random, h.etm && s.keys.etm)
	}
}

// open decrypts a record. Its epoch and number stand where TLS counts (RFC 6347
// §4.1.2.1); those of later epochs have keys that nothing here makes known.
func (s *dtlsStream) open(role Dir, at Stamp, r *dtlsRecord) (plain []byte, ok bool) {
	k := s.keys.side[role]
	if k == nil || r.epoch != 1 || r.cut || r.typ == recordDTLSWithID && r.id == nil {
		return nil, false
	}
	k.seq, k.id = r.number, r.id
	if plain, _, ok = k.open(r.typ, r.version, r.body); ok && r.typ == recordDTLSWithID {
		plain, r.typ, ok = innerContent(plain)
	}
	if !ok {
		s.keys.failed = true
		return nil, false
	}
	s.t.Decrypted = true
	if tap := s.keyLog().tap; tap != nil {
		tap(s.f, tlsRecord{dir: role, typ: r.typ, length: r.length, first: at, last: at}, plain)
	}
	return plain, true
}

// opened follows what a record held.
func (s *dtlsStream) opened(role Dir, at Stamp, r *dtlsRecord, plain []byte) {
	switch r.typ {
	case recordAlert:
		if len(plain) == 2 {
			s.alert(role, at, plain[0] == 2, int(plain[1]))
		}
	case recordHandshake:
		m, _, ok := parseDTLSFragment(plain, false)
		if ok && m.typ != msgFinished {
			s.renegotiates(role, at)
		} else {
			s.finished(role, at, r)
		}
	case recordData:
		s.data(role, at)
	}
}

// tellKeys notes what did not open.
func (s *dtlsStream) tellKeys() {
	switch {
	case !s.keys.failed:
	case s.t.Decrypted:
		noteOnce(s.f, "decrypted in part: a record did not open")
	default:
		noteOnce(s.f, "not decrypted: the key log's secrets do not open this connection")
	}
}
