package pcapflow

import "slices"

// decrypter opens the records of one connection with the secrets of a key log.
// Where it fails the records are read by their lengths, as without keys: both
// readings run side by side, and the flow's end chooses.
type decrypter struct {
	s      *tlsStream
	cipher suiteCipher
	master []byte // up to 1.2
	side   [2]decryptSide
	text   plainText

	finished bool // the client's Finished was read
	opened   int  // records of application data
	dead     bool
	deadAt   Stamp
}

// tlsEpoch is which secret protects the records of a side (RFC 8446 §7.1).
type tlsEpoch uint8

const (
	epochNone tlsEpoch = iota
	epochEarly
	epochHandshake
	epochApplication // the only one up to 1.2
)

type decryptSide struct {
	epoch  tlsEpoch
	key    *recordKey
	secret []byte // 1.3: the traffic secret of key, for key updates
	lost   bool   // the capture lost records: sequence numbers are to be searched
	any    bool   // a record was opened
	tried  int    // records that did not open while the handshake's secret is missing
}

const (
	maxSearch = 64 // sequence numbers tried after a loss
	maxTries  = 32 // records tried where the handshake's secret is missing
)

// openKeys looks for the secrets of a connection when its ClientHello is read:
// early data comes before the server has said anything.
func (s *tlsStream) openKeys(h *clientHello) {
	if s.keys().Empty() {
		return
	}
	s.keys().sessions.offer(h)
	if secret := s.keys().secret(h.random, labelEarly); secret != nil && h.earlyData {
		s.dec = &decrypter{s: s}
		s.dec.text.f = s.f
		s.dec.openEarly(h.suites, secret)
	}
}

// openEarly prepares the client's side for early data. Its suite is the one of
// the session resumed, which the server's choice will confirm; until then the
// first record tells which of those offered it is.
func (d *decrypter) openEarly(suites []uint16, secret []byte) {
	side := &d.side[Client]
	side.epoch, side.secret = epochEarly, secret
	for _, id := range suites {
		c := cipherOf(cipherSuiteName(id))
		if id>>8 == 0x13 && c.kind != cipherUnsupported && c.prfHash.Size() == len(secret) {
			if k := trafficKey(c, secret); k != nil {
				d.text.early = append(d.text.early, k)
			}
		}
	}
	if len(d.text.early) > 0 {
		side.key = d.text.early[0]
	}
}

// startDecryption looks for the secrets when version and suite are known.
func (s *tlsStream) startDecryption(h serverHello) {
	if s.keys().Empty() || !s.helloed {
		return
	}
	c := cipherOf(s.t.Cipher)
	random := s.handshake().client
	d := s.dec
	if d == nil {
		d = &decrypter{s: s}
		d.text.f = s.f
	}
	d.cipher = c
	if isTLS13(h.version) {
		d.start13(random)
	} else if master := s.keys().master(random, h); master != nil && c.kind != cipherUnsupported {
		d.master = master
		keys := sessionKeys(c, h.version, master, random, h.random, h.etm && s.etm)
		for i := range d.side {
			d.side[i] = decryptSide{epoch: epochApplication, key: keys[i]}
		}
	}
	if d.side[Client].key == nil && d.side[Server].key == nil {
		if len(s.keys().secrets[random]) > 0 && c.kind == cipherUnsupported {
			noteOnce(s.f, "not decrypted: cipher suite "+s.t.Cipher)
		} else {
			noteOnce(s.f, "not decrypted: the key log has no secret for this connection")
		}
		s.dec = nil
		return
	}
	s.dec = d
}

func (d *decrypter) start13(random [32]byte) {
	if d.cipher.kind == cipherUnsupported {
		d.side = [2]decryptSide{}
		return
	}
	if d.side[Client].epoch != epochEarly {
		d.enter(Client, epochHandshake)
	}
	d.enter(Server, epochHandshake)
}

// secretOf is the secret of a side's epoch under 1.3.
func (d *decrypter) secretOf(dir Dir, epoch tlsEpoch) []byte {
	labels := [2]string{labelClientHandshake, labelServerHandshake}
	if epoch == epochApplication {
		labels = [2]string{labelClient, labelServer}
	}
	return d.s.keys().secret(d.s.handshake().client, labels[dir])
}

