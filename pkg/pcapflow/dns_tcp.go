package pcapflow

import (
	"bytes"
	"encoding/binary"
)

// dnsTCPDissector is DNS over TCP: each message behind its length in two octets
// (RFC 1035 §4.2.2).
var dnsTCPDissector = &Dissector{
	Name:      "dns",
	Transport: TCP,
	Probe: func(first [2][]byte, port uint16) Verdict {
		verdict := No
		for _, b := range first {
			v := No
			switch {
			case len(b) == 0:
				continue
			case len(b) < 2+dnsHeaderLen:
				v = probeDNSStart(b)
			default:
				size := int(binary.BigEndian.Uint16(b))
				v = probeDNS(b[2:min(len(b), 2+size)], port, size)
			}
			if v == Yes {
				return Yes
			}
			verdict = max(verdict, v)
		}
		return verdict
	},
	Open: func(f *Flow, _ *Env) Stream {
		return &dnsSegments{dnsFlow: dnsFlow{f: f, multicast: f.Server.Port() == portLLMNR}} // RFC 4795 §2.4
	},
}

// probeDNSStart judges a stream shorter than a header: the length must hold
// one, and text or a TLS record (16 03) do not begin like that on purpose.
func probeDNSStart(b []byte) Verdict {
	if len(b) >= 2 && binary.BigEndian.Uint16(b) < dnsHeaderLen+5 {
		return No
	}
	if len(b) >= 5 && b[4]>>3&15 > 6 {
		return No
	}
	return Maybe
}

// dnsSegments is the Stream over TCP.
type dnsSegments struct {
	dnsFlow
	side [2]dnsReader
}

// dnsReader cuts one direction into messages.
type dnsReader struct {
	held   []byte // the beginning of a message, its length included; it grows with the data, not with the length
	missed int    // octets of the held message that the capture lacks, at its end
	lost   bool   // the position of the next length is unknown
	last   Stamp
}

func (s *dnsSegments) Data(d Dir, at Stamp, b []byte) {
	r := &s.side[d]
	r.last = at
	if r.lost {
		if !plausibleDNSStart(b) {
			return
		}
		r.lost = false
	}
	for len(b) > 0 {
		if len(r.held) == 0 && len(b) >= 2 { // the common case: whole messages, not copied
			if n := 2 + int(binary.BigEndian.Uint16(b)); n <= len(b) {
				s.take(d, at, b[2:n], n-2)
				b = b[n:]
				continue
			}
		}
		want := 2 - len(r.held)
		if want <= 0 {
			want = r.size() - len(r.held) - r.missed
		}
		n := min(want, len(b))
		if r.missed == 0 {
			r.held = append(r.held, b[:n]...)
		} else {
			r.missed += n // behind a hole nothing can be read
		}
		b = b[n:]
		s.flush(d, at)
	}
}

// size is the held message's size with its length field; 2 octets must be held.
func (r *dnsReader) size() int { return 2 + int(binary.BigEndian.Uint16(r.held)) }

// flush hands on the held message once its last octet has passed.
func (s *dnsSegments) flush(d Dir, at Stamp) {
	r := &s.side[d]
	if len(r.held) < 2 || len(r.held)+r.missed < r.size() {
		return
	}
	s.take(d, at, r.held[2:], r.size()-2)
	r.held, r.missed = r.held[:0], 0
}

func (s *dnsSegments) take(d Dir, at Stamp, b []byte, size int) {
	if size == 0 {
		return
	}
	h, bad := s.message(d, at, b, size)
	switch {
	case bad == "":
	case bad == dnsShort && size > len(b):
		s.headerOnly(d, at, h, size)
	default:
		s.malformed(at, bad)
	}
	if size > len(b) {
		s.short = Stamp{}
	}
	s.complain()
}

// Gap inside a message leaves its beginning readable; a gap that swallows a
// length field loses the place.
func (s *dnsSegments) Gap(d Dir, at Stamp, n int64) {
	r := &s.side[d]
	r.last = at
	if r.lost {
		return
	}
	if len(r.held) >= 2 {
		if rest := int64(r.size() - len(r.held) - r.missed); n <= rest {
			r.missed += int(n)
			s.flush(d, at)
			return
		}
		s.take(d, at, r.held[2:], r.size()-2)
	}
	r.held, r.missed, r.lost = r.held[:0], 0, true
}

// plausibleDNSStart tells whether a message may begin here, after a gap.
func plausibleDNSStart(b []byte) bool {
	if len(b) < 2+dnsHeaderLen {
		return false
	}
	size := int(binary.BigEndian.Uint16(b))
	return probeDNS(b[2:min(len(b), 2+size)], portDNS, size) == Yes && !bytes.Equal(b[2:4], []byte{0, 0})
}

// Close reads what is there of a message that never ended.
func (s *dnsSegments) Close(Stamp) {
	for d := range s.side {
		if r := &s.side[d]; len(r.held) >= 2+dnsHeaderLen {
			s.take(Dir(d), r.last, r.held[2:], r.size()-2)
			r.held = nil
		}
	}
}
