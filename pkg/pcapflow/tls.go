package pcapflow

import (
	"bytes"
	"slices"
)

// tlsDissector follows SSL 3.0 to TLS 1.3 over TCP, with and without keys.
var tlsDissector = &Dissector{
	Name:      "tls",
	Transport: TCP,
	Probe:     probeTLS,
	Open:      func(f *Flow, env *Env) Stream { return openTLS(f, env) },
}

// tlsStream is one TLS connection being followed. What every record touches
// comes first.
type tlsStream struct {
	f     *Flow
	t     *TLS
	env   *Env
	dec   *decrypter
	plain *http1 // the server answered in clear HTTP

	version   uint16 // 0: not known
	nHeld     uint8
	ended     bool // the handshake is over
	helloed   bool
	answered  bool // a ServerHello was read
	asked     bool // FirstClientData is known
	etm       bool // the first ClientHello offers encrypt-then-MAC
	early     bool // it announces early data
	helloDone bool // the server's ServerHelloDone was seen
	moved     bool // the client has sent more than its hello
	gapped    bool // the capture lacks bytes of the client
	spoke     bool
	last      Dir
	failure   Outcome // of the handshake; Unseen: none
	suite     suiteShape

	side  [2]tlsSide
	guess exchangeGuess

	failed  Stamp
	flights int           // of the server, until the handshake ended
	opening *tlsHandshake // see handshake
}

// upgraded says that the connection began as another protocol.
func (s *tlsStream) upgraded(protocol string) {
	s.t.StartTLS = protocol
	s.guess.off = protocol != "socks"
}

// turn counts flights: one each time the server answers.
func (s *tlsStream) turn(d Dir) {
	if s.ended {
		return
	}
	if d == Server && (!s.spoke || s.last == Client) {
		s.flights++
	}
	s.spoke, s.last = true, d
}

// message handles one handshake message in the clear, or decrypted.
func (s *tlsStream) message(d Dir, m tlsMessage) {
	if p, first := s.t.part(d, &m); first {
		s.side[d].told |= toldPart << p
	}
	switch m.typ {
	case msgClientHello:
		if d == Client {
			s.clientHello(m)
		}
	case msgServerHello, msgHelloRetryRequest:
		if d == Server {
			s.serverHello(m)
		}
	case msgEncryptedExt:
		s.encryptedExtensions(m)
	case msgCertificate, msgCompressedCert:
		s.t.readCertificates(s.env, d, m, isTLS13(s.version))
	case msgCertificateStatus:
		if d == Server && m.whole {
			s.t.Staple = readStaple(m.body)
		}
	case msgServerKeyExchange:
		s.t.readCurve(m.body)
	case msgServerHelloDone:
		s.helloDone = true
		s.t.ServerFlightEnd = m.last
		s.side[d].told |= toldFlightEnd
	case msgNewSessionTicket:
		if d == Server {
			if s.t.Tickets++; s.t.Tickets == 1 {
				s.t.Ticket = m.last
			}
			s.ticket12(m)
		}
	case msgEndOfEarlyData, msgFinished, msgKeyUpdate:
		if s.dec != nil {
			s.dec.message13(d, m)
		}
	}
}

func (s *tlsStream) clientHello(m tlsMessage) {
	if s.helloed {
		if !s.answered && !s.t.SecondHello.Seen() { // only a HelloRetryRequest is answered so, seen or not
			s.t.HelloRetry, s.t.SecondHello = true, m.last
			s.side[Client].told |= toldSecondHello
		}
		return
	}
	s.helloed = true
	s.t.ClientHello = m.last
	s.side[Client].told |= toldClientHello
	s.t.ClientHelloFirst = m.first
	s.t.ClientHelloBytes = m.size + 4
	h := &clientHello{}
	if s.env != nil {
		h = &s.env.pools.hello
	}
	if !h.parse(m.body, s.env) {
		return
	}
	s.t.SNI, s.t.Offered, s.t.ECH = h.sni, h.alpn, h.ech
	switch {
	case !h.whole || !m.whole:
	case s.env == nil:
		s.t.JA3, s.t.JA4 = h.ja3(), h.ja4('t')
	default:
		f := s.env.pools.shapes.of(h)
		s.t.JA3, s.t.JA4 = f.ja3, f.ja4
	}
	s.handshake().client, s.early, s.etm = h.random, h.earlyData, h.etm
	s.guess.offered(h.alpn, h.whole && m.whole)
	s.openKeys(h)
}

