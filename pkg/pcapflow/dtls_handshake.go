package pcapflow

// turn counts flights: one each time the server answers.
func (s *dtlsStream) turn(role Dir) {
	if role == Server && !s.ended && (!s.spoke || s.last == Client) {
		s.t.RoundTrips++
	}
	s.spoke, s.last = true, role
}

// again notes that a side sends what it had sent: once each time it begins anew.
// place is where in the handshake; parts of one flight come in order.
func (s *dtlsStream) again(role Dir, at Stamp, place int64) {
	side := &s.side[role]
	part := side.place > 0 && place+1 > side.place || side.again.Frame == at.Frame
	side.place, side.again = place+1, at
	if part || len(s.t.DTLS.Resent) >= maxDTLSResent {
		return
	}
	s.t.DTLS.Resent = append(s.t.DTLS.Resent, Resent{at, role})
	if !s.answered {
		s.t.DTLS.Hellos++
	}
}

func (s *dtlsStream) message(role Dir, m tlsMessage) {
	t := s.t
	s.turn(role)
	t.part(role, &m)
	switch m.typ {
	case msgClientHello:
		s.clientHello(m)
	case msgHelloVerify:
		if !t.DTLS.HelloVerify.Seen() {
			t.DTLS.HelloVerify = m.last
		}
	case msgServerHello:
		s.serverHello(m)
	case msgCertificate:
		t.readCertificates(s.env, role, m, false)
	case msgCertificateStatus:
		if m.whole {
			t.Staple = readStaple(m.body)
		}
	case msgServerKeyExchange:
		t.readCurve(m.body)
	case msgServerHelloDone:
		t.ServerFlightEnd = m.last
	case msgClientKeyExchange:
		s.keyed = true
	case msgNewSessionTicket:
		if t.Tickets++; t.Tickets == 1 {
			t.Ticket = m.last
		}
		if m.whole {
			s.keys.ticket(s.keyLog(), m.body)
		}
	}
}

func (s *dtlsStream) clientHello(m tlsMessage) {
	t := s.t
	if t.ClientHello.Seen() {
		if !t.SecondHello.Seen() {
			t.SecondHello = m.last
		}
		return
	}
	t.ClientHelloFirst, t.ClientHello, t.ClientHelloBytes = m.first, m.last, m.size+4
	t.DTLS.Hellos++
	s.readHello(m.body, m.whole)
}

// readHello takes what a ClientHello offers.
func (s *dtlsStream) readHello(body []byte, whole bool) {
	h, ok := parseClientHello(body)
	if !ok {
		return
	}
	s.t.SNI, s.t.Offered, s.t.ECH = h.sni, h.alpn, h.ech
	s.offered = h.id
	s.keys.hello(s.keyLog(), &h)
	if h.whole && whole {
		s.t.JA3, s.t.JA4 = h.ja3(), h.ja4('d')
	}
}

func (s *dtlsStream) serverHello(m tlsMessage) {
	t := s.t
	h, ok := parseServerHello(m.body)
	if h.retry {
		t.HelloRetry, t.HelloRetryAt, t.Group = true, m.last, groupName(h.group)
		t.ServerFlightBytes, s.version = 0, h.version
		return
	}
	t.ServerHelloFirst, t.ServerHello = m.first, m.last
	if !ok {
		return
	}
	s.version = h.version
	t.Version, t.Cipher = tlsVersionName(h.version), cipherSuiteName(h.suite)
	if h.group != 0 {
		t.Group = groupName(h.group)
	}
	if s.offered.given() && h.id.given() { // each side says what it wants to be sent
		t.DTLS.IDs, t.DTLS.IDBytes = true, [2]int{Client: h.id.octets(), Server: s.offered.octets()}
	}
	if h.version == versionDTLS13 {
		t.Resumed = h.psk
	} else {
		t.ALPN = h.alpn
	}
	s.findKeys(h)
}

