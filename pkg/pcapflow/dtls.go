package pcapflow

// dtlsDissector is TLS over datagrams: the whole handshake of DTLS 1.0 and 1.2
// (RFC 4347, RFC 6347), and of 1.3 (RFC 9147) its hellos. STUN, media and others may
// share the ports (RFC 7983).
var dtlsDissector = &Dissector{
	Name:      "dtls",
	Transport: UDP,
	Probe:     probeDTLS,
	Open: func(f *Flow, env *Env) Stream {
		f.TLS = &TLS{DTLS: &DTLS{}}
		return &dtlsStream{f: f, t: f.TLS, env: env}
	},
}

// probeDTLS asks for a handshake message in the clear, or for nothing but records of
// data in a datagram. What STUN opens may go on as DTLS.
func probeDTLS(first [2][]byte, _ uint16) Verdict {
	verdict := No
	for _, b := range first {
		rest := behindSTUN(b)
		if len(rest) == 0 {
			if len(b) > 0 {
				verdict = Maybe
			}
			continue
		}
		r, ok := parseDTLS(rest)
		if !ok {
			continue
		}
		switch {
		case r.epoch == 0 && r.typ == recordHandshake:
			if _, _, ok := parseDTLSFragment(r.body, r.cut); ok {
				return Yes
			}
		case r.epoch > 0 && r.epoch <= dtlsEpochs && r.typ == recordData:
			for ok && r.typ == recordData && r.end < len(rest) {
				rest = rest[r.end:]
				r, ok = parseDTLS(rest)
			}
			if ok {
				return Yes
			}
		}
	}
	return verdict
}

// dtlsStream follows one pair of addresses and ports. "Client" and "server" are
// DTLS's own, which need not be those of the flow: see DTLS.Turned.
type dtlsStream struct {
	f    *Flow
	t    *TLS
	env  *Env
	side [2]dtlsSide

	version  uint16   // of the ServerHello; 0: not known
	random   [32]byte // of the first ClientHello
	answered bool     // the server has said something
	keyed    bool     // the client's ClientKeyExchange was seen
	ended    bool     // the handshake is over
	over     bool     // another handshake began on the same ports, which is not followed
	sealed13 bool     // the server's encrypted flight of 1.3 has begun
	spoke    bool
	last     Dir
	failure  Outcome // Unseen: none
	failed   Stamp
}

func (s *dtlsStream) Gap(Dir, Stamp, int64) {}

func (s *dtlsStream) Data(d Dir, at Stamp, b []byte) {
	for len(b) > 0 && !s.over {
		if b[0]>>5 == 1 && s.version == versionDTLS13 { // a unified header (RFC 9147 §4), to the end of the datagram
			s.unified(s.role(d), at, b[0]&3, len(b))
			return
		}
		r, ok := parseDTLS(b)
		if !ok {
			return // another protocol's, or nothing that can be read
		}
		s.record(d, at, &r)
		b = b[r.end:]
	}
}

// role is who d is in DTLS.
func (s *dtlsStream) role(d Dir) Dir {
	if s.t.DTLS.Turned {
		return d ^ 1
	}
	return d
}

func (s *dtlsStream) record(d Dir, at Stamp, r *dtlsRecord) {
	if r.epoch == 0 && r.typ == recordHandshake {
		s.handshake(d, at, r)
		return
	}
	role := s.role(d)
	switch {
	case r.typ == recordAlert && r.epoch == 0:
		if len(r.body) == 2 {
			s.alert(role, at, r.body[0] == 2, int(r.body[1]))
		}
	case r.typ == recordAlert && s.ended:
		s.closeNotify(role, at)
	case r.typ == recordAlert:
		s.t.addAlert(Alert{Stamp: at, Dir: role, Fatal: true, Code: -1, Description: "encrypted"})
		s.fail(at)
	case r.epoch == 0:
	case r.typ == recordHandshake, r.typ == recordDTLSWithID && !s.t.finished(role).Seen():
		s.finished(role, at, r.length)
	case r.typ == recordData, r.typ == recordDTLSWithID:
		s.data(role, at)
	}
}

// handshake takes the fragments of a record in the clear.
func (s *dtlsStream) handshake(d Dir, at Stamp, r *dtlsRecord) {
	for b := r.body; len(b) > 0; {
		m, rest, ok := parseDTLSFragment(b, r.cut)
		if !ok {
			return
		}
		b = rest
		if m.typ == msgClientHello && m.offset == 0 && len(m.body) >= 34 {
			random := [32]byte(m.body[2:34])
			switch {
			case s.random == [32]byte{}:
				s.random, s.t.DTLS.Turned = random, d == Server
			case s.random != random && s.ended: // the client began anew
				s.over = true
				noteOnce(s.f, "another DTLS handshake on the same ports is not followed")
				return
			}
		}
		role := s.role(d)
		side := &s.side[role]
		if s.answered = s.answered || role == Server; side.passed(m.seq, m.typ) {
			s.again(role, at, int64(m.seq)<<24|int64(m.offset))
			continue
		}
		side.place = 0
		if role == Server && m.typ != msgHelloVerify {
			s.t.ServerFlightBytes += dtlsFragmentHeader + m.length
		}
		whole, ok := side.take(m, at)
		if !ok {
			continue
		}
		if whole.pieces > 1 {
			s.t.DTLS.Fragmented++
		}
		s.message(role, whole.tlsMessage)
	}
	if s.role(d) == Server {
		s.t.ServerFlightBytes += dtlsHeader
	}
}

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
	if h.version == versionDTLS13 {
		t.Resumed = h.psk
	} else {
		t.ALPN = h.alpn
	}
}

// finished takes an encrypted handshake message of up to 1.2: the first is a side's
// Finished (RFC 6347 §4.2.4), and until a renegotiation all others are the same again.
// Of a full handshake the server's is last, of a resumed one the client's.
func (s *dtlsStream) finished(role Dir, at Stamp, length int) {
	t := s.t
	if t.finished(role).Seen() {
		s.again(role, at, 1<<40)
		return
	}
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
			t.ServerFlightBytes += dtlsHeader + length
		}
	}
	if t.ClientFinished.Seen() && t.ServerFinished.Seen() && !s.ended {
		s.ended, t.HandshakeEnd = true, at
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

// Close tells the phase of the handshake.
func (s *dtlsStream) Close(Stamp) {
	t, f := s.t, s.f
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
	case len(f.ICMP) > 0:
		p.End, p.Outcome, p.Note = f.ICMP[0].Stamp, Refused, f.ICMP[0].Text
	case !s.answered && !s.keyed: // a client that goes on has its answer, which the capture lacks
		p.Outcome = Unanswered
	default:
		p.Outcome = Unseen
	}
	f.addPhase(p, t.ClientHello, t.DTLS.HelloVerify, t.HelloRetryAt, t.SecondHello, t.ServerHello, t.ServerFlightEnd, t.ClientFinished, t.ServerFinished)
}
