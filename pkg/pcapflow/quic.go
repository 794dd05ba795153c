package pcapflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// Bounds of the work for one flow, whatever it carries.
const (
	quicKeysMax     = 6   // derivations
	quicInitialsMax = 64  // packets that are tried
	quicVersionsMax = 32  // listed of a Version Negotiation packet
	quicSpinsMax    = 64  // samples of the spin bit
	quicSpinPatient = 512 // packets in a row without a change
)

// quicDissector is QUIC (RFC 9000): versions, the ClientHello in the Initial
// packets, and when the handshake ended, as far as packet kinds tell.
var quicDissector = &Dissector{
	Name:      "quic",
	Transport: UDP,
	Probe:     probeQUIC,
	Open: func(f *Flow, _ *Env) Stream {
		f.QUIC = &QUIC{}
		return &quicStream{f: f, q: f.QUIC, largest: [2]int64{-1, -1}}
	},
}

// probeQUIC asks for a long header of a known version. An unknown one may be
// followed by the server's list of those it knows.
func probeQUIC(first [2][]byte, _ uint16) Verdict {
	verdict := No
	for d, b := range first {
		p, ok := parseQUIC(b)
		if !ok || p.kind == quicShort {
			continue
		}
		switch {
		case p.kind == quicNegotiation:
			if asked, ok := parseQUIC(first[d^1]); ok && asked.kind != quicShort && bytes.Equal(asked.dcid, p.scid) && bytes.Equal(asked.scid, p.dcid) {
				return Yes
			}
		case p.kind == quicUnknown:
			if quicGoogle(p.version) && len(p.dcid) == quicIDFirst {
				return Yes
			}
			if len(p.dcid) >= quicIDFirst && len(b) >= quicInitialMin {
				verdict = Maybe
			}
		case b[0]&0x40 == 0:
		case p.kind != quicInitial || len(p.dcid) >= quicIDFirst || Dir(d) == Server:
			return Yes
		}
	}
	return verdict
}

// quicStream is the Stream of one pair of addresses and ports.
type quicStream struct {
	f        *Flow
	q        *QUIC
	keys     []*quicKeys // the latest that opened a client's packet comes last
	derived  int
	tried    int
	largest  [2]int64 // packet numbers
	crypto   [2]quicCrypto
	read     [2]bool // the hello of that side was read
	scratch  []byte
	finished bool        // the client sent a Handshake packet
	retry    quicRetried // the latest
	answered bool        // by a server's packet that is neither Retry nor Version Negotiation
	spin     quicSpin
	id       [2]int       // octets of each side's latest connection ID
	dns      *quicLookups // of DNS over QUIC; nil: it is none, or not known yet
}

func (s *quicStream) Gap(Dir, Stamp, int64) {}

// Idle: the handshake has ended, and the spin bit has told what it tells.
func (s *quicStream) Idle() bool { return s.q.HandshakeEnd.Seen() && s.spin.full() && s.dns == nil }

func (s *quicStream) Data(d Dir, at Stamp, b []byte) {
	q := s.q
	switch {
	case d == Client && !q.Initial.Seen():
		q.Initial, q.Sums[d] = at, crc32.ChecksumIEEE(b)
	case d == Server && !q.Answer.Seen():
		q.Answer, q.Sums[d] = at, crc32.ChecksumIEEE(b)
	}
	padded := false // up to the size of a datagram with an Initial packet (RFC 9000 §14.1)
	for whole := len(b); len(b) > 0; {
		p, ok := parseQUIC(b)
		if !ok {
			return // padding behind the last packet, or no QUIC
		}
		padded = padded || p.kind == quicInitial
		switch {
		case p.kind != quicShort:
			s.id[d] = len(p.scid)
		case s.dns != nil && len(b) == whole:
			s.dns.id = s.id
			s.dns.packet(d, at, len(b))
		case s.dns != nil && d == Client && padded:
			s.dns.beside(at)
		}
		s.packet(d, at, &p, b)
		b = b[p.end:]
	}
}

func (s *quicStream) packet(d Dir, at Stamp, p *quicPacket, b []byte) {
	q := s.q
	switch p.kind {
	case quicShort:
		s.short(d, at, b[0])
	case quicNegotiation:
		if d == Server {
			s.negotiation(b[p.number:])
		}
	case quicRetry:
		switch {
		case d == Client: // no client sends one: an Initial of a version it numbers as in version 1
			s.setVersion(p.version, d)
		case !s.answered:
			s.retried(at, p.scid)
		}
	case quicEarly:
		q.EarlyData = q.EarlyData || d == Client
	case quicHandshake:
		if s.setVersion(p.version, d); d == Server {
			s.answered = true
			if !q.HandshakeEnd.Seen() {
				q.ServerFlight = at
			}
		} else {
			s.finished = true
		}
	case quicUnknown:
		s.setVersion(p.version, d)
	case quicInitial:
		s.setVersion(p.version, d)
		if s.answered = s.answered || d == Server; d == Client && q.Retry && bytes.Equal(p.dcid, s.retry.id[:s.retry.n]) {
			q.RetryAt = s.retry.at
		}
		s.initial(d, at, p, b)
	}
}

