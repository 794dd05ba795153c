package pcapflow

import "golang.org/x/crypto/cryptobyte"

// content12 follows the content of a record up to 1.2.
func (d *decrypter) content12(r tlsRecord, plain []byte) {
	s := d.s
	switch r.typ {
	case recordHandshake:
		s.opaqueHandshake(r)
	case recordAlert:
		if len(plain) == 2 {
			s.alert(r, plain[0] == 2, int(plain[1]))
		}
	case recordData:
		d.data(r, plain)
	}
}

// content13 follows the content of a 1.3 record.
func (d *decrypter) content13(r tlsRecord, inner byte, plain []byte) {
	s, side := d.s, &d.side[r.dir]
	if side.epoch == epochNone { // the application's key fits: the handshake is over
		side.epoch = epochApplication
		if !s.ended && r.dir == Client {
			s.releaseHeld()
		}
	}
	if side.epoch == epochApplication {
		s.t.Decrypted, s.guess.certain = true, true
	}
	switch inner {
	case recordHandshake:
		s.handshakeBytes(r.dir, r.last, plain)
		s.handshake().message[r.dir].endRecord()
	case recordAlert:
		if len(plain) == 2 {
			s.alert(r, plain[0] == 2, int(plain[1]))
		}
	case recordData:
		if side.epoch == epochEarly {
			s.t.EarlyData = true
		}
		d.data(r, plain)
	}
}

// data hands application data to the reading of HTTP.
func (d *decrypter) data(r tlsRecord, plain []byte) {
	d.opened++
	d.s.t.Decrypted = true
	if !d.s.guess.dns {
		d.text.data(r.dir, r.first, r.last, plain, d.s.t.ALPN)
	}
	d.s.guess.certain = true
	d.s.data(r)
}

// message13 follows the handshake messages that only keys make visible.
func (d *decrypter) message13(dir Dir, m tlsMessage) {
	s := d.s
	switch m.typ {
	case msgEndOfEarlyData:
		if dir == Client {
			d.enter(Client, epochHandshake)
		}
	case msgFinished:
		if dir == Server {
			s.t.ServerFinished, s.t.ServerFlightEnd = m.last, m.last
		} else if !s.ended {
			s.t.ClientFinished = m.last
			d.finished = true
			s.end(m.last)
		}
		if d.side[dir].epoch == epochHandshake {
			d.enter(dir, epochApplication)
		}
	case msgKeyUpdate: // RFC 8446 §7.2
		side := &d.side[dir]
		if side.epoch == epochApplication && side.secret != nil {
			side.secret = expandLabel(d.cipher.prfHash, side.secret, "traffic upd", d.cipher.prfHash.Size())
			side.key = trafficKey(d.cipher, side.secret)
		}
	}
}

// encryptedExtensions reads what the server chose (RFC 8446 §4.3.1).
func (s *tlsStream) encryptedExtensions(m tlsMessage) {
	body := cryptobyte.String(m.body)
	var list cryptobyte.String
	if !body.ReadUint16LengthPrefixed(&list) {
		return
	}
	accepted := false
	for !list.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !list.ReadUint16(&typ) || !list.ReadUint16LengthPrefixed(&data) {
			break
		}
		switch typ {
		case extALPN:
			if names := readALPN(data, s.env); len(names) > 0 {
				s.t.ALPN = names[0]
			}
		case extEarlyData:
			accepted = true
		}
	}
	s.guess.negotiated(s.t.ALPN)
	if s.dec != nil && s.t.EarlyData && !accepted {
		s.dec.text.restart() // refused: the client will send it again
		noteOnce(s.f, "the server refused early data")
	}
}
