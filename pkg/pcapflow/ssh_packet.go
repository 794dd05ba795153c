package pcapflow

import "encoding/binary"

// Limits of packets in the clear: OpenSSH takes up to 256 KiB, RFC 4253 §6.1
// asks for 35,000 octets.
const (
	sshPacketMax = 256 << 10
	sshHeldMax   = 64 << 10 // of a packet that is held

	sshLeastPacket = 16 // RFC 4253 §6
)

// Message numbers (RFC 4250 §4.1.2, RFC 4419 §5).
const (
	sshDisconnect = 1
	sshKexInit    = 20
	sshNewKeys    = 21
	sshKexFirst   = 30 // INIT, or REQUEST of an old group exchange
	sshKexSecond  = 31 // REPLY, or GROUP
	sshGroupInit  = 32
	sshGroupReply = 33
	sshGroupAsk   = 34
	sshKexLast    = 49
)

// Message numbers of version 1 (draft-ylonen-ssh-protocol-00).
const (
	ssh1PublicKey  = 2
	ssh1SessionKey = 3
)

// sshReader cuts one direction in the clear into packets. Of most it looks at
// the message number alone; a KEXINIT, the server's key and a DISCONNECT it holds.
type sshReader struct {
	head    [16]byte
	have    int // octets of the packet that have passed
	total   int // its size; 0: not known yet
	code    byte
	padding int
	held    []byte // what follows the message number, where it is looked into
	damaged bool
}

// clearPacket takes from b what belongs to the packet at hand and returns the
// rest.
func (s *sshStream) clearPacket(d Dir, at Stamp, b []byte) []byte {
	r := &s.side[d].reader
	for r.total == 0 && len(b) > 0 {
		r.head[r.have] = b[0]
		r.have++
		b = b[1:]
		if !r.header(s.version) {
			s.side[d].stage = sshDead // text, or nothing that a peer could read either
			return nil
		}
	}
	if r.total == 0 {
		return nil
	}
	n := min(r.total-r.have, len(b))
	if !r.damaged && s.version == 2 && (r.code == sshKexInit || r.code == sshKexSecond || r.code == sshGroupReply || r.code == sshDisconnect) && r.total <= sshHeldMax {
		if r.held == nil {
			r.held = s.env.buffer()
		}
		r.held = append(r.held, b[:n]...)
	}
	r.have += n
	if r.have == r.total {
		s.packetDone(d, at)
	}
	return b[n:]
}

// header reads size and message number once there are enough octets; false:
// this is no packet.
func (r *sshReader) header(version int) bool {
	if r.have < 4 {
		return true
	}
	size := binary.BigEndian.Uint32(r.head[:])
	if size < 2 || size > sshPacketMax {
		return false
	}
	if version == 1 { // length, 1 to 8 octets of padding, type, data, checksum
		r.padding = 8 - int(size%8)
		if at := 4 + r.padding; r.have > at {
			r.code, r.total = r.head[at], 4+r.padding+int(size)
		}
		return true
	}
	if r.have < 6 {
		return true
	}
	r.padding, r.code, r.total = int(r.head[4]), r.head[5], 4+int(size)
	return r.padding+1 < int(size)
}

// skip passes over n octets that the capture lacks, if the packet at hand is
// known to hold them all.
func (r *sshReader) skip(n int64) bool {
	if r.total == 0 || n > int64(r.total-r.have) {
		return false
	}
	r.have += int(n)
	r.damaged = true
	return true
}

// packetDone acts on a packet whose last octet has passed.
func (s *sshStream) packetDone(d Dir, at Stamp) {
	side := &s.side[d]
	r := &side.reader
	if r.have < r.total {
		return
	}
	packet := *r
	side.reader = sshReader{}
	if s.version == 1 {
		s.message1(d, at, packet.code)
		return
	}
	switch code := packet.code; {
	case code == sshDisconnect:
		s.ssh.Disconnect, s.ssh.DisconnectBy = at, s.role(d)
		s.ssh.farewell(packet.held)
	case code == sshKexInit:
		side.kexInit, side.kexBytes = at, packet.total
		if !packet.damaged {
			s.kexInit(d, packet.held, packet.total-6-packet.padding)
		}
	case code == sshNewKeys:
		side.newKeys, side.stage = at, sshEncrypted
		s.setCutter(d)
		if s.side[d.Other()].newKeys.Seen() { // nothing can change any more
			s.side[Client].offer, s.side[Server].offer = nil, nil
		}
	case code >= sshKexFirst && code <= sshKexLast:
		s.kexMessage(d, at, code)
		if s.role(d) == Server && !packet.damaged {
			s.hostKey(code, packet.held)
		}
	}
	s.env.giveBack(packet.held)
}

// message1 takes a packet of version 1: the server's key, then the client's
// session key. SUCCESS and FAILURE have the same size there, so what follows
// tells nothing.
func (s *sshStream) message1(d Dir, at Stamp, code byte) {
	switch {
	case code == ssh1PublicKey && d == Server:
		s.side[d].kexInit = at
	case code == ssh1SessionKey && d == Client:
		s.kex.request = at
		s.side[d].stage = sshDead
	case d == Server && s.kex.request.Seen(): // encrypted: the session key was accepted
		s.kex.reply = at
		s.done = true
	}
}
