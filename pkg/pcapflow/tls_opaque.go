package pcapflow

import "strings"

// suiteShape is what a cipher suite does to the lengths of records
// (design: record arithmetic; RFC 8446 §5.2, RFC 5288, RFC 6655, RFC 7905, RFC 5246 §6.2.3.2).
type suiteShape struct {
	overhead int  // body bytes beyond the plaintext; of CBC the least there can be
	exact    bool // overhead is the same for every record
	finished int  // body length of a Finished record; 0: not known
	split    int  // body length of a record of one byte, where those are sent against BEAST; 0: nowhere
}

// shapeOf derives the shape from the suite's IANA name.
func shapeOf(name string, version uint16, etm bool) suiteShape {
	verify := 12 // verify_data up to 1.2
	if isTLS13(version) {
		verify = 32
		if strings.HasSuffix(name, "SHA384") {
			verify = 48
		}
	}
	var s suiteShape
	switch {
	case isTLS13(version) && strings.Contains(name, "CCM_8"):
		s = suiteShape{overhead: 1 + 8, exact: true}
	case isTLS13(version):
		s = suiteShape{overhead: 1 + 16, exact: true}
	case strings.Contains(name, "CCM_8"):
		s = suiteShape{overhead: 8 + 8, exact: true}
	case strings.Contains(name, "_GCM_"), strings.Contains(name, "_CCM"):
		s = suiteShape{overhead: 8 + 16, exact: true}
	case strings.Contains(name, "CHACHA20_POLY1305"):
		s = suiteShape{overhead: 16, exact: true}
	case strings.Contains(name, "_CBC_"):
		block := 16
		if strings.Contains(name, "DES") {
			block = 8
		}
		s = suiteShape{overhead: macLength(name) + 1}
		if version >= versionTLS11 {
			s.overhead += block
		}
		padded := (4 + verify + 1 + macLength(name) + block - 1) / block * block
		if etm {
			padded = (4+verify+1+block-1)/block*block + macLength(name)
		}
		s.finished = padded + s.overhead - macLength(name) - 1
		if version <= versionTLS10 { // a record of no byte is as long
			s.split = (1 + macLength(name) + 1 + block - 1) / block * block
			if etm {
				s.split = block + macLength(name)
			}
		}
		return s
	case strings.Contains(name, "RC4"), strings.Contains(name, "NULL"):
		s = suiteShape{overhead: macLength(name), exact: true}
	default:
		return s
	}
	s.finished = 4 + verify + s.overhead
	return s
}

func macLength(name string) int {
	switch {
	case strings.HasSuffix(name, "SHA384"):
		return 48
	case strings.HasSuffix(name, "SHA256"):
		return 32
	case strings.HasSuffix(name, "MD5"):
		return 16
	}
	return 20
}

// plaintext is the content length of a record, or -1 where it cannot be told.
// For CBC it is the most there can be.
func (s *tlsStream) plaintext(length int) int {
	if s.suite.overhead == 0 {
		return -1
	}
	if length == s.suite.split {
		return 1
	}
	return max(0, length-s.suite.overhead)
}

// isFinished tells whether a record has the length of a 1.3 Finished.
func (s *tlsStream) isFinished(length int) bool {
	if s.suite.finished == 0 {
		return length == 4+32+17 || length == 4+48+17
	}
	return length == s.suite.finished
}

// isAlert13 tells whether a 1.3 data record has the length of an alert.
func (s *tlsStream) isAlert13(length int) bool {
	return length == 2+max(s.suite.overhead, 1+8) && s.suite.overhead != 0 || s.suite.overhead == 0 && length == 2+17
}

// opaque handles an encrypted record by its type and length alone.
func (s *tlsStream) opaque(r tlsRecord) {
	if !s.helloed && !s.answered { // joined half-way
		s.ended = true
	}
	switch {
	case r.typ == recordHeartbeat:
	case isTLS13(s.version) || s.version == 0 && r.typ == recordData && !s.secretHandshake():
		s.opaque13(r)
	case r.typ == recordAlert:
		s.encryptedAlert(r)
	case r.typ == recordHandshake:
		s.opaqueHandshake(r)
	default:
		if !s.ended && r.dir == Server { // the end was not seen, but it is behind us
			s.ended = true
		}
		s.data(r)
	}
}

// secretHandshake tells whether a side sent an encrypted record of the
// handshake's type, as versions up to 1.2 do and 1.3 never does.
func (s *tlsStream) secretHandshake() bool {
	return s.side[Client].secretHandshake || s.side[Server].secretHandshake
}