// enter lets a side use the secret of an epoch; without a handshake secret the
// application's is tried on every record until one opens.
func (d *decrypter) enter(dir Dir, epoch tlsEpoch) {
	side := &d.side[dir]
	side.epoch, side.key, side.tried = epoch, nil, 0
	secret := d.secretOf(dir, epoch)
	if secret == nil && epoch == epochHandshake {
		secret = d.secretOf(dir, epochApplication)
		side.epoch = epochNone
	}
	side.secret = secret
	if secret != nil && len(secret) == d.cipher.prfHash.Size() {
		side.key = trafficKey(d.cipher, secret)
	} else if epoch == epochApplication && !d.dead { // half a conversation would be misread
		d.dead, d.deadAt = true, d.s.side[dir].first
		noteOnce(d.s.f, "decrypted in part: the key log lacks a secret of the "+dir.String())
	}
}

// decrypt opens a record and follows what it holds; false where it could not.
func (s *tlsStream) decrypt(r tlsRecord, body []byte) bool {
	d := s.dec
	if d == nil || d.dead || d.side[r.dir].key == nil {
		return false
	}
	side := &d.side[r.dir]
	if r.cut || len(body) != r.length {
		side.key.seq++
		side.lost = true
		d.text.gap(r.dir, r.last, int64(s.plaintext(r.length)))
		return false
	}
	plain, inner, ok := d.open(r, body)
	if !ok {
		d.failed(r)
		return false
	}
	side.any = true
	if tap := s.keys().tap; tap != nil {
		tap(s.f, r, plain)
	}
	if !isTLS13(s.version) && s.answered {
		d.content12(r, plain)
		return true
	}
	d.content13(r, inner, plain)
	return true
}

// open tries the keys that may be in use, the likely one first.
func (d *decrypter) open(r tlsRecord, body []byte) (plain []byte, inner byte, ok bool) {
	side := &d.side[r.dir]
	if plain, inner, ok = side.key.open(r.typ, d.s.version, body); ok {
		return
	}
	if side.epoch == epochEarly {
		return d.openAfterEarly(r, body)
	}
	if side.lost && side.key.rc4 == nil {
		start := side.key.seq
		for i := uint64(1); i <= maxSearch; i++ {
			side.key.seq = start + i
			if plain, inner, ok = side.key.open(r.typ, d.s.version, body); ok {
				side.lost = false
				return
			}
		}
		side.key.seq = start
		if side.epoch == epochHandshake { // the Finished may be among what was lost
			before := *side
			d.enter(r.dir, epochApplication)
			if side.key != nil {
				if plain, inner, ok = side.key.open(r.typ, d.s.version, body); ok {
					return
				}
			}
			*side = before
		}
	}
	return nil, 0, false
}

// openAfterEarly: early data under another of the offered suites, or the
// handshake's first record where the server refused early data.
func (d *decrypter) openAfterEarly(r tlsRecord, body []byte) (plain []byte, inner byte, ok bool) {
	side := &d.side[r.dir]
	if !side.any {
		for _, k := range d.text.early {
			if plain, inner, ok = k.open(r.typ, d.s.version, body); ok {
				side.key = k
				return
			}
		}
	}
	if !d.s.answered {
		return nil, 0, false
	}
	d.enter(r.dir, epochHandshake)
	if side.key == nil {
		return nil, 0, false
	}
	return side.key.open(r.typ, d.s.version, body)
}

// failed handles a record that no key opens.
func (d *decrypter) failed(r tlsRecord) {
	side := &d.side[r.dir]
	if side.epoch == epochNone && side.tried < maxTries { // a handshake record, perhaps
		side.tried++
		return
	}
	d.dead, d.deadAt = true, r.first
	if d.opened == 0 && !side.any {
		noteOnce(d.s.f, "not decrypted: the key log's secrets do not open this connection")
	} else {
		noteOnce(d.s.f, "decrypted in part: a record did not open")
	}
}

// lost is told that records of a side are missing altogether.
func (d *decrypter) lost(dir Dir) {
	side := &d.side[dir]
	side.lost = true
	if side.key != nil && side.key.rc4 != nil {
		d.dead, d.deadAt = true, d.s.side[dir].first
	}
	d.text.broken()
}

// sawFinished tells whether the handshake's end was read, not inferred.
func (d *decrypter) sawFinished() bool { return d.finished }

// exchanges are those that were decrypted, and behind the point where
// decryption failed those that the records' lengths tell.
func (d *decrypter) exchanges(guessed []Exchange) []Exchange {
	if d.opened == 0 {
		return guessed
	}
	list := d.text.finish()
	from := d.text.brokenAt
	if d.dead && (!from.Seen() || d.deadAt.Time < from.Time) {
		from = d.deadAt
	}
	if !from.Seen() {
		return list
	}
	list = slices.DeleteFunc(list, func(e Exchange) bool { return e.RequestFirst.Time >= from.Time })
	for _, e := range guessed {
		if e.RequestFirst.Time >= from.Time {
			e.Ordinal = len(list) + 1
			list = append(list, e)
		}
	}
	return list
}
