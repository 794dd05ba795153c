package pcapflow

import (
	"bytes"
	"encoding/binary"
)

// smbDissector follows SMB (MS-SMB2, MS-CIFS) as far as it tells of the server's
// clock: the answer to NEGOTIATE, and NTLM's challenge in the session setup.
var smbDissector = &Dissector{
	Name:      "smb",
	Transport: TCP,
	Probe:     probeSMB,
	Open:      func(f *Flow, env *Env) Stream { return &smbStream{f: f} },
}

// probeSMB looks for a session message (RFC 1002 §4.3.1, MS-SMB2 §2.1) with an
// SMB header, or for the session request that comes before it over port 139.
func probeSMB(first [2][]byte, port uint16) Verdict {
	v := No
	for _, b := range first {
		if len(b) == 0 {
			continue
		}
		switch {
		case b[0] != 0 && (b[0] != 0x81 || port != 139):
			return No
		case len(b) < 8:
			v = Maybe
		case b[0] == 0x81:
			v = Yes
		case isSMB(b[4:]):
			return Yes
		default:
			return No
		}
	}
	return v
}

func isSMB(b []byte) bool {
	return len(b) >= 4 && (b[0] == 0xfe || b[0] == 0xff) && string(b[1:4]) == "SMB"
}

const (
	smbHead     = 2048 // of a message, kept to be read
	smbMessages = 32   // of the server, looked at
)

// smbStream collects the beginning of each message of the server.
type smbStream struct {
	f     *Flow
	asked Stamp // the last bytes of the client
	after Stamp // those before the message at hand
	at    Stamp // where that began
	head  []byte
	need  int // bytes of it still to come; 0: its header first
	seen  int
	done  bool
}

func (s *smbStream) Idle() bool            { return s.done }
func (s *smbStream) Gap(Dir, Stamp, int64) { s.done = true }
func (s *smbStream) Close(Stamp)           { s.head = nil }

func (s *smbStream) Data(d Dir, at Stamp, b []byte) {
	if d == Client {
		s.asked = at
		return
	}
	for len(b) > 0 && !s.done {
		if len(s.head) == 0 {
			s.at, s.after = at, s.asked
		}
		if len(s.head) < 4 {
			n := min(4-len(s.head), len(b))
			s.head, b = append(s.head, b[:n]...), b[n:]
			if len(s.head) < 4 {
				return
			}
			s.need = int(binary.BigEndian.Uint32(s.head) & 0xffffff)
		}
		n := min(s.need, len(b))
		s.head = append(s.head, b[:min(n, max(0, smbHead-len(s.head)))]...)
		b, s.need = b[n:], s.need-n
		if s.need > 0 {
			return
		}
		s.message(s.head[4:])
		s.head = s.head[:0]
		if s.seen++; s.seen == smbMessages {
			s.done = true
		}
	}
}

// message reads one message of the server.
func (s *smbStream) message(b []byte) {
	if !isSMB(b) {
		return
	}
	le := binary.LittleEndian
	switch {
	case b[0] == 0xfe && len(b) >= 64+48 && le.Uint16(b[12:]) == 0 && b[16]&1 != 0: // SMB2 NEGOTIATE response (MS-SMB2 §2.2.4)
		s.told("smb", le.Uint64(b[64+40:]))
	case b[0] == 0xff && len(b) >= 64 && b[4] == 0x72 && b[9]&0x80 != 0 && b[32] == 17: // SMB_COM_NEGOTIATE (MS-CIFS §2.2.4.52.2)
		s.told("smb", le.Uint64(b[56:]))
	}
	if i := bytes.Index(b, []byte("NTLMSSP\x00\x02\x00\x00\x00")); i >= 0 {
		if t, ok := ntlmTime(b[i:]); ok {
			s.told("ntlm", t)
		}
		s.done = true
	}
}

func (s *smbStream) told(protocol string, filetime uint64) {
	if t, ok := fileTime(filetime); ok {
		s.f.tell(Reading{Protocol: protocol, From: Server, After: s.after, Before: s.at, Time: t, Width: windowsTick})
	}
}

// ntlmTime is MsvAvTimestamp of a CHALLENGE_MESSAGE (MS-NLMP §2.2.1.2, §2.2.2.1).
func ntlmTime(b []byte) (t uint64, ok bool) {
	const timestamp = 7
	le := binary.LittleEndian
	if len(b) < 48 {
		return 0, false
	}
	n, at := int(le.Uint16(b[40:])), int64(le.Uint32(b[44:]))
	if at+int64(n) > int64(len(b)) {
		return 0, false
	}
	for p := b[at : at+int64(n)]; len(p) >= 4; {
		id, size := le.Uint16(p), int(le.Uint16(p[2:]))
		p = p[4:]
		if id == 0 || size > len(p) {
			return 0, false
		}
		if id == timestamp && size == 8 {
			return le.Uint64(p), true
		}
		p = p[size:]
	}
	return 0, false
}
