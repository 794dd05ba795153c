package pcapflow

import (
	"encoding/binary"
	"time"
)

// Kerberos (RFC 4120), as far as it tells of clocks: KRB-ERROR carries the
// server's time in the clear, and most logins begin with one.
var (
	kerberosDissector = &Dissector{
		Name: "kerberos", Transport: UDP,
		Probe: func(first [2][]byte, port uint16) Verdict { return probeKerberos(first, 0) },
		Open:  func(f *Flow, env *Env) Stream { return &kerberosStream{f: f} },
	}
	kerberosTCPDissector = &Dissector{
		Name: "kerberos", Transport: TCP,
		Probe: func(first [2][]byte, port uint16) Verdict { return probeKerberos(first, 4) }, // §7.2.2
		Open:  func(f *Flow, env *Env) Stream { return &kerberosStream{f: f, prefix: 4} },
	}
)

// Application tags of the messages (§5.10).
const (
	krbASReq  = 0x60 | 10
	krbTGSRep = 0x60 | 13
	krbAPReq  = 0x60 | 14
	krbError  = 0x60 | 30
)

// probeKerberos looks for a message: an application tag, a sequence, and the
// protocol's version 5 as its first field.
func probeKerberos(first [2][]byte, prefix int) Verdict {
	v := No
	for _, b := range first {
		if len(b) == 0 {
			continue
		}
		if len(b) < prefix+16 {
			v = Maybe
			continue
		}
		b = b[prefix:]
		if tag := b[0]; tag != krbError && (tag < krbASReq || tag > krbTGSRep) && tag != krbAPReq {
			return No
		}
		body, ok := derHeader(b)
		if ok {
			body, ok = derHeader(body)
		}
		if !ok || len(body) < 5 || body[0] != 0xa0 && body[0] != 0xa1 || string(body[1:5]) != "\x03\x02\x01\x05" {
			return No
		}
		return Yes
	}
	return v
}

// derHeader is what follows tag and length of a value (X.690 §8.1).
func derHeader(b []byte) (content []byte, ok bool) {
	if len(b) < 2 {
		return nil, false
	}
	n := 2
	if b[1] >= 0x80 {
		n += int(b[1] & 0x7f)
	}
	if n > 6 || len(b) < n {
		return nil, false
	}
	return b[n:], true
}

// derField cuts the first value off: its tag, its content as far as it is there,
// and what follows.
func derField(b []byte) (tag byte, content, rest []byte, ok bool) {
	content, ok = derHeader(b)
	if !ok {
		return 0, nil, nil, false
	}
	length := uint64(b[1])
	if b[1] >= 0x80 {
		length = 0
		for _, c := range b[2 : 2+b[1]&0x7f] {
			length = length<<8 | uint64(c)
		}
	}
	if length > uint64(len(content)) {
		return 0, nil, nil, false
	}
	return b[0], content[:length], content[length:], true
}

// kerberosStream waits for the errors of the server.
type kerberosStream struct {
	f      *Flow
	prefix int // bytes that tell a message's length, over TCP
	asked  Stamp
	buffer []byte
	at     Stamp // where the message in buffer began
	done   bool
}

// maxKerberos bounds a message that is put together: an error is short.
const maxKerberos = 4096

func (s *kerberosStream) Idle() bool            { return s.done }
func (s *kerberosStream) Gap(Dir, Stamp, int64) { s.done = s.prefix > 0 }
func (s *kerberosStream) Close(Stamp)           { s.buffer = nil }

func (s *kerberosStream) Data(d Dir, at Stamp, b []byte) {
	switch {
	case s.done:
	case d == Client:
		s.asked = at
	case s.prefix == 0:
		s.message(at, b)
	default:
		s.pieces(at, b)
	}
}

// pieces puts the messages of a TCP stream together.
func (s *kerberosStream) pieces(at Stamp, b []byte) {
	for len(b) > 0 {
		if len(s.buffer) == 0 {
			s.at = at
		}
		n := min(s.missing(), len(b))
		s.buffer, b = append(s.buffer, b[:n]...), b[n:]
		switch missing := s.missing(); {
		case len(s.buffer)+missing > maxKerberos: // a ticket, no error
			s.done = true
			return
		case missing == 0:
			s.message(s.at, s.buffer[s.prefix:])
			s.buffer = s.buffer[:0]
		}
	}
}

// missing is how many bytes the message in buffer lacks: those of its length
// first, whose highest bit says nothing of it (RFC 4120 §7.2.2). Of too long a
// message it is enough to be too long.
func (s *kerberosStream) missing() int {
	need := s.prefix
	if len(s.buffer) >= s.prefix {
		need += int(min(binary.BigEndian.Uint32(s.buffer)&0x7fffffff, maxKerberos))
	}
	return need - len(s.buffer)
}

// message reads the server's time of a KRB-ERROR (§5.9.1): its seconds, for KDCs
// are known that write a number into the microseconds that is not theirs, and a
// client's time that no clock ever showed.
func (s *kerberosStream) message(at Stamp, b []byte) {
	const stime = 0xa4
	if len(b) == 0 || b[0] != krbError {
		return
	}
	body, ok := derHeader(b)
	if !ok {
		return
	}
	_, fields, _, ok := derField(body)
	for ok && len(fields) > 0 {
		var tag byte
		var wrapped []byte
		if tag, wrapped, fields, ok = derField(fields); !ok || tag != stime {
			continue
		}
		_, value, _, _ := derField(wrapped)
		if t, err := time.Parse("20060102150405Z", string(value)); err == nil && t.Year() > 1990 && t.Year() < 2150 {
			s.f.tell(Reading{Protocol: "kerberos", From: Server, Before: at, After: s.asked, Time: t.UnixNano(), Width: int64(time.Second)})
		}
	}
}