// opaqueHandshake handles the encrypted handshake records of versions up to
// 1.2: the first of each side is its Finished (RFC 5246 §7.4.9).
func (s *tlsStream) opaqueHandshake(r tlsRecord) {
	s.side[r.dir].secretHandshake = true
	t := s.t
	switch {
	case s.ended && !t.HandshakeEnd.Seen(): // joined within or behind the handshake
	case s.ended:
		noteOnce(s.f, "TLS renegotiation")
		if !t.Renegotiation.Seen() {
			t.Renegotiation, t.RenegotiationBy = r.first, r.dir
		}
	case r.dir == Client && !t.ClientFinished.Seen():
		t.ClientFinished = r.last
		if t.ServerFinished.Seen() {
			s.end(r.last)
		}
	case r.dir == Server && !t.ServerFinished.Seen():
		t.ServerFinished = r.last
		if s.answered && !s.helloDone && !s.moved {
			t.Resumed = true // the server finishes first: RFC 5246 §7.3, figure 2
			t.ServerFlightEnd = r.last
		}
		if t.ClientFinished.Seen() {
			s.end(r.last)
		}
	}
}

// end closes the handshake at the instant its version and mode define.
func (s *tlsStream) end(at Stamp) {
	s.ended = true
	s.t.HandshakeEnd = at
	s.t.RoundTrips = s.flights
	s.endHandshake()
	s.guess.established(s.t, at)
}

// opaque13 handles a TLS 1.3 data record, which may hide anything.
func (s *tlsStream) opaque13(r tlsRecord) {
	if s.version == 0 && s.helloed && r.dir == Client && !s.early && s.isFinished(r.length) {
		// Up to 1.2 a client's first encrypted record is of the handshake's type.
		s.inferVersion13(r.length)
	}
	if r.dir == Server && s.nHeld > 0 {
		s.releaseHeld()
	}
	switch {
	case r.typ != recordData:
	case s.ended:
		if s.isAlert13(r.length) {
			s.closing(r)
			return
		}
		s.data(r)
	case r.dir == Server:
		s.serverFlight13(r)
	default:
		s.clientFlight13(r)
	}
}

// serverFlight13 handles server records before the client's Finished:
// EncryptedExtensions, perhaps CertificateRequest, Certificate and
// CertificateVerify, Finished; then what a server may send at once.
func (s *tlsStream) serverFlight13(r tlsRecord) {
	t := s.t
	if s.isAlert13(r.length) {
		s.inferAlert(r)
		return
	}
	if t.ServerFinished.Seen() {
		s.data(r)
		return
	}
	x := s.handshake()
	if x.flight13 == 0 {
		s.guess.encryptedExtensions(s.plaintext(r.length))
	}
	x.flight13++
	x.same13 = r.length == x.length13
	x.length13 = r.length
	t.ServerFlightEnd = r.last
	if s.isFinished(r.length) {
		t.ServerFinished = r.last
	}
}

// clientFlight13 handles client records before the handshake's end: early
// data, EndOfEarlyData, perhaps Certificate and CertificateVerify, Finished.
func (s *tlsStream) clientFlight13(r tlsRecord) {
	switch {
	case s.early && !s.answered && !s.side[Server].started: // nothing from the server yet
		s.t.EarlyData = true
		s.data(r)
	case s.isAlert13(r.length):
		s.releaseHeld()
		if s.ended {
			s.closing(r)
			return
		}
		s.inferAlert(r)
	case s.early && s.plaintext(r.length) == 4: // EndOfEarlyData: what came before it was early data
		s.lateEarlyData()
	case s.isFinished(r.length):
		s.inferVersion13(r.length)
		s.t.ClientCertificate = s.nHeld > 0 && s.handshake().held[0].length > 8+s.suite.overhead
		s.nHeld = 0
		s.t.ClientFinished = r.last
		s.padding()
		s.end(r.last)
	case int(s.nHeld) < maxHeldRecords:
		s.handshake().held[s.nHeld] = r
		s.nHeld++
	default:
		s.releaseHeld()
		s.data(r)
	}
}

// lateEarlyData takes what the client sent between the server's flight and its
// EndOfEarlyData, if it sent anything there, for early data.
func (s *tlsStream) lateEarlyData() {
	n := s.nHeld
	s.nHeld = 0
	held := s.handshake().held
	for _, r := range held[:n] {
		s.t.EarlyData = true
		s.data(r)
	}
}

// inferVersion13 comes with a client's first data record, of a Finished's length,
// where the capture cut the ServerHello: so speaks 1.3 alone, and all its usual
// suites lengthen records alike.
func (s *tlsStream) inferVersion13(length int) {
	if s.version != 0 || s.suite.overhead != 0 {
		return
	}
	s.version = versionTLS13
	s.t.Version = tlsVersionName(versionTLS13)
	s.suite = suiteShape{overhead: 1 + 16, exact: true, finished: length}
	s.guess.chosen("", true, true)
}

