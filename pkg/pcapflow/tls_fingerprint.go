package pcapflow

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
)

// ja3 is the MD5 of the ClientHello's numbers as Salesforce published it
// (https://github.com/salesforce/ja3): version, suites, extensions, groups,
// point formats; GREASE left out.
func (h *clientHello) ja3() string {
	b := make([]byte, 0, 512)
	b = strconv.AppendUint(b, uint64(h.version), 10)
	for _, list := range [][]uint16{h.suites, h.extensions, h.groups} {
		b = append(b, ',')
		first := true
		for _, v := range list {
			if isGREASE(v) {
				continue
			}
			if !first {
				b = append(b, '-')
			}
			first = false
			b = strconv.AppendUint(b, uint64(v), 10)
		}
	}
	b = append(b, ',')
	for i, v := range h.points {
		if i > 0 {
			b = append(b, '-')
		}
		b = strconv.AppendUint(b, uint64(v), 10)
	}
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// ja4 is the client's fingerprint as FoxIO published it under the BSD licence
// (https://github.com/FoxIO-LLC/ja4, technical details of JA4). transport is
// 't' for TCP, 'q' for QUIC, 'd' for DTLS.
func (h *clientHello) ja4(transport byte) string {
	suites, exts := withoutGREASE(h.suites), withoutGREASE(h.extensions)
	out := make([]byte, 0, 36)
	sni := byte('i')
	if slices.Contains(exts, extServerName) {
		sni = 'd'
	}
	out = append(out, transport)
	out = append(out, h.ja4Version()...)
	out = append(out, sni)
	for _, n := range [...]int{min(len(suites), 99), min(len(exts), 99)} {
		out = append(out, byte('0'+n/10), byte('0'+n%10))
	}
	out = append(out, h.ja4ALPN()...)
	out = append(out, '_')

	slices.Sort(suites)
	text := appendHexList(make([]byte, 0, 512), suites)
	out = appendShortHash(out, text)

	exts = slices.DeleteFunc(exts, func(e uint16) bool { return e == extServerName || e == extALPN })
	slices.Sort(exts)
	text = appendHexList(text[:0], exts)
	if sigs := withoutGREASE(h.signatures); len(sigs) > 0 {
		text = appendHexList(append(text, '_'), sigs)
	}
	return string(appendShortHash(append(out, '_'), text))
}

// ja4Version is the highest version offered.
func (h *clientHello) ja4Version() string {
	v := h.version
	if list := withoutGREASE(h.versions); len(list) > 0 {
		if v = slices.Max(list); isDTLS(v) { // whose numbers fall
			v = slices.Min(list)
		}
	}
	switch v {
	case versionTLS13:
		return "13"
	case versionTLS12:
		return "12"
	case versionTLS11:
		return "11"
	case versionTLS10:
		return "10"
	case versionSSL3:
		return "s3"
	case versionSSL2:
		return "s2"
	case versionDTLS10:
		return "d1"
	case versionDTLS12:
		return "d2"
	case versionDTLS13:
		return "d3"
	}
	return "00"
}

// ja4ALPN is the first and last character of the first protocol offered; of
// its hexadecimal form where one of them is not alphanumeric.
func (h *clientHello) ja4ALPN() string {
	if len(h.alpn) == 0 || h.alpn[0] == "" {
		return "00"
	}
	name := h.alpn[0]
	first, last := name[0], name[len(name)-1]
	if !isAlphanumeric(first) || !isAlphanumeric(last) {
		x := hex.EncodeToString([]byte(name))
		first, last = x[0], x[len(x)-1]
	}
	return string([]byte{first, last})
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func withoutGREASE(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), isGREASE)
}

func appendHexList(b []byte, list []uint16) []byte {
	const digits = "0123456789abcdef"
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, digits[v>>12], digits[v>>8&15], digits[v>>4&15], digits[v&15])
	}
	return b
}

// appendShortHash appends the first twelve hexadecimal digits of SHA-256; zeros for nothing.
func appendShortHash(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, "000000000000"...)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(b, sum[:6])
}

// fingerprints of a hello over TCP.
type fingerprints struct{ ja3, ja4 string }

// helloShapes keeps the fingerprints of hellos that were seen: clients of one
// kind say the same in each, but for names and random numbers.
type helloShapes struct {
	known map[string]fingerprints
	key   []byte
}

const maxShapes = 1 << 12

// of a hello that is whole.
func (x *helloShapes) of(h *clientHello) fingerprints {
	x.key = h.appendShape(x.key[:0])
	if f, ok := x.known[string(x.key)]; ok {
		return f
	}
	f := fingerprints{h.ja3(), h.ja4('t')}
	if x.known == nil || len(x.known) >= maxShapes {
		x.known = map[string]fingerprints{}
	}
	x.known[string(x.key)] = f
	return f
}

// appendShape appends all that the fingerprints are made of.
func (h *clientHello) appendShape(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, h.version)
	for _, list := range [...][]uint16{h.suites, h.extensions, h.groups, h.signatures, h.versions} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
		for _, v := range list {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	b = append(append(b, uint8(len(h.points))), h.points...)
	if len(h.alpn) > 0 {
		b = append(b, h.alpn[0]...)
	}
	return b
}
