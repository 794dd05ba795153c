package pcapflow

import (
	"golang.org/x/crypto/cryptobyte"
)

// Extension numbers that are read (IANA "TLS ExtensionType Values").
const (
	extServerName        = 0
	extSupportedGroups   = 10
	extPointFormats      = 11
	extSignatures        = 13
	extALPN              = 16
	extEncryptThenMAC    = 22
	extSessionTicket     = 35
	extPreSharedKey      = 41
	extEarlyData         = 42
	extSupportedVersions = 43
	extKeyShare          = 51
	extConnectionID      = 54 // RFC 9146
	extECH               = 0xfe0d
)

// helloRetryRandom marks a ServerHello that is a HelloRetryRequest
// (RFC 8446 §4.1.3: SHA-256 of "HelloRetryRequest").
var helloRetryRandom = [32]byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// clientHello is what a ClientHello says (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
// Slices of numbers are in the order of the wire.
type clientHello struct {
	version    uint16 // legacy_version
	random     [32]byte
	suites     []uint16
	extensions []uint16
	groups     []uint16
	points     []uint8
	signatures []uint16
	versions   []uint16 // supported_versions
	shares     []uint16 // groups of key_share
	sni        string
	alpn       []string
	ticket     bool // a session ticket that is not empty (≤ 1.2)
	psk        bool
	earlyData  bool
	ech        bool
	etm        bool
	id         idLength
	whole      bool // everything was there to be read

	session, ticketBytes []byte // valid while the body is
}

// maxListed bounds every list of a hello; what a longer one says beyond is not kept.
const maxListed = 1024

// parseClientHello reads the body of a ClientHello handshake message, that is
// without its four-byte header. A body cut short yields what it still tells,
// with whole unset; ok is false when not even the random is there.
func parseClientHello(body []byte) (h clientHello, ok bool) {
	ok = h.parse(body, nil)
	return h, ok
}

// parse does the same in the room of an earlier hello.
func (h *clientHello) parse(body []byte, env *Env) bool {
	*h = clientHello{suites: h.suites[:0], extensions: h.extensions[:0], groups: h.groups[:0], points: h.points[:0],
		signatures: h.signatures[:0], versions: h.versions[:0], shares: h.shares[:0]}
	s := cryptobyte.String(body)
	if !s.ReadUint16(&h.version) || !s.CopyBytes(h.random[:]) {
		return false
	}
	var id, suites, methods, exts cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&id) {
		return true
	}
	h.session = id
	var cookie cryptobyte.String
	if isDTLS(h.version) && !s.ReadUint8LengthPrefixed(&cookie) { // RFC 6347 §4.2.1
		return true
	}
	if !s.ReadUint16LengthPrefixed(&suites) {
		return true
	}
	h.suites = appendUint16s(h.suites[:0], suites)
	if !s.ReadUint8LengthPrefixed(&methods) {
		return true
	}
	if s.Empty() { // no extensions at all: allowed up to 1.2
		h.whole = true
		return true
	}
	if s.ReadUint16LengthPrefixed(&exts) {
		h.whole = s.Empty()
	} else {
		exts = s // the length is read, and what is left is fewer bytes than it says
	}
	for !exts.Empty() && len(h.extensions) < maxListed {
		var typ uint16
		var data cryptobyte.String
		if !exts.ReadUint16(&typ) {
			h.whole = false
			break
		}
		h.extensions = append(h.extensions, typ)
		if !exts.ReadUint16LengthPrefixed(&data) {
			h.whole = false
			break
		}
		h.extension(typ, data, env)
	}
	return true
}

