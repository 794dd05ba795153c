package pcapflow

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

const portNTP = 123

// Sizes of RFC 5905 §7.3, RFC 7822 §7.5 and, for modes 6 and 7, RFC 9327 §2 and
// ntpd's ntp_request.h.
const (
	ntpLen        = 48
	ntpControlLen = 12
	ntpPrivateLen = 8
	ntpMACLen     = 20 // key identifier and MD5 digest
	ntpMACLongLen = 24 // key identifier and SHA-1 digest
	ntpFieldMin   = 16
	ntpStampsMax  = 256
)

// Association modes (RFC 5905 §3).
const (
	ntpActive    = 1
	ntpPassive   = 2
	ntpClient    = 3
	ntpServer    = 4
	ntpBroadcast = 5
	ntpControl   = 6
	ntpPrivate   = 7
)

// ntsAuthenticator is the extension field that every NTS packet ends with
// (RFC 8915 §7.5).
const ntsAuthenticator = 0x0404

// ntpMode returns mode and version of a datagram that can be NTP, or 0.
func ntpMode(b []byte) (mode, version uint8) {
	if len(b) < ntpPrivateLen {
		return 0, 0
	}
	mode, version = b[0]&7, b[0]>>3&7
	if version < 1 || version > 4 {
		return 0, 0
	}
	switch {
	case mode >= ntpActive && mode <= ntpBroadcast:
		if len(b) < ntpLen || b[1] > 16 || int8(b[3]) < -32 || int8(b[3]) > 32 {
			return 0, 0 // chrony's and ntpsec's requests write a precision of +32
		}
	case mode == ntpControl:
		if len(b) < ntpControlLen || b[0]>>6 != 0 || ntpControlLen+int(binary.BigEndian.Uint16(b[10:])) > len(b) {
			return 0, 0
		}
	case mode == ntpPrivate: // the two nibbles are reserved (ntp_request.h)
		if version < 2 || b[6]>>4 != 0 || b[2] > 3 {
			return 0, 0
		}
	default:
		return 0, 0
	}
	return mode, version
}

// parseNTP reads a time packet: modes 1 to 5, at least 48 octets.
func parseNTP(b []byte, at Stamp, from Dir) NTPMessage {
	be := binary.BigEndian
	m := NTPMessage{
		Stamp: at, From: from,
		LI: b[0] >> 6, Version: b[0] >> 3 & 7, Mode: b[0] & 7,
		Stratum: b[1], Poll: int8(b[2]), Precision: int8(b[3]),
		RootDelay: be.Uint32(b[4:]), RootDispersion: be.Uint32(b[8:]), RefID: be.Uint32(b[12:]),
		Ref: be.Uint64(b[16:]), Org: be.Uint64(b[24:]), Rec: be.Uint64(b[32:]), Xmt: be.Uint64(b[40:]),
	}
	if m.Mode == ntpServer && m.Stratum == 0 {
		m.Kiss = kissCode(b[12:16])
	}
	m.readTrailer(b[ntpLen:])
	return m
}

// Asks tells whether the sender asks a server, and is no peer of it (RFC 5905 section 3).
func (m *NTPMessage) Asks() bool { return m.Mode == ntpClient }

// Serves tells whether the sender gives its time as a server, or to all.
func (m *NTPMessage) Serves() bool { return m.Mode == ntpServer || m.Mode == ntpBroadcast }

// Reference is what the reference identifier names (RFC 5905 §7.3): of a server
// with a clock of its own that clock ("GPS"), of others the address of their
// server, or of an IPv6 server a hash that looks like one; "": it names nothing.
func (m *NTPMessage) Reference() string {
	id := binary.BigEndian.AppendUint32(nil, m.RefID)
	switch {
	case m.RefID == 0 || m.Kiss != "":
		return ""
	case m.Stratum > 1:
		return netip.AddrFrom4([4]byte(id)).String()
	}
	name := bytes.TrimRight(id, "\x00 ")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return string(name)
}

// kissCode reads a reference identifier as a kiss code: up to four capitals or
// digits, zeros behind them (RFC 5905 §7.4).
func kissCode(id []byte) string {
	n := 0
	for n < len(id) && id[n] != 0 {
		if c := id[n]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
		n++
	}
	for _, c := range id[n:] {
		if c != 0 {
			return ""
		}
	}
	if n < 3 {
		return ""
	}
	return string(id[:n])
}

// readTrailer walks the extension fields; what is too short for one is the MAC
// (RFC 7822 §7.5.1).
func (m *NTPMessage) readTrailer(b []byte) {
	for len(b) >= 4 {
		if m.Version < 4 || len(b) == ntpMACLen || len(b) == ntpMACLongLen || len(b) < ntpFieldMin {
			m.MAC = true
			return
		}
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n < ntpFieldMin || n%4 != 0 || n > len(b) {
			m.MAC = true // a longer digest
			return
		}
		if kind == ntsAuthenticator {
			m.NTS = true
		}
		if m.Fields < 255 {
			m.Fields++
		}
		b = b[n:]
	}
}
