package pcapflow

import (
	"bytes"

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
	sessionID  []byte
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
	whole      bool // everything was there to be read
}

// maxListed bounds every list of a hello; what a longer one says beyond is not kept.
const maxListed = 1024

// parseClientHello reads the body of a ClientHello handshake message, that is
// without its four-byte header. A body cut short yields what it still tells,
// with whole unset; ok is false when not even the random is there.
func parseClientHello(body []byte) (h clientHello, ok bool) {
	s := cryptobyte.String(body)
	if !s.ReadUint16(&h.version) || !s.CopyBytes(h.random[:]) {
		return h, false
	}
	var id, suites, methods, exts cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&id) {
		return h, true
	}
	h.sessionID = bytes.Clone(id)
	if !s.ReadUint16LengthPrefixed(&suites) {
		return h, true
	}
	h.suites = readUint16s(suites)
	if !s.ReadUint8LengthPrefixed(&methods) {
		return h, true
	}
	if s.Empty() { // no extensions at all: allowed up to 1.2
		h.whole = true
		return h, true
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
		h.extension(typ, data)
	}
	return h, true
}

func (h *clientHello) extension(typ uint16, data cryptobyte.String) {
	var list cryptobyte.String
	switch typ {
	case extServerName:
		h.sni = readServerName(data)
	case extSupportedGroups:
		if data.ReadUint16LengthPrefixed(&list) {
			h.groups = readUint16s(list)
		}
	case extPointFormats:
		if data.ReadUint8LengthPrefixed(&list) {
			h.points = bytes.Clone(list)
		}
	case extSignatures:
		if data.ReadUint16LengthPrefixed(&list) {
			h.signatures = readUint16s(list)
		}
	case extALPN:
		h.alpn = readALPN(data)
	case extSupportedVersions:
		if data.ReadUint8LengthPrefixed(&list) {
			h.versions = readUint16s(list)
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
		h.ticket = len(data) > 0
	case extPreSharedKey:
		h.psk = true
	case extEarlyData:
		h.earlyData = true
	case extECH:
		h.ech = true
	case extEncryptThenMAC:
		h.etm = true
	}
}

// serverHello is what a ServerHello or HelloRetryRequest says (RFC 8446 §4.1.3).
type serverHello struct {
	version   uint16 // the version chosen: supported_versions where there, else legacy_version
	random    [32]byte
	sessionID []byte
	suite     uint16
	group     uint16 // of key_share
	alpn      string
	psk       bool
	etm       bool
	retry     bool
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
	h.sessionID = bytes.Clone(id)
	if s.ReadUint8(&method) {
		h.readExtensions(s)
	}
	return h, true
}

func (h *serverHello) readExtensions(s cryptobyte.String) {
	var n uint16
	if !s.ReadUint16(&n) {
		return
	}
	if int(n) < len(s) {
		s = s[:n]
	}
	for !s.Empty() {
		var typ uint16
		var data cryptobyte.String
		if !s.ReadUint16(&typ) || !s.ReadUint16LengthPrefixed(&data) {
			return
		}
		switch typ {
		case extSupportedVersions:
			data.ReadUint16(&h.version)
		case extKeyShare:
			data.ReadUint16(&h.group)
		case extALPN:
			if list := readALPN(data); len(list) > 0 {
				h.alpn = list[0]
			}
		case extPreSharedKey:
			h.psk = true
		case extEncryptThenMAC:
			h.etm = true
		}
	}
}

func readUint16s(s cryptobyte.String) []uint16 {
	n := min(len(s)/2, maxListed)
	if n == 0 {
		return nil
	}
	list := make([]uint16, n)
	for i := range list {
		s.ReadUint16(&list[i])
	}
	return list
}

// readServerName takes the host_name of a server_name extension (RFC 6066 §3).
func readServerName(data cryptobyte.String) string {
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
			return string(name[:min(len(name), 1024)])
		}
	}
	return ""
}

// readALPN reads a list of protocol names (RFC 7301 §3.1).
func readALPN(data cryptobyte.String) []string {
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
		names = append(names, string(name))
	}
	return names
}