// finished takes an encrypted handshake message of up to 1.2: the first is a side's
// Finished (RFC 6347 §4.2.4). What comes behind it is the same again, or where it has
// another length, or another epoch, of a renegotiation. Of a full handshake the server's
// is last, of a resumed one the client's.
func (s *dtlsStream) finished(role Dir, at Stamp, r *dtlsRecord) {
	t, length := s.t, r.length
	if t.finished(role).Seen() {
		switch {
		case r.epoch > 1, s.ended && length != s.sealed[role], t.Renegotiation.Seen():
			s.renegotiates(role, at)
		default:
			s.again(role, at, 1<<40)
		}
		return
	}
	s.sealed[role] = length
	s.turn(role)
	if role == Client {
		t.ClientFinished = at
	} else {
		t.ServerFinished = at
		if !t.ServerFlightEnd.Seen() {
			t.ServerFlightEnd = at
		}
		if !t.ClientFinished.Seen() {
			t.Resumed = !s.keyed && t.ServerHello.Seen()
			t.ServerFlightBytes += dtlsHeader + len(r.id) + length
		}
	}
	if t.ClientFinished.Seen() && t.ServerFinished.Seen() && !s.ended {
		s.ended, t.HandshakeEnd = true, at
	}
}

func (s *dtlsStream) renegotiates(role Dir, at Stamp) {
	if s.ended && !s.t.Renegotiation.Seen() {
		s.t.Renegotiation, s.t.RenegotiationBy = at, role
	}
}

// finished is the Finished of a side.
func (t *TLS) finished(d Dir) Stamp {
	if d == Client {
		return t.ClientFinished
	}
	return t.ServerFinished
}

// unified takes an encrypted datagram of 1.3 by the low bits of its epoch: 2 protects
// the handshake (RFC 9147 §6.1). The client's first behind the server's flight holds
// its Finished.
func (s *dtlsStream) unified(role Dir, at Stamp, epoch uint8, length int) {
	t := s.t
	if epoch != 2 || s.ended {
		return
	}
	s.turn(role)
	switch {
	case role == Server:
		s.sealed13 = true
		t.ServerFlightEnd = at
		t.ServerFlightBytes += length
	case s.sealed13:
		t.ClientFinished, t.HandshakeEnd, s.ended = at, at, true
	}
}

// data is the first of each side behind the handshake.
func (s *dtlsStream) data(role Dir, at Stamp) {
	switch {
	case !s.ended:
	case role == Client && !s.t.FirstClientData.Seen():
		s.t.FirstClientData = at
	case role == Server && !s.t.FirstServerData.Seen():
		s.t.FirstServerData = at
	}
}

func (s *dtlsStream) alert(role Dir, at Stamp, fatal bool, code int) {
	if code == 0 {
		s.closeNotify(role, at)
		return
	}
	s.t.addAlert(Alert{Stamp: at, Dir: role, Fatal: fatal, Code: code, Description: alertName(code)})
	if fatal {
		s.fail(at)
	}
}

func (s *dtlsStream) closeNotify(role Dir, at Stamp) {
	if !s.t.CloseNotify[role].Seen() {
		s.t.CloseNotify[role] = at
	}
}

func (s *dtlsStream) fail(at Stamp) {
	if !s.ended && s.failure == Unseen {
		s.failure, s.failed = Failed, at
	}
}

// finish tells the phase of the handshake.
func (s *dtlsStream) finish() {
	t, f := s.t, s.f
	s.tellKeys()
	if !t.ClientHello.Seen() {
		if m := s.side[Client].hello(); m != nil { // a part of it may still tell the name
			t.ClientHelloFirst = m.first
			s.readHello(m.prefix, false)
		}
	}
	begin := t.ClientHelloFirst
	if !begin.Seen() {
		return
	}
	p := Phase{Name: TLSHandshake, Begin: begin, End: t.HandshakeEnd, Outcome: Done, Attempts: max(1, t.DTLS.Hellos)}
	if p.Attempts == 1 && t.DTLS.HelloVerify.Seen() { // a server answers so without thinking
		p.RTT = t.DTLS.HelloVerify.Time - t.ClientHello.Time
	}
	switch {
	case s.failure != Unseen:
		p.End, p.Outcome = s.failed, s.failure
	case s.ended && s.version == versionDTLS13:
		p.Outcome = Estimated
	case s.ended:
	case refusal(f.ICMP) != nil:
		x := refusal(f.ICMP)
		p.End, p.Outcome, p.Note = x.Stamp, Refused, x.Text
	case !s.answered && !s.keyed && !t.SecondHello.Seen(): // a client that goes on has its answer, which the capture lacks
		p.Outcome = Unanswered
	default:
		p.Outcome = Unseen
	}
	f.addPhase(p, t.ClientHello, t.DTLS.HelloVerify, t.HelloRetryAt, t.SecondHello, t.ServerHello, t.ServerFlightEnd, t.ClientFinished, t.ServerFinished)
}