// quicRetried is a Retry packet, with the connection ID that it asks for.
type quicRetried struct {
	at Stamp
	id [quicIDMax]byte
	n  int
}

// retried takes a Retry: of several, the client takes one (RFC 9000 §17.2.5.2),
// the first unless its next Initial packet goes to the ID of another.
func (s *quicStream) retried(at Stamp, id []byte) {
	if !s.q.Retry {
		s.q.Retry, s.q.RetryAt = true, at
	}
	s.retry.at, s.retry.n = at, copy(s.retry.id[:], id)
}

// setVersion: the server's choice counts, and until it answers the client's
// latest.
func (s *quicStream) setVersion(version uint32, d Dir) {
	if d == Client && s.answered || s.q.HandshakeEnd.Seen() {
		return
	}
	s.q.Version = quicVersionName(version)
}

// negotiation lists the versions that the server has (RFC 9000 §17.2.1).
func (s *quicStream) negotiation(b []byte) {
	s.q.Negotiated = true
	for ; len(b) >= 4 && len(s.q.Versions) < quicVersionsMax; b = b[4:] {
		if name := quicVersionName(binary.BigEndian.Uint32(b)); !slices.Contains(s.q.Versions, name) {
			s.q.Versions = append(s.q.Versions, name)
		}
	}
}

// initial opens an Initial packet and reads its handshake bytes.
func (s *quicStream) initial(d Dir, at Stamp, p *quicPacket, b []byte) {
	if s.q.HandshakeEnd.Seen() || p.cut || s.tried >= quicInitialsMax {
		return
	}
	s.tried++
	frames, ok := s.open(d, p, b[:p.end])
	if !ok {
		return
	}
	s.q.Opened[d] = true
	known := s.crypto[d].held
	reader := quicFrames{
		crypto: func(offset uint64, data []byte) {
			if s.crypto[d].add(offset, data) && offset == 0 && d == Client && !s.answered {
				s.q.Attempts++
			}
		},
		close: func(code uint64) {
			if !s.q.Close.Seen() {
				s.q.Close, s.q.CloseBy, s.q.CloseCode = at, d, code
			}
		},
	}
	if d == Client && s.q.Attempts == 0 {
		s.q.Attempts = 1
	}
	reader.read(frames)
	if d == Client && !s.answered && at != s.q.Initial && s.crypto[d].held == known {
		s.q.Again = at
	}
	for !s.read[d] {
		kind, body, whole := s.crypto[d].message()
		if !whole {
			return
		}
		s.read[d] = !s.hello(d, at, kind, body)
		s.crypto[d].next(body)
	}
}

// open tries the keys at hand, then those of the packet's own connection ID: a
// Retry, a new version or a missing beginning change it.
func (s *quicStream) open(d Dir, p *quicPacket, b []byte) (frames []byte, ok bool) {
	for i := len(s.keys) - 1; i >= 0; i-- {
		k := s.keys[i]
		if k.version != p.version {
			continue
		}
		if frames, ok = s.openWith(k, d, p, b); ok {
			return frames, true
		}
	}
	dcid := p.dcid
	if d == Server { // its choice of another version keeps the client's ID (RFC 9369 §4)
		if len(s.keys) == 0 {
			return nil, false
		}
		if dcid = s.keys[len(s.keys)-1].dcid; s.keys[len(s.keys)-1].version == p.version {
			return nil, false
		}
	}
	if s.derived >= quicKeysMax {
		return nil, false
	}
	s.derived++
	k := newQUICKeys(p.version, dcid)
	if k == nil {
		return nil, false
	}
	if frames, ok = s.openWith(k, d, p, b); !ok {
		return nil, false
	}
	s.keys = append(s.keys, k)
	if d == Client { // what went to another ID is sent anew
		s.crypto[Client], s.read[Client] = quicCrypto{}, false
	}
	return frames, true
}

func (s *quicStream) openWith(k *quicKeys, d Dir, p *quicPacket, b []byte) ([]byte, bool) {
	s.scratch = append(s.scratch[:0], b...)
	frames, number, ok := k.side[d].open(s.scratch, p.number, s.largest[d])
	if ok {
		s.largest[d] = max(s.largest[d], number)
	}
	return frames, ok
}