func (h *clientHello) extension(typ uint16, data cryptobyte.String, env *Env) {
	var list cryptobyte.String
	switch typ {
	case extServerName:
		h.sni = readServerName(data, env)
	case extSupportedGroups:
		if data.ReadUint16LengthPrefixed(&list) {
			h.groups = appendUint16s(h.groups[:0], list)
		}
	case extPointFormats:
		if data.ReadUint8LengthPrefixed(&list) {
			h.points = append(h.points[:0], list...)
		}
	case extSignatures:
		if data.ReadUint16LengthPrefixed(&list) {
			h.signatures = appendUint16s(h.signatures[:0], list)
		}
	case extALPN:
		h.alpn = readALPN(data, env)
	case extSupportedVersions:
		if data.ReadUint8LengthPrefixed(&list) {
			h.versions = appendUint16s(h.versions[:0], list)
		}
	case extKeyShare:
		if data.ReadUint16LengthPrefixed(&list) {
			for !list.Empty() && len(h.shares) < maxListed {
				var group uint16
				var key cryptobyte.String
				if !list.ReadUint16(&group) || !list.ReadUint16LengthPrefixed(&key) {
					break
				}
				h.shares = append(h.shares, group)
			}
		}
	case extSessionTicket:
		h.ticket, h.ticketBytes = len(data) > 0, data
	case extPreSharedKey:
		h.psk = true
	case extEarlyData:
		h.earlyData = true
	case extECH:
		h.ech = true
	case extEncryptThenMAC:
		h.etm = true
	case extConnectionID:
		h.id = idLengthOf(data)
	}
}

// serverHello is what a ServerHello or HelloRetryRequest says (RFC 8446 §4.1.3).
type serverHello struct {
	version uint16 // the version chosen: supported_versions where there, else legacy_version
	random  [32]byte
	suite   uint16
	group   uint16 // of key_share
	alpn    string
	psk     bool
	etm     bool
	id      idLength
	retry   bool
	session []byte // valid while the body is
}

// parseServerHello reads the body of a ServerHello handshake message.
func parseServerHello(body []byte) (h serverHello, ok bool) {
	s := cryptobyte.String(body)
	if !s.ReadUint16(&h.version) || !s.CopyBytes(h.random[:]) {
		return h, false
	}
	h.retry = h.random == helloRetryRandom
	if h.version>>8 == 0x7f && h.version < 0x7f16 { // drafts before 22: neither session ID nor compression
		if !s.ReadUint16(&h.suite) {
			return h, false
		}
		h.readExtensions(s)
		return h, true
	}
	var id cryptobyte.String
	var method uint8
	if !s.ReadUint8LengthPrefixed(&id) || !s.ReadUint16(&h.suite) {
		return h, false
	}
	h.session = id
	whole := s.ReadUint8(&method) && h.readExtensions(s)
	if !whole && h.version == versionTLS12 && h.suite>>8 == 0x13 { // suites of 1.3 alone: RFC 8446 §B.4
		h.version = versionTLS13
	}
	return h, true
}

// readExtensions takes what the hello chose, and tells whether all of the list was
// there.
func (h *serverHello) readExtensions(s cryptobyte.String) bool {
	var n uint16
	if !s.ReadUint16(&n) {
		return false
	}
	whole := int(n) <= len(s)
	s = s[:min(int(n), len(s))]
	for !s.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !s.ReadUint16(&typ) || !s.ReadUint16LengthPrefixed(&data) {
			return false
		}
		switch typ {
		case extSupportedVersions:
			data.ReadUint16(&h.version)
		case extKeyShare:
			data.ReadUint16(&h.group)
		case extALPN:
			if list := readALPN(data, nil); len(list) > 0 {
				h.alpn = list[0]
			}
		case extPreSharedKey:
			h.psk = true
		case extEncryptThenMAC:
			h.etm = true
		case extConnectionID:
			h.id = idLengthOf(data)
		}
	}
	return whole
}

func appendUint16s(list []uint16, s cryptobyte.String) []uint16 {
	var v uint16
	for len(list) < maxListed && s.ReadUint16(&v) {
		list = append(list, v)
	}
	return list
}

// readServerName takes the host_name of a server_name extension (RFC 6066 §3).
func readServerName(data cryptobyte.String, env *Env) string {
	var list cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) {
		return ""
	}
	for !list.Empty() {
		var typ uint8
		var name cryptobyte.String
		if !list.ReadUint8(&typ) || !list.ReadUint16LengthPrefixed(&name) {
			return ""
		}
		if typ == 0 {
			return env.text(name[:min(len(name), 1024)])
		}
	}
	return ""
}

// readALPN reads a list of protocol names (RFC 7301 §3.1).
func readALPN(data cryptobyte.String, env *Env) []string {
	var list cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) {
		return nil
	}
	var names []string
	for !list.Empty() && len(names) < 64 {
		var name cryptobyte.String
		if !list.ReadUint8LengthPrefixed(&name) {
			break
		}
		names = append(names, env.text(name))
	}
	return names
}