func (s *tlsStream) serverHello(m tlsMessage) {
	h, ok := parseServerHello(m.body)
	if h.retry || m.typ == msgHelloRetryRequest {
		s.t.HelloRetry = true
		s.t.HelloRetryAt = m.last
		s.side[Server].told |= toldHelloRetry
		if ok {
			s.version = h.version
			s.t.Group = groupName(h.group)
		}
		return
	}
	if s.answered {
		return
	}
	s.answered = true
	s.t.ServerHello, s.t.ServerHelloFirst = m.last, m.first
	s.side[Server].told |= toldServerHello
	if !ok {
		return
	}
	s.version = h.version
	s.t.Version = tlsVersionName(h.version)
	s.t.Cipher = cipherSuiteName(h.suite)
	s.suite = shapeOf(s.t.Cipher, h.version, h.etm)
	if h.group != 0 {
		s.t.Group = groupName(h.group)
	}
	if isTLS13(h.version) {
		s.t.Resumed = h.psk
	} else {
		s.t.ALPN = h.alpn
	}
	s.guess.chosen(s.t.ALPN, isTLS13(h.version), s.suite.exact)
	s.startDecryption(h)
}

// readCertificates reads a chain that passes in the clear or was decrypted.
func (t *TLS) readCertificates(env *Env, d Dir, m tlsMessage, tls13 bool) {
	if d == Client {
		t.ClientCertificate = m.size > 8 // an empty list is 3 bytes, 4 under 1.3
		return
	}
	t.CertificateBytes = m.size + 4
	if m.whole && m.typ == msgCertificate {
		t.Certificates = env.chain(m.body, tls13)
		if tls13 {
			t.Staple = stapled13(m.body)
		}
	}
}

// readCurve takes the named_curve of a ServerKeyExchange (RFC 8422 §5.4).
func (t *TLS) readCurve(b []byte) {
	if len(b) >= 3 && b[0] == 3 {
		t.Group = groupName(be16(b[1:]))
	}
}

// changeCipher: up to 1.2 what follows is encrypted; in 1.3 it means nothing
// (RFC 8446 §D.4).
func (s *tlsStream) changeCipher(r tlsRecord) {
	if !isTLS13(s.version) {
		s.side[r.dir].secret = true
	}
}

// ssl2Hello reads a ClientHello in SSLv2's framing (RFC 5246 §E.2).
func (s *tlsStream) ssl2Hello(r tlsRecord, b []byte) {
	if s.helloed || len(b) < 3 {
		return
	}
	s.helloed = true
	s.t.ClientHello, s.t.ClientHelloFirst = r.last, r.first
	s.t.ClientHelloBytes = r.length
	if b[1] == 0 {
		s.version = versionSSL2
		s.t.Version = tlsVersionName(versionSSL2)
		s.ended = true // nothing behind it is followed
	}
}