// hello takes what a whole ClientHello or ServerHello says. more: it was a
// HelloRetryRequest, another follows.
func (s *quicStream) hello(d Dir, at Stamp, kind byte, body []byte) (more bool) {
	q := s.q
	if d == Client && kind == msgClientHello {
		if h, ok := parseClientHello(body); ok {
			if q.ClientHello.Seen() {
				q.SecondHello = at
			} else {
				q.ClientHello = at
			}
			s.clientHello(&h)
			q.JA4 = h.ja4('q')
		}
	}
	if d == Server && kind == msgServerHello {
		h, ok := parseServerHello(body)
		if !ok {
			return false
		}
		if h.retry {
			q.HelloRetry, q.HelloRetryAt = true, at
			s.read[Client] = false // it says hello again
			return true
		}
		q.ServerHello, q.Cipher, q.Resumed = at, cipherSuiteName(h.suite), h.psk
		if h.group != 0 {
			q.Group = groupName(h.group)
		}
	}
	return false
}

func (s *quicStream) clientHello(h *clientHello) {
	s.q.SNI, s.q.Offered, s.q.ECH = h.sni, h.alpn, h.ech
	if s.dns == nil && s.f.overQUIC() {
		s.dns = &quicLookups{}
	}
	if len(h.alpn) > 0 {
		s.q.ALPN = h.alpn[0]
	}
}

// short is a 1-RTT packet. The client sends its first once it has the server's
// whole flight, so that one ends the handshake as seen from outside.
func (s *quicStream) short(d Dir, at Stamp, first byte) {
	q := s.q
	if !q.HandshakeEnd.Seen() && (d == Client && q.ServerFlight.Seen() || d == Server && s.finished) {
		q.HandshakeEnd = at
		s.keys, s.scratch, s.crypto = nil, nil, [2]quicCrypto{}
	}
	if d == Server && q.HandshakeEnd.Seen() {
		s.spin.packet(at, first&0x20 != 0)
	}
}

func (s *quicStream) Close(Stamp) {
	q, f := s.q, s.f
	if !s.read[Client] { // part of a ClientHello may still tell the name
		if kind, body, _ := s.crypto[Client].message(); kind == msgClientHello {
			if h, ok := parseClientHello(body); ok {
				s.clientHello(&h)
			}
		}
	}
	if !q.Initial.Seen() {
		return
	}
	p := Phase{Name: QUICHandshake, Begin: q.Initial, End: q.HandshakeEnd, Outcome: Estimated, Attempts: max(1, q.Attempts)}
	if q.Attempts <= 1 && q.Answer.Seen() {
		p.RTT = q.Answer.Time - q.Initial.Time
	}
	switch {
	case p.End.Seen():
	case q.Close.Seen():
		p.End, p.Outcome, p.Note = q.Close, Failed, fmt.Sprintf("closed by the %s: %s", q.CloseBy, q.CloseReason())
	case refusal(f.ICMP) != nil:
		x := refusal(f.ICMP)
		p.End, p.Outcome, p.Note = x.Stamp, Refused, x.Text
	case !q.Answer.Seen() && !s.finished: // a client that goes on has its answer, which the capture lacks
		p.Outcome = Unanswered
	case q.Negotiated && !s.answered:
		p.Outcome, p.Note = Failed, "no common version"
	default:
		p.Outcome = Unseen
	}
	q.SpinRTT = s.spin.stats(p.RTT)
	f.addPhase(p, q.Answer, q.RetryAt, q.ClientHello, q.SecondHello, q.ServerHello, q.ServerFlight)
	if s.dns != nil {
		f.Phases = append(f.Phases, s.dns.phases()...)
	}
	s.keys, s.scratch, s.crypto = nil, nil, [2]quicCrypto{}
}

// quicSpin follows the latency spin bit of the server's packets: it changes
// once a round trip.
type quicSpin struct {
	seen    bool
	value   bool
	edge    Stamp
	still   int // packets since the last change
	samples []int64
}

func (s *quicSpin) full() bool {
	return len(s.samples) >= quicSpinsMax || s.still >= quicSpinPatient
}

func (s *quicSpin) packet(at Stamp, value bool) {
	if s.full() {
		return
	}
	if s.seen && value == s.value {
		s.still++
		return
	}
	if s.seen {
		if s.edge.Seen() {
			s.samples = append(s.samples, at.Time-s.edge.Time)
		}
		s.edge = at
	}
	s.seen, s.value, s.still = true, value, 0
}

// stats gives the round trips, unless the bit is set at random: then changes
// come faster than the handshake's round trip allows.
func (s *quicSpin) stats(rtt int64) RTTStats {
	if len(s.samples) < 3 || rtt <= 0 {
		return RTTStats{}
	}
	slices.Sort(s.samples)
	n := len(s.samples)
	if s.samples[0] < rtt/2 {
		return RTTStats{}
	}
	return RTTStats{N: n, Min: s.samples[0], P50: s.samples[n/2], P95: s.samples[n*95/100]}
}
