package pcapflow

import "slices"

// dtlsDissector is TLS over datagrams: the whole handshake of DTLS 1.0 and 1.2
// (RFC 4347, RFC 6347), and of 1.3 (RFC 9147) its hellos. STUN, media and others may
// share the ports (RFC 7983). A key log opens what 1.0 and 1.2 encrypt.
var dtlsDissector = &Dissector{
	Name:      "dtls",
	Transport: UDP,
	Probe:     probeDTLS,
	Open: func(f *Flow, env *Env) Stream {
		f.TLS = &TLS{DTLS: &DTLS{}}
		return &dtlsStream{f: f, env: env, dtlsHandshake: dtlsHandshake{t: f.TLS}}
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
		case r.typ == recordDTLSWithID && r.epoch <= dtlsEpochs && guessedIDLength(rest) >= 0:
			return Yes
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
	env  *Env
	over bool       // there were more handshakes than are followed
	past [][32]byte // the clients' random numbers of handshakes before the present one

	dtlsHandshake
}

// dtlsHandshake is one handshake, and what follows it.
type dtlsHandshake struct {
	t    *TLS
	side [2]dtlsSide
	keys dtlsKeys

	version  uint16   // of the ServerHello; 0: not known
	random   [32]byte // of the first ClientHello
	offered  idLength // of the client's ClientHello
	answered bool     // the server has said something
	keyed    bool     // the client's ClientKeyExchange was seen
	ended    bool     // the handshake is over
	sealed   [2]int   // length of each side's Finished, up to 1.2
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
		if r.typ == recordDTLSWithID {
			r.behindID(b, s.idLength(s.role(d), b))
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
	if r.epoch > 0 {
		if len(s.past) > 0 && !s.t.ServerHello.Seen() {
			return // of the handshake before (RFC 6347 §4.2.8)
		}
		if plain, ok := s.open(role, at, r); ok {
			s.opened(role, at, r, plain)
			return
		}
	}
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
		s.finished(role, at, r)
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
			switch random := [32]byte(m.body[2:34]); {
			case s.random == [32]byte{}:
				s.random, s.t.DTLS.Turned = random, d == Server
			case s.random != random && m.seq == 0 && !s.beginAnew(d, random):
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

// maxDTLSLater bounds the handshakes that are followed behind the first one of a pair
// of ports.
const maxDTLSLater = 16

// beginAnew follows another handshake on the same ports: a client that has lost what it
// had agreed upon, or another one behind the same address (RFC 6347 §4.2.8). A client
// that says hello again, as with a cookie, keeps its random number. false: it is an old
// hello that comes late, or one too many.
func (s *dtlsStream) beginAnew(d Dir, random [32]byte) bool {
	first := s.f.TLS.DTLS
	if slices.Contains(s.past, random) {
		return false
	}
	if len(first.Later) == maxDTLSLater {
		s.over = true
		noteOnce(s.f, "further DTLS handshakes on the same ports are not followed")
		return false
	}
	s.finish()
	s.past = append(s.past, s.random)
	s.dtlsHandshake = dtlsHandshake{t: &TLS{DTLS: &DTLS{Turned: d == Server}}, random: random}
	first.Later = append(first.Later, s.t)
	return true
}

// Close tells the phase of the last handshake.
func (s *dtlsStream) Close(Stamp) { s.finish() }