// foreign: what stands where a record should begin is none.
func (s *tlsStream) foreign(d Dir, at Stamp) {
	side := &s.side[d]
	head := side.header[:]
	switch {
	case s.version == versionSSL2:
	case side.started:
		noteOnce(s.f, "TLS records lost their framing")
	case d == Client && probeSSL2Hello(head) == Yes:
		side.begin()
		side.typ = recordSSL2
		side.length = int(head[0]&0x7f)<<8 | int(head[1])
		side.left = side.length - 3
		side.body = append(side.body, head[2:]...)
		return
	case d == Server && bytes.Equal(head, []byte("HTTP/")):
		s.t.PlainAnswer = "http"
		s.plain = newHTTP1(s.f)
		s.plain.data(d, side.first, at, head)
		s.fail(Failed, side.first)
		return
	case d == Server && malformedHeader(head):
		noteOnce(s.f, "the server's first TLS record is malformed")
		s.fail(Failed, side.first)
	case d == Server:
		s.t.PlainAnswer = "other"
		if bytes.HasPrefix(head, []byte("SSH-")) {
			s.t.PlainAnswer = "ssh"
		}
		s.fail(Failed, side.first)
	}
	side.lost, side.have = true, 0
}

// fail ends the handshake without success.
func (s *tlsStream) fail(o Outcome, at Stamp) {
	if s.ended || s.failure != Unseen {
		return
	}
	s.failure, s.failed = o, at
}

// Close ends the flow: the phases and the exchanges are told.
func (s *tlsStream) Close(at Stamp) {
	s.releaseHeld()
	s.guess.close()
	if s.helloed || s.answered {
		s.handshakePhase(s.f.newPhase())
	}
	if s.plain != nil {
		s.plain.close()
		appendExchangePhases(s.f)
		return
	}
	if s.guess.dns {
		appendLookupPhases(s.f, s.guess.list)
		return
	}
	if s.guess.foreign && !s.guess.certain {
		noteOnce(s.f, "encrypted data does not look like HTTP: requests not told apart")
	}
	before := len(s.f.HTTP) // of a proxy, through which the connection goes
	if s.dec != nil {
		s.f.HTTP = append(s.f.HTTP, s.dec.exchanges(s.guess.exchanges(nil))...)
	} else {
		s.f.HTTP = s.guess.exchanges(s.f.HTTP)
	}
	if len(s.f.HTTP) > before {
		s.t.FirstServerData = s.f.HTTP[before].ResponseFirst
	}
	appendExchangePhases(s.f)
}

// handshakePhase is the phase tls.handshake.
func (s *tlsStream) handshakePhase(p *Phase) {
	t := s.t
	p.Name, p.Begin, p.Attempts = TLSHandshake, t.ClientHelloFirst, 1
	if !p.Begin.Seen() {
		p.Attempts = 0
	}
	switch {
	case s.ended && t.HandshakeEnd.Seen() && t.HandshakeEnd.Frame >= p.Begin.Frame: // else a hello came after what looked like the end
		p.End, p.Outcome = t.HandshakeEnd, Done
		if isTLS13(s.version) || s.version == 0 {
			p.Outcome = Estimated
			if s.dec != nil && s.dec.sawFinished() {
				p.Outcome = Done
			}
		}
		if s.failure != Unseen {
			p.Outcome = s.failure
		}
	case s.failure != Unseen:
		p.End, p.Outcome = latest(p.Begin, s.failed), s.failure // a server may have spoken first
	case s.ended, s.gapped: // what would tell of the end may be among the bytes that the capture lacks
	case s.f.Conn != nil && len(s.f.Conn.RST) > 0:
		p.End, p.Outcome = s.f.Conn.RST[0].Stamp, Refused
	case s.f.Conn != nil && (s.f.Conn.FIN[Client].Seen() || s.f.Conn.FIN[Server].Seen()):
		p.Outcome = Failed
	case !s.answered:
		p.Outcome = Unanswered
	} // else Unseen: the server has begun to answer, and the capture tells no more
	for _, at := range [...]Stamp{t.ClientHelloFirst, t.ClientHello, t.SecondHello, t.ServerHello, t.ServerFlightEnd, t.ServerFinished, t.ClientFinished, p.End} {
		if at.Seen() && !slices.Contains(p.Frames, at.Frame) {
			p.Frames = append(p.Frames, at.Frame)
		}
	}
	slices.Sort(p.Frames)
}
