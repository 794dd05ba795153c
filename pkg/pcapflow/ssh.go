package pcapflow

import (
	"bytes"
	"strconv"
)

const portSSH = 22

// Bounds of what is held of a side before its identification (RFC 4253 §4.2:
// a line has at most 255 octets; how many lines come before is left open).
const (
	sshLineMax   = 255
	sshPrefixMax = 64 << 10 // octets of text before the identification
	sshQuoteMax  = 32       // of first bytes that are not SSH
)

// sshDissector is the Secure Shell transport (RFC 4253) and, by the sizes of
// its encrypted packets, its authentication (RFC 4252); and as much of
// version 1 as is in the clear.
var sshDissector = &Dissector{
	Name:      "ssh",
	Transport: TCP,
	Probe:     probeSSH,
	Open:      openSSH,
}

func openSSH(f *Flow, env *Env) Stream {
	var s *sshStream
	if env != nil {
		s = take(&env.pools.ssh.streams)
	}
	if s == nil {
		s = &sshStream{ssh: &SSH{}}
	}
	s.f, s.env, f.SSH = f, env, s.ssh
	return s
}

// reuse implements reusable.
func (s *sshStream) reuse(env *Env) {
	*s.ssh = SSH{Rounds: emptied(s.ssh.Rounds)}
	*s = sshStream{ssh: s.ssh}
	layBy(&env.pools.ssh.streams, s)
}

var sshPrefix = []byte("SSH-")

// probeSSH looks for an identification at the start of a line. Servers may
// send text before theirs, so on the usual port text is worth waiting behind.
func probeSSH(first [2][]byte, port uint16) Verdict {
	verdict := No
	for d, b := range first {
		switch {
		case len(b) == 0:
			if port == portSSH {
				verdict = max(verdict, Maybe)
			}
		case len(b) < 7 && bytes.HasPrefix(sshPrefix, b[:min(len(b), 4)]):
			verdict = Maybe
		case sshIdentification(b):
			return Yes
		case Dir(d) == Server && sshText(b):
			if i := bytes.Index(b, []byte("\nSSH-")); i >= 0 && sshIdentification(b[i+1:]) {
				return Yes
			}
			if port == portSSH {
				verdict = Maybe
			}
		}
	}
	return verdict
}

// sshIdentification tells whether b begins an identification of version 1 or 2.
func sshIdentification(b []byte) bool {
	return len(b) >= 6 && bytes.HasPrefix(b, sshPrefix) && (b[4] == '1' || b[4] == '2') && b[5] == '.'
}

// sshText tells whether b is lines of text.
func sshText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

// sshStage is how far one side's byte stream has come.
type sshStage uint8

const (
	sshIdent     sshStage = iota // before the end of the identification line
	sshClear                     // binary packets in the clear
	sshEncrypted                 // behind NEWKEYS
	sshDead                      // not SSH, or no longer readable
)

// sshSide reads one direction.
type sshSide struct {
	stage    sshStage
	line     []byte            // the line at hand, as far as it is kept
	skipped  int               // octets of lines before the identification
	firsts   [sshQuoteMax]byte // first octets, for the case that they are no SSH
	known    int               // octets in firsts
	protocol string
	software string
	banner   Stamp
	reader   sshReader
	offer    *sshOffer // of its KEXINIT, until the other side's has come
	kexInit  Stamp
	kexBytes int
	newKeys  Stamp
	cutter   sshCutter
}

// sshStream is the Stream of one connection.
type sshStream struct {
	f       *Flow
	env     *Env
	ssh     *SSH
	side    [2]sshSide // by TCP's sides
	turned  bool       // TCP's client is SSH's server
	version int
	kex     sshKex
	auth    sshAuth
	unit    sshUnit
	echo    sshEcho
	done    bool
}

// sshUnit is an encrypted packet, or what became readable at once. It is kept
// until something follows: bytes that the snap length cut off come as a gap.
type sshUnit struct {
	d    Dir
	at   Stamp
	size int // 0: none
}

func (s *sshStream) Data(d Dir, at Stamp, b []byte) {
	side := &s.side[d]
	for len(b) > 0 && side.stage != sshDead && !s.done {
		switch side.stage {
		case sshIdent:
			b = s.identLine(d, at, b)
		case sshClear:
			b = s.clearPacket(d, at, b)
		case sshEncrypted:
			side.cutter.cut(b, func(size int) { s.hold(d, at, size) })
			b = nil
		}
	}
}