// releaseHeld gives up waiting for a record of a Finished's length: the first
// record of the flight was it, packed with what else the client had to say.
func (s *tlsStream) releaseHeld() {
	if s.nHeld == 0 || s.ended {
		return
	}
	n := s.nHeld
	s.nHeld = 0
	held := s.handshake().held // the handshake's end gives it back
	s.t.ClientFinished = held[0].last
	s.padding()
	s.end(held[0].last)
	for _, r := range held[1:n] {
		s.data(r)
	}
}

// padding comes with a client's Finished. Where no record of the server's flight
// had a Finished's length and the last two were just as long, records are padded
// (RFC 8446 §5.4): their lengths tell nothing, only turns are left.
func (s *tlsStream) padding() {
	if s.dec != nil || s.t.ServerFinished.Seen() || !s.handshake().same13 {
		return
	}
	noteOnce(s.f, "TLS records are padded: sizes are bounds, and tickets and close_notify cannot be told from data")
	s.guess.pad()
}

// data hands a record of application data to the reading of exchanges.
func (s *tlsStream) data(r tlsRecord) {
	n := s.plaintext(r.length)
	if r.dir == Client {
		if !s.asked && (s.t.EarlyData && !s.answered || s.ended || s.t.ClientFinished.Seen()) {
			s.asked = true
			if !s.t.FirstClientData.Seen() {
				s.t.FirstClientData = r.last
			}
		}
		s.guess.client(n, r.first, r.last)
		return
	}
	s.guess.server(n, r.first, r.last)
}

// alert handles an alert in the clear.
func (s *tlsStream) alert(r tlsRecord, fatal bool, code int) {
	if code == 0 {
		s.closeNotify(r)
		if !s.ended {
			s.fail(Failed, r.last)
		}
		return
	}
	if isTLS13(s.version) && code != 90 { // RFC 8446 §6.2: the level means nothing
		fatal = true
	}
	s.t.addAlert(Alert{Stamp: r.last, Dir: r.dir, Fatal: fatal, Code: code, Description: alertName(code)})
	if fatal {
		s.fail(Failed, r.last)
	}
}

// encryptedAlert handles an encrypted alert record of versions up to 1.2.
func (s *tlsStream) encryptedAlert(r tlsRecord) {
	if s.ended || s.gapped {
		s.closing(r)
		return
	}
	s.t.addAlert(Alert{Stamp: r.last, Dir: r.dir, Fatal: true, Code: -1, Description: "encrypted"})
	s.fail(Failed, r.last)
}

// inferAlert takes a 1.3 record of an alert's length, where a handshake
// message of that length cannot be, for a fatal alert; not where the capture
// lacks bytes of the client: the handshake may be over then.
func (s *tlsStream) inferAlert(r tlsRecord) {
	if s.gapped {
		s.closing(r)
		return
	}
	s.t.addAlert(Alert{Stamp: r.last, Dir: r.dir, Fatal: true, Code: -1, Description: "encrypted", Inferred: true})
	s.fail(Failed, r.last)
}

// closing takes an unreadable alert after the handshake for what nearly all
// are, close_notify; except where the server sends it instead of the first
// answer: then it refused the client (its certificate, mostly).
func (s *tlsStream) closing(r tlsRecord) {
	if r.dir == Server && s.refusesClient(r) {
		s.t.addAlert(Alert{Stamp: r.last, Dir: r.dir, Fatal: true, Code: -1, Description: "encrypted", Inferred: true})
		return
	}
	s.closeNotify(r)
}

// promptly bounds how long after the first request a server's refusal of the
// client comes, ns; later it is rather tired of waiting for something.
const promptly = 2e9

func (s *tlsStream) refusesClient(r tlsRecord) bool {
	g := &s.guess
	left := s.t.CloseNotify[Client].Seen() || s.f.finished(Client)
	return g.unanswered() && len(g.list) == 1 && !left && r.last.Time-g.last().RequestLast.Time < promptly
}

// closeNotify ends what one side has to say.
func (s *tlsStream) closeNotify(r tlsRecord) {
	if r.dir == Client && !s.t.FirstClientData.Seen() && s.t.HandshakeEnd.Seen() {
		s.t.Unused = true
	}
	if !s.t.CloseNotify[r.dir].Seen() {
		s.t.CloseNotify[r.dir] = r.last
	}
	s.guess.closeNotify(r.dir, r.last)
}

// maxAlerts bounds what a hostile flow can make us keep.
const maxAlerts = 16

func (t *TLS) addAlert(a Alert) {
	if len(t.Alerts) < maxAlerts {
		t.Alerts = append(t.Alerts, a)
	}
}