// identLine takes b up to the end of a line and returns the rest.
func (s *sshStream) identLine(d Dir, at Stamp, b []byte) []byte {
	side := &s.side[d]
	side.known += copy(side.firsts[side.known:], b)
	end := bytes.IndexByte(b, '\n')
	piece := b
	if end >= 0 {
		piece = b[:end]
	}
	if n := sshLineMax - len(side.line); n > 0 {
		side.line = append(side.line, piece[:min(n, len(piece))]...)
	}
	side.skipped += len(piece) + 1
	if end < 0 {
		if side.skipped > sshPrefixMax {
			side.stage, side.line = sshDead, nil
		}
		return nil
	}
	line := bytes.TrimSuffix(side.line, []byte{'\r'})
	switch {
	case sshIdentification(line):
		s.identified(d, at, line)
	case side.skipped > sshPrefixMax:
		side.stage = sshDead
	}
	side.line = side.line[:0]
	return b[end+1:]
}

// identified takes an identification line: SSH-protocol-software comments.
func (s *sshStream) identified(d Dir, at Stamp, line []byte) {
	side := &s.side[d]
	side.banner, side.stage = at, sshClear
	rest := line[len(sshPrefix):]
	if i := bytes.IndexByte(rest, '-'); i >= 0 {
		side.protocol, side.software = s.env.text(rest[:i]), s.env.text(rest[i+1:])
	} else {
		side.protocol = s.env.text(rest)
	}
	s.version = 2
	for i := range s.side {
		if p := s.side[i].protocol; p != "" && p[0] == '1' && p != "1.99" {
			s.version = 1 // one side cannot do more; 1.99 can do both (RFC 4253 §5.1)
		}
	}
}

// Gap loses the place, except inside a packet whose length is known.
func (s *sshStream) Gap(d Dir, at Stamp, n int64) {
	side := &s.side[d]
	switch side.stage {
	case sshIdent:
		s.cutIdent(d, at)
	case sshClear:
		if side.reader.skip(n) {
			s.packetDone(d, at)
			return
		}
		s.ssh.Desynchronised = true
		if rest := int64(side.reader.total - side.reader.have); rest > 0 && side.reader.skip(rest) {
			s.packetDone(d, at)
			if n-rest >= sshLeastPacket && s.kex.reply == at { // nothing but NEWKEYS comes behind
				side.newKeys = at
			}
		}
		side.reader = sshReader{}
		if s.kex.started() { // what follows is most likely encrypted
			side.stage = sshEncrypted
			s.setCutter(d)
			side.cutter.lost()
		}
	case sshEncrypted:
		if !side.cutter.clear && s.unit.size > 0 && s.unit.d == d && s.unit.at == at {
			s.unit.size += int(min(n, 1<<30)) // the same segment: the snap length cut it
			return
		}
		if !side.cutter.gap(n, func(size int) { s.hold(d, at, size) }) {
			s.ssh.Desynchronised = true
			side.cutter.lost()
		}
	}
}

// cutIdent is a gap before the end of the identification line. What is there of
// it counts; the packets behind begin, with luck, with the next segment.
func (s *sshStream) cutIdent(d Dir, at Stamp) {
	side := &s.side[d]
	s.ssh.Desynchronised = true
	if sshIdentification(side.line) {
		s.identified(d, at, side.line)
	} else {
		side.stage = sshDead
	}
	side.line = nil
}

// hold takes a unit and hands on the one before.
func (s *sshStream) hold(d Dir, at Stamp, size int) {
	s.release()
	s.unit = sshUnit{d, at, size}
}

func (s *sshStream) release() {
	u := s.unit
	s.unit = sshUnit{}
	if u.size > 0 && !s.done {
		s.encrypted(u.d, u.at, u.size)
	}
}

// role maps TCP's side to SSH's.
func (s *sshStream) role(d Dir) Dir {
	if s.turned {
		return d.Other()
	}
	return d
}

// Idle: nothing more is read once the session has begun and is no typing.
func (s *sshStream) Idle() bool { return s.done }

// quoteFirst renders what is not SSH, up to the end of its first line.
func quoteFirst(b []byte) string {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = bytes.TrimSuffix(b[:i], []byte{'\r'})
	}
	return strconv.QuoteToASCII(string(b))
}
